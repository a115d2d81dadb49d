"""What a night is doing, told to whoever listens: the command line shows it, a scheduled run logs it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Listener = Callable[[str, str], None]
log = logging.getLogger("parindex")
_listeners: list[Listener] = []


def tell(stage: str, detail: str = "") -> None:
    """`stage` names the part of the night (land, check, build, gate, publish ...), `detail` what is in hand."""
    log.info("%s %s", stage, detail)
    for listener in _listeners:
        listener(stage, detail)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
