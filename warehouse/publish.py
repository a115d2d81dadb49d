"""Publishing: a checked build becomes a version, and one rename makes it the one that readers see.

What readers open (`par_index.duckdb`, `parquet`, `manifest.json`) are links through `current`, which is renamed over:
there is no moment at which they belong to two nights. Readers who have yesterday's file open keep it. Versions are
kept, so that any of them can be compared or published again.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from sources.text import sql_name, sql_string
from warehouse import carry
from warehouse.damaged import DamagedFile
from warehouse.durable import flush_to_disk
from warehouse.keys import mart_keys
from warehouse.parts import Kept, Parts, Since, write_parquet, write_parts
from warehouse.row_hash import row_count, table_hash
from warehouse.settings import Settings

MARTS = "marts"
# Written into a build when dbt has left it: by the gate, and by the alerts.
WRITTEN_LAST = ("fct_alert", "fct_check_result")
MANIFEST = "manifest.json"
FILE_NAME = "par_index.duckdb"
PARQUET = "parquet"
CURRENT = "current"
LAST_SEEN = "last_seen"

# Of a version whose database is damaged; of a manifest it is said elsewhere.
_HOW_TO_MEND = (
    "`parindex rollback` đưa bản khác ra, `parindex rebuild` công bố lại – `parindex rollback` shows another version,"
    " `parindex rebuild` publishes this day anew (docs/runbook/restore.md)"
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Version:
    """One published night: `version` sorts by the time of publishing."""

    version: str
    as_of: date
    published_at: datetime
    folder: Path
    hashes: dict[str, str]  # table -> hash of its rows
    counts: dict[str, int]
    parts: Parts | None = None  # of the dossiers, in Parquet
    follows: str | None = None  # the version that readers saw when this one was made
    build: str | None = None  # the build that it is a copy of
    # Orders versions by when readers were led away from them; None: never yet, 0: a release that did not tell made it.
    last_seen: int | None = field(default=None, compare=False)

    @property
    def database(self) -> Path:
        return self.folder / FILE_NAME


def versions_folder(settings: Settings) -> Path:
    return settings.published / "versions"


def _load(folder: Path) -> Version | None:
    manifest = folder / MANIFEST
    if not manifest.exists():
        return None  # never finished
    with _whole(manifest):
        data = json.loads(manifest.read_text())
        return Version(
            data["version"],
            date.fromisoformat(data["as_of"]),
            datetime.fromisoformat(data["published_at"]),
            folder,
            data["hashes"],
            data["counts"],
            Parts(**data["parts"]) if data.get("parts") else None,
            data.get("follows"),
            data.get("build"),
            data.get(LAST_SEEN, 0),
        )


@contextmanager
def _whole(manifest: Path) -> Iterator[None]:
    """Raises DamagedFile where what is read of it cannot be understood."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedFile(manifest, type(error).__name__) from None


def versions(settings: Settings) -> list[Version]:
    """Whole versions, oldest first. Raises DamagedFile."""
    folder = versions_folder(settings)
    found = [_load(path) for path in sorted(folder.iterdir())] if folder.is_dir() else []
    return [version for version in found if version is not None]


def current(settings: Settings) -> Version | None:
    """The version that readers see. Raises DamagedFile."""
    pointer = settings.published / MANIFEST
    if not pointer.exists():
        return None
    with _whole(pointer):
        folder = versions_folder(settings) / json.loads(pointer.read_text())["version"]
    return _load(folder)


def seen(settings: Settings) -> list[Version]:
    """What readers saw, the current version first: a night that was rolled back from is not among them.

    Where a version is not kept any more, or does not say what it follows, the one kept before it stands in.
    """
    kept = {version.version: version for version in versions(settings)}
    found = []
    version = current(settings)
    while version is not None and version not in found:  # a clock that was set back can make a ring
        found.append(version)
        before = version.follows or version.version
        version = kept.get(before) if before != version.version else None
        if version is None:
            version = next((v for name, v in sorted(kept.items(), reverse=True) if name < before), None)
    return found


def of_day(settings: Settings, day: date) -> Version | None:
    """The version of a day that readers saw last: the current one if it is of that day, else the one they left last.

    So a day that was corrected is its correction, also when readers were led back to a later day; one that was rolled
    back from to another version of the same day is that other one. What no reader ever saw is not among them. Of
    releases that did not tell: the one in `seen`, else the newest that is kept.
    """
    followed = seen(settings)
    if followed and followed[0].as_of == day:
        return followed[0]
    known = {version.version for version in followed}
    candidates = [
        version
        for version in versions(settings)
        if version.as_of == day and (version.last_seen is not None or version.version in known)
    ]
    return max(
        candidates, key=lambda one: (one.last_seen or 0, one.version in known, one.version), default=None
    )


