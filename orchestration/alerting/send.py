"""Sending what is stored: each event once to each address that a route leads to, one digest per address.

A delivery that fails waits for the next night. Before a digest leaves it is marked as leaving: if the run
dies right then, nobody can know whether it arrived, and it leaves again under the same number, saying so.
Losing a breach is worse than a second copy.
"""

from __future__ import annotations

import http.client
import urllib.request
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from filelock import FileLock
from sqlalchemy.dialects.sqlite import insert

from orchestration.alerting.config import AlertConfigError, Config, Endpoint, load_config, resolve
from orchestration.alerting.deadline import TookTooLong, within
from orchestration.alerting.digest import Item, Published, compose, digest_id, worst
from orchestration.alerting.model import OPEN
from orchestration.alerting.store import (
    NEW,
    PENDING,
    ROUTED,
    SENDING,
    SENT,
    UNROUTED,
    Store,
    Transaction,
    event,
    outbox,
    thread,
)
from warehouse.damaged import DamagedFile
from warehouse.publish import current
from warehouse.settings import Settings

# Sends a digest to an address and says whether it was taken: (url, subject, text, worst severity, seconds).
Deliver = Callable[[str, str, str, str | None, float], bool]


@dataclass(frozen=True)
class SendReport:
    """What a round of sending came to. `note` says it to the operator."""

    messages: int  # digests that were taken
    events: int  # events in them
    failed: int  # addresses that did not take theirs
    pending: int  # deliveries that wait for the next round
    unrouted: int  # events that no route wanted; they stay in the table
    note: str


def apprise_deliver(url: str, subject: str, text: str, severity: str | None, seconds: float) -> bool:
    """Through Apprise: mail, webhook, chat. Raises AlertConfigError for an address that Apprise does not
    know, TookTooLong when nobody can know whether it was taken.
    """
    import apprise  # half a second that only a night with something to say should pay

    kinds = {None: "success", "low": "info", "medium": "warning", "high": "warning", "critical": "failure"}
    # Without Apprise's own deadline: its threads are waited for when the process ends, however long they take.
    asset = apprise.AppriseAsset(service_timeout=0, async_mode=False)
    box = apprise.Apprise(asset=asset)
    if not box.add(url):
        raise AlertConfigError(f"an alert address of kind {url.split(':', 1)[0]} is not understood")

    def notify(service: apprise.NotifyBase) -> bool:
        service.socket_connect_timeout = service.socket_read_timeout = seconds
        one = apprise.Apprise(asset=asset)
        one.add(service)
        return bool(
            one.notify(
                title=subject,
                body=text,
                notify_type=apprise.NotifyType(kinds[severity]),
                body_format=apprise.NotifyFormat.TEXT,
            )
        )

    taken, late = [], None
    for service in box:  # an address may name several
        try:
            taken.append(within(seconds, lambda service=service: notify(service)))
        except TookTooLong as error:
            late = error
    if late is not None:
        raise late
    return all(taken)


def send_pending(settings: Settings, now: datetime, deliver: Deliver = apprise_deliver) -> SendReport:
    """Send what waits. Call it after publication; calling it again sends nothing twice. Raises
    AlertConfigError.
    """
    config = load_config(settings)
    with FileLock(settings.home / "alerts.lock", timeout=60, mode=0o640), Store(settings) as store:
        with store.transaction() as transaction:
            _forget_gone_addresses(transaction, config)
            _route(transaction, config)
        published = _published(settings)
        tally = [
            _send_to(store, config, endpoint, now, deliver, published)
            for endpoint in config.endpoints().values()
        ]
        with store.transaction() as transaction:
            transaction.sent_now(now)
            pending, unrouted = transaction.undelivered(), transaction.unrouted()
    _beat(config)
    messages = sum(sent for sent, _, _ in tally)
    faults = _faults(config, [error for _, _, error in tally])
    return SendReport(
        messages=messages,
        events=sum(events for _, events, _ in tally),
        failed=len(faults),
        pending=pending,
        unrouted=unrouted,
        note=_note(config, messages, faults, ", tried again next night", unrouted),
    )


def send_test(settings: Settings, deliver: Deliver = apprise_deliver) -> SendReport:
    """A test message to every address. Raises AlertConfigError."""
    config = load_config(settings)
    subject = "[PAR INDEX] Thử cảnh báo"
    text = (
        "Đây là tin thử của hệ thống cảnh báo PAR INDEX. Địa chỉ này nhận được cảnh báo.\n\n"
        "---------- English ----------\n"
        "This is a test of the PAR INDEX alerts. This address receives them.\n"
    )
    taken = [_try(config, endpoint, subject, text, None, deliver) for endpoint in config.endpoints().values()]
    faults = _faults(config, taken)
    messages = len(taken) - len(faults)
    return SendReport(messages, 0, len(faults), 0, 0, _note(config, messages, faults, "", 0))


