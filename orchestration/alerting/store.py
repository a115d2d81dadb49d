"""What the alerts remember: threads, events, what was sent to whom, mutes, headline values, heartbeat.

One SQLite file in the home. A night's state and its events are written in one transaction, so a crash
leaves the night before or the night after. Sending is a second step over what is stored (an outbox), so
nothing is lost.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields
from datetime import date, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from orchestration.alerting.figures import Memory
from orchestration.alerting.model import (
    COVERED,
    FAILED_NIGHT,
    SUDDEN_DROP,
    AlertError,
    Event,
    Mute,
    State,
    Thread,
    alert_id,
)
from warehouse.settings import Settings
from warehouse.upgrade import Step, bring_up_to_date, copy_to_look_at

metadata = sa.MetaData()

# A change of a table below is a step here: files of earlier releases are brought up to date by them.
STEPS: tuple[Step, ...] = ()

# What became of an event: not looked at yet, in the outbox, or wanted by no route of the configuration.
NEW, ROUTED, UNROUTED = "new", "routed", "unrouted"
# What became of a delivery. One that is leaving when a run dies may have arrived or not.
PENDING, SENDING, SENT = "pending", "sending", "sent"

_THREAD_COLUMNS = {
    "opened_on": sa.Date,
    "opened_at": sa.DateTime,
    "last_seen_on": sa.Date,
    "last_seen_at": sa.DateTime,
    "resolved_on": sa.Date,
    "resolved_at": sa.DateTime,
    "told_on": sa.Date,
    "is_open": sa.Boolean,
    "aged": sa.Boolean,
    "steps": sa.Integer,
    "members": sa.Integer,
    "value": sa.Double,
    "threshold": sa.Double,
    "gap_base": sa.Double,
}


def _thread_table(name: str) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        *(
            sa.Column(f.name, _THREAD_COLUMNS.get(f.name, sa.String), primary_key=f.name == "alert_id")
            for f in fields(Thread)
        ),
    )


thread = _thread_table("thread")
# The threads before the last night, to take a night back that ended without publishing.
thread_before = _thread_table("thread_before")

event = sa.Table(
    "event",
    metadata,
    sa.Column("alert_id", sa.String, primary_key=True),
    sa.Column("as_of", sa.Date, primary_key=True),
    sa.Column("kind", sa.String, primary_key=True),
    sa.Column("at", sa.DateTime, nullable=False),
    sa.Column("severity", sa.String, nullable=False),
    sa.Column("value", sa.Double),
    sa.Column("threshold", sa.Double),
    sa.Column("message_vi", sa.String, nullable=False),
    sa.Column("message_en", sa.String, nullable=False),
    sa.Column("routing", sa.String, nullable=False, server_default=NEW),
)

# One row per event and address: at most one delivery each.
outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("alert_id", sa.String, primary_key=True),
    sa.Column("as_of", sa.Date, primary_key=True),
    sa.Column("kind", sa.String, primary_key=True),
    sa.Column("endpoint", sa.String, primary_key=True),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("digest_id", sa.String),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("sent_at", sa.DateTime),
    sa.Column("last_error", sa.String),
)

mute = sa.Table(
    "mute",
    metadata,
    sa.Column("alert_id", sa.String, primary_key=True),
    sa.Column("until", sa.Date, nullable=False),
    sa.Column("reason", sa.String, nullable=False),
    sa.Column("muted_at", sa.DateTime, nullable=False),
)

figure = sa.Table(
    "figure",
    metadata,
    sa.Column("target_id", sa.String, primary_key=True),
    sa.Column("as_of", sa.Date, primary_key=True),
    sa.Column("value", sa.Double, nullable=False),
)

# One row. evaluated_at and sent_at are the heartbeat.
clock = sa.Table(
    "clock",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("last_as_of", sa.Date),
    sa.Column("before_as_of", sa.Date),  # the last night before it: what thread_before belongs to
    sa.Column("evaluated_at", sa.DateTime),
    sa.Column("sent_at", sa.DateTime),
)

_FAILURE = alert_id(FAILED_NIGHT, None, None, None)
_KEPT_FIGURES = timedelta(days=400)


class Store:
    """The alert file of a home, for one short use. Close it, or use it with `with`."""

    def __init__(self, settings: Settings, scratch: tempfile.TemporaryDirectory[str] | None = None) -> None:
        """Open or make the file; or its copy in a `scratch` folder, which is removed with this."""
        path = settings.alerts
        self._scratch = scratch
        if scratch is not None:
            path = Path(scratch.name) / path.name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o640))
        bring_up_to_date(path, STEPS)
        self.engine = sa.create_engine(f"sqlite:///{path}")
        sa.event.listen(self.engine, "connect", _durable)
        sa.event.listen(self.engine, "begin", _begin)
        metadata.create_all(self.engine)

    @classmethod
    def to_look_at(cls, settings: Settings) -> Store:
        """For those who only read what is there: also in a home that they may not write."""
        return cls(settings, copy_to_look_at(settings.alerts, STEPS))

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_) -> None:
        self.engine.dispose()
        if self._scratch is not None:
            self._scratch.cleanup()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Everything in it happens or nothing; a second writer waits."""
        with self.engine.begin() as connection:
            yield Transaction(connection)


