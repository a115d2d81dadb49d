"""Alerts as an Arrow table: the rows of the mart `fct_alert`, with its column types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from orchestration.alerting.model import Alert
from sources.text import sql_string

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


def schema() -> pa.Schema:
    import pyarrow as pa

    text, moment, figure, day = pa.string(), pa.timestamp("us"), pa.float64(), pa.date32()
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
            pa.field("muted_until", day),
        ]
    )


def to_arrow(alerts: Sequence[Alert]) -> pa.Table:
    """One row per alert; no alerts make an empty table with the same columns."""
    import pyarrow as pa

    return pa.Table.from_pylist([asdict(alert) for alert in alerts], schema=schema())


TABLE_TEXT = "Cảnh báo | Alerts: one problem, one row, for as long as it lives and after. Grain: alert_id."
COLUMN_TEXTS = {
    "alert_id": "Mã cảnh báo | The same for the same problem on every night.",
    "kind": "Loại | What kind of problem it is, e.g. target_missed, stale_source.",
    "target_id": "Mã chỉ tiêu | Target of the plan concerned; null where none is.",
    "agency_code": "Mã đơn vị liên quan; mã của tỉnh (Vĩnh Phúc: H62) = toàn tỉnh | Agency concerned; the province’s own code (Vĩnh Phúc: H62) = the province; null where none is.",
    "source": "Nguồn | Source table concerned; null where none is.",
    "severity": "Mức độ | Severity, raised by one step when the problem stays or gets worse.",
    "status": "Trạng thái | open; open and silent: muted (until a day), frozen (this night could not judge it: no or stale"
    " data, or other months than it is held against), covered (a wider alert stands for it); resolved.",
    "opened_at": "Mở lúc | When the problem was first told.",
    "last_seen_at": "Thấy lần cuối | The last night on which it was there.",
    "resolved_at": "Kết thúc lúc | When it was over; null while it is not.",
    "value": "Giá trị | The figure that gave rise to it.",
    "threshold": "Ngưỡng | What the figure is measured against.",
    "message": "Nội dung | What is wrong, in Vietnamese.",
    "message_en": "Nội dung (tiếng Anh) | What is wrong, in English.",
    "owner": "Phụ trách | Who answers for it by the plan.",
    "muted_until": "Tạm tắt đến hết ngày | The last day on which it is silent, where somebody asked for that; null where nobody did.",
}


# Of Arrow and of SQL: the same types under two names.
SQL_TYPES = {"string": "string", "double": "double", "timestamp[us]": "timestamp", "date32[day]": "date"}


def write_alerts(connection: duckdb.DuckDBPyConnection, alerts: Sequence[Alert]) -> None:
    """The mart `fct_alert` of a build file, with its constraints and comments; an earlier one is replaced."""
    columns = ", ".join(
        f"{field.name} {SQL_TYPES[str(field.type)]}{'' if field.nullable else ' not null'}"
        for field in schema()
    )
    connection.execute(f"create or replace table marts.fct_alert ({columns})")
    connection.register("_alerts", to_arrow(alerts))
    connection.execute("insert into marts.fct_alert by name from _alerts order by alert_id")
    connection.unregister("_alerts")
    connection.execute(f"comment on table marts.fct_alert is {sql_string(TABLE_TEXT)}")
    for column, text in COLUMN_TEXTS.items():
        connection.execute(f"comment on column marts.fct_alert.{column} is {sql_string(text)}")