def last_before(settings: Settings, day: date) -> Version | None:
    """What readers saw last of an earlier day."""
    return next((version for version in seen(settings) if version.as_of < day), None)


def deliveries(settings: Settings, version: Version) -> list[dict[str, Any]]:
    """What a version's own table says of the deliveries that it knew: they may have been judged otherwise since."""
    with duckdb.connect(str(version.database), read_only=True, config=settings.duckdb()) as connection:
        rows = connection.execute(f"from {MARTS}.fct_delivery order by all")
        names = [column[0] for column in rows.description]
        return [dict(zip(names, row, strict=True)) for row in rows.fetchall()]


def _marts(connection: duckdb.DuckDBPyConnection, catalog: str) -> list[str]:
    found = connection.execute(
        "select table_name from duckdb_tables() where database_name = $1 and schema_name = $2 order by 1",
        [catalog, MARTS],
    ).fetchall()
    return [table for (table,) in found]


def settle(settings: Settings, building: Path) -> carry.Build | None:
    """Make a build one file: what is still in its log beside it would stay behind. What it says of itself."""
    with duckdb.connect(str(building), config=settings.duckdb()) as connection:
        build = carry.read_build(connection)
        if build is not None and build.carried_from is None and carry.is_carried_on(settings):
            connection.execute("set preserve_insertion_order = false")  # as where dbt wrote them
            carry.put_open_last(connection)
        connection.execute("force checkpoint")
    return build


def _copy_build(building: Path, file: Path) -> None:
    """The whole settled build as a new file: copying bytes costs a fiftieth of copying rows."""
    shutil.copyfile(building, file)
    file.chmod(0o640)


def _keep_marts(connection: duckdb.DuckDBPyConnection) -> None:
    """In the attached copy of a build (`published`): drop all that is not for readers."""
    schemas = connection.execute(
        "select schema_name from duckdb_schemas() where database_name = 'published' and not internal"
    ).fetchall()
    for (schema,) in schemas:
        if schema not in (MARTS, "main"):
            connection.execute(f"drop schema published.{sql_name(schema)} cascade")


def _since(
    connection: duckdb.DuckDBPyConnection, build: carry.Build | None, shown: Version | None
) -> Since | None:
    """What the attached copy of a build changes of the dossiers that readers see; None unless it started from those."""
    if build is None or build.carried_from is None or shown is None or shown.parts is None:
        return None
    if shown.build != build.carried_from:
        return None
    try:
        connection.execute(f"attach {sql_string(str(shown.database))} as shown (read_only)")
    except duckdb.Error as error:
        log.warning("the last version cannot be read (%s): all dossiers are hashed", type(error).__name__)
        return None
    connection.execute(f"create temp table changed as {carry.judged('published')}")
    return Since(f"shown.{MARTS}.{carry.CARRIED_MART}", shown.parts, "changed")