def _durable(connection, _record) -> None:
    connection.isolation_level = None  # SQLAlchemy's `begin` below starts the transaction
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")
    connection.execute("pragma busy_timeout = 10000")


def _begin(connection) -> None:
    connection.exec_driver_sql("begin immediate")


class Transaction:
    """What can be read and written within one transaction."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection

    # --- the state of the life cycle

    def state(self, as_of: date) -> State:
        spent = self.connection.execute(
            sa.select(event.c.alert_id, event.c.as_of, event.c.kind).where(event.c.as_of == as_of)
        )
        return State(
            threads=MappingProxyType({t.alert_id: t for t in self.threads()}),
            last_as_of=self.heartbeat()["last_as_of"],
            spent=frozenset(tuple(row) for row in spent),
        )

    def threads(self) -> list[Thread]:
        rows = self.connection.execute(sa.select(thread).order_by(thread.c.opened_on, thread.c.alert_id))
        return [Thread(**row._mapping) for row in rows]

    def save(self, before: State, after: State, events: Iterable[Event], now: datetime) -> None:
        if after.last_as_of != before.last_as_of:
            self._copy(thread, thread_before)
        changed = [asdict(t) for key, t in after.threads.items() if before.threads.get(key) != t]
        if changed:
            self._upsert(thread, changed)
        rows = [asdict(item) for item in events]
        if rows:
            self.connection.execute(insert(event).on_conflict_do_nothing(), rows)
        times = {"last_as_of": after.last_as_of, "evaluated_at": now}
        if after.last_as_of != before.last_as_of:
            times["before_as_of"] = before.last_as_of
        self._clock(**times)

    def take_back(self, as_of: date) -> bool:
        """Undo what the last night said of figures where it is `as_of`, was never published and told nobody.

        That a night failed stays known: it is no statement about figures.
        """
        clocked = self.heartbeat()
        if clocked["last_as_of"] != as_of or self._reached_anyone(as_of):
            return False
        self._copy(thread_before, thread)
        for table in (outbox, event):
            self.connection.execute(
                sa.delete(table).where(table.c.as_of == as_of, table.c.alert_id != _FAILURE)
            )
        self.connection.execute(sa.delete(figure).where(figure.c.as_of == as_of))
        self._clock(last_as_of=clocked["before_as_of"])
        return True

    def _reached_anyone(self, as_of: date) -> bool:
        """Whether an event about figures left, or may have left."""
        told = sa.and_(outbox.c.as_of == as_of, outbox.c.attempts > 0, outbox.c.alert_id != _FAILURE)
        return self._count(outbox, told) > 0

    def _copy(self, source: sa.Table, target: sa.Table) -> None:
        """Replace the threads of `target` by those of `source`, but for the one about failed nights."""
        self.connection.execute(sa.delete(target).where(target.c.alert_id != _FAILURE))
        rows = sa.select(source).where(source.c.alert_id != _FAILURE)
        self.connection.execute(sa.insert(target).from_select(list(target.c.keys()), rows))

    # --- memory of figures

    def memory(self, state: State, as_of: date) -> Memory:
        since = as_of - _KEPT_FIGURES
        rows = self.connection.execute(
            sa.select(figure.c.target_id, figure.c.as_of, figure.c.value).where(
                figure.c.as_of < as_of, figure.c.as_of >= since
            )
        )
        open_threads = [t for t in state.threads.values() if t.is_open]
        return Memory(
            history=tuple(tuple(row) for row in rows),
            drop_lines={
                t.target_id: t.threshold
                for t in open_threads
                if t.kind == SUDDEN_DROP and t.opened_on.year == as_of.year
            },
            rolled_up=frozenset(
                (t.kind, t.target_id) for t in open_threads if t.members is not None and t.standing != COVERED
            ),
        )

    def remember(self, as_of: date, figures: Iterable[tuple[str, float]]) -> None:
        rows = [{"target_id": target, "as_of": as_of, "value": value} for target, value in figures]
        if rows:
            self._upsert(figure, rows)
        self.connection.execute(sa.delete(figure).where(figure.c.as_of < as_of - _KEPT_FIGURES))

    # --- mutes

    def mutes(self) -> dict[str, Mute]:
        """By alert id; those that are over, too."""
        rows = self.connection.execute(sa.select(mute.c.alert_id, mute.c.until, mute.c.reason))
        return {alert: Mute(until, reason) for alert, until, reason in rows}

    def mute(self, alert: str, reason: str, until: date, now: datetime) -> None:
        self._upsert(mute, [{"alert_id": alert, "reason": reason, "until": until, "muted_at": now}])

    def unmute(self, alert: str) -> None:
        self.connection.execute(sa.delete(mute).where(mute.c.alert_id == alert))

    def find_thread(self, prefix: str) -> Thread:
        """The thread whose id starts so. Raises AlertError when there is none or more than one."""
        found = [t for t in self.threads() if prefix and t.alert_id.startswith(prefix.lower())]
        if len(found) != 1:
            many = "more than one alert" if found else "no alert"
            raise AlertError(f"{many} with id {prefix!r}: `parindex alerts list` shows them")
        return found[0]

    # --- what others count

    def open_counts(self) -> list[tuple[str, str, str, int]]:
        """Open threads by kind, severity and standing."""
        groups = thread.c.kind, thread.c.severity, thread.c.standing
        query = (
            sa.select(*groups, sa.func.count()).where(thread.c.is_open).group_by(*groups).order_by(*groups)
        )
        return [tuple(row) for row in self.connection.execute(query)]

    def undelivered(self) -> int:
        return self._count(outbox, outbox.c.status != SENT)

    def unrouted(self) -> int:
        return self._count(event, event.c.routing == UNROUTED)

    def _count(self, table: sa.Table, condition) -> int:
        return self.connection.scalar(sa.select(sa.func.count()).select_from(table).where(condition))

    # --- heartbeat

    def heartbeat(self) -> Mapping[str, Any]:
        row = self.connection.execute(sa.select(clock)).first()
        return row._mapping if row else dict.fromkeys(clock.c.keys())

    def _clock(self, **values: Any) -> None:
        self._upsert(clock, [{"id": 1, **values}])

    def sent_now(self, now: datetime) -> None:
        self._clock(sent_at=now)

    def _upsert(self, table: sa.Table, rows: list[dict[str, Any]]) -> None:
        statement = insert(table)
        keys = [column.name for column in table.primary_key]
        changes = {name: statement.excluded[name] for name in rows[0] if name not in keys}
        self.connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changes), rows)
