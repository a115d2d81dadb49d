"""What Dagster kept of the last night of a home: seconds of its steps and of dbt's models."""

from __future__ import annotations

import os
from pathlib import Path

DBT = "dbt"  # the step that builds all models


def _last_run(home: Path):
    import dagster as dg

    os.environ["DAGSTER_HOME"] = str(home / "dagster")
    instance = dg.DagsterInstance.get()
    (run,) = instance.get_runs(limit=1)
    return instance, run.run_id


def steps_seconds(home: Path) -> dict[str, float]:
    """Seconds of each step that came to its end."""
    instance, run_id = _last_run(home)
    with instance:
        stats = instance.get_run_step_stats(run_id)
    return {step.step_key: step.end_time - step.start_time for step in stats if step.end_time}


def models_seconds(home: Path) -> dict[str, float]:
    """Seconds of each model and seed of dbt, by its name."""
    import dagster as dg

    instance, run_id = _last_run(home)
    with instance:
        events = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    made = [entry.dagster_event.step_materialization_data.materialization for entry in events]
    return {
        one.asset_key.path[-1]: one.metadata["seconds"].value for one in made if "seconds" in one.metadata
    }
