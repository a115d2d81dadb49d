"""Carrying over: a night starts from the dossiers of the night before and judges again only those that may have changed.

Some tables stay in the file and are added to (`KEPT`), what they are judged by is kept beside them (`CARRIED`); everything
else is built anew each night. Which dossiers are judged again is decided in SQL (int_dossier_rejudged); here is decided
whether there is anything to start from. A whole build is always right, so every doubt ends in one.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from sources.text import sql_name, sql_string
from warehouse.durable import flush_to_disk
from warehouse.fingerprint import fingerprint
from warehouse.ledger import Delivery
from warehouse.parts import OPEN_ROWS, SETTLED_ROWS
from warehouse.settings import DBT_PROJECT, PROJECT, Settings

CARRIED_MART = "fct_dossier"
DOSSIERS = ("tthc", "dossiers")
# The tables of which a build looks only at what was delivered since: shown beside them as `..._new`.
FOLLOWED = (DOSSIERS, ("document_office", "documents"))
# What a dossier is judged by, as it stood: a dossier is judged again when its part of these has changed.
CATALOGUES = {
    "agencies": "intermediate.int_agency_as_of",
    "procedures": "staging.stg_tthc__procedures",
    "spans": "intermediate.int_agency_procedure_spans",
}
# Every table of the schema `carried`, and what it is of the last build.
CARRIED = {**CATALOGUES, "signals": "intermediate.int_signal_dossier"}
# The incremental models of dbt: they stay where they are.
KEPT = (
    ("marts", CARRIED_MART),
    ("intermediate", "int_dossier_versions"),
    ("intermediate", "int_documents_daily"),
    ("intermediate", "int_dossier_rows_in_files"),
)
SEEDS = "seeds"  # a schema that stays as it is: a build that carries over goes by the same ones (`rules_fingerprint`)
_RULES = (
    DBT_PROJECT / "dbt_project.yml",
    DBT_PROJECT / "models",
    DBT_PROJECT / "macros",
    DBT_PROJECT / "seeds",
    PROJECT / "sources" / "contracts",
)

_ROOM = 4  # the build, its copy for readers, Parquet, and what is left
_LEAST_FREE = 64 << 20  # bytes

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Build:
    """What a build file says of itself. `carried_from`: the build it started from; `age`: builds since a whole one.

    `deliveries`: those of the followed tables that it counts, each with the moment of its landing.
    """

    build_id: str
    as_of: date
    rules: str
    age: int
    carried_from: str | None
    deliveries: frozenset[tuple[str, datetime]]


def rules_fingerprint() -> str:
    """A hash of all that decides figures besides data: models, macros, seeds, contracts, and DuckDB's version."""
    return fingerprint(_RULES, duckdb.__version__)


def _followed(deliveries: Sequence[Delivery]) -> list[Delivery]:
    return [d for d in deliveries if d.accepted and (d.source, d.table_name) in FOLLOWED]


def _landing_of(entry: Delivery) -> tuple[str, datetime]:
    """A delivery as it landed: a file that is landed again keeps its id, and may bring other rows."""
    return entry.delivery_id, entry.loaded_at


def read_build(connection: duckdb.DuckDBPyConnection, catalog: str | None = None) -> Build | None:
    """What the build file open here (or attached as `catalog`) says of itself; None for one that says nothing."""
    landing = f"{catalog}.landing" if catalog else "landing"
    try:
        row = connection.execute(
            f"select build_id, as_of_date, rules, age, carried_from from {landing}.build"
        ).fetchone()
        known = connection.execute(f"select delivery_id, loaded_at from {landing}.build_delivery").fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):  # of an earlier release, or no build at all
        return None
    return Build(*row, frozenset(known)) if row else None


def record_build(
    connection: duckdb.DuckDBPyConnection,
    as_of: date,
    deliveries: Sequence[Delivery],
    carried: Build | None,
) -> None:
    connection.execute(
        "create table landing.build as select cast(uuid() as varchar) as build_id, cast($1 as date) as as_of_date,"
        " cast($2 as varchar) as rules, cast($3 as int) as age, cast($4 as varchar) as carried_from",
        [
            as_of,
            rules_fingerprint(),
            carried.age + 1 if carried else 0,
            carried.build_id if carried else None,
        ],
    )
    new = {d.delivery_id for d in new_deliveries(deliveries, carried)}
    known = _followed(deliveries)
    connection.execute(
        "create table landing.build_delivery as select unnest($1::varchar[]) as delivery_id,"
        " unnest($2::date[]) as delivered_on, unnest($3::varchar[]) as file_name, unnest($4::boolean[]) as is_new,"
        " unnest($5::timestamp[]) as loaded_at",
        [
            [d.delivery_id for d in known],
            [d.delivered_on for d in known],
            [d.file_name for d in known],
            [d.delivery_id in new for d in known],
            [d.loaded_at for d in known],
        ],
    )


