"""Publishing: a checked build becomes a version, and one rename makes it the one that readers see.

Readers who have yesterday's file open keep it: the rename leaves their inode alone. Versions are kept, so that any
of them can be compared or published again.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from sources.text import sql_name, sql_string
from warehouse.keys import mart_keys
from warehouse.settings import STORAGE, Settings

MARTS = "marts"
MANIFEST = "manifest.json"
FILE_NAME = "par_index.duckdb"


@dataclass(frozen=True)
class Version:
    """One published night: `version` sorts by the time of publishing."""

    version: str
    as_of: date
    published_at: datetime
    folder: Path
    hashes: dict[str, str]  # table -> hash of its rows
    counts: dict[str, int]

    @property
    def database(self) -> Path:
        return self.folder / FILE_NAME


def versions_folder(settings: Settings) -> Path:
    return settings.published / "versions"


def _load(folder: Path) -> Version | None:
    manifest = folder / MANIFEST
    if not manifest.exists():
        return None  # never finished
    data = json.loads(manifest.read_text())
    return Version(
        data["version"],
        date.fromisoformat(data["as_of"]),
        datetime.fromisoformat(data["published_at"]),
        folder,
        data["hashes"],
        data["counts"],
    )


def versions(settings: Settings) -> list[Version]:
    """Whole versions, oldest first."""
    folder = versions_folder(settings)
    found = [_load(path) for path in sorted(folder.iterdir())] if folder.is_dir() else []
    return [version for version in found if version is not None]


def current(settings: Settings) -> Version | None:
    """The version that readers see."""
    pointer = settings.published / MANIFEST
    if not pointer.exists():
        return None
    return _load(versions_folder(settings) / json.loads(pointer.read_text())["version"])


def _columns(connection: duckdb.DuckDBPyConnection, catalog: str, table: str) -> list[tuple[str, str | None]]:
    return connection.execute(
        "select column_name, comment from duckdb_columns()"
        " where database_name = $1 and schema_name = $2 and table_name = $3 order by column_index",
        [catalog, MARTS, table],
    ).fetchall()


def _marts(connection: duckdb.DuckDBPyConnection, catalog: str) -> list[tuple[str, str | None]]:
    return connection.execute(
        "select table_name, comment from duckdb_tables() where database_name = $1 and schema_name = $2 order by 1",
        [catalog, MARTS],
    ).fetchall()


def table_hash(connection: duckdb.DuckDBPyConnection, relation: str, columns: list[str]) -> str:
    """A hash of the rows that does not depend on their order: sums of two 64-bit hashes of each row.

    DuckDB's own hash, because text and MD5 of a million rows cost more than building them. Equal within a version of
    DuckDB; after an upgrade everything looks changed once.
    """
    cells = ", ".join(sql_name(c) for c in columns)
    first, second, rows = connection.execute(
        f"select coalesce(sum(cast(hash({cells}) as hugeint)), 0),"
        f" coalesce(sum(cast(hash({cells}, 'again') as hugeint)), 0), count(*) from {relation}"
    ).fetchall()[0]
    return f"{rows}-{first:x}-{second:x}"


# The wall clock stands in these columns; two builds of the same night differ in nothing else.
CLOCK_COLUMNS = {"checked_at", "last_seen_at"}


def write_version(settings: Settings, building: Path, as_of: date, now: datetime) -> Version:
    """Copy the marts of a build into a new version: a DuckDB file, sorted Parquet beside it, a manifest last."""
    name = f"{now:%Y%m%dT%H%M%S%f}-{as_of:%Y%m%d}"
    folder = versions_folder(settings) / name
    parquet = folder / "parquet"
    parquet.mkdir(parents=True, mode=0o750)
    hashes, counts = {}, {}
    keys = mart_keys()
    with duckdb.connect(config={"memory_limit": settings.memory_limit}) as connection:
        connection.execute(f"attach {sql_string(str(building))} as building (read_only)")
        connection.execute(
            f"attach {sql_string(str(folder / FILE_NAME))} as published (storage_version {sql_string(STORAGE)})"
        )
        connection.execute(f"create schema published.{MARTS}")
        for table, comment in _marts(connection, "building"):
            columns = _columns(connection, "building", table)
            target = f"published.{MARTS}.{sql_name(table)}"
            connection.execute(f"create table {target} as select * from building.{MARTS}.{sql_name(table)}")
            if comment:
                connection.execute(f"comment on table {target} is {sql_string(comment)}")
            for column, text in columns:
                if text:
                    connection.execute(f"comment on column {target}.{sql_name(column)} is {sql_string(text)}")
            names = [column for column, _ in columns]
            hashed = [column for column in names if column not in CLOCK_COLUMNS]
            hashes[table] = table_hash(connection, target, hashed)
            counts[table] = int(hashes[table].partition("-")[0])
            # The gate has seen that keys are unique, so their order is an order of rows.
            order = ", ".join(map(sql_name, keys[table].key)) if table in keys and keys[table].key else "all"
            connection.execute(
                f"copy (from {target} order by {order}) to {sql_string(str(parquet / f'{table}.parquet'))}"
                " (format parquet, compression zstd)"
            )
        connection.execute("detach published")
    manifest = {
        "version": name,
        "as_of": as_of.isoformat(),
        "published_at": now.isoformat(),
        "hashes": hashes,
        "counts": counts,
    }
    _write_atomically(folder / MANIFEST, json.dumps(manifest, indent=1))
    return _load(folder)


def _write_atomically(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def swap_in(settings: Settings, version: Version) -> None:
    """Make a version the one that readers see: the DuckDB file by one rename, then Parquet and manifest."""
    temporary = settings.published / f".{FILE_NAME}.new"
    temporary.unlink(missing_ok=True)
    try:
        os.link(version.database, temporary)
    except OSError:  # a file system without hard links
        shutil.copyfile(version.database, temporary)
    temporary.replace(settings.published_file)
    link = settings.published / ".parquet.new"
    link.unlink(missing_ok=True)
    link.symlink_to(Path("versions") / version.version / "parquet")
    link.replace(settings.published / "parquet")
    _write_atomically(settings.published / MANIFEST, (version.folder / MANIFEST).read_text())


def prune(settings: Settings) -> list[str]:
    """Remove unfinished and the oldest versions beyond the number to keep; never the current one."""
    now = current(settings)
    kept = [version.version for version in versions(settings)][-settings.keep_versions :]
    removed = []
    folder = versions_folder(settings)
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.name not in kept and (now is None or path.name != now.version):
            shutil.rmtree(path, ignore_errors=True)
            removed.append(path.name)
    return removed
