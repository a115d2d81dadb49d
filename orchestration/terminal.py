"""The two consoles of the commands: answers, and what went wrong."""

from __future__ import annotations

import os
import sys

from rich.console import Console
from rich.markup import escape

# A log, a pipe or a test has no width: nothing is cut or folded there, so that a file name can be searched for.
_UNLIMITED = 1_000


def _width(stream) -> int | None:
    return None if stream.isatty() or os.environ.get("COLUMNS") else _UNLIMITED


console = Console(highlight=False, width=_width(sys.stdout))
errors = Console(stderr=True, highlight=False, width=_width(sys.stderr))


def show_all_letters() -> None:
    """Letters that the terminal or the log has not, as \\u1ea1: Vietnamese ends no command that prints into ASCII."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def plain(text: object) -> str:
    """Text from outside, to be shown and not obeyed: no markup ([red]), no control characters (colours, cursor)."""
    return escape("".join(c if c.isprintable() or c == "\n" else "�" for c in str(text)))
