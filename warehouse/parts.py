"""The dossiers as Parquet: a folder of one file by month of finishing, so that a night writes only what it changed.

What is settled stays in the file of its month; a night touches the open ones, the months in which its new deliveries
finished, and those that it corrects. The other files are the same as the night before, and are linked to it: the
version shares their bytes. Readers of Parquet take the folder for one table, as they take a file.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import duckdb

from sources.text import sql_string

OPEN, UNDATED = "open", "undated"
# The file that a row of fct_dossier is in.
PART = (
    f"case when count_class = 'in_process' then '{OPEN}'"
    f" else coalesce(strftime(finished_on, '%Y-%m'), '{UNDATED}') end"
)
_MONTH = re.compile(r"\d{4}-\d{2}")


def _rows_of(part: str) -> str:
    """The condition that PART is `part`, as ranges of the stored columns: whatever else is not even read."""
    if part == OPEN:
        return "count_class = 'in_process'"
    settled = "count_class is distinct from 'in_process'"
    if not _MONTH.fullmatch(part):
        return f"{settled} and finished_on is null"
    first = date.fromisoformat(f"{part}-01")
    return f"{settled} and finished_on >= date '{first}' and finished_on < date '{first}' + interval 1 month"


def write_parquet(connection: duckdb.DuckDBPyConnection, rows: str, target: Path) -> None:
    connection.execute(f"copy (from {rows}) to {sql_string(str(target))} (format parquet, compression zstd)")


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


def write_parts(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    order: str,
    folder: Path,
    before: Path | None = None,
    changed: Collection[str] = (),
) -> None:
    """Write the files of all parts, each in `order`; but those that a folder `before` holds and that did not change."""
    folder.mkdir(mode=0o750)
    parts = connection.execute(f"select {PART}, count(*) from {relation} group by 1 order by 1").fetchall()

    def write(part: str, rows: int) -> None:
        target = folder / f"{part}.parquet"
        kept = before / target.name if before is not None and part not in changed else None
        with connection.cursor() as cursor:
            if kept is not None and _rows_in(cursor, kept) == rows:
                link(kept, target)
            else:
                write_parquet(cursor, f"{relation} where {_rows_of(part)} order by {order}", target)

    # Two at a time: a month of a province is one row group, which DuckDB writes on one core.
    with ThreadPoolExecutor(2) as lanes:
        # A table without rows has its columns all the same.
        for done in [lanes.submit(write, *part) for part in parts or [(OPEN, 0)]]:
            done.result()
