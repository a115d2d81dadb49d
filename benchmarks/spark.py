"""The models on a Spark cluster of one and of two workers, and on DuckDB, over the same landing.

    python -m benchmarks.spark --dossiers 1000000 --workers 1 2

A worker has one core. Everything runs on this machine, so that two workers on two cores share memory and disk: what is
measured is how the work divides, not what a network costs; and the driver, which plans and talks to dbt, needs a core of
its own. Prints one line per engine: seconds until the last node of dbt, those of the nodes that read the dossiers one by one,
and what Spark itself tells of each worker: seconds of CPU that its tasks took. `--dossiers 400` gives the fixed cost.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from orchestration import clock, engines
from orchestration.spark.engine import CONF_DIR
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
    for node in engines.build(aside, AS_OF, data_tests=False):
        if node["status"] not in ("success", "no-op"):
            raise SystemExit(f"{node['name']}: {node['message']}")
        nodes[node["name"]] = node["seconds"]
        last = time.monotonic()
    return Built(last - started, nodes)


def show(name: str, built: Built, cpu: list[float] | None = None) -> None:
    shares = " + ".join(f"{seconds:.1f}" for seconds in cpu or [])
    print(f"{name:<20}{built.seconds:>12.1f}{built.per_dossier:>16.1f}   {shares}", flush=True)


def follow(folder: Path) -> Path:
    """Have Spark write down its tasks; returns the folder of these records."""
    events = folder / "events"
    events.mkdir(parents=True)
    conf = folder / "conf"
    conf.mkdir()
    usual = (CONF_DIR / "spark-defaults.conf").read_text()
    (conf / "spark-defaults.conf").write_text(
        f"{usual}\nspark.eventLog.enabled true\nspark.eventLog.compress false\nspark.eventLog.dir {events.as_uri()}\n"
    )
    os.environ["SPARK_CONF_DIR"] = str(conf)
    return events


def cpu_of_workers(events: Path) -> list[float]:
    """Seconds of CPU that tasks took, by worker."""
    taken: dict[str, float] = {}
    for file in events.rglob("*"):
        if not file.is_file() or "appstatus" in file.name:
            continue
        with file.open() as lines:
            for line in lines:
                if '"SparkListenerTaskEnd"' not in line:
                    continue
                task = json.loads(line)
                worker, metrics = task["Task Info"]["Executor ID"], task.get("Task Metrics") or {}
                nanoseconds = metrics.get("Executor CPU Time", 0)
                taken[worker] = taken.get(worker, 0) + nanoseconds / 1e9
    return [taken[worker] for worker in sorted(taken)]


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
        print(f"{'':<20}{'all nodes':>12}{'dossier nodes':>16}   CPU of tasks by worker")
        show("DuckDB", build(replace(home, engine="duckdb")))
        for workers in arguments.workers:
            cluster = folder / f"cluster{workers}"
            shutil.rmtree(cluster, ignore_errors=True)
            events = follow(cluster)
            with loopback_cluster(home, cluster, workers=workers, memory=arguments.memory) as url:
                built = build(replace(home, spark_url=url))
            show(f"Spark, {workers} worker{'s' if workers > 1 else ''}", built, cpu_of_workers(events))


if __name__ == "__main__":
    main()
