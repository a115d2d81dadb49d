"""Starting and ending a process quickly: what a night spends on neither data nor rules."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

# What Ctrl-C is answered with: of a night, and of all else.
NIGHT_INTERRUPTED = "Interrupted: readers have a whole night, the next run picks up where this one stopped."
INTERRUPTED = "Bị ngắt – interrupted."


@contextmanager
def importing() -> Iterator[None]:
    """Import within: the garbage collector rests meanwhile, and does not look through what was imported afterwards.

    Hundred thousands of objects that all stay are looked through again and again while they are made: a fifth of the
    time that dbt, Dagster and Great Expectations take to import.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(100_000, 50, 50)
        gc.enable()


@contextmanager
def hidden(module: str) -> Iterator[None]:
    """Import within as where a module is not installed; one that is imported already is not hidden."""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # how Python is told that there is none
    try:
        yield
    finally:
        del sys.modules[module]


def leave(code: int) -> NoReturn:
    """End this process as Python would, but for taking down libraries object by object, which takes a second."""
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # who read it has gone
            code = code or 1
    os._exit(code)
