"""One writer of a home at a time. The lock is the operating system's: a crash frees it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from warehouse.settings import Settings


class NightRunning(Exception):
    """Another night holds the lock."""


def is_held(settings: Settings) -> bool:
    """Whether a night, or whoever else writes to the home, is at work now. Makes no lock file."""
    if not settings.lock_file.exists():
        return False
    try:
        with FileLock(settings.lock_file, timeout=0, mode=0o640):
            return False
    except Timeout:
        return True


@contextmanager
def night_lock(settings: Settings) -> Iterator[None]:
    """Hold the home, or raise NightRunning at once."""
    lock = FileLock(settings.lock_file, timeout=0, mode=0o640)
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
