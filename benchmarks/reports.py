"""What the reports add to a night: points, ranking, budgets, signals, restatements, alerts, metrics and the morning page.

    python -m benchmarks.reports --home HOME        after a night there (`parindex run`), whose own records are read

Prints the seconds of each part of the last night, their sum against the bar, the size of the page, and how long a browser
takes until its text, filters and details work (from opening the file; Chromium, median).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.last_night import models_seconds, steps_seconds
from orchestration import dbt
from tests.report.browser import Browser, find
from warehouse.settings import Settings

BAR_SECONDS, BAR_BYTES, BAR_READY_MS = 10, 3_000_000, 1000
ROUNDS = 5
STEPS = {
    "marts__fct_alert": "alerts: opened, repeated, resolved",
    "alerts__sent": "messages and metrics",
    "reports__morning_page": "the morning page",
}


def seconds_of_reports(home: Path) -> dict[str, float]:
    """Seconds of the last night by kind of report: of the models that only reports need, and of the steps."""
    found: dict[str, float] = {}
    seconds = models_seconds(home)
    for node in dbt.manifest()["nodes"].values():
        if "reports/" in node["path"] and node["name"] in seconds:
            kind = "signals" if "signal" in node["name"] else node["name"].removeprefix("int_")
            found[f"dbt: {kind}"] = found.get(f"dbt: {kind}", 0) + seconds[node["name"]]
    steps = steps_seconds(home)
    return found | {told: steps[key] for key, told in STEPS.items()}


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
    parts = seconds_of_reports(settings.home)
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
