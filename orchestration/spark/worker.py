"""dbt on Spark, in the Spark environment: makes the landing schema, runs dbt, tells its parent node by node.

    python -m orchestration.spark.worker JOB.json

The job: `url` (a Spark master, or thrift://user@host:port), `warehouse` (folder of the session's tables), `statements`
(Spark SQL that makes the schema landing) and `arguments` of dbt. Answers are lines of JSON on standard output: `node`
once per finished node, last `done` with the address of the warehouse, or `failed` with what went wrong.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

Execute = Callable[[str], list]

# Without it Spark gives times the zone of the session; ours are the wall clock of the province.
NO_ZONE = ("spark.sql.timestampType", "TIMESTAMP_NTZ")


class Failed(Exception):
    """What a person has to know to go on."""


def _session(url: str, warehouse: str) -> Execute:
    from pyspark.sql import SparkSession

    # The tables are scratch: a session forgets its catalogue, and what it left behind would be in the way.
    shutil.rmtree(warehouse, ignore_errors=True)
    session = (
        SparkSession.builder.appName("parindex")
        .master(url)
        .config(*NO_ZONE)
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.warehouse.dir", warehouse)
        .getOrCreate()
    )
    return lambda statement: session.sql(statement).collect()


def _thrift(url: str) -> Execute:
    from pyhive import hive

    parts = urlsplit(url)
    connection = hive.connect(host=parts.hostname, port=parts.port or 10000, username=parts.username)

    def execute(statement: str) -> list:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    return execute


def _setting(execute: Execute, name: str) -> str:
    return execute(f"set {name}")[0][1]


def _for_dbt(url: str) -> dict[str, str]:
    """The part of dbt_project/profiles.yml that depends on where Spark is."""
    if not url.startswith("thrift://"):
        return {"PARINDEX_SPARK_METHOD": "session"}
    parts = urlsplit(url)
    return {
        "PARINDEX_SPARK_METHOD": "thrift",
        "PARINDEX_SPARK_HOST": parts.hostname or "127.0.0.1",
        "PARINDEX_SPARK_PORT": str(parts.port or 10000),
        "PARINDEX_SPARK_USER": parts.username or "parindex",
    }


def work(job: dict[str, Any], tell: Callable[[dict], None]) -> str:
    """Do a job; returns the address of the warehouse. Raises Failed and whatever Spark raises."""
    url = job["url"]
    execute = _thrift(url) if url.startswith("thrift://") else _session(url, job["warehouse"])
    if _setting(execute, NO_ZONE[0]) != NO_ZONE[1]:
        raise Failed(f"the server at {url} must be started with --conf {'='.join(NO_ZONE)}")
    for statement in job["statements"]:
        execute(statement)
    os.environ.update(_for_dbt(url))
    _dbt(job["arguments"], tell)
    return _setting(execute, "spark.sql.warehouse.dir")


def _dbt(arguments: list[str], tell: Callable[[dict], None]) -> None:
    from dbt.cli.main import dbtRunner

    finished = set()

    def listen(event) -> None:
        if event.info.name == "NodeFinished":
            node, result = event.data.node_info, event.data.run_result
            finished.add(node.unique_id)
            tell(
                {
                    "node": {
                        "unique_id": node.unique_id,
                        "resource_type": node.resource_type,
                        "name": node.node_name,
                        "status": result.status,
                        "seconds": result.execution_time,
                        "message": result.message or None,
                        "failures": result.num_failures,
                    }
                }
            )

    result = dbtRunner(callbacks=[listen]).invoke(arguments)
    if result.exception is not None:
        raise Failed(str(result.exception))
    for left in result.result.results:
        if left.node.unique_id not in finished:
            tell(
                {
                    "node": {
                        "unique_id": left.node.unique_id,
                        "resource_type": str(left.node.resource_type),
                        "name": left.node.name,
                        "status": str(left.status),
                        "seconds": left.execution_time,
                        "message": left.message,
                        "failures": left.failures,
                    }
                }
            )


def _end_with_parent() -> None:
    """Our input ends when the night does, however it ends; Spark's own process ends with us."""
    while os.read(0, 4096):  # unbuffered: a lock held by this thread would be in the way of a clean end
        pass
    os._exit(1)


def main(job_file: str) -> int:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints must not get between the answers

    def tell(what: dict) -> None:
        print(json.dumps(what, ensure_ascii=False), file=answers, flush=True)

    try:
        tell({"done": work(json.loads(Path(job_file).read_text(encoding="utf-8")), tell)})
    except Exception as error:
        # Spark's first line says it; the rest is its plan.
        tell({"failed": f"{type(error).__name__}: {error}".strip().splitlines()[0][:1000]})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
