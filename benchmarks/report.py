"""docs/benchmarks.md with its chart, from the results of each size that was measured (docs/benchmarks.json)."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from statistics import median

import psutil

from benchmarks.chart import Bar, Panel, draw
from benchmarks.dlt_environment import dlt_version
from benchmarks.measure import Run
from benchmarks.nights import (
    CONTENDERS,
    FIRST,
    FIXED,
    NIGHTS,
    ORDINARY,
    OURS,
    QUIET,
    RECOVERY,
    SCRIPT,
    Results,
)
from benchmarks.workbook import READERS

LIBRARIES = (
    "duckdb",
    "pandas",
    "polars",
    "pyarrow",
    "dbt-core",
    "dbt-duckdb",
    "dagster",
    "great-expectations",
    "fastexcel",
)
_GB = 1e9
_LARGE, _LARGEST = 900_000, 9_000_000  # dossiers; bars are set for one and for ten million

_INTRODUCTION = """# Benchmarks

Written by `make bench`, never by hand: all contenders on the same generated files in one run, in turn, each in a process of its
own. Before times are told the figures of all of them are compared, and are equal to the unit; otherwise the command ends.

- Contenders: a hand-written DuckDB script (the floor), pandas, Polars, and dlt into DuckDB with dbt, each in a file of its own in
  `benchmarks/contenders/`. They compute the figures of 15 targets in every reading, by agency and period, and keep no history
  (dlt keeps what it loaded). Ours is the whole night with everything it does beside: contracts, quarantine, ledger, checks, all
  targets, publishing, alerts, the morning page.
- Times are medians of the rounds, start of Python included; the spread is the slowest round less the fastest. The files are in
  the page cache.
- Memory is the highest sum of the resident sizes of a command's whole tree of processes, looked at every 0.1 s; pages that
  processes share count in each, so it is an upper bound.
