"""A night of the alerts: see, let the threads live on, remember. Sending is a step of its own, later."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType

import duckdb
import sqlalchemy as sa

from orchestration import clock
from orchestration.alerting import wording
from orchestration.alerting.config import AlertConfigError, Rules, load_config
from orchestration.alerting.figures import Memory
from orchestration.alerting.find import find
from orchestration.alerting.life import live
from orchestration.alerting.model import (
    FAILED_NIGHT,
    KINDS,
    MUTED,
    OPEN,
    UNFINISHED_NIGHT,
    Alert,
    AlertError,
    Findings,
    Mute,
    Problem,
    State,
    Thread,
    as_alert,
    problem_of,
    severity_rank,
)
from orchestration.alerting.store import Store
from warehouse.damaged import DamagedFile
from warehouse.ledger import Ledger
from warehouse.ledger import night as night_table
from warehouse.publish import MARTS, of_day
from warehouse.settings import Settings, SettingsError


def evaluate(settings: Settings, database: Path, ledger: Ledger, as_of: date, now: datetime) -> list[Alert]:
    """Bring all threads up to this night and return them, resolved ones too: the rows of `fct_alert`.

    `database` holds this night's marts. Safe to call again for the same night, also after a crash in the
    middle. A night that the ledger calls failed is told as that and judges nothing. Raises
    AlertConfigError.
    """
    rules = load_config(settings).rules
    failure = _failure(ledger, as_of)
    if failure is not None:
        return failed_night(settings, as_of, now, failure)
    with Store(settings) as store:
        _take_back_unpublished(store, ledger, as_of)
        alerts = advance(
            store, lambda memory: find(settings, database, ledger, as_of, memory, rules), as_of, now, rules
        )
        with store.transaction() as transaction:
            last = transaction.heartbeat()["last_as_of"]
    if last == as_of:
        return alerts
    then = _as_published(settings, as_of)
    return _of_that_night(settings, database, ledger, as_of, now, rules) if then is None else then


def _as_published(settings: Settings, as_of: date) -> list[Alert] | None:
    """What a night before the last one said of its alerts: the threads have gone on to the last one.

    None where it is not kept.
    """
    version = of_day(settings, as_of)
    if version is None:
        return None
    names = [field.name for field in fields(Alert)]
    try:
        with duckdb.connect(str(version.database), read_only=True, config=settings.duckdb()) as connection:
            # A version of an earlier release may lack a column.
            described = connection.execute(f"select * from {MARTS}.fct_alert limit 0").description
            has = {column[0] for column in described}
            columns = ", ".join(name if name in has else f"null as {name}" for name in names)
            rows = connection.execute(f"select {columns} from {MARTS}.fct_alert").fetchall()
    except duckdb.Error:  # a version that cannot be read stops no night
        return None
    return [Alert(*row) for row in rows]


def _of_that_night(
    settings: Settings, database: Path, ledger: Ledger, as_of: date, now: datetime, rules: Rules
) -> list[Alert]:
    """What a night before the last one would have said by itself; the threads know nothing of it."""
    findings = find(settings, database, ledger, as_of, Memory(), rules)
    state, _ = live(State(), findings, as_of, now, {}, rules)
    return _in_order(state.threads.values(), {})


def failed_night(settings: Settings, as_of: date, now: datetime, message: str) -> list[Alert]:
    """Tell that a night failed. Nothing else opens, ends or is repeated from it.

    What an evaluation of the same night has stored is taken back, unless the night was told already.
    `message` is shortened and freed of values before it is kept.
    """
    rules = _rules_or_the_shipped(settings)
    problem = _of_the_night(FAILED_NIGHT, wording.failed_night(as_of, message), "high")
    findings = Findings((problem,), blind_kinds=frozenset(KINDS) - {FAILED_NIGHT})
    with Store(settings) as store:
        if not _stands_published(settings, as_of):
            with store.transaction() as transaction:
                transaction.take_back(as_of)
        return advance(store, lambda memory: findings, as_of, now, rules)


def unfinished_night(settings: Settings, as_of: date, now: datetime, message: str) -> list[Alert]:
    """Tell that a night was published, but that what comes after failed: PostgreSQL, the morning page.

    Of the figures nothing is judged again. `message` as for `failed_night`.
    """
    problem = _of_the_night(UNFINISHED_NIGHT, wording.unfinished_night(as_of, message), "medium")
    return _at_the_end(settings, as_of, now, Findings((problem,)))


def finished_night(settings: Settings, as_of: date, now: datetime) -> bool:
    """Everything was done. Whether that ends an alert, and so is something to tell."""
    if not any(alert.kind == UNFINISHED_NIGHT for alert in open_alerts(settings)):
        return False
    _at_the_end(settings, as_of, now, Findings())
    return True


def _at_the_end(settings: Settings, as_of: date, now: datetime, findings: Findings) -> list[Alert]:
    rules = _rules_or_the_shipped(settings)
    with Store(settings) as store:
        return advance(store, lambda memory: findings, as_of, now, rules, is_at_the_end=True)


def _of_the_night(kind: str, message: tuple[str, str], severity: str) -> Problem:
    return problem_of(kind, message, severity=severity, value=None, threshold=None, owner=wording.DATA_TEAM)


def _rules_or_the_shipped(settings: Settings) -> Rules:
    """A typing error there must not hide a failure; sending will name it."""
    try:
        return load_config(settings).rules
    except AlertConfigError:
        return Rules()


def _stands_published(settings: Settings, as_of: date) -> bool:
    """Whether an earlier run of the same day was published: then what it said stands."""
    if not settings.ledger.exists():
        return False
    try:
        ledger = Ledger(settings.ledger)
        try:
            return _was_published(ledger, as_of) is True
        finally:
            ledger.close()
    except (DamagedFile, SettingsError, sa.exc.DatabaseError):
        return True  # nobody can know, and that the ledger cannot be read has to be told


def advance(
    store: Store,
    see: Callable[[Memory], Findings],
    as_of: date,
    now: datetime,
    rules: Rules,
    *,
    is_at_the_end: bool = False,
) -> list[Alert]:
    """One night in one transaction; what is known at its end only, then and apart, for the rest is published by then."""
    with store.transaction() as transaction:
        state = transaction.state(as_of)
        judged, others = {}, {}
        for key, thread in state.threads.items():
            (judged if (thread.kind == UNFINISHED_NIGHT) is is_at_the_end else others)[key] = thread
        state = replace(state, threads=MappingProxyType(judged))
        findings = see(transaction.memory(state, as_of))
        mutes = transaction.mutes()
        after, events = live(state, findings, as_of, now, mutes, rules)
        transaction.save(state, after, events, now)
        if after is not state:
            transaction.remember(as_of, findings.figures)
    return _in_order([*after.threads.values(), *others.values()], _holding(mutes, as_of))


def _failure(ledger: Ledger, as_of: date) -> str | None:
    """Why the last run of this day failed; None when it did not, or is still running."""
    query = (
        sa.select(night_table.c.outcome, night_table.c.message)
        .where(night_table.c.as_of == as_of)
        .order_by(sa.literal_column("night.rowid").desc())  # the clock may have been set back
        .limit(1)
    )
    with ledger.engine.connect() as connection:
        row = connection.execute(query).first()
    return (row.message or "") if row and row.outcome == "failed" else None


def _was_published(ledger: Ledger, as_of: date) -> bool | None:
    """Whether any run of this day was published; None when the ledger knows of no run."""
    query = sa.select(night_table.c.outcome).where(night_table.c.as_of == as_of)
    with ledger.engine.connect() as connection:
        outcomes = set(connection.scalars(query))
    return "published" in outcomes if outcomes else None


def _take_back_unpublished(store: Store, ledger: Ledger, as_of: date) -> None:
    """The last night was evaluated but killed before it was published: nobody may be told of its figures."""
    with store.transaction() as transaction:
        last = transaction.heartbeat()["last_as_of"]
        if last is not None and last != as_of and _was_published(ledger, last) is False:
            transaction.take_back(last)


def mute(settings: Settings, alert_id: str, reason: str, until: date, now: datetime | None = None) -> Alert:
    """Say nothing about an alert up to and including a day; afterwards it speaks again by itself.

    `alert_id` may be its first characters. Raises AlertError.
    """
    if not reason.strip():
        raise AlertError("a mute needs a reason: someone will ask")
    if not settings.alerts.exists():
        raise AlertError("there are no alerts yet: `parindex run` looks for them")
    with Store(settings) as store, store.transaction() as transaction:
        last = transaction.heartbeat()["last_as_of"]
        if last is not None and until < last:
            raise AlertError(
                f"the mute would end on {until}, before the last night ({last}); to let an alert speak again:"
                " `parindex alerts unmute ID`"
            )
        thread = transaction.find_thread(alert_id)
        asked = Mute(until, wording.one_line(reason, 500))
        transaction.mute(thread.alert_id, asked.reason, asked.until, now or clock.now())
        return as_alert(thread, asked)


def unmute(settings: Settings, alert_id: str) -> Alert:
    """Take a mute back: the alert speaks from the next night on. `alert_id` as for `mute`. Raises AlertError."""
    if not settings.alerts.exists():
        raise AlertError("there are no alerts yet: `parindex run` looks for them")
    with Store(settings) as store, store.transaction() as transaction:
        thread = transaction.find_thread(alert_id)
        if thread.alert_id not in _holding(transaction.mutes(), transaction.heartbeat()["last_as_of"]):
            raise AlertError(f"alert {thread.alert_id} is not muted: `parindex alerts list` shows which are")
        transaction.unmute(thread.alert_id)
        return as_alert(thread)


def open_alerts(settings: Settings) -> list[Alert]:
    """Alerts that are not resolved, worst first. What was muted, or spoke again, since the last night shows it already."""
    return [alert for alert, _ in open_alerts_and_why_muted(settings)]


def open_alerts_and_why_muted(settings: Settings) -> list[tuple[Alert, str | None]]:
    """The same, each with the reason of its mute."""
    if not settings.alerts.exists():
        return []  # looking makes no file
    with Store.to_look_at(settings) as store, store.transaction() as transaction:
        mutes = _holding(transaction.mutes(), transaction.heartbeat()["last_as_of"])
        threads = [_stands_now(thread, mutes) for thread in transaction.threads() if thread.is_open]
    alerts = _in_order(threads, mutes)
    return [(alert, mutes[alert.alert_id].reason if alert.alert_id in mutes else None) for alert in alerts]


def _holding(mutes: Mapping[str, Mute], night: date | None) -> dict[str, Mute]:
    return {alert: asked for alert, asked in mutes.items() if asked.holds(night)}


def _stands_now(thread: Thread, mutes: Mapping[str, Mute]) -> Thread:
    if thread.standing == OPEN and thread.alert_id in mutes:
        return replace(thread, standing=MUTED)
    if thread.standing == MUTED and thread.alert_id not in mutes:
        return replace(thread, standing=OPEN)
    return thread


def _in_order(threads: Iterable[Thread], mutes: Mapping[str, Mute]) -> list[Alert]:
    alerts = [as_alert(thread, mutes.get(thread.alert_id)) for thread in threads]
    return sorted(
        alerts,
        key=lambda a: (
            a.resolved_at is not None,
            -severity_rank(a.severity),
            a.kind,
            a.target_id or "",
            a.agency_code or "",
            a.source or "",
        ),
    )
