"""Running one night in this process: the same Dagster job that the schedule runs."""

from __future__ import annotations

import logging
import logging.handlers
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from orchestration import aside
from orchestration.instance import prepare_instance
from orchestration.night import NightRunning, night_lock
from warehouse.settings import Settings


@dataclass(frozen=True)
class Outcome:
    published: bool
    message: str | None = None


log = logging.getLogger("parindex")


def log_to_file(settings: Settings) -> Path:
    """Everything goes to a rotating file; the terminal is for people."""
    folder = settings.home / "logs"
    folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    target = folder / "night.log"
    handler = logging.handlers.RotatingFileHandler(
        target, maxBytes=5_000_000, backupCount=10, encoding="utf-8"
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    root.addHandler(handler)
    return target


def run_night(settings: Settings, as_of: date, *, full_refresh: bool = False) -> Outcome:
    """One night as of a day. Raises NightRunning when another one is at work."""
    with night_lock(settings):
        pass  # told now and plainly, instead of from inside the job
    aside.building.warm_up()
    prepare_instance(settings)
    import dagster as dg

    from orchestration.definitions import NIGHTLY, build_definitions

    aside.checking.warm_up()  # now, because three that import at once on two cores hold each other up

    for name in ("dagster", "dagster.builtin"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    job = build_definitions().resolve_job_def(NIGHTLY)
    config = {"as_of": as_of.isoformat(), "inbox": str(settings.inbox), "full_refresh": full_refresh}
    with dg.DagsterInstance.get() as instance:
        result = job.execute_in_process(
            run_config={
                "resources": {"night": {"config": config}},
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            },
            instance=instance,
            raise_on_error=False,
        )
    if result.success:
        return Outcome(True)
    return Outcome(False, _first_failure(result))


def _first_failure(result) -> str:
    for event in result.all_events:
        if event.is_step_failure:
            data = event.event_specific_data
            metadata = data.user_failure_data
            if metadata is not None and metadata.description:
                return f"{event.step_key}: {metadata.description}"
            error = data.error
            cause = error.cause or error
            # Frames only: the message of a database error can quote the cells of a row.
            log.error("%s failed with %s\n%s", event.step_key, cause.cls_name, "".join(cause.stack))
            return f"{event.step_key}: {cause.cls_name} (see the log)"
    return "the night failed before its first step"


__all__ = ["NightRunning", "Outcome", "log_to_file", "run_night"]
