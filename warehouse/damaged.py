"""Files of the home that can no longer be read: which one it is, and where it is said what to do."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from warehouse.looking import open_to_read
from warehouse.settings import Settings

_RESTORE = "khôi phục từ bản sao lưu – restore it from a backup (`parindex restore`, docs/runbook/restore.md)"
_REMOVE = (
    "xóa tệp, chỉ có lịch sử chạy – remove it, it holds the history of runs only (docs/runbook/restore.md)"
)


class DamagedFile(Exception):
    """The message names the file and what to do."""

    def __init__(self, path: Path, why: str, todo: str = _RESTORE) -> None:
        self.path, self.why, self.todo = path, why, todo
        super().__init__(f"{path} bị hỏng – is damaged ({why}): {todo}")

    def __reduce__(self):  # from a worker process as it was raised there
        return type(self), (self.path, self.why, self.todo)


def says_damage(error: BaseException) -> bool:
    """Whether SQLite speaks of the file and not of a statement, a lock or the disk; those have classes of their own."""
    return type(getattr(error, "orig", None) or error) is sqlite3.DatabaseError


def sqlite_damage(path: Path) -> str | None:
    """What SQLite says of a damaged file; None of a whole one, or of none at all."""
    if not path.exists():
        return None
    try:
        with open_to_read(path) as connection:
            told = connection.execute("pragma quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        return str(error) if says_damage(error) else None
    return None if told == "ok" else told.splitlines()[-1]  # after a heading


def must_not_be_lost(ledger: Path) -> None:
    """Raises DamagedFile for a ledger that is gone or empty while landed files lie beside it.

    A new one would know none of them, and the next night would publish marts without their rows.
    """
    if ledger.exists() and ledger.stat().st_size:
        return
    if next(ledger.parent.rglob("*.parquet"), None) is not None:
        raise DamagedFile(ledger, "gone or empty, while landed files lie beside it")


def find_damage(settings: Settings) -> DamagedFile | None:
    """The first damaged SQLite file of the home."""
    files = {settings.ledger: _RESTORE, settings.alerts: _RESTORE}
    for path, todo in (files | dict.fromkeys(sorted(settings.dagster.rglob("*.db")), _REMOVE)).items():
        if why := sqlite_damage(path):
            return DamagedFile(path, why, todo)
    return None
