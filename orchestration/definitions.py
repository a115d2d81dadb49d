"""Everything that Dagster knows, assembled. No work is done at import but reading dbt's manifest."""

import hashlib
import json
import os

import dagster as dg

from orchestration import clock, dbt, failure
from orchestration.assets import (
    alert_asset,
    build_file,
    dbt_models,
    inbox,
    landing_asset,
    mart_keys,
    morning_page,
    postgres,
    published_asset,
    sent,
)
from orchestration.checks import gate
from orchestration.night import Night
from sources.casting import TIME_ZONE
from sources.contract import all_tables
from sources.inbox import Arrival, find_arrivals
from warehouse import publish as publishing
from warehouse.ledger import Ledger
from warehouse.settings import load_settings

NIGHTLY = "nightly"


@dg.failure_hook(name="close_the_night")
def close_the_night(context: dg.HookContext) -> None:
    """A failed step ends the night; what it was doing is kept without the values of any row."""
    settings = load_settings()
    error = context.op_exception
    interrupted = failure.is_interruption(type(error).__name__, str(error))
    if not interrupted:
        failure.write_down(context.op.name, error)
    told = f"{context.op.name}: {'interrupted' if interrupted else failure.reason(settings, error)}"
    ledger = Ledger(settings.ledger)
    own = ledger.night(context.run_id)
    # Of the first step that failed everybody knows; those that fail after it need nothing of it.
    if own.get("outcome") == "failed":
        ledger.close()
        return
    # Once published, readers have it; what failed came after (PostgreSQL, the page) and can be repeated.
    seen = publishing.current(settings)
    published = own.get("outcome") == "published" or (seen is not None and own.get("version") == seen.version)
    day = own.get("as_of") or clock.today()
    if own:
        outcome = "published" if published else "failed"
        told = f"{own['message']}; {told}" if own["message"] else told
        ledger.end_night(context.run_id, clock.now(), outcome, told, own["version"])
    else:  # of the step that opens the night
        ledger.record_failed_night(context.run_id, day, clock.now(), told)
    # Whoever interrupts a night knows that it did not end.
    failure.make_known(settings, ledger, day, None if interrupted else told, published=published)
    ledger.close()


def _run_config(as_of) -> dg.RunConfig:
    """Of a day that is the clock's."""
    return dg.RunConfig(resources={"night": Night(as_of=as_of.isoformat(), by_the_clock=True)})


def _can_be_read(arrival: Arrival) -> bool:
    return arrival.reason is None and os.access(arrival.path, os.R_OK)


def build_definitions() -> dg.Definitions:
    manifest = dbt.manifest_at_night()
    marts = mart_keys(manifest)
    job = dg.define_asset_job(
        NIGHTLY,
        selection=dg.AssetSelection.all(),
        executor_def=dg.in_process_executor,
        hooks={close_the_night},
        description="Ingest, check, transform, check, publish.",
    )

    @dg.schedule(
        job=job,
        cron_schedule="0 1 * * *",
        execution_timezone=TIME_ZONE,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    def every_night(context: dg.ScheduleEvaluationContext):
        """01:00 in the province, with the day fixed, so that a run repeated later gives the same figures."""
        day = context.scheduled_execution_time.astimezone(clock.PROVINCE_TIME).date()
        return dg.RunRequest(run_key=day.isoformat(), run_config=_run_config(day))

    @dg.sensor(job=job, minimum_interval_seconds=300, default_status=dg.DefaultSensorStatus.RUNNING)
    def new_deliveries(context: dg.SensorEvaluationContext):
        """A run as soon as the inbox holds files that were not there before and have stopped growing.

        Only of what a night would read: a dead link, a lock file of Excel or a misspelled name brings no figures, and is
        listed by the next night all the same.
        """
        arrivals = find_arrivals(load_settings().inbox)
        seen = [(arrival.place, arrival.state()) for arrival in arrivals if _can_be_read(arrival)]
        if not seen:
            return dg.SkipReason(
                f"nothing that can be read: {arrivals[0].place}" if arrivals else "the inbox is empty"
            )
        state = json.loads(context.cursor) if context.cursor else {}
        # The cursor outlives the process, and Python's own hash() of a text does not.
        fingerprint = hashlib.sha256(json.dumps(seen).encode()).hexdigest()
        still = state.get("seen") == fingerprint
        context.update_cursor(
            json.dumps({"seen": fingerprint, "run": fingerprint if still else state.get("run")})
        )
        if not still or state.get("run") == fingerprint:
            return dg.SkipReason("nothing new, or files are still being copied")
        return dg.RunRequest(run_key=fingerprint, run_config=_run_config(clock.today()))

    return dg.Definitions(
        assets=[
            inbox,
            *(landing_asset(table) for table in all_tables()),
            build_file,
            dbt_models(manifest),
            alert_asset(manifest),
            published_asset(manifest),
            sent,
            morning_page,
            postgres,
        ],
        asset_checks=[gate(marts)],
        jobs=[job],
        schedules=[every_night],
        sensors=[new_deliveries],
        resources={"night": Night()},
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    return build_definitions()
