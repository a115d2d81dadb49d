"""One writer of a home at a time. The lock is the operating system's: a crash frees it."""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

from filelock import FileLock, Timeout

from warehouse.looking import may_write
from warehouse.settings import Settings

# How long a night waits for a home: whoever only looks holds it for an instant.
PATIENCE = 2.0  # seconds
PATIENCE_WITH_COMMANDS = 1800  # seconds; a backup of ten million dossiers takes one or two minutes
OF_NIGHTS = "a_night.lock"

log = logging.getLogger("parindex")


class NightRunning(Exception):
    """Somebody else holds the home: another night, or a command that writes, such as a backup."""

    def __init__(self, settings: Settings, by_a_night: bool) -> None:
        self.by_a_night = by_a_night
        who = (
            "another night is running" if by_a_night else "another command (backup, rollback, ...) is at work"
        )
        super().__init__(f"{who} in {settings.home} (lock {settings.lock_file.name}): wait for it to end")


def is_held(settings: Settings) -> bool:
    """Whether a night, or whoever else writes to the home, is at work now, this process too. Makes no lock file."""
    return _is_at_work(settings.lock_file)


def is_held_by_a_night(settings: Settings) -> bool:
    """The same of a night alone."""
    return _is_at_work(settings.lock_file.with_name(OF_NIGHTS))


def _is_at_work(lock_file: Path) -> bool:
    if not lock_file.exists():
        return False
    if not may_write(lock_file):
        return _is_taken(lock_file)
    try:
        with FileLock(lock_file, timeout=0, mode=0o640):
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
def night_lock(settings: Settings, *, night: bool = False, patience: float | None = None) -> Iterator[None]:
    """Hold the home, or raise NightRunning. Whoever holds it may hold it again: the parts of a night do, in one process.

    A `night` holds a second file, by which others know what it is that they have met.
    """
    of_nights = settings.lock_file.with_name(OF_NIGHTS)
    lock, mark = (
        FileLock(file, timeout=PATIENCE, mode=0o640, is_singleton=True, thread_local=False)
        for file in (settings.lock_file, of_nights)
    )
    try:
        lock.acquire(timeout=PATIENCE if patience is None else patience)
    except Timeout as error:
        raise NightRunning(settings, of_nights.exists() and _is_taken(of_nights)) from error
    try:
        with mark if night else nullcontext():
            yield
    finally:
        lock.release()


@contextmanager
def patient_lock(settings: Settings) -> Iterator[None]:
    """The home's, for a night that nobody would begin again: a backup or a rollback that is at work is waited for."""
    with ExitStack() as held:
        try:
            held.enter_context(night_lock(settings, night=True))
        except NightRunning as busy:
            if busy.by_a_night:
                raise
            log.info(
                "waiting for another command to end, for %d minutes at most", PATIENCE_WITH_COMMANDS // 60
            )
            held.enter_context(night_lock(settings, night=True, patience=PATIENCE_WITH_COMMANDS))
        yield
