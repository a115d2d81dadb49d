"""One writer of a home at a time. The lock is the operating system's: a crash frees it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from warehouse.looking import may_write
from warehouse.settings import Settings

# How long a night waits for a home: whoever only looks holds it for an instant.
PATIENCE = 2.0  # seconds


class NightRunning(Exception):
    """Another night holds the lock."""


def is_held(settings: Settings) -> bool:
    """Whether a night, or whoever else writes to the home, is at work now, this process too. Makes no lock file."""
    if not settings.lock_file.exists():
        return False
    if not may_write(settings.lock_file):
        return _is_taken(settings.lock_file)
    try:
        with FileLock(settings.lock_file, timeout=0, mode=0o640):
            return False
    except Timeout:
        return True


def _is_taken(lock_file: Path) -> bool:
    """The same for whoever may only read the file, which FileLock opens for writing."""
    handle = os.open(lock_file, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(handle)


@contextmanager
def night_lock(settings: Settings) -> Iterator[None]:
    """Hold the home, or raise NightRunning. Whoever holds it may hold it again: the parts of a night do, in one process."""
    lock = FileLock(settings.lock_file, timeout=PATIENCE, mode=0o640, is_singleton=True, thread_local=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise NightRunning(
            f"another night is running in {settings.home} (lock {settings.lock_file.name}): wait for it to end"
        ) from error
    try:
        yield
    finally:
        lock.release()
