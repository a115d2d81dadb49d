"""Alerts: problems with a life, told once, told again when they change, and told when they are over.

A night calls `evaluate` (or `failed_night`), then, once published, `send_pending` and `write_metrics`, and at its
end `finished_night` (or `unfinished_night`). The rest is for the operator.
"""

from orchestration.alerting.config import AlertConfigError, load_config
from orchestration.alerting.doubts import doubts
from orchestration.alerting.metrics import write_metrics
from orchestration.alerting.model import Alert, AlertError
from orchestration.alerting.night import (
    evaluate,
    failed_night,
    finished_night,
    mute,
    open_alerts,
    open_alerts_and_why_muted,
    unfinished_night,
    unmute,
)
from orchestration.alerting.send import SendReport, send_pending, send_test, why_undelivered
from orchestration.alerting.table import to_arrow, write_alerts

__all__ = [
    "Alert",
    "AlertConfigError",
    "AlertError",
    "SendReport",
    "doubts",
    "evaluate",
    "failed_night",
    "finished_night",
    "load_config",
    "mute",
    "open_alerts",
    "open_alerts_and_why_muted",
    "send_pending",
    "send_test",
    "to_arrow",
    "unfinished_night",
    "unmute",
    "why_undelivered",
    "write_alerts",
    "write_metrics",
]