def is_carried_on(settings: Settings) -> bool:
    """Whether nights start from the one before at all."""
    return settings.engine != "spark" and settings.whole_build_every > 1


def usable(settings: Settings, as_of: date, deliveries: Sequence[Delivery]) -> Build | None:
    """The last build, when tonight's can start from it; None when everything has to be built again.

    Not from a later day, from other rules, or from deliveries that no longer count (a replaced file: what stood before
    it has to be found again) or have landed again since (what it brought then is gone), and not for longer than
    `whole_build_every` nights.
    """
    if not settings.warehouse.exists():
        return None
    try:
        with duckdb.connect(str(settings.warehouse), read_only=True, config=settings.duckdb()) as connection:
            last = read_build(connection)
    except duckdb.Error as error:
        log.warning("the last build cannot be read (%s): everything is built again", type(error).__name__)
        return None
    if (
        last is None
        or last.as_of > as_of
        or last.age + 1 >= settings.whole_build_every
        or not last.deliveries <= set(map(_landing_of, _followed(deliveries)))
        or last.rules != rules_fingerprint()
    ):
        return None
    return last


def _copy_of_last_build(settings: Settings) -> Path:
    return settings.work / "last_build.duckdb"


class _CopyAhead:
    """A copy of the last build that is made, and brought to the disk, while a night begins."""

    def __init__(self, settings: Settings) -> None:
        self.source, self.target = settings.warehouse, _copy_of_last_build(settings)
        self._copied: tuple | None = None
        self._thread = threading.Thread(target=self._copy, daemon=True)
        self._thread.start()

    @staticmethod
    def _identity(stat: os.stat_result) -> tuple:
        return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns

    def _copy(self) -> None:
        # Whatever goes wrong goes wrong again, and is told, when the copy is made where it is needed.
        with suppress(OSError), self.source.open("rb") as last:
            before = self._identity(os.fstat(last.fileno()))
            shutil.copyfile(self.source, self.target)
            flush_to_disk(self.target)
            if self._identity(os.fstat(last.fileno())) == before == self._identity(self.source.stat()):
                self._copied = before

    def take(self, path: Path) -> bool:
        """Make it the file at `path`, if it is one of the build that is the last one now."""
        self._thread.join()
        with suppress(OSError):
            if self._copied == self._identity(self.source.stat()):
                self.target.replace(path)
                return True
        self.drop()
        return False

    def drop(self) -> None:
        """Remove it."""
        self._thread.join()
        _remove(self.target)


def _remove(copy: Path) -> None:
    with suppress(OSError):
        copy.unlink(missing_ok=True)


_ahead: dict[Path, _CopyAhead] = {}


def copy_ahead(settings: Settings) -> None:
    """Begin to copy the last build: most nights start from it, and there is little else to do while they import.

    Not where the disk is nearly full: it would take the room of what comes first, and that would fail in an odd place.
    """
    _remove(_copy_of_last_build(settings))  # of a night that was killed: it would count as used
    if not is_carried_on(settings) or not settings.warehouse.exists():
        return
    if shutil.disk_usage(settings.home).free > _ROOM * settings.warehouse.stat().st_size + _LEAST_FREE:
        _ahead[settings.warehouse] = _CopyAhead(settings)


def take_over(settings: Settings, path: Path) -> None:
    """A copy of the last build at `path`: for `keep_dossiers` to empty of everything else."""
    ahead = _ahead.pop(settings.warehouse, None)
    if ahead is None or not ahead.take(path):
        shutil.copyfile(settings.warehouse, path)


def forget_copy(settings: Settings) -> None:
    """Remove a copy of the last build, where a night does not start from it."""
    ahead = _ahead.pop(settings.warehouse, None)
    if ahead is not None:
        ahead.drop()
    _remove(_copy_of_last_build(settings))


def keep_dossiers(connection: duckdb.DuckDBPyConnection) -> None:
    """In a copy of the last build: drop all but its dossiers, its seeds and what else is carried over (schema `carried`).

    Raises duckdb.Error for one that has not all of them.
    """
    for seed in (DBT_PROJECT / "seeds").rglob("*.csv"):
        connection.execute(f"from {SEEDS}.{sql_name(seed.stem)} limit 0")
    connection.execute("drop schema if exists carried cascade")
    connection.execute("create schema carried")
    for name, relation in CARRIED.items():
        connection.execute(f"create table carried.{name} as from {relation}")
    kept = {*KEPT, *(("carried", name) for name in CARRIED)}
    found = connection.execute(
        "select schema_name, view_name, 'view' from duckdb_views() where not internal"
        " union all select schema_name, table_name, 'table' from duckdb_tables()"
    ).fetchall()
    for schema, name, kind in found:
        if schema != SEEDS and (schema, name) not in kept:
            connection.execute(f"drop {kind} {sql_name(schema)}.{sql_name(name)}")
    connection.execute(f"create view carried.dossiers as from marts.{CARRIED_MART}")


