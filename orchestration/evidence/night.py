"""The night that evidence is about: what was published, and a warehouse that holds the rows behind it.

A copy of the last night's warehouse is used when it is the one that was published; for an earlier night that is
still kept, the same warehouse is built again from landing, out of exactly the deliveries that the night knew.
The views that find the rows (ev_*) are made then, not every night.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from filelock import FileLock

from orchestration.evidence.errors import EvidenceError
from sources.contract import all_tables
from sources.text import sql_name, sql_string
from warehouse import carry, publish
from warehouse.build import prepare_build
from warehouse.landing import landed_file
from warehouse.ledger import LOADED, Delivery, Ledger
from warehouse.looking import may_write
from warehouse.row_hash import table_hash
from warehouse.settings import Aside, Elsewhere, Settings

PUBLISHED = "published"
SCHEMA = "evidence"
# What decides that a warehouse is the one that was published.
_COMPARED = ("fct_indicator", "fct_delivery")


@dataclass(frozen=True)
class EvidenceNight:
    """Open for reading: the warehouse as the main database, the published file as the catalog `published`."""

    settings: Settings
    version: publish.Version
    connection: duckdb.DuckDBPyConnection
    ledger: KnownThen

    @property
    def as_of(self) -> date:
        return self.version.as_of

    @property
    def is_the_last(self) -> bool:
        """Whether readers see this night and none was published after it: one that was rolled back to is not."""
        versions = publish.versions(self.settings)
        now = publish.current(self.settings)
        return now is not None and self.version.version == now.version == versions[-1].version


class KnownThen:
    """The ledger as a published night knew it: its own table says which deliveries there were and what became of each.

    Files that came later may since have held one back, released it or taken its place. Only what landing alone knows
    of a file is the ledger's.
    """

    def __init__(self, ledger: Ledger, known: list[dict[str, Any]]) -> None:
        self._ledger = ledger
        self._known = {one["delivery_id"]: one for one in known}

    def deliveries(self, as_of: date | None = None) -> list[Delivery]:
        entries = {entry.delivery_id: entry for entry in self._ledger.deliveries(as_of)}
        return [
            _as_known(entries.get(delivery_id), known)
            for delivery_id, known in self._known.items()
            if as_of is None or known["delivered_on"] is None or known["delivered_on"] <= as_of
        ]

    def landings(self) -> str:
        """Changes when one of the files lands again: landing may hold other rows of it."""
        moments = [
            (entry.delivery_id, entry.loaded_at)
            for entry in self._ledger.deliveries()
            if entry.delivery_id in self._known
        ]
        return hashlib.sha256(repr(sorted(moments)).encode()).hexdigest()[:12]

    def checks(self) -> list[dict]:
        return self._ledger.checks()


def _as_known(entry: Delivery | None, known: dict[str, Any]) -> Delivery:
    """A delivery of the ledger as a night's `fct_delivery` has it; None for a refusal that is forgotten by now.

    That a file changes nothing is found out by each build; in the ledger its good rows are loaded ones.
    """
    then = {
        **known,
        "outcome": LOADED if known["outcome"] == "unchanged" else known["outcome"],
        "rows_loaded": known["rows_loaded"] + known["rows_unchanged"],
        "rows_unchanged": 0,
    }
    return replace(entry, **then) if entry else Delivery(**then)


@contextmanager
def open_evidence(
    settings: Settings, as_of: date | None = None, tell: Callable[[str], None] = lambda text: None
) -> Iterator[EvidenceNight]:
    """The published night of a day (the current one without a day). Raises EvidenceError."""
    version = _version(settings, as_of)
    with ExitStack() as stack:
        if not may_write(settings.home):  # what is made in between is made again by each command
            scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="parindex-"))
            settings = Elsewhere.of(settings, Path(scratch))
        ledger = stack.enter_context(closing(Ledger.to_look_at(settings.ledger)))
        known = KnownThen(ledger, publish.deliveries(settings, version))
        path = _prepared(settings, version, known, tell)
        connection = stack.enter_context(closing(_connect(settings, path, version)))
        yield EvidenceNight(settings, version, connection, known)


def _version(settings: Settings, as_of: date | None) -> publish.Version:
    now = publish.current(settings)
    if now is None:
        raise EvidenceError(
            f"chưa công bố đêm nào trong {settings.home}: chạy `parindex run` trước"
            " | no night is published yet: run `parindex run` first"
        )
    if as_of is None:
        return now
    found = publish.of_day(settings, as_of)
    if found is None:
        days = ", ".join(sorted({version.as_of.isoformat() for version in publish.versions(settings)}))
        raise EvidenceError(
            f"không còn giữ đêm công bố nào của ngày {as_of}; đang giữ: {days} (PARINDEX_KEEP_VERSIONS)"
            f" | no published night of {as_of} is kept; kept are: {days}"
        )
    return found


def _connect(settings: Settings, path: Path, version: publish.Version) -> duckdb.DuckDBPyConnection:
    spill = settings.work / "spill"
    spill.mkdir(parents=True, exist_ok=True, mode=0o750)
    connection = duckdb.connect(str(path), read_only=True, config=settings.duckdb())
    connection.execute(f"attach {sql_string(str(version.database))} as {PUBLISHED} (read_only)")
    return connection


def _is_of(settings: Settings, path: Path, version: publish.Version) -> bool:
    """Whether a warehouse is the one that a version was published from, with all its rows within reach."""
    return _is_usable(
        settings,
        path,
        lambda connection: all(_hash(connection, table) == version.hashes.get(table) for table in _COMPARED),
    )


def _is_usable(
    settings: Settings, path: Path, wanted: Callable[[duckdb.DuckDBPyConnection], bool] = lambda _: True
) -> bool:
    """Whether there is a warehouse with all its rows within reach, and as is wanted."""
    if not path.exists():
        return False
    try:
        with duckdb.connect(str(path), read_only=True, config=settings.duckdb()) as connection:
            for table in all_tables():  # a moved home leaves views that point to where it was
                connection.execute(f"select 1 from landing.{sql_name(table.relation)} limit 0")
            return wanted(connection)
    except duckdb.Error:
        return False


def _hash(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    columns = connection.execute(
        "select column_name, data_type from duckdb_columns() where schema_name = $1 and table_name = $2"
        " order by column_index",
        [publish.MARTS, table],
    ).fetchall()
    return table_hash(connection, f"{publish.MARTS}.{sql_name(table)}", dict(columns))


def _prepared(
    settings: Settings,
    version: publish.Version,
    known: KnownThen,
    tell: Callable[[str], None],
) -> Path:
    """A warehouse of the night with the evidence views, which no night builds: a copy of the current one, or built
    again from landing. The last one made is kept beside the current one, under a name that says all it was made from."""
    folder = settings.work / SCHEMA
    folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    aside = Aside.of(
        settings, folder / f"{version.version}-{carry.rules_fingerprint()[:12]}-{known.landings()}"
    )
    with FileLock(folder / "lock"):  # two commands about the same night build it once
        if not _is_usable(settings, aside.warehouse):
            for old in folder.iterdir():
                if old.is_dir():
                    shutil.rmtree(old, ignore_errors=True)
            aside.work.mkdir(parents=True, exist_ok=True, mode=0o750)
            if _is_of(settings, settings.warehouse, version):
                tell("chuẩn bị các dòng làm căn cứ | preparing the rows behind the figures")
                shutil.copyfile(settings.warehouse, aside.building)
                _run_dbt(aside, version, [f"path:models/{SCHEMA}"])
            else:
                _build(aside, version, known, tell)
            aside.building.replace(aside.warehouse)
            shutil.rmtree(aside.work, ignore_errors=True)
    return aside.warehouse


def _run_dbt(aside: Aside, version: publish.Version, select: list[str]) -> None:
    from orchestration import dbt

    dbt.run_models(aside, version.as_of, select)


def _build(aside: Aside, version: publish.Version, known: KnownThen, tell: Callable[[str], None]) -> None:
    for entry in known.deliveries(version.as_of):
        if entry.accepted and not landed_file(aside, entry).parquet.exists():
            raise EvidenceError(
                f"thiếu dữ liệu đã nạp của {entry.place}:"
                " không dựng lại được"
                f" | the landed rows of that file are gone: {version.as_of} cannot be built again"
            )
    tell(f"dựng lại số liệu ngày {version.as_of} từ dữ liệu đã nạp | building it again from landing")
    prepare_build(aside, known, version.as_of)
    _run_dbt(aside, version, [f"+path:models/{SCHEMA}", "plan_note", "plan152_fields"])
