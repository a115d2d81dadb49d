"""The dossiers as Parquet: a folder of one file by month of finishing, so that a night writes only what it changed.

What is settled stays in the file of its month; a night touches the open ones, the months in which its new deliveries
finished, and those that it corrects. Months whose rows are the same as in the version before are links to its files: the
versions share their bytes. Readers of Parquet take the folder for one table, as they take a file.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from sources.text import sql_string
from warehouse.row_hash import row_count, table_hashes, total_hash
from warehouse.settings import AS_PARQUET

OPEN, UNDATED = "open", "undated"
# Conditions on the rows of fct_dossier: what the next night may change, and what mostly stays.
OPEN_ROWS, SETTLED_ROWS = "count_class = 'in_process'", "count_class is distinct from 'in_process'"
# The file that a row is in.
PART = f"case when {OPEN_ROWS} then '{OPEN}' else coalesce(strftime(finished_on, '%Y-%m'), '{UNDATED}') end"
_MONTH = re.compile(r"\d{4}-\d{2}")


def _rows_of(part: str) -> str:
    """The condition that PART is `part`, as ranges of the stored columns: whatever else is not even read."""
    if part == OPEN:
        return OPEN_ROWS
    if not _MONTH.fullmatch(part):
        return f"{SETTLED_ROWS} and finished_on is null"
    first = date.fromisoformat(f"{part}-01")
    return f"{SETTLED_ROWS} and finished_on >= date '{first}' and finished_on < date '{first}' + interval 1 month"


def write_parquet(connection: duckdb.DuckDBPyConnection, rows: str, target: Path) -> None:
    connection.execute(f"copy (from {rows}) to {sql_string(str(target))} {AS_PARQUET}")


def _rows_in(connection: duckdb.DuckDBPyConnection, file: Path) -> int | None:
    """How many rows a Parquet file says that it has; None for one that is not there or not whole."""
    try:
        return connection.execute(
            "select sum(num_rows) from parquet_file_metadata($1)", [str(file)]
        ).fetchall()[0][0]
    except duckdb.Error:
        return None


def link(file: Path, target: Path) -> None:
    """The same file under another name; a copy of it where links cannot be made."""
    try:
        os.link(file, target)
    except OSError:  # a file system without links
        shutil.copyfile(file, target)


@dataclass(frozen=True)
class Parts:
    """What is in the files: the columns and the hash of the rows of each part (warehouse/row_hash.py)."""

    columns: str
    hashes: dict[str, str]

    @classmethod
    def of(
        cls,
        connection: duckdb.DuckDBPyConnection,
        relation: str,
        columns: Mapping[str, str],
        since: Since | None = None,
    ) -> Parts:
        """Of all rows; or, `since` an earlier table, of those that changed, on top of what is known of it."""
        shape = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        if since is None or since.parts.columns != shape:
            return cls(shape, table_hashes(connection, relation, columns, PART))
        gone = table_hashes(connection, since.changed_rows_of(since.earlier), columns, PART)
        come = table_hashes(connection, since.changed_rows_of(relation), columns, PART)
        hashes = {}
        for part in sorted({*since.parts.hashes, *come}):
            there = [known[part] for known in (since.parts.hashes, come) if part in known]
            total = total_hash(there, [gone[part]] if part in gone else [])
            if row_count(total):
                hashes[part] = total
        return cls(shape, hashes)

    @property
    def total(self) -> str:
        return total_hash(self.hashes.values())


@dataclass(frozen=True)
class Since:
    """An `earlier` table of dossiers with its parts, and a table of the codes of all in which a later one may differ."""

    earlier: str
    parts: Parts
    changed: str

    def changed_rows_of(self, table: str) -> str:
        # Most are in process, and found by that. The others by the number of the row: of rows that are not wanted only the
        # codes are read, and not even those where no other may differ.
        return f"""(
            with others as materialized (
                select dossier_code from {self.changed}
                except
                select dossier_code from {table} where {OPEN_ROWS}
            )
            from {table} where {OPEN_ROWS} and dossier_code in (from {self.changed})
            union all
            from {table} where {SETTLED_ROWS} and rowid in (
                select dossiers.rowid from {table} as dossiers
                semi join others on dossiers.dossier_code = others.dossier_code
            )
        )"""


@dataclass(frozen=True)
class Kept:
    """A folder of earlier files, and what is in them."""

    folder: Path
    parts: Parts

    def file(self, connection: duckdb.DuckDBPyConnection, part: str, wanted: Parts) -> Path | None:
        """The file that holds a part as it is wanted; None where there is none, or a broken one."""
        hashed = wanted.hashes.get(part)
        if hashed is None or self.parts.columns != wanted.columns or self.parts.hashes.get(part) != hashed:
            return None  # no hash: a table without rows, which has no parts
        file = self.folder / f"{part}.parquet"
        return file if _rows_in(connection, file) == row_count(hashed) else None


def write_parts(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    order: str,
    folder: Path,
    parts: Parts,
    before: Kept | None = None,
) -> None:
    """Write the files of all parts, each in `order`; but link to those of `before` that hold the same rows."""
    folder.mkdir(mode=0o750)

    def write(part: str) -> None:
        target = folder / f"{part}.parquet"
        with connection.cursor() as cursor:
            if before is not None and (kept := before.file(cursor, part, parts)):
                link(kept, target)
            else:
                write_parquet(cursor, f"{relation} where {_rows_of(part)} order by {order}", target)

    # Two at a time: a month of a province is one row group, which DuckDB writes on one core.
    with ThreadPoolExecutor(2, threading.current_thread().name) as lanes:
        # A table without rows has its columns all the same.
        for done in [lanes.submit(write, part) for part in parts.hashes or [OPEN]]:
            done.result()