def why_undelivered(settings: Settings, config: Config) -> list[str]:
    """One line for each address that did not take what was sent last: the routes to it, and why."""
    if not settings.alerts.exists():
        return []
    with Store.to_look_at(settings) as store, store.transaction() as transaction:
        rows = transaction.connection.execute(
            sa.select(outbox.c.endpoint, sa.func.max(outbox.c.last_error))
            .where(outbox.c.status != SENT, outbox.c.last_error.is_not(None))
            .group_by(outbox.c.endpoint)
            .order_by(outbox.c.endpoint)
        ).all()
    return [f"{_route_of(config, key)}: {why}" for key, why in rows]


def _faults(config: Config, taken: list[Exception | None]) -> list[str]:
    """Of what became of the addresses, in their order: the routes to those that failed, and why."""
    return [
        f"{_route_of(config, key)}: {_in_words(error)}"
        for key, error in zip(config.endpoints(), taken, strict=True)
        if error is not None
    ]


def _route_of(config: Config, key: str) -> str:
    return config.routes_to(key) or "an address of no route any more"


def _note(config: Config, messages: int, faults: list[str], later: str, unrouted: int) -> str:
    if not config.routes:
        return f"no route in {config.path}: nothing was sent, the alerts are kept in the table"
    parts = [f"{messages} message(s) sent"]
    if faults:
        parts.append(f"{len(faults)} address(es) did not take theirs{later} ({'; '.join(faults)})")
    if unrouted:
        parts.append(f"{unrouted} event(s) kept in the table, no route wants them")
    return "; ".join(parts)


# --- routing


def _forget_gone_addresses(transaction: Transaction, config: Config) -> None:
    """What waits for an address that was taken out of the configuration is routed anew, to what stands there
    now.
    """
    gone = (outbox.c.status != SENT) & outbox.c.endpoint.not_in(list(config.endpoints()))
    rows = transaction.connection.execute(
        sa.select(outbox.c.alert_id, outbox.c.as_of, outbox.c.kind).where(gone)
    ).all()
    for alert, as_of, kind in rows:
        transaction.connection.execute(
            sa.update(event)
            .where(event.c.alert_id == alert, event.c.as_of == as_of, event.c.kind == kind)
            .values(routing=NEW)
        )
    transaction.connection.execute(sa.delete(outbox).where(gone))


def _route(transaction: Transaction, config: Config) -> None:
    """Put events that were not routed yet into the outbox of every address that wants them."""
    newest = (
        sa.select(event.c.alert_id, sa.func.max(event.c.as_of).label("as_of"))
        .group_by(event.c.alert_id)
        .subquery()
    )
    # An event that no route wanted is looked at again only while it is the last word on an open alert: a
    # route that is added later is told what is, not all that was.
    still_said = sa.and_(
        event.c.routing == UNROUTED,
        event.c.as_of == newest.c.as_of,
        thread.c.is_open,
        thread.c.told == OPEN,
    )
    rows = transaction.connection.execute(
        sa.select(
            event.c.alert_id,
            event.c.as_of,
            event.c.kind,
            event.c.severity,
            thread.c.kind.label("problem"),
            thread.c.owner,
            thread.c.agency_code,
        )
        .join(thread, event.c.alert_id == thread.c.alert_id)
        .join(newest, event.c.alert_id == newest.c.alert_id)
        .where(sa.or_(event.c.routing == NEW, still_said))
    ).all()
    for row in rows:
        key = {"alert_id": row.alert_id, "as_of": row.as_of, "kind": row.kind}
        keys = config.endpoints_of(row.problem, row.owner, row.agency_code, row.severity)
        if keys:
            transaction.connection.execute(
                insert(outbox).on_conflict_do_nothing(),
                [{**key, "endpoint": endpoint, "status": PENDING} for endpoint in keys],
            )
        transaction.connection.execute(
            sa.update(event)
            .where(*(event.c[name] == value for name, value in key.items()))
            .values(routing=ROUTED if keys else UNROUTED)
        )


# --- sending


def _published(settings: Settings) -> Published:
    try:
        version = current(settings)
    except DamagedFile:  # which is what the night has failed of: that must be told all the same
        return Published(is_known=False)
    return Published(version.as_of if version else None)


