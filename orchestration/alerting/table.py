"""Alerts as an Arrow table: the rows of the mart `fct_alert`, with its column types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from orchestration.alerting.model import Alert

if TYPE_CHECKING:
    import pyarrow as pa


def schema() -> pa.Schema:
    import pyarrow as pa

    text, moment, figure = pa.string(), pa.timestamp("us"), pa.float64()
    return pa.schema(
        [
            pa.field("alert_id", text, nullable=False),
            pa.field("kind", text, nullable=False),
            pa.field("target_id", text),
            pa.field("agency_code", text),
            pa.field("source", text),
            pa.field("severity", text, nullable=False),
            pa.field("status", text, nullable=False),
            pa.field("opened_at", moment, nullable=False),
            pa.field("last_seen_at", moment, nullable=False),
            pa.field("resolved_at", moment),
            pa.field("value", figure),
            pa.field("threshold", figure),
            pa.field("message", text, nullable=False),
            pa.field("message_en", text, nullable=False),
            pa.field("owner", text, nullable=False),
        ]
    )


def to_arrow(alerts: Sequence[Alert]) -> pa.Table:
    """One row per alert; no alerts make an empty table with the same columns."""
    import pyarrow as pa

    return pa.Table.from_pylist([asdict(alert) for alert in alerts], schema=schema())