def _hashed_columns(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    columns = connection.execute(
        "select column_name, data_type from duckdb_columns() where database_name = 'published' and schema_name = $1"
        " and table_name = $2 order by column_index",
        [MARTS, table],
    ).fetchall()
    return {column: kind for column, kind in columns if column not in CLOCK_COLUMNS}


def _order(table: str) -> str:
    """By its key: the gate has seen that keys are unique, so their order is an order of rows."""
    known = mart_keys().get(table)
    return ", ".join(map(sql_name, known.key)) if known and known.key else "all"


def _kept_parts(version: Version | None) -> Kept | None:
    """The Parquet files of dossiers of a version; None for one that does not say what is in them."""
    if version is None or version.parts is None:
        return None
    return Kept(version.folder / PARQUET / f"{carry.CARRIED_MART}.parquet", version.parts)


# The wall clock stands in these columns; two builds of the same night differ in nothing else.
CLOCK_COLUMNS = {"checked_at", "last_seen_at"}


_MOMENT = "%Y%m%dT%H%M%S%f"


def version_name(settings: Settings, as_of: date, now: datetime) -> str:
    """Names sort by the order of publishing, also when the clock was set back: then the last moment counts on."""
    kept = versions(settings)
    if kept:
        last = datetime.strptime(kept[-1].version.partition("-")[0], _MOMENT)
        now = max(now, last + timedelta(microseconds=1))
    return f"{now:{_MOMENT}}-{as_of:%Y%m%d}"


@dataclass
class Draft:
    """A version that is being written: no reader sees it, and it has no manifest yet. `hashes` holds the tables it has."""

    version: str
    as_of: date
    published_at: datetime
    folder: Path
    shown: Version | None
    build: carry.Build | None
    hashes: dict[str, str]
    parts: Parts | None = None

    @property
    def database(self) -> Path:
        return self.folder / FILE_NAME


def draft_version(
    settings: Settings,
    building: Path,
    name: str,
    as_of: date,
    now: datetime,
    *,
    without: tuple[str, ...] = (),
    copied: Callable[[], None] = lambda: None,
) -> Draft:
    """Write a settled build as a version of a name, all but some tables: a DuckDB file of its marts, sorted Parquet beside it.

    `copied` is called when the build is not read any more: it may be written to again.
    """
    folder = versions_folder(settings) / name
    draft = Draft(name, as_of, now, folder, current(settings), None, {})
    (folder / PARQUET).mkdir(parents=True, mode=0o750)
    _copy_build(building, draft.database)
    copied()
    with _opened(settings, draft) as connection:
        draft.build = carry.read_build(connection, "published")
        since = _since(connection, draft.build, draft.shown)
        _keep_marts(connection)
        for table in _marts(connection, "published"):
            if table not in without:
                _write_table(connection, draft, table, since)
    return draft


@contextmanager
def _opened(settings: Settings, draft: Draft) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the file of a draft attached as `published`."""
    with duckdb.connect(config=settings.duckdb()) as connection:
        connection.execute(f"attach {sql_string(str(draft.database))} as published")
        yield connection
        connection.execute("detach published")


def _write_table(
    connection: duckdb.DuckDBPyConnection, draft: Draft, table: str, since: Since | None = None
) -> None:
    """The Parquet of a table of the attached draft, and what the manifest will say of it."""
    relation, target = f"published.{MARTS}.{sql_name(table)}", draft.folder / PARQUET / f"{table}.parquet"
    columns = _hashed_columns(connection, table)
    if table == carry.CARRIED_MART:
        draft.parts = Parts.of(connection, relation, columns, since)
        write_parts(connection, relation, _order(table), target, draft.parts, _kept_parts(draft.shown))
        draft.hashes[table] = draft.parts.total
    else:
        draft.hashes[table] = table_hash(connection, relation, columns)
        write_parquet(connection, f"{relation} order by {_order(table)}", target)


def write_last_tables(settings: Settings, building: Path, draft: Draft, tables: tuple[str, ...]) -> None:
    """Bring a draft the tables that were left out of it, as they stand in its build now."""
    with _opened(settings, draft) as connection:
        connection.execute(f"attach {sql_string(str(building))} as building (read_only)")
        for table in tables:
            if _bring(connection, table):
                _write_table(connection, draft, table)
        connection.execute("detach building")


def _bring(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    """A table of the attached build in the attached draft: constraints, rows and comments. Whether the build has it."""
    source, target = f"building.{MARTS}.{sql_name(table)}", f"published.{MARTS}.{sql_name(table)}"
    wanted = "database_name = 'building' and schema_name = $1 and table_name = $2"
    found = connection.execute(
        f"select sql, comment from duckdb_tables() where {wanted}", [MARTS, table]
    ).fetchone()
    if found is None:
        return False
    definition, comment = found
    comments = connection.execute(
        f"select column_name, comment from duckdb_columns() where {wanted} and comment is not null",
        [MARTS, table],
    ).fetchall()
    connection.execute(f"drop table if exists {target}")
    connection.execute("use published")  # the definition names the schema, but no database
    connection.execute(definition)
    connection.execute("use memory")
    connection.execute(f"insert into {target} from {source}")
    if comment is not None:
        connection.execute(f"comment on table {target} is {sql_string(comment)}")
    for column, text in comments:
        connection.execute(f"comment on column {target}.{sql_name(column)} is {sql_string(text)}")
    return True


def finish_version(draft: Draft) -> Version:
    """Make a draft that has all tables a version: everything on the disk, and a manifest last."""
    parquet = draft.folder / PARQUET
    for written in (draft.database, *sorted(parquet.rglob("*"), reverse=True), parquet, draft.folder):
        flush_to_disk(written)
    manifest = {
        "version": draft.version,
        "as_of": draft.as_of.isoformat(),
        "published_at": draft.published_at.isoformat(),
        "hashes": dict(sorted(draft.hashes.items())),
        "counts": {table: row_count(digest) for table, digest in sorted(draft.hashes.items())},
        "parts": vars(draft.parts) if draft.parts else None,
        "follows": draft.shown.version if draft.shown else None,
        "build": draft.build.build_id if draft.build else None,
        LAST_SEEN: None,
    }
    _write_atomically(draft.folder / MANIFEST, json.dumps(manifest, indent=1))
    return _load(draft.folder)


def write_version(settings: Settings, building: Path, as_of: date, now: datetime) -> Version:
    """Make a build a new version."""
    settle(settings, building)
    name = version_name(settings, as_of, now)
    return finish_version(draft_version(settings, building, name, as_of, now))


def _write_atomically(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.new")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _point(link: Path, target: Path) -> None:
    """Make `link` a symbolic link to `target`, whatever was there before, in one rename."""
    temporary = link.with_name(f".{link.name}.new")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(link)


def check_version(settings: Settings, version: Version, database: Path | None = None) -> None:
    """Raises DamagedFile where the database of a kept version is cut off, holds something else or other rows, or is gone.

    `database`: what is opened for it, where that is not its own file but a link that should lead there.
    """
    file = database or version.database
    try:
        with duckdb.connect(str(file), read_only=True, config=settings.duckdb()) as connection:
            found = {
                table: connection.execute(f"select count(*) from {MARTS}.{sql_name(table)}").fetchall()[0][0]
                for table in version.counts
            }
    except duckdb.ConnectionException:  # this process has it open otherwise: it can be read
        return
    except duckdb.Error as error:
        why = "another program writes to it" if "set lock" in str(error) else type(error).__name__
        raise DamagedFile(file, why, _HOW_TO_MEND) from None
    if wrong := sorted(table for table, count in found.items() if count != version.counts[table]):
        why = f"{', '.join(wrong)} do not have the rows of {version.version}"
        raise DamagedFile(file, why, _HOW_TO_MEND)


def swap_in(settings: Settings, version: Version) -> None:
    """Make a version the one that readers see: one rename changes the DuckDB file, Parquet and manifest at once.

    Raises DamagedFile for one that nobody could read.
    """
    check_version(settings, version)
    pointer = settings.published / CURRENT
    before = current(settings)
    if before is not None and before.version != version.version:
        _tell_last_seen(settings, before)
    if before is not None and not pointer.is_symlink():  # a home of release 0.1.0: files instead of links
        _point(pointer, Path("versions") / before.version)
    for name in (FILE_NAME, PARQUET, MANIFEST):
        link, target = settings.published / name, Path(CURRENT) / name
        if not link.is_symlink() or link.readlink() != target:
            _point(link, target)
    _point(pointer, Path("versions") / version.version)


def _tell_last_seen(settings: Settings, version: Version) -> None:
    """Note in a version that readers leave it now: before they do, for afterwards a kill could have left it untold.

    A disk that is full keeps nobody from another version.
    """
    manifest = version.folder / MANIFEST
    latest = max((other.last_seen or 0 for other in versions(settings)), default=0)
    try:
        data = json.loads(manifest.read_text())
        _write_atomically(manifest, json.dumps(data | {LAST_SEEN: latest + 1}, indent=1))
    except OSError as error:
        log.warning("not noted that readers saw %s (%s)", version.version, type(error).__name__)


def discard(settings: Settings, name: str) -> None:
    """Remove a version that its night did not publish; the one that readers see stays whatever is said of it."""
    now = current(settings)
    if now is None or now.version != name:
        shutil.rmtree(versions_folder(settings) / name, ignore_errors=True)


def prune(settings: Settings, *, only_tell: bool = False) -> list[str]:
    """Remove unfinished and the oldest versions beyond the number to keep, and return their names; or only tell them.

    Never the current one, nor the night before it: a day that is run again and again must not push out what restatements,
    the gate and a rollback compare with.
    """
    now = current(settings)
    before = now and last_before(settings, now.as_of)
    kept = {version.version for version in versions(settings)[-settings.keep_versions :]}
    kept |= {version.version for version in (now, before) if version}
    removed = []
    folder = versions_folder(settings)
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.name not in kept:
            if not only_tell:
                shutil.rmtree(path, ignore_errors=True)
            removed.append(path.name)
    return removed
