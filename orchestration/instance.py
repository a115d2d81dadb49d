"""Dagster's own storage under the home: runs and events of past nights, shown by `parindex serve`."""

from __future__ import annotations

import os
from pathlib import Path

from warehouse.settings import Settings

_MARK = "# Written by parindex"
_CONFIG = f"""\
{_MARK}: delete this line to keep your own changes. Nothing is sent to anybody.
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  runs: {{max_concurrent_runs: 1}}
retention:
  schedule: {{purge_after_days: 90}}
  sensor: {{purge_after_days: {{skipped: 7, failure: 30, success: -1}}}}
# Without copies of what steps print: two processes for each step, which outlive a kill. The night has its own log.
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
event_log_storage:
  module: orchestration.event_storage
  class: KeptEventLogStorage
"""


def prepare_instance(settings: Settings) -> Path:
    """Write dagster.yaml, unless somebody has made it theirs, and point this process at it."""
    config = settings.dagster / "dagster.yaml"
    if not config.exists() or _is_outdated(config.read_text(encoding="utf-8")):
        config.write_text(_CONFIG, encoding="utf-8")
    os.environ["DAGSTER_HOME"] = str(settings.dagster)
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"
    return settings.dagster


def _is_outdated(text: str) -> bool:
    return text.startswith(_MARK) and text != _CONFIG
