"""The ledger of landing: what arrived, what was decided about it, and which nights were run.

SQLite through SQLAlchemy: transactions survive a kill, and it lives inside landing/, so landing alone is enough
to rebuild everything.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import sqlalchemy as sa

from sources.text import place_of
from warehouse.damaged import must_not_be_lost
from warehouse.upgrade import NewColumn, Step, bring_up_to_date, copy_to_look_at

metadata = sa.MetaData()

# A change of a table below is a step here: files of earlier releases are brought up to date by them.
STEPS: tuple[Step, ...] = (
    (NewColumn("delivery", "rows_rejected", "bigint"),),
    (
        NewColumn("check_result", "description", "varchar"),
        NewColumn("check_result", "description_en", "varchar"),
    ),
)

delivery = sa.Table(
    "delivery",
    metadata,
    sa.Column("delivery_id", sa.String, primary_key=True),
    sa.Column("source", sa.String, nullable=False),
    sa.Column("table_name", sa.String),
    sa.Column("file_name", sa.String, nullable=False),
    sa.Column("format", sa.String),
    sa.Column("delivered_on", sa.Date),
    sa.Column("outcome", sa.String, nullable=False),
    sa.Column("reason", sa.String),
    sa.Column("warnings", sa.String, nullable=False, server_default="[]"),
    sa.Column("rows_in_file", sa.BigInteger, nullable=False),
    sa.Column("rows_loaded", sa.BigInteger, nullable=False),
    sa.Column("rows_unchanged", sa.BigInteger, nullable=False),
    sa.Column("rows_quarantined", sa.BigInteger, nullable=False),
    # Rows with a fault of their own; of a delivery held back, all rows are quarantined.
    sa.Column("rows_rejected", sa.BigInteger),
    sa.Column("content_hash", sa.String, nullable=False),
    sa.Column("loaded_at", sa.DateTime, nullable=False),
    sa.Column("replaced_by", sa.String),
    # Number of the first row where the Parquet file holds the rows in file order without their numbers.
    sa.Column("first_row", sa.BigInteger),
    sa.Index("delivery_by_name", "source", "delivered_on", "file_name"),
)

night = sa.Table(
    "night",
    metadata,
    sa.Column("night_id", sa.String, primary_key=True),
    sa.Column("as_of", sa.Date, nullable=False),
    sa.Column("started_at", sa.DateTime, nullable=False),
    sa.Column("ended_at", sa.DateTime),
    sa.Column("outcome", sa.String, nullable=False),  # running, published, failed
    sa.Column("message", sa.String),
    sa.Column("version", sa.String),
)

check_result = sa.Table(
    "check_result",
    metadata,
    sa.Column("check_id", sa.String, primary_key=True),
    sa.Column("delivery_id", sa.String, primary_key=True, server_default=""),
    sa.Column("suite", sa.String, nullable=False),
    sa.Column("dataset", sa.String, nullable=False),
    sa.Column("expectation", sa.String, nullable=False),
    sa.Column("column_name", sa.String),
    sa.Column("severity", sa.String, nullable=False),
    sa.Column("passed", sa.Boolean, nullable=False),
    sa.Column("observed", sa.String),
    sa.Column("unexpected_count", sa.BigInteger),
    sa.Column("element_count", sa.BigInteger),
    sa.Column("checked_at", sa.DateTime, nullable=False),
    # Null of results of an earlier release.
    sa.Column("description", sa.String),
    sa.Column("description_en", sa.String),
)

# Files of the inbox as they were when their bytes were last hashed, so that a night need not read again what it knows.
seen_file = sa.Table(
    "seen_file",
    metadata,
    sa.Column("place", sa.String, primary_key=True),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("content_hash", sa.String, nullable=False),
)

# What a delivery can come to.
LOADED = "loaded"
PARTLY_QUARANTINED = "partly_quarantined"
HELD_BACK = "held_back"
REFUSED = "refused"
ACCEPTED = (LOADED, PARTLY_QUARANTINED)
# In place of the content's hash where a file was refused without its content being known: it changed while it was read,
# could not be opened, or needs more memory. Such a refusal is forgotten as soon as the file has been read.
CHANGING, UNREADABLE, UNTRIED = "changing-", "unreadable-", "untried-"


@dataclass(frozen=True)
class Delivery:
    """One file for one table on one delivery date: rows_in_file = rows_loaded + rows_unchanged + rows_quarantined."""

    delivery_id: str
    source: str
    table_name: str | None
    file_name: str
    format: str | None
    delivered_on: date | None
    outcome: str
    reason: str | None
    rows_in_file: int
    rows_loaded: int
    rows_unchanged: int
    rows_quarantined: int
    content_hash: str
    loaded_at: datetime
    warnings: tuple[str, ...] = ()
    replaced_by: str | None = None
    first_row: int | None = None
    rows_rejected: int | None = None

    def __post_init__(self) -> None:
        if self.rows_in_file != self.rows_loaded + self.rows_unchanged + self.rows_quarantined:
            raise ValueError(f"rows of {self.file_name} do not reconcile: {self}")

    @property
    def rejected(self) -> int:
        """Rows with a fault of their own."""
        return self.rows_quarantined if self.rows_rejected is None else self.rows_rejected

    @property
    def place(self) -> str:
        return place_of(self.source, self.delivered_on, self.file_name)

    @property
    def accepted(self) -> bool:
        return self.outcome in ACCEPTED and self.replaced_by is None


def delivery_id(source: str, delivered_on: date | None, file_name: str, content_hash: str) -> str:
    """The same file under the same date is the same delivery, whenever it is seen."""
    text = "\x1f".join((source, str(delivered_on or ""), file_name, content_hash))
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _from_row(row: sa.Row) -> Delivery:
    values = dict(row._mapping)
    values["warnings"] = tuple(json.loads(values["warnings"]))
    return Delivery(**values)


class Ledger:
    def __init__(self, path: Path | None) -> None:
        """Open or make the file; None: one in memory.

        Raises SettingsError when a newer release wrote it, DamagedFile when it cannot be read or is lost.
        """
        if path is not None:
            must_not_be_lost(path)
            bring_up_to_date(path, STEPS)
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self.engine = sa.create_engine(f"sqlite:///{path}" if path else "sqlite://")
        sa.event.listen(self.engine, "connect", _durable)
        metadata.create_all(self.engine)

    @classmethod
    def to_look_at(cls, path: Path) -> Ledger:
        """The ledger for those who only read: where there is none, an empty one, and no file is made."""
        must_not_be_lost(path)
        if not path.exists():
            return cls(None)
        scratch = copy_to_look_at(path, STEPS)
        if scratch is None:
            return cls(path)
        found = cls(Path(scratch.name) / path.name)
        found._scratch = scratch
        return found

    def close(self) -> None:
        self.engine.dispose()
        if self._scratch is not None:
            self._scratch.cleanup()

    def seen_files(self) -> dict[str, tuple[str, str]]:
        """Place in the inbox -> (state of the file, hash of its content)."""
        with self.engine.connect() as connection:
            return {
                place: (state, content) for place, state, content in connection.execute(sa.select(seen_file))
            }

    def remember_files(self, seen: Mapping[str, tuple[str, str]]) -> None:
        rows = [{"place": p, "state": state, "content_hash": content} for p, (state, content) in seen.items()]
        if rows:
            with self.engine.begin() as connection:
                connection.execute(sa.insert(seen_file).prefix_with("or replace"), rows)

    def record(self, entry: Delivery) -> None:
        """Write one delivery; an earlier content of the same file on the same date is replaced by it.

        But for a refusal: a copy that broke off must not take away what was read before. It stands beside that.
        """
        values = {**entry.__dict__, "warnings": json.dumps(entry.warnings, ensure_ascii=False)}
        with self.engine.begin() as connection:
            connection.execute(sa.delete(delivery).where(delivery.c.delivery_id == entry.delivery_id))
            _take_its_place(connection, entry)
            connection.execute(sa.insert(delivery).values(**values))

    def confirm(self, entry: Delivery) -> None:
        """The file lies in the inbox again as it was taken: what was refused under its name since is over."""
        with self.engine.begin() as connection:
            _take_its_place(connection, entry)

    def change(self, entry: Delivery, **values) -> Delivery:
        changed = replace(entry, **values)
        with self.engine.begin() as connection:
            connection.execute(
                sa.update(delivery).where(delivery.c.delivery_id == entry.delivery_id).values(**values)
            )
        return changed

    def deliveries(self, as_of: date | None = None, *, of: tuple[str, str] | None = None) -> list[Delivery]:
        """All deliveries up to a day (files without a date too), in the order in which they take effect; `of` one
        source and table. Contents of one name and day follow each other as they were recorded.
        """
        query = sa.select(delivery).order_by(
            delivery.c.source,
            delivery.c.delivered_on,
            delivery.c.file_name,
            sa.literal_column("delivery.rowid"),
        )
        if as_of is not None:
            query = query.where(sa.or_(delivery.c.delivered_on.is_(None), delivery.c.delivered_on <= as_of))
        if of is not None:
            query = query.where(delivery.c.source == of[0], delivery.c.table_name == of[1])
        with self.engine.connect() as connection:
            return [_from_row(row) for row in connection.execute(query)]

    def record_checks(self, results: Sequence[Mapping]) -> None:
        """Keep the results of the deliveries' suites; the same check of the same delivery is written over."""
        rows = [{**row, "delivery_id": row["delivery_id"] or ""} for row in results]
        if not rows:
            return
        with self.engine.begin() as connection:
            connection.execute(sa.insert(check_result).prefix_with("or replace"), rows)

    def last_checked(self, dataset: str) -> dict[str, datetime]:
        """The moment of the last check of each delivery of a dataset that was ever checked."""
        query = (
            sa.select(check_result.c.delivery_id, sa.func.max(check_result.c.checked_at))
            .where(check_result.c.dataset == dataset)
            .group_by(check_result.c.delivery_id)
        )
        with self.engine.connect() as connection:
            return dict(connection.execute(query).all())

    def checks(self) -> list[dict]:
        query = sa.select(check_result).order_by(check_result.c.check_id, check_result.c.delivery_id)
        with self.engine.connect() as connection:
            rows = [dict(row._mapping) for row in connection.execute(query)]
        return [{**row, "delivery_id": row["delivery_id"] or None} for row in rows]

    def start_night(
        self, night_id: str, as_of: date, started_at: datetime, seen_by_readers: str | None = None
    ) -> None:
        """Open a night. `seen_by_readers` is the version published now, if any."""
        with self.engine.begin() as connection:
            _settle(connection, seen_by_readers)
            connection.execute(
                sa.insert(night).values(
                    night_id=night_id, as_of=as_of, started_at=started_at, outcome="running"
                )
            )

    def before_publishing(self, version: str, seen_by_readers: str | None) -> None:
        """A kept version is about to become the one that readers see, in place of `seen_by_readers`.

        Nights that were killed are judged while it can still be told what readers saw of them. A version that its own
        night announced and did not publish is published now, and no night may remove it any more.
        """
        with self.engine.begin() as connection:
            _settle(connection, seen_by_readers)
            connection.execute(
                sa.update(night)
                .where(night.c.version == version, night.c.outcome != "published")
                .values(outcome="published", message="published by a rollback")
            )

    def record_failed_night(self, night_id: str, as_of: date, at: datetime, message: str) -> None:
        """A night that failed before it began. One that was killed before it stays to be judged by the next."""
        with self.engine.begin() as connection:
            connection.execute(
                sa.insert(night).values(
                    night_id=night_id,
                    as_of=as_of,
                    started_at=at,
                    ended_at=at,
                    outcome="failed",
                    message=message,
                )
            )

    def announce(self, night_id: str, version: str) -> None:
        """Say which version a night is about to write and publish: whoever comes after a kill knows what it is."""
        with self.engine.begin() as connection:
            connection.execute(sa.update(night).where(night.c.night_id == night_id).values(version=version))

    def end_night(
        self, night_id: str, ended_at: datetime, outcome: str, message: str | None, version: str | None
    ):
        with self.engine.begin() as connection:
            connection.execute(
                sa.update(night)
                .where(night.c.night_id == night_id)
                .values(ended_at=ended_at, outcome=outcome, message=message, version=version)
            )

    def unpublished_versions(self) -> list[str]:
        """Versions that nights announced which then ended, or were killed, before publishing them."""
        query = sa.select(night.c.version).where(night.c.outcome != "published", night.c.version.is_not(None))
        with self.engine.connect() as connection:
            return list(connection.scalars(query))

    def night(self, night_id: str) -> dict:
        """The row of one; nothing of one that never began."""
        with self.engine.connect() as connection:
            row = connection.execute(sa.select(night).where(night.c.night_id == night_id)).first()
        return dict(row._mapping) if row else {}

    def nights(self, limit: int = 30) -> list[dict]:
        """Newest first: in the order of their beginning, whatever the clock said."""
        query = sa.select(night).order_by(sa.literal_column("night.rowid").desc()).limit(limit)
        with self.engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(query)]


