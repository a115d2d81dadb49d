"""What the reports add to a night: points, ranking, budgets, signals, restatements, alerts, metrics and the morning page.

    python -m benchmarks.reports --home HOME        after a night there (`parindex run`), whose own records are read

Prints the seconds of each part of the last night, their sum against the bar, the size of the page, and how long a browser
takes until its text, filters and details work (from opening the file; Chromium, median).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

from tests.report.browser import Browser, find
from warehouse.settings import Settings

BAR_SECONDS, BAR_BYTES, BAR_READY_MS = 10, 3_000_000, 1000
ROUNDS = 5
STEPS = {
    "marts__fct_alert": "alerts: opened, repeated, resolved",
    "alerts__sent": "messages and metrics",
    "reports__morning_page": "the morning page",
}


def models_seconds(work: Path) -> dict[str, float]:
    """Seconds of dbt's last build by kind of report, of the models and tests that only reports need."""
    nodes = json.loads((work / "manifest.json").read_text())["nodes"]
    found: dict[str, float] = {}
    for result in json.loads((work / "run_results.json").read_text())["results"]:
        node = nodes.get(result["unique_id"], {})
        path = node.get("path", "")
        if "reports/" in path:
            kind = "signals" if "signal" in node["name"] else node["name"].removeprefix("int_")
            found[f"dbt: {kind}"] = found.get(f"dbt: {kind}", 0) + result["execution_time"]
    return found


def steps_seconds(home: Path) -> dict[str, float]:
    """Seconds of the steps of the last night that only reports need."""
    os.environ["DAGSTER_HOME"] = str(home / "dagster")
    import dagster as dg

    with dg.DagsterInstance.get() as instance:
        (run,) = instance.get_runs(limit=1)
        stats = {step.step_key: step for step in instance.get_run_step_stats(run.run_id)}
    return {told: stats[key].end_time - stats[key].start_time for key, told in STEPS.items()}


def ready_ms(page: Path) -> float | None:
    program = find()
    if program is None:
        return None
    times = []
    with tempfile.TemporaryDirectory() as folder:
        browser = Browser(program, Path(folder))
        try:
            for _ in range(ROUNDS):
                browser.open(page)
                times.append(int(browser.run("document.documentElement.dataset.ready")))
        finally:
            browser.close()
    return statistics.median(times)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path, required=True)
    settings = Settings(parser.parse_args().home.resolve(), Path("inbox"))
    parts = models_seconds(settings.work / "dbt") | steps_seconds(settings.home)
    for part, seconds in sorted(parts.items(), key=lambda item: -item[1]):
        print(f"{part:<44}{seconds:8.2f} s")
    total, page = sum(parts.values()), settings.reports / "index.html"
    figures = [
        ("reports in all, s", total, BAR_SECONDS),
        ("morning page, bytes", page.stat().st_size, BAR_BYTES),
    ]
    ready = ready_ms(page)
    if ready is None:
        print("no Chromium here: how soon the page is usable was not measured")
    else:
        figures.append(("morning page usable after, ms", ready, BAR_READY_MS))
    print()
    for name, value, bar in figures:
        print(f"{name:<36}{value:14,.1f}   bar {bar:>9,}   {'kept' if value <= bar else 'MISSED'}")
    return 0 if all(value <= bar for _, value, bar in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
