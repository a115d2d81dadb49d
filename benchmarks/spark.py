"""The models on a Spark cluster of one and of two workers, and on DuckDB, over the same landing.

    python -m benchmarks.spark --dossiers 1000000 --workers 1 2

A worker has one core. Everything runs on this machine, so that two workers on two cores share memory and disk: what is
measured is how the work divides, not what a network costs. Prints one line per engine: seconds until the last node of
dbt, and those of the nodes that read the dossiers one by one. `--dossiers 400` gives the fixed cost.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from orchestration import clock, dbt
from orchestration.spark.engine import build_on_spark
from orchestration.spark.loopback import loopback_cluster
from warehouse.build import prepare_build
from warehouse.landing import land_inbox
from warehouse.ledger import Ledger
from warehouse.settings import Aside, Settings

AS_OF = date(2024, 11, 30)
# What a build does once per dossier or landed version; all else is small tables.
PER_DOSSIER = ("fct_dossier", "int_dossier_versions", "int_dossiers_received_monthly", "int_signal_dossier")


@dataclass(frozen=True)
class Built:
    seconds: float
    nodes: dict[str, float]

    @property
    def per_dossier(self) -> float:
        return sum(self.nodes[name] for name in PER_DOSSIER)


def landed(folder: Path, dossiers: int) -> Settings:
    """A home in which a sample has landed; made once per folder."""
    from sources.sample import write_sample

    settings = Settings(
        home=folder / f"home{dossiers}", inbox=folder / f"inbox{dossiers}", engine="spark"
    ).create()
    if not settings.ledger.exists():
        write_sample(settings.inbox, dossiers=dossiers, as_of=AS_OF)
        ledger = Ledger(settings.ledger)
        land_inbox(settings, ledger, clock.now)
        ledger.close()
    return settings


def build(settings: Settings) -> Built:
    aside = Aside.of(settings, settings.work / "benchmark")
    shutil.rmtree(aside.aside, ignore_errors=True)
    aside.work.mkdir(parents=True)
    ledger = Ledger(settings.ledger)
    prepare_build(aside, ledger, AS_OF)
    ledger.close()
    started = last = time.monotonic()
    nodes = {}
    building = (
        build_on_spark(aside, AS_OF, data_tests=False)
        if settings.engine == "spark"
        else dbt.build(aside, AS_OF, data_tests=False)
    )
    for node in building:
        if node["status"] not in ("success", "no-op"):
            raise SystemExit(f"{node['name']}: {node['message']}")
        nodes[node["name"]] = node["seconds"]
        last = time.monotonic()
    return Built(last - started, nodes)


def show(name: str, built: Built) -> None:
    print(f"{name:<20}{built.seconds:>12.1f}{built.per_dossier:>16.1f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dossiers", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--memory", default="2g", help="of a worker and its executor")
    parser.add_argument("--folder", type=Path, help="kept and used again; default: a temporary one")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="parindex-spark-") as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        home = landed(folder, arguments.dossiers)
        print(
            f"{arguments.dossiers:,} dossiers, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; seconds"
        )
        print(f"{'':<20}{'all nodes':>12}{'dossier nodes':>16}")
        show("DuckDB", build(replace(home, engine="duckdb")))
        for workers in arguments.workers:
            with loopback_cluster(
                home, folder / f"cluster{workers}", workers=workers, memory=arguments.memory
            ) as url:
                show(
                    f"Spark, {workers} worker{'s' if workers > 1 else ''}",
                    build(replace(home, spark_url=url)),
                )


if __name__ == "__main__":
    main()
