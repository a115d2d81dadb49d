"""Do both engines say the same? The build of one day by DuckDB and by Spark, from the same landing, row by row."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import duckdb

from orchestration import dbt
from orchestration.spark.engine import build_on_spark, require
from warehouse.build import prepare_build
from warehouse.compare import Difference, opened, row_differences
from warehouse.ledger import Ledger
from warehouse.settings import Aside, Settings

_LAYERS = ("marts", "indicators", "intermediate", "seeds")


@dataclass(frozen=True)
class Checked:
    """Seconds per engine (landing prepared, dbt, and for Spark the way back), nodes of dbt by status, tables compared."""

    seconds: dict[str, float]
    nodes: dict[str, dict[str, int]]
    failed: tuple[str, ...]
    differences: tuple[Difference, ...]

    @property
    def same(self) -> bool:
        return not self.failed and bool(self.differences) and all(d.same for d in self.differences)


def check(
    settings: Settings,
    as_of: date,
    *,
    everything: bool = False,
    tell: Callable[[str], None] = lambda text: None,
) -> Checked:
    """Build a day with each engine beside the home's own warehouse and compare all tables. Raises dbt.DbtFailed.

    `everything`: on Spark also unit tests, tests of single columns and the evidence views, which no night builds.
    """
    require(settings)
    folder = settings.work / "engines"
    shutil.rmtree(folder, ignore_errors=True)
    seconds, nodes, failed = {}, {}, []
    files: dict[str, Path] = {}
    for engine in ("duckdb", "spark"):
        aside = Aside.of(replace(settings, engine=engine), folder / engine)
        aside.work.mkdir(parents=True, mode=0o750)
        ledger = Ledger(settings.ledger)
        try:
            prepare_build(aside, ledger, as_of)
        finally:
            ledger.close()
        started = time.monotonic()
        building = (
            dbt.build(aside, as_of)
            if engine == "duckdb"
            else build_on_spark(aside, as_of, selection=[] if everything else None)
        )
        counts: dict[str, int] = {}
        for node in building:
            tell(f"{engine}: {node['name']}")
            counts[node["status"]] = counts.get(node["status"], 0) + 1
            if node["status"] in ("error", "fail", "runtime error"):
                failed.append(f"{engine} {node['name']}: {node['message']}")
        seconds[engine], nodes[engine], files[engine] = time.monotonic() - started, counts, aside.building
    with opened(settings.duckdb(), **files) as connection:
        built = {engine: _tables(connection, engine) for engine in files}
        failed += [
            f"{engine}: {t} was not built"
            for engine in files
            for t in built["duckdb"]
            if t not in built[engine]
        ]
        tables = [table for table in built["duckdb"] if table in built["spark"]]
        differences = row_differences(connection, "duckdb", "spark", tables)
    found = Checked(seconds, nodes, tuple(failed), tuple(differences))
    if found.same:  # otherwise both build files are left, to look at what differs
        shutil.rmtree(folder, ignore_errors=True)
    return found


def _tables(connection: duckdb.DuckDBPyConnection, catalog: str) -> list[str]:
    """Tables that models and seeds made, marts first."""
    return [
        f"{schema}.{table}"
        for schema, table in connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = $1"
            " and list_contains($2, schema_name) order by list_position($2, schema_name), table_name",
            [catalog, list(_LAYERS)],
        ).fetchall()
    ]
