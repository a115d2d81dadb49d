"""Files of the home that an earlier release wrote: their tables are brought to today's shape before anybody reads them.

SQLite keeps a number for this, `user_version`. Tables that are new need no step: they are created where they are missing.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from warehouse.damaged import DamagedFile, says_damage
from warehouse.looking import may_write, open_to_read
from warehouse.settings import SettingsError


@dataclass(frozen=True)
class NewColumn:
    """A column that came later; null in the rows that were there. Nothing is done where it is there already."""

    table: str
    name: str
    kind: str

    def add(self, connection: sqlite3.Connection) -> None:
        known = {row[1] for row in connection.execute(f"pragma table_info({self.table})")}
        if known and self.name not in known:  # a table that is not there yet is made whole
            connection.execute(f"alter table {self.table} add column {self.name} {self.kind}")


# One step leads from one shape to the next: statements of SQL, and columns.
Step = Sequence[str | NewColumn]
FIRST = 1  # the shape of release 0.1.0, whose files carry no number


def is_older(path: Path, steps: Sequence[Step]) -> bool:
    """Whether an earlier release wrote the file, which whoever only looks must leave as it is."""
    with open_to_read(path) as connection:
        return _version(connection) < FIRST + len(steps)


def copied(path: Path, target: Path) -> Path:
    """The file as it stands, also while somebody writes to it."""
    with open_to_read(path) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
    return target


def copy_to_look_at(path: Path, steps: Sequence[Step]) -> tempfile.TemporaryDirectory[str] | None:
    """A folder with a copy of the file under its name, for whoever only looks; None where the file itself can be opened.

    Of an earlier release: looking must not take the way back to that. In a home that may not be written: SQLite would.
    Raises DamagedFile.
    """
    scratch = None
    try:
        older = path.stat().st_size > 0 and is_older(path, steps)
        if older or not (may_write(path) and may_write(path.parent)):
            scratch = tempfile.TemporaryDirectory(prefix="parindex-")
            copied(path, Path(scratch.name) / path.name)
    except sqlite3.DatabaseError as error:
        if scratch is not None:
            scratch.cleanup()
        if says_damage(error):
            raise DamagedFile(path, str(error)) from None
        raise
    return scratch


def bring_up_to_date(path: Path, steps: Sequence[Step]) -> int:
    """Take the steps that the file has not seen, all or none; returns its version. A new file begins with the last.

    Raises SettingsError when a newer release wrote the file: nothing of it is touched. Raises DamagedFile.
    """
    try:
        return _bring_up_to_date(path, steps)
    except sqlite3.DatabaseError as error:
        if says_damage(error):
            raise DamagedFile(path, str(error)) from None
        raise


def _bring_up_to_date(path: Path, steps: Sequence[Step]) -> int:
    latest = FIRST + len(steps)
    is_new = not path.exists() or path.stat().st_size == 0
    with closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as connection:
        if not is_new and _version(connection) == latest:
            return latest  # nothing is written: the file may be read-only
        connection.execute("begin immediate")
        known = latest if is_new else _version(connection)
        if known > latest:
            raise SettingsError(
                f"{path} was written by a newer release (shape {known}, this one knows {latest}): install that"
                " release again; nothing was changed"
            )
        for change in (change for step in steps[known - FIRST :] for change in step):
            if isinstance(change, NewColumn):
                change.add(connection)
            else:
                connection.execute(change)
        connection.execute(f"pragma user_version = {latest}")
        connection.execute("commit")
    return latest


def _version(connection: sqlite3.Connection) -> int:
    return max(FIRST, connection.execute("pragma user_version").fetchone()[0])