def _settle(connection: sa.Connection, seen_by_readers: str | None) -> None:
    """A night that was killed left its row running: it was published when readers see its version, else it failed."""
    left = sa.update(night).where(night.c.outcome == "running")
    if seen_by_readers is not None:
        connection.execute(
            left.where(night.c.version == seen_by_readers).values(
                outcome="published", message="interrupted after publishing"
            )
        )
    connection.execute(left.values(outcome="failed", message="interrupted before its end"))


def _take_its_place(connection: sa.Connection, entry: Delivery) -> None:
    if entry.delivered_on is None:
        return
    others = (
        (delivery.c.source == entry.source)
        & (delivery.c.delivered_on == entry.delivered_on)
        & (delivery.c.file_name == entry.file_name)
        & (delivery.c.delivery_id != entry.delivery_id)
    )
    unknown = sa.or_(*map(delivery.c.content_hash.startswith, (CHANGING, UNREADABLE, UNTRIED)))
    connection.execute(sa.delete(delivery).where(others & unknown))
    if entry.outcome == REFUSED:
        others &= delivery.c.outcome == REFUSED
    connection.execute(
        sa.update(delivery)
        .where(others & delivery.c.replaced_by.is_(None))
        .values(replaced_by=entry.delivery_id)
    )


def _durable(connection, _record) -> None:
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")
    connection.execute("pragma busy_timeout = 10000")
