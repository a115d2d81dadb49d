"""Dagster's own storage under the home: runs and events of past nights, shown by `parindex serve`."""

from __future__ import annotations

import os
from pathlib import Path

from warehouse.settings import Settings

_CONFIG = """\
# Written by parindex. Nothing is sent to anybody.
telemetry:
  enabled: false
nux:
  enabled: false
retention:
  schedule: {purge_after_days: 90}
  sensor: {purge_after_days: {skipped: 7, failure: 30, success: -1}}
"""


def prepare_instance(settings: Settings) -> Path:
    """Write dagster.yaml where there is none and point this process at it."""
    config = settings.dagster / "dagster.yaml"
    if not config.exists():
        config.write_text(_CONFIG, encoding="utf-8")
    os.environ["DAGSTER_HOME"] = str(settings.dagster)
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"
    return settings.dagster