- Written is what the kernel accounts to the tree as written to the file system, temporary files included.
"""


def machine() -> dict[str, str]:
    """What a reader needs to judge the figures by, without names of hosts or folders."""
    memory = psutil.virtual_memory().total / (1 << 30)
    return {
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB of memory",
        "versions": ", ".join(
            [
                f"Python {platform.python_version()}",
                *(f"{name} {version(name)}" for name in LIBRARIES),
                f"dlt {dlt_version()}",
            ]
        ),
    }


def keep(
    folder: Path, size: int, results: Results, workbook: tuple[int, dict[str, list[Run]]] | None, when: str
) -> str:
    """Add the results of a size to those of others, or replace them, and write the page and the chart again.

    Returns the part of the page that tells of this size.
    """
    file = folder / "benchmarks.json"
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    entry = {"when": when, **machine(), "results": asdict(results)}
    if workbook is not None:
        rows, runs = workbook
        entry["workbook"] = {
            "rows": rows,
            "runs": {name: [asdict(run) for run in done] for name, done in runs.items()},
        }
    known[str(size)] = entry
    known = dict(sorted(known.items(), key=lambda item: int(item[0])))
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    (folder / "benchmarks.svg").write_text(_chart(known), encoding="utf-8")
    (folder / "benchmarks.md").write_text(_page(known), encoding="utf-8")
    return "\n".join(_size_section(entry))


def _middle(runs: list[dict], what: str = "seconds") -> float:
    return median(run[what] for run in runs)


def _spread(runs: list[dict]) -> float:
    return max(run["seconds"] for run in runs) - min(run["seconds"] for run in runs)


def _peak(runs: list[dict]) -> float:
    return max(run["peak"] for run in runs) / _GB


def _bar(label: str, runs: list[dict], is_ours: bool) -> Bar:
    seconds = [run["seconds"] for run in runs]
    note = f"{_peak(runs):.2f} GB, {_middle(runs, 'written') / _GB:.2f} GB written"
    return Bar(label, median(seconds), min(seconds), max(seconds), note, is_ours)


def _chart(known: dict) -> str:
    panels = []
    for entry in known.values():
        results = entry["results"]
        runs = results["runs"]
        for night in (FIRST, ORDINARY):
            bars = [
                _bar(CONTENDERS[name], done, name == OURS) for name, done in _in_order(runs.get(night, {}))
            ]
            dbt = results["dbt"].get(night)
            if dbt:
                bars.append(Bar("ours, dbt part", median(dbt), min(dbt), max(dbt), "", True))
            if bars:
                panels.append(Panel(f"{results['dossiers']:,} dossiers: {night}", bars))
        nights = [_bar(night, runs[night][OURS], True) for night in NIGHTS if OURS in runs.get(night, {})]
        if nights:
            panels.append(Panel(f"{results['dossiers']:,} dossiers: our nights", nights))
    return draw(
        panels,
        "Seconds of a night",
        "Median of the rounds, the line from the fastest to the slowest; peak memory and bytes written",
    )


def _in_order(by_contender: dict) -> Iterator[tuple[str, list[dict]]]:
    return ((name, by_contender[name]) for name in CONTENDERS if name in by_contender)


def _page(known: dict) -> str:
    parts = [_INTRODUCTION, "![Seconds of each contender and night](benchmarks.svg)\n"]
    nights = {size: entry for size, entry in known.items() if OURS in entry["results"]["runs"].get(FIRST, {})}
    if len(nights) > 1:
        parts.append("## Growth\n\nMedian seconds, and the peak memory of a first load.\n")
        parts.append(_growth_table(nights))
    for entry in known.values():
        parts += _size_section(entry)
    return "\n".join(parts)


def _growth_table(known: dict) -> str:
    shown = (FIRST, ORDINARY, QUIET)
    lines = [
        f"| dossiers | script | {' | '.join(f'our {night}' for night in shown)} | first load per million | peak GB |",
        "|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for entry in known.values():
        results = entry["results"]
        runs = results["runs"]
        script = f"{_middle(runs[FIRST][SCRIPT]):.1f}" if SCRIPT in runs[FIRST] else "–"
        ours = " | ".join(f"{_middle(runs[night][OURS]):.1f}" if night in runs else "–" for night in shown)
        per_million = _middle(runs[FIRST][OURS]) / results["dossiers"] * 1e6
        peak = _peak(runs[FIRST][OURS])
        lines.append(f"| {results['dossiers']:,} | {script} | {ours} | {per_million:.1f} | {peak:.2f} |")
    return "\n".join(lines) + "\n"


def _size_section(entry: dict) -> Iterator[str]:
    results = entry["results"]
    runs = results["runs"]
    rounds = max(len(done) for night in runs.values() for done in night.values())
    yield f"## {results['dossiers']:,} dossiers\n"
    yield (
        f"Measured on {entry['when']}: {entry['machine']}; {entry['versions']}. Rounds: {rounds};"
        f" {_bytes(results['inbox_bytes'])} of files; {results['figures']:,} figures equal.\n"
    )
    if results["left_out"]:
        yield "".join(
            f"- left out: {CONTENDERS[name]} ({why})\n" for name, why in results["left_out"].items()
        )
    for night in (FIRST, ORDINARY):
        if night in runs:
            yield f"### {night.capitalize()}: {NIGHTS[night]}\n"
            yield _contenders_table(runs[night], results["dbt"].get(night))
    if OURS in runs.get(FIRST, {}):
        yield "### Our nights\n"
        yield _nights_table(runs, results["dbt"])
        yield f"A home holds {_bytes(results['kept_bytes'])} after the first load.\n"
        yield "### Bars\n"
        yield _bars_table(entry)


def _contenders_table(by_contender: dict, dbt: list[float] | None) -> str:
    floor = _middle(by_contender[SCRIPT]) if SCRIPT in by_contender else None
    lines = [
        "| | median s | spread s | times the script | peak GB | GB written |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name, done in _in_order(by_contender):
        times = f"{_middle(done) / floor:.2f}" if floor else "–"
        lines.append(
            f"| {CONTENDERS[name]} | {_middle(done):.2f} | {_spread(done):.2f} | {times} | {_peak(done):.2f}"
            f" | {_middle(done, 'written') / _GB:.2f} |"
        )
    if dbt:
        times = f"{median(dbt) / floor:.2f}" if floor else "–"
        lines.append(f"| ours, dbt part | {median(dbt):.2f} | {max(dbt) - min(dbt):.2f} | {times} | | |")
    return "\n".join(lines) + "\n"


def _nights_table(runs: dict, dbt: dict) -> str:
    first = _middle(runs[FIRST][OURS])
    lines = [
        "| night | what happened | median s | spread s | of it dbt s | of a first load | script, all files again s | peak GB | GB written |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for night, what in NIGHTS.items():
        if OURS not in runs.get(night, {}):
            continue
        done = runs[night][OURS]
        script = f"{_middle(runs[night][SCRIPT]):.2f}" if SCRIPT in runs[night] else "–"
        part = f"{median(dbt[night]):.2f}" if dbt.get(night) else "–"
        lines.append(
            f"| {night} | {what} | {_middle(done):.2f} | {_spread(done):.2f} | {part} | {_middle(done) / first:.0%} | {script}"
            f" | {_peak(done):.2f} | {_middle(done, 'written') / _GB:.2f} |"
        )
    return "\n".join(lines) + "\n"


def _bars_table(entry: dict) -> str:
    """Measured against the bar; judged only at the sizes that a bar is for, since below them the fixed cost is all."""
    results = entry["results"]
    runs = results["runs"]
    first = _middle(runs[FIRST][OURS])
    rows: list[tuple[str, float, float, str, int]] = []
    if SCRIPT in runs[FIRST]:
        allowed = 2 * _middle(runs[FIRST][SCRIPT]) + 20
        rows.append(("first load, against twice the script and 20 s", first, allowed, " s", _LARGE))
    if SCRIPT in runs[FIRST] and FIXED in runs:
        ratio = (first - _middle(runs[FIXED][OURS])) / _middle(runs[FIRST][SCRIPT])
        rows.append(("(full night less the fixed cost) / script", ratio, 2, "", _LARGE))
    if FIXED in runs:
        rows.append(("fixed cost", _middle(runs[FIXED][OURS]), 15, " s", 0))
    if RECOVERY in runs:
        rows.append(("recovery / first load", 100 * _middle(runs[RECOVERY][OURS]) / first, 120, " %", 0))
    if QUIET in runs:
        rows.append(("no-news night", _middle(runs[QUIET][OURS]), 15, " s", 0))
    if ORDINARY in runs:
        share = 100 * _middle(runs[ORDINARY][OURS]) / first
        rows.append(("ordinary night / first load", share, 25, " %", _LARGEST))
    rows.append(("first load", first, 300, " s", _LARGEST))
    most = max(_peak(of_night[OURS]) for of_night in runs.values() if OURS in of_night)
    rows.append(("memory of the night that takes most", most, 4, " GB", _LARGE))
    if "workbook" in entry:
        book = entry["workbook"]
        ours, alone = (_middle(book["runs"][name]) for name in ("ours", "fastexcel"))
        words = f"xlsx of {book['rows']:,} rows: {READERS['ours']} ({ours:.2f} s) / {READERS['fastexcel']} ({alone:.2f} s)"
        rows.append((words, ours / alone, 1.2, "", 0))
    lines = ["| | measured | bar | |", "|---|--:|--:|---|"]
    for words, measured, bar, unit, least in rows:
        verdict = "kept" if measured <= bar else "**missed**"
        if results["dossiers"] < least:
            verdict = f"judged from {least:,} dossiers on"
        lines.append(f"| {words} | {measured:.2f}{unit} | {bar:.4g}{unit} | {verdict} |")
    return "\n".join(lines) + "\n"


def _bytes(count: float) -> str:
    return f"{count / _GB:.2f} GB" if count >= _GB / 10 else f"{count / 1e6:.1f} MB"