def put_open_last(connection: duckdb.DuckDBPyConnection) -> None:
    """In a build: move the dossiers in process to the end of their table, unless they are there.

    The next night replaces them all, and what lies together is found, read and taken out several times as fast. Nothing
    but speed depends on it, so it stops no night.
    """
    dossiers = f"marts.{CARRIED_MART}"
    ends = f"select min(rowid) filter (where {OPEN_ROWS}) > max(rowid) filter (where {SETTLED_ROWS}) from {dossiers}"
    ((there,),) = connection.execute(ends).fetchall()
    if there is not False:  # null: all are, or none is
        return
    connection.execute("begin")
    try:
        connection.execute(f"create temp table open_dossiers as from {dossiers} where {OPEN_ROWS}")
        connection.execute(f"delete from {dossiers} where {OPEN_ROWS}")
        connection.execute(f"insert into {dossiers} from open_dossiers")
        connection.execute("drop table open_dossiers")
        connection.execute("commit")
    except duckdb.Error as error:
        with suppress(duckdb.Error):  # a failed commit has done it already
            connection.execute("rollback")
        log.warning("dossiers in process stay where they lie (%s)", type(error).__name__)


def judged(catalog: str | None = None) -> str:
    """SQL of the codes of all dossiers in which a build (open, or attached) may differ from the one it started from."""
    within = f"{catalog}." if catalog else ""
    return (
        f"select dossier_code from {within}intermediate.int_dossier_rejudged"
        f" union select dossier_code from {within}landing.tthc__dossiers_new"
    )


def new_deliveries(deliveries: Sequence[Delivery], carried: Build | None) -> list[Delivery]:
    """Deliveries of the followed tables that the build before does not know yet."""
    known = carried.deliveries if carried else frozenset()
    return [d for d in _followed(deliveries) if _landing_of(d) not in known]


def carry_nothing(connection: duckdb.DuckDBPyConnection) -> None:
    """The schema `carried` of a whole build: the same tables without a row. Needs the schema `landing`."""
    connection.execute("create schema carried")
    connection.execute(
        "create table carried.dossiers as select *, _delivered_on as delivered_on, _file_name as file_name,"
        " _sheet_no as sheet_no, _row_number as row_number_in_file, cast(null as varchar) as count_class"
        " from landing.tthc__dossiers limit 0"
    )
    connection.execute("create table carried.agencies (agency_code varchar, level varchar)")
    connection.execute("create table carried.procedures as select * from landing.tthc__procedures limit 0")
    connection.execute(
        "create table carried.spans as select *, valid_from as span_start, valid_to as span_end"
        " from landing.tthc__agency_procedures limit 0"
    )
    connection.execute(
        "create table carried.signals (kind varchar, record_key varchar, agency_code varchar, before varchar,"
        " after varchar, first_seen date, delivery_before varchar, delivery_after varchar)"
    )


@dataclass(frozen=True)
class Landed:
    """How many dossiers have landed as a build knows them; `unseen` is a condition on those that no gate has seen yet."""

    dossiers: int
    unseen: str = "true"


def landed(settings: Settings) -> Landed:
    """What tonight's build has to hold.

    Of a build that started from the last one: the dossiers of the last one, which its gate has seen, and the new ones.
    """
    with duckdb.connect(str(settings.building), read_only=True, config=settings.duckdb()) as connection:
        build = read_build(connection)
        if build is not None and build.carried_from is not None:
            try:
                count = _count_since(connection, settings.warehouse, build.carried_from)
                return Landed(count, f"dossier_code in ({judged()})")
            except (duckdb.Error, LookupError) as error:
                log.warning(
                    "the last build cannot be read (%s): all that landed is counted", type(error).__name__
                )
        # Not from the staging view, which would find the latest version of each once more.
        counted = connection.execute("select count(distinct dossier_code) from landing.tthc__dossiers")
        return Landed(counted.fetchall()[0][0])


def _count_since(connection: duckdb.DuckDBPyConnection, last: Path, build_id: str) -> int:
    """The dossiers of the build before, and those that came since. Raises LookupError when `last` is another build."""
    connection.execute(f"attach {sql_string(str(last))} as before (read_only)")
    before = read_build(connection, "before")
    if before is None or before.build_id != build_id:
        raise LookupError(build_id)
    counted = connection.execute(
        f"select (select count(*) from before.marts.{CARRIED_MART}) + count(distinct dossier_code)"
        " from landing.tthc__dossiers_new as new"
        f" anti join before.marts.{CARRIED_MART} as known on new.dossier_code = known.dossier_code"
    )
    return counted.fetchall()[0][0]