def _send_to(
    store: Store,
    config: Config,
    endpoint: Endpoint,
    now: datetime,
    deliver: Deliver,
    published: Published,
) -> tuple[int, int, Exception | None]:
    """Messages taken, events in them, and why the address failed, where it did."""
    with store.transaction() as transaction:
        waiting = _waiting(transaction, endpoint)
    interrupted = {number: items for number, items in waiting.items() if number is not None}
    fresh = waiting.get(None, [])
    batches = [*interrupted.items(), *([(digest_id(endpoint.key, fresh), fresh)] if fresh else [])]
    messages = events = 0
    for number, items in batches:
        is_copy = number in interrupted
        subject, text = compose(items, number, is_copy, config.rules.escalate_days, published)
        _mark(store, endpoint, items, status=SENDING, digest_id=number, attempts=outbox.c.attempts + 1)
        error = _try(config, endpoint, subject, text, worst(items), deliver)
        if error is not None:
            # Another address of the same night is still tried; this one is known not to answer.
            # A digest of unknown fate keeps its number until it is taken; another joins the next night's.
            is_unknown = is_copy or isinstance(error, TookTooLong)
            back = {} if is_unknown else {"status": PENDING, "digest_id": None}
            _mark(store, endpoint, items, last_error=_in_words(error), **back)
            return messages, events, error
        _mark(store, endpoint, items, status=SENT, sent_at=now, last_error=None)
        messages, events = messages + 1, events + len(items)
    return messages, events, None


def _waiting(transaction: Transaction, endpoint: Endpoint) -> dict[str | None, list[Item]]:
    """Events for an address by the digest in which an interrupted run sent them; None for those that never
    left.
    """
    rows = transaction.connection.execute(
        sa.select(
            sa.case((outbox.c.status == SENDING, outbox.c.digest_id)).label("digest"),
            event.c.alert_id,
            event.c.as_of,
            event.c.kind,
            event.c.severity,
            event.c.message_vi,
            event.c.message_en,
            thread.c.owner,
            thread.c.target_id,
        )
        .join(event, _same(outbox, event))
        .join(thread, event.c.alert_id == thread.c.alert_id)
        .where(outbox.c.endpoint == endpoint.key, outbox.c.status != SENT)
        .order_by(event.c.as_of, event.c.alert_id, event.c.kind)
    ).all()
    found = defaultdict(list)
    for digest, *values in rows:
        found[digest].append(Item(*values))
    return found


def _same(left: sa.Table, right: sa.Table):
    return sa.and_(*(left.c[name] == right.c[name] for name in ("alert_id", "as_of", "kind")))


def _mark(store: Store, endpoint: Endpoint, items: list[Item], **values) -> None:
    with store.transaction() as transaction:
        transaction.connection.execute(
            sa.update(outbox)
            .where(
                outbox.c.endpoint == endpoint.key,
                outbox.c.alert_id == sa.bindparam("of_alert"),
                outbox.c.as_of == sa.bindparam("of_night"),
                outbox.c.kind == sa.bindparam("of_kind"),
            )
            .values(**values),
            [{"of_alert": item.alert_id, "of_night": item.as_of, "of_kind": item.kind} for item in items],
        )


def _try(
    config: Config, endpoint: Endpoint, subject: str, text: str, severity: str | None, deliver: Deliver
) -> Exception | None:
    """None when it was taken, else why not."""
    try:
        taken = deliver(endpoint.url(), subject, text, severity, config.timeout_seconds)
    except Exception as error:  # whatever a plugin throws, the other addresses still get theirs
        return error
    return None if taken else NotTaken()


class NotTaken(Exception):
    """The address refused it, or could not be reached."""


def _in_words(error: Exception) -> str:
    """Without the address and its secrets."""
    if isinstance(error, NotTaken):
        return "not taken"
    return str(error) if isinstance(error, (AlertConfigError, TookTooLong)) else type(error).__name__


def _beat(config: Config) -> None:
    """Tell the watchdog that the alerter lives. Its silence, not ours, is the alarm, so a failure here is no
    error.
    """
    if config.heartbeat is None:
        return
    try:
        address = resolve(config.heartbeat)

        def beat() -> None:
            with urllib.request.urlopen(address, timeout=config.timeout_seconds):
                pass

        within(config.timeout_seconds, beat)
    except (OSError, ValueError, http.client.HTTPException, AlertConfigError, TookTooLong):
        pass
