"""What a command says of the error that ended it: one line, with what to do, never a traceback."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

from orchestration.plan import NoPlanInForce
from orchestration.startup import INTERRUPTED
from orchestration.terminal import plain
from warehouse.damaged import DamagedFile
from warehouse.lock import NightRunning
from warehouse.settings import Settings, SettingsError, load_settings


def of(error: Exception) -> str | None:
    """In words, marked up for the screen; None of an error that nobody has words for: it is a fault of ours."""
    return next(filter(None, (look(error) for look in _LOOKS)), None)


def is_of_usage(error: Exception) -> bool:
    """Whether what was said to the command is wrong, and not what it met."""
    return isinstance(error, SettingsError) or _of_a_path(error) is not None


def _of_our_own(error: Exception) -> str | None:
    if isinstance(error, SettingsError):
        return f"[red]Setting:[/] {plain(error)}"
    if isinstance(error, NightRunning):
        return f"[red]Not run:[/] {plain(error)}"
    if isinstance(error, NoPlanInForce):
        return f"[red]Không chạy – not run:[/] {plain(error)}"
    return None


# A path that was said, or PARINDEX_HOME: a file where a folder has to be, the other way round, a place where none can be
# made, or no name at all.
_WRONG_PATH = (errno.EEXIST, errno.ENOENT, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP)


def _of_a_path(error: Exception) -> str | None:
    if not isinstance(error, OSError) or error.errno not in _WRONG_PATH or error.filename is None:
        return None
    return f"[red]Wrong path:[/] {plain(error.filename)}: {plain(error.strerror)}"


def _settings_if_good() -> Settings | None:
    """A command that does without settings may fail where they are wrong, or cannot be read."""
    try:
        return load_settings()
    except (SettingsError, OSError):
        return None


def _of_permissions(error: Exception) -> str | None:
    """Whose owner and mode to look at: those of PARINDEX_HOME only where it is about a file of it."""
    if not isinstance(error, PermissionError):
        return None
    if error.filename is None:
        return f"[red]No permission:[/] {plain(error)}"
    place, settings = Path(os.fsdecode(error.filename)).absolute(), _settings_if_good()
    of_home = settings is not None and place.is_relative_to(settings.home)
    whose = "PARINDEX_HOME" if of_home else "it, or of the folder that it lies in"
    return f"[red]No permission:[/] {plain(place)}: check the owner and mode of {whose}."


def _of_the_memory(error: Exception) -> str | None:
    from orchestration.failure import of_memory

    settings = _settings_if_good()
    told = of_memory(settings, type(error).__name__, str(error)) if settings is not None else None
    return f"[red]Không đủ bộ nhớ – not enough memory:[/] {plain(told)}" if told else None


def _of_ctrl_c(error: Exception) -> str | None:
    from orchestration.failure import is_interruption

    return INTERRUPTED if is_interruption(type(error).__name__, str(error)) else None


def _of_dbt(error: Exception) -> str | None:
    from orchestration.dbt import DbtFailed

    return f"[red]Không tính được – not computed:[/] {plain(error)}" if isinstance(error, DbtFailed) else None


def _of_a_file(error: Exception) -> str | None:
    """Whether a file of the home is damaged, and which."""
    from warehouse.landed_damage import behind_error

    damaged = error if isinstance(error, DamagedFile) else None
    if damaged is None and (settings := _settings_if_good()) is not None:
        damaged = behind_error(settings, error)
    return f"[red]Tệp hỏng – damaged file:[/] {plain(damaged)}" if damaged else None


def _of_the_alerts(error: Exception) -> str | None:
    from orchestration.alerting import AlertConfigError

    if not isinstance(error, AlertConfigError):
        return None
    return (
        f"[red]Không chạy – not run:[/] {plain(error)}. Sửa cấu hình cảnh báo rồi chạy lại – put the configuration of the"
        " alerts right, then run again: docs/runbook/alerts/README.md"
    )


def _of_the_disk(error: Exception) -> str | None:
    """Whether the disk is at fault, in words; SQLite has its own for what the system says."""
    number, cause = getattr(error, "errno", None), getattr(error, "orig", None) or error
    text = str(cause) if isinstance(cause, sqlite3.Error) else ""
    if number == errno.ENOSPC or "disk is full" in text:
        return "[red]The disk is full.[/] Free some space, then run again."
    if number == errno.EROFS and error.filename is not None:
        return f"[red]{plain(error.filename)} cannot be written:[/] mounted read-only?"
    if number == errno.EROFS or "readonly" in text or "unable to open" in text:
        return "[red]PARINDEX_HOME cannot be written:[/] of another owner, or mounted read-only?"
    if "is locked" in text:
        return (
            "[red]PARINDEX_HOME is being written by another command:[/] wait for it to end, then run again."
        )
    if "disk I/O error" in text:
        return (
            "[red]PARINDEX_HOME cannot be read or written:[/] the disk, or the share that it lies on, fails."
        )
    return None


_LOOKS = (
    _of_our_own,
    _of_a_path,
    _of_permissions,
    _of_the_disk,
    _of_a_file,
    _of_the_memory,
    _of_the_alerts,
    _of_dbt,
    _of_ctrl_c,
)
