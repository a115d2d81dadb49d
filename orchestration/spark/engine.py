"""A night's build on Spark: landing read in place, dbt in the Spark environment, the tables taken into the build file."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from orchestration import aside, dbt
from warehouse.build import open_build_file
from warehouse.ledger import Ledger
from warehouse.settings import PROJECT, Settings
from warehouse.spark_landing import landing_statements
from warehouse.spark_tables import OutOfReach, SparkTable, local_folder, take_over

CONF_DIR = Path(__file__).parent  # holds spark-defaults.conf, for those who have none
_JAVA = 17  # Spark 4 needs it or a later one


class SparkFailed(dbt.DbtFailed):
    """Spark could not be started or reached, or did not do its job; the message says what to do."""


def require(settings: Settings) -> None:
    """Raises SparkFailed when the Spark environment or Java is missing."""
    if not settings.spark_python.exists():
        raise SparkFailed(
            f"the Spark environment is missing ({settings.spark_python}): run `make setup-spark`,"
            " or name its interpreter in PARINDEX_SPARK_PYTHON"
        )
    home = os.environ.get("JAVA_HOME", "").strip()
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    version = None
    if java and Path(java).exists():
        told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
        found = re.search(r'version "(?:1\.)?(\d+)', told)
        version = int(found.group(1)) if found else None
    if version is None or version < _JAVA:
        raise SparkFailed(
            f"Spark needs Java {_JAVA} or later and found {f'version {version}' if version else 'none'}:"
            f" install it (Debian: apt-get install openjdk-{_JAVA}-jre-headless) or point JAVA_HOME at it"
        )


def tables_of(manifest: dict[str, Any]) -> dict[str, SparkTable]:
    """unique_id -> table, for seeds and models that are tables."""
    found = {}
    for unique_id, node in manifest["nodes"].items():
        if node["resource_type"] not in ("seed", "model") or node["config"]["materialized"] not in (
            "seed",
            "table",
            "incremental",
        ):
            continue
        told = node["config"].get("persist_docs") or {}
        promised = (node["config"].get("contract") or {}).get("enforced")
        found[unique_id] = SparkTable(
            node["schema"],
            node["alias"],
            node["description"] if told.get("relation") else "",
            {c["name"]: c["description"] for c in node["columns"].values()} if told.get("columns") else {},
            frozenset(
                column["name"]
                for column in node["columns"].values()
                if promised and any(c["type"] == "not_null" for c in column["constraints"])
            ),
        )
    return found


def build_on_spark(
    settings: Settings, as_of: date, *, data_tests: bool = True, selection: Sequence[str] | None = None
) -> Iterator[dict[str, Any]]:
    """What `dbt.build` does, on Spark: the prepared build file ends with the same schemas and rows in it.

    Yields one dict per node. `selection` are dbt's own arguments instead of those of a night. Raises SparkFailed.
    """
    require(settings)
    work = settings.work / "spark"
    work.mkdir(parents=True, exist_ok=True, mode=0o750)
    ledger = Ledger(settings.ledger)
    try:
        with open_build_file(settings, settings.building) as connection:
            statements = landing_statements(settings, ledger, as_of, connection, work / "landing")
    finally:
        ledger.close()
    chosen = dbt.of_a_night(data_tests) if selection is None else list(selection)
    job = {
        "url": settings.spark_url,
        "warehouse": str(work / "warehouse"),
        "statements": statements,
        "arguments": ["build", *dbt.options(work / "dbt", as_of, "spark"), *chosen],
    }
    file = work / "job.json"
    file.write_text(json.dumps(job, ensure_ascii=False, indent=1), encoding="utf-8")
    known = tables_of(dbt.manifest())
    built = []
    warehouse = ""
    for answer in _answers(settings, file):
        if node := answer.get("node"):
            if node["status"] == "success" and node["unique_id"] in known:
                built.append(known[node["unique_id"]])
            yield node
        elif "failed" in answer:
            raise SparkFailed(
                f"Spark ({settings.spark_url}): {answer['failed']}; details: {work / 'spark.log'}"
            )
        else:
            warehouse = answer["done"]
    if not warehouse:
        raise SparkFailed(
            f"the Spark process ended in the middle of its work, most likely for want of memory: {work / 'spark.log'}"
        )
    with open_build_file(settings, settings.building) as connection:
        try:
            take_over(connection, local_folder(warehouse), built)
        except OutOfReach as error:
            raise SparkFailed(str(error)) from error
        except duckdb.ConstraintException as error:
            raise SparkFailed(f"a table from Spark breaks its contract: {error}") from error
    # Views cannot be carried over; they are made again over the same tables.
    aside.building.run(
        dbt.run_models,
        settings,
        as_of,
        [f"path:models/{layer},config.materialized:view" for layer in ("staging", "intermediate")],
    )


def _answers(settings: Settings, job: Path) -> Iterator[dict[str, Any]]:
    """Start the worker and read its lines as they come; it ends with us."""
    environment = {
        "SPARK_CONF_DIR": str(CONF_DIR),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "DO_NOT_TRACK": "1",
        **os.environ,
        "PYSPARK_PYTHON": str(settings.spark_python),
    }
    environment.pop("SPARK_HOME", None)  # another Spark than the environment's
    with (job.parent / "spark.log").open("wb") as log:
        process = subprocess.Popen(
            [str(settings.spark_python), "-m", "orchestration.spark.worker", str(job)],
            stdin=subprocess.PIPE,  # closed with us, which ends it
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=PROJECT,
            env=environment,
            text=True,
            encoding="utf-8",
        )
        try:
            for line in process.stdout:
                yield json.loads(line)
        finally:
            process.kill()
            process.wait()
