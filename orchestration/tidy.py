"""Housekeeping after a night: what is old enough, and that nothing published needs any more, is removed."""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from orchestration import clock
from warehouse import publish, retention
from warehouse.ledger import Ledger
from warehouse.settings import Settings

log = logging.getLogger(__name__)
_AT_ONCE = 20  # runs removed by one night: the first night after an upgrade may meet hundreds


@dataclass(frozen=True)
class Tidied:
    versions: int
    runs: int
    files: int
    size: int  # bytes of the files of replaced deliveries

    @property
    def text(self) -> str:
        return (
            f"{self.versions} versions, {self.runs} runs of Dagster, {self.files} files of replaced deliveries"
            f" ({self.size / 1e6:,.1f} MB)"
        )


def tidy(
    settings: Settings,
    ledger: Ledger,
    instance: dg.DagsterInstance,
    now: datetime,
    *,
    at_most: int | None = _AT_ONCE,
    only_tell: bool = False,
) -> Tidied:
    """Remove what PARINDEX_KEEP_VERSIONS and PARINDEX_KEEP_DAYS do not keep; or only tell."""
    runs = _old_runs(instance, now - timedelta(days=settings.keep_days), at_most)
    files = retention.replaced_files(settings, ledger, now)
    if only_tell:
        size = sum(path.stat().st_size for path in files)
        return Tidied(len(publish.prune(settings, only_tell=True)), len(runs), len(files), size)
    for run_id in runs:
        instance.delete_run(run_id)
        for path in _traces(settings, run_id):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    removed = retention.remove(files)
    return Tidied(len(publish.prune(settings)), len(runs), removed.files, removed.size)


def _old_runs(instance: dg.DagsterInstance, before: datetime, at_most: int | None) -> list[str]:
    # Dagster compares the numbers as they are with its own times, which are UTC.
    in_utc = before.replace(tzinfo=clock.PROVINCE_TIME).astimezone(UTC)
    # Whatever their status: one that "runs" after so many days was killed.
    records = instance.get_run_records(dg.RunsFilter(created_before=in_utc), limit=at_most, ascending=True)
    return [record.dagster_run.run_id for record in records]


def _traces(settings: Settings, run_id: str) -> list[Path]:
    """What Dagster leaves of a run that it has deleted: its emptied event file, and what it printed."""
    events = settings.dagster / "history" / "runs"
    return [
        *events.glob(f"{run_id}.db*"),
        *(path for path in [settings.dagster / "storage" / run_id] if path.exists()),
    ]


def after_the_night(settings: Settings, ledger: Ledger, instance: dg.DagsterInstance) -> str:
    """As the last thing of a night, which it must not spoil: what goes wrong is logged."""
    try:
        return tidy(settings, ledger, instance, clock.now()).text
    except Exception:
        log.exception("housekeeping failed; the night is not touched by it")
        return "failed, see the log"
