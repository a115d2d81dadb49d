"""Running one night in this process: the same Dagster job that the schedule runs."""

from __future__ import annotations

import errno
import logging
import logging.handlers
import os
import re
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlalchemy.exc import OperationalError

from orchestration import aside
from orchestration.aside import WorkerDied
from orchestration.instance import prepare_instance
from orchestration.plan import check_plan
from orchestration.startup import importing
from warehouse import carry, publish
from warehouse.damaged import DamagedFile, find_damage
from warehouse.ledger import Ledger
from warehouse.lock import NightRunning, night_lock
from warehouse.personal_key import check_key
from warehouse.settings import Settings, SettingsError, write_for_the_team_only


@dataclass(frozen=True)
class Outcome:
    """How a night ended. A published one with a message failed in what comes after (PostgreSQL, the page)."""

    published: bool
    message: str | None = None


log = logging.getLogger("parindex")


def log_to_file(settings: Settings) -> Path:
    """Everything goes to a rotating file; the terminal is for people."""
    write_for_the_team_only()
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
    logging.raiseExceptions = (
        False  # a full disk is told once, by the night, and not with each line of the log
    )
    return target


def run_night(
    settings: Settings, as_of: date, *, full_refresh: bool = False, whole_build: bool = False
) -> Outcome:
    """One night as of a day; a `whole_build` starts from landing alone, never from the last build.

    Raises NightRunning when another one is at work, SettingsError, AlertConfigError, DamagedFile and
    NoPlanInForce.
    """
    write_for_the_team_only()
    check_plan(as_of)
    with night_lock(settings):
        pass  # told now and plainly, instead of from inside the job
    check_key(settings, rotating=full_refresh)  # likewise
    with importing():
        from orchestration.alerting import load_config

        load_config(settings)  # likewise: not after the whole build, when its alerts are to be told
    _check_files(settings)  # likewise
    aside.building.warm_up()
    if not (full_refresh or whole_build):
        carry.copy_ahead(settings)
    prepare_instance(settings)
    with importing():
        import dagster as dg

        from orchestration.definitions import NIGHTLY, build_definitions

        job = build_definitions().resolve_job_def(NIGHTLY)

    for name in ("dagster", "dagster.builtin"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    config = {
        "as_of": as_of.isoformat(),
        "inbox": str(settings.inbox),
        "full_refresh": full_refresh,
        "whole_build": whole_build,
    }
    with dg.DagsterInstance.get() as instance:
        try:
            result = job.execute_in_process(
                run_config={
                    "resources": {"night": {"config": config}},
                    "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                },
                instance=instance,
                raise_on_error=False,
            )
        except Exception as error:  # Dagster itself, that could not write down what it did
            log.error("the night ended with %s", type(error).__name__)
            kind = type(error).__name__
            return Outcome(False, _in_words(settings, kind, str(error)) or f"{kind} (see the log)")
        finally:
            carry.forget_copy(settings)  # where the night ended before it was wanted
    if result.success:
        return Outcome(True)
    if any(_is_interruption(event) for event in result.all_events):
        raise KeyboardInterrupt
    return Outcome(_is_published(settings, result.run_id), _first_failure(settings, result))


def _check_files(settings: Settings) -> None:
    """The files that a night reads before it writes to them. Raises DamagedFile."""
    from orchestration.alerting import open_alerts

    Ledger.to_look_at(settings.ledger).close()
    open_alerts(settings)
    publish.current(settings)


def _is_interruption(event) -> bool:
    error = event.event_specific_data.error if event.is_step_failure else None
    return error is not None and error.cls_name in ("DagsterExecutionInterruptedError", "KeyboardInterrupt")


def _is_published(settings: Settings, run_id: str) -> bool:
    ledger = Ledger(settings.ledger)
    try:
        return any((n["night_id"], n["outcome"]) == (run_id, "published") for n in ledger.nights())
    except OperationalError:  # a full disk
        return False
    finally:
        ledger.close()


_LEAST_FREE = 32 << 20  # bytes; below, whatever failed to be written failed for want of room
# Our own errors, whose messages hold no value of a row.
_PLAIN = (
    WorkerDied.__name__, SettingsError.__name__, NightRunning.__name__, DamagedFile.__name__, "AlertConfigError",
)  # fmt: skip


def _disk_is_full(settings: Settings) -> bool:
    return shutil.disk_usage(settings.home).free < _LEAST_FREE


def _in_words(settings: Settings, kind: str, message: str) -> str | None:
    """What failed and what to do, where that is known; never the cells that the message of a database error can quote."""
    if _disk_is_full(settings) or os.strerror(errno.ENOSPC) in message:
        return f"the disk of {settings.home} is full: free some space, then run again"
    if kind in ("OutOfMemoryException", "MemoryError") or "Out of Memory Error" in message:
        return f"it needs more memory than PARINDEX_MEMORY_LIMIT={settings.memory_limit} allows: raise it, then run again"
    if kind == "DatabaseError" and (damaged := find_damage(settings)):
        return str(damaged)
    if kind in _PLAIN:
        return re.sub(
            r"^[\w.]+: ", "", message
        ).strip()  # without the name of the class, which Dagster puts before it
    return None


def _first_failure(settings: Settings, result) -> str:
    for event in result.all_events:
        if event.is_step_failure:
            data = event.event_specific_data
            metadata = data.user_failure_data
            if metadata is not None and metadata.description:
                told = _in_words(settings, "", metadata.description)
                return f"{event.step_key}: {told or metadata.description}"
            error = data.error
            cause = error.cause or error
            # Frames only: the message of a database error can quote the cells of a row.
            log.error("%s failed with %s\n%s", event.step_key, cause.cls_name, "".join(cause.stack))
            told = _in_words(settings, cause.cls_name, cause.message)
            return f"{event.step_key}: {told or f'{cause.cls_name} (see the log)'}"
    return "the night failed before its first step"


__all__ = ["NightRunning", "Outcome", "log_to_file", "run_night"]
