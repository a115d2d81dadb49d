"""Running one night in this process: the same Dagster job that the schedule runs."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date

from sqlalchemy.exc import OperationalError

from orchestration import aside, failure
from orchestration.instance import prepare_instance
from orchestration.night_log import log_to_file
from orchestration.plan import check_plan
from orchestration.startup import importing
from warehouse import carry
from warehouse.ledger import Ledger
from warehouse.lock import NightRunning, night_lock, patient_lock
from warehouse.settings import Settings, write_for_the_team_only


@dataclass(frozen=True)
class Outcome:
    """How a night ended. A published one with a message failed in what comes after (PostgreSQL, the page)."""

    published: bool
    message: str | None = None


log = logging.getLogger("parindex")


def run_night(
    settings: Settings,
    as_of: date,
    *,
    full_refresh: bool = False,
    whole_build: bool = False,
    by_the_clock: bool = False,
    unattended: bool = False,
) -> Outcome:
    """One night as of a day; a `whole_build` starts from landing alone, never from the last build.

    `by_the_clock`: nobody said which day is meant. `unattended`: nobody watches, so it waits for a backup to end, and what
    keeps it from beginning is known and told like a night that failed.
    Raises NightRunning when another one is at work, SettingsError, AlertConfigError, DamagedFile and
    NoPlanInForce: told now and plainly, instead of from inside the job.
    """
    write_for_the_team_only()
    with ExitStack() as night:
        with _told(settings, as_of) if unattended else nullcontext():
            check_plan(as_of)
            # From here on, and not only within the job: the copy of the last build is made before that.
            try:
                night.enter_context(
                    patient_lock(settings) if unattended else night_lock(settings, night=True)
                )
            except NightRunning as busy:
                log.warning("not run: %s", busy)
                raise
            with importing():
                from orchestration.beginning import check_beginning, check_clock
            if by_the_clock:
                check_clock(settings)
            check_beginning(settings, as_of, rotating=full_refresh)
        night.callback(carry.forget_copy, settings)  # where the night ends before it was wanted
        return _run_it(settings, as_of, full_refresh, whole_build)


@contextmanager
def _told(settings: Settings, day: date) -> Iterator[None]:
    """What keeps a night from beginning is known and told; but for another night, which does the work."""
    try:
        yield
    except Exception as error:
        if not (isinstance(error, NightRunning) and error.by_a_night):
            failure.not_begun(settings, str(uuid.uuid4()), day, error)
        raise


def _run_it(settings: Settings, as_of: date, full_refresh: bool, whole_build: bool) -> Outcome:
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
            return Outcome(False, failure.reason(settings, error))
    if result.success:
        return Outcome(True)
    if any(_is_interruption(event) for event in result.all_events):
        raise KeyboardInterrupt
    own = _own_night(settings, result.run_id)
    if own.get("outcome") == "published":
        return Outcome(True, own["message"])  # of all that failed after it
    told = _first_failure(settings, result) or own.get("message")
    return Outcome(False, told or "the night failed before its first step (see the log)")


def _is_interruption(event) -> bool:
    error = event.event_specific_data.error if event.is_step_failure else None
    causes = [one for one in (error, error and error.cause) if one is not None]
    return any(failure.is_interruption(one.cls_name, one.message) for one in causes)


def _own_night(settings: Settings, run_id: str) -> dict:
    """What the ledger says of this run; nothing where it could not be written."""
    ledger = Ledger(settings.ledger)
    try:
        return ledger.night(run_id)
    except OperationalError:  # a full disk
        return {}
    finally:
        ledger.close()


def _first_failure(settings: Settings, result) -> str | None:
    """Of the step that failed first: others, that need nothing of it, may have failed after it."""
    for event in result.all_events:
        if event.is_step_failure:
            data = event.event_specific_data
            metadata, error = data.user_failure_data, data.error
            if metadata is not None and metadata.description:
                return f"{event.step_key}: {failure.in_words(settings, 'Failure', metadata.description)}"
            cause = error.cause or error
            # Dagster puts the name of the class before the message.
            message = re.sub(r"^[\w.]+: ", "", cause.message).strip()
            return f"{event.step_key}: {failure.in_words(settings, cause.cls_name, message)}"
    return None


__all__ = ["NightRunning", "Outcome", "log_to_file", "run_night"]
