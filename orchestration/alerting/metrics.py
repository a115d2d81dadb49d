"""Prometheus metrics as a text file for the textfile collector: figures, freshness, the run, the alerts, a
heartbeat.

Called after every night, failed ones and those not begun too: a file that stops changing is itself a sign, and the shipped rules
(`prometheus_rules.yaml`) watch for it.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime, time
from pathlib import Path

import duckdb
import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from orchestration import clock
from orchestration.alerting.deliveries import freshness, quarantined
from orchestration.alerting.marts import Marts, open_marts
from orchestration.alerting.store import Store
from warehouse.damaged import DamagedFile
from warehouse.ledger import Ledger
from warehouse.settings import Settings, SettingsError

FILE_NAME = "metrics.prom"

# A mistyped column of agencies makes as many codes as there are rows; they count at the province and are findings.
_IN_CATALOGUE = "; of agencies that the catalogue has (dim_agency)"
_QUARANTINED = "Rejected rows of the deliveries that count, and all rows of those held back"


def write_metrics(
    settings: Settings, database: Path, ledger: Ledger, as_of: date, now: datetime | None = None
) -> Path:
    """Write `published/metrics.prom` in one rename. Without the database the figures are left out.

    So they are where it cannot be read (damaged, too little memory): what is known of nights and deliveries is written before
    that is raised.
    """
    registry = CollectorRegistry()
    now = now or clock.now()
    _set(registry, "metrics_written_timestamp_seconds", "When this file was written", _seconds(now))
    unread: Exception | None = None
    try:
        with open_marts(settings, database if database.exists() else None, ledger, as_of) as marts:
            _figures(registry, marts)
    except (DamagedFile, duckdb.Error) as error:
        unread = error
    with open_marts(settings, None, ledger, as_of) as marts:
        _sources(registry, marts, as_of)
    _nights(registry, ledger)
    # A file of the alerts that cannot be read keeps nobody from knowing that the night failed of it.
    with suppress(DamagedFile, SettingsError, sa.exc.DatabaseError):
        _alerts(registry, settings)
    path = settings.published / FILE_NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    write_to_textfile(str(path), registry)
    if unread is not None:
        raise unread
    return path


def _gauge(registry: CollectorRegistry, name: str, text: str, *labels: str) -> Gauge:
    return Gauge(f"parindex_{name}", text, labels, registry=registry)


def _set(registry: CollectorRegistry, name: str, text: str, value: float | None) -> None:
    """A metric without labels. One without a value is left out: 0 would be a value."""
    if value is not None:
        _gauge(registry, name, text).set(value)


def _seconds(moment: datetime | date | None) -> float | None:
    if moment is None:
        return None
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time())
    return moment.replace(tzinfo=clock.PROVINCE_TIME).timestamp()


def _figures(registry: CollectorRegistry, marts: Marts) -> None:
    value = _gauge(
        registry,
        "indicator_value",
        "Headline figure of the year so far, in the unit of its target" + _IN_CATALOGUE,
        "target_id",
        "agency_code",
        "level",
    )
    meets = _gauge(
        registry,
        "indicator_meets_target",
        "1 met, 0 missed" + _IN_CATALOGUE,
        "target_id",
        "agency_code",
        "level",
    )
    target = _gauge(registry, "indicator_target", "Value to reach", "target_id", "operator")
    if not marts.has("fct_indicator"):
        return
    day = marts.rows("select max(as_of_date) as day from night.marts.fct_indicator")[0]["day"]
    _set(registry, "as_of_timestamp_seconds", "Day of the figures", _seconds(day))
    known = "true"
    if marts.has("dim_agency"):
        known = "agency_code in (select agency_code from night.marts.dim_agency)"
    for row in marts.rows(f"""
        select target_id, agency_code, coalesce(level, '') as level, operator, value, target_value,
        meets_target from night.marts.fct_indicator where is_headline and period_kind = 'ytd' and as_of_date
        = (select max(as_of_date) from night.marts.fct_indicator) and {known} order by target_id, agency_code
    """):
        labels = (row["target_id"], row["agency_code"], row["level"])
        if row["value"] is not None:
            value.labels(*labels).set(row["value"])
        if row["meets_target"] is not None:
            meets.labels(*labels).set(row["meets_target"])
        if row["target_value"] is not None:
            target.labels(row["target_id"], row["operator"]).set(row["target_value"])


def _sources(registry: CollectorRegistry, marts: Marts, as_of: date) -> None:
    labels = ("source", "table")
    delivered = _gauge(
        registry, "source_last_delivery_timestamp_seconds", "Day of the last accepted delivery", *labels
    )
    age = _gauge(
        registry, "source_age_days", "Days from the last accepted delivery to the day of the run", *labels
    )
    limit = _gauge(registry, "source_age_limit_days", "Older than this is stale", *labels)
    stale = _gauge(registry, "source_stale", "1 when older than its limit", *labels)
    for row in freshness(marts, as_of):
        names = (row["source"], row["table_name"])
        limit.labels(*names).set(row["limit_days"])
        stale.labels(*names).set(row["is_stale"])
        if row["age_days"] is not None:
            age.labels(*names).set(row["age_days"])
        if row["last_on"] is not None:
            delivered.labels(*names).set(_seconds(row["last_on"]))
    rejected = _gauge(registry, "quarantined_rows", _QUARANTINED, *labels)
    share = _gauge(registry, "rejected_share_percent", "Rejected share of the last delivery", *labels)
    held = _gauge(registry, "deliveries_not_accepted", "Deliveries held back or refused", *labels)
    for row in quarantined(marts):
        names = (row["source"], row["table_name"])
        rejected.labels(*names).set(row["rows_quarantined"])
        held.labels(*names).set(row["not_accepted"])
        if row["last_share"] is not None:
            share.labels(*names).set(row["last_share"])


def _nights(registry: CollectorRegistry, ledger: Ledger) -> None:
    ended = [night for night in ledger.nights(limit=1000) if night["outcome"] != "running"]
    if not ended:
        return
    last, length = ended[0], None
    if last["ended_at"] is not None:  # a killed night has no end
        length = (last["ended_at"] - last["started_at"]).total_seconds()
    # One that was killed after it had published has no end: its start is the last that is known of it.
    published = next((n["ended_at"] or n["started_at"] for n in ended if n["outcome"] == "published"), None)
    for name, text, value in (
        ("success", "1 when the last night that ended was published", last["outcome"] == "published"),
        (
            "complete",
            "1 when it was, and all that follows publishing was done",
            last["outcome"] == "published" and last["message"] is None,
        ),
        ("start_timestamp_seconds", "Start of the last night that ended", _seconds(last["started_at"])),
        ("end_timestamp_seconds", "End of the last night that ended", _seconds(last["ended_at"])),
        ("duration_seconds", "Length of the last night that ended", length),
        ("published_timestamp_seconds", "End of the last published night", _seconds(published)),
    ):
        _set(registry, f"night_last_{name}", text, value)


def _alerts(registry: CollectorRegistry, settings: Settings) -> None:
    alerts = _gauge(registry, "alerts_open", "Alerts that are not over", "kind", "severity", "status")
    with Store(settings) as store, store.transaction() as transaction:
        for kind, severity, status, count in transaction.open_counts():
            alerts.labels(kind, severity, status).set(count)
        undelivered, unrouted = transaction.undelivered(), transaction.unrouted()
        heartbeat = transaction.heartbeat()
    for name, text, value in (
        ("alerts_undelivered", "Deliveries that wait for another try", undelivered),
        ("alerts_unrouted", "Events that no route wanted", unrouted),
        (
            "alerter_last_evaluation_timestamp_seconds",
            "When the alerter last judged a night",
            _seconds(heartbeat["evaluated_at"]),
        ),
        (
            "alerter_last_send_timestamp_seconds",
            "When the alerter last went through its outbox",
            _seconds(heartbeat["sent_at"]),
        ),
    ):
        _set(registry, name, text, value)
