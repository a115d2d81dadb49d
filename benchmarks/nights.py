"""The nights that are measured: in each round every contender in turn, over the same growing inbox."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from statistics import median

import duckdb

from benchmarks.compare import compare_figures
from benchmarks.contenders import ours
from benchmarks.deliveries import AS_OF, catalogues_only, deliver_a_day, deliver_a_month_again, link
from benchmarks.last_night import DBT, steps_seconds
from benchmarks.measure import Failed, Run, killed, measured

OURS, SCRIPT, PANDAS, POLARS, DLT = "ours", "duckdb", "pandas", "polars", "dlt"
CONTENDERS = {
    SCRIPT: "hand-written DuckDB script",
    PANDAS: "pandas",
    POLARS: "Polars",
    DLT: "dlt + dbt",
    OURS: "ours, whole night",
}
FIRST, QUIET, ORDINARY, CORRECTION, REPLAY, RECOVERY, FIXED = (
    "first load", "no-news night", "ordinary night", "correction night", "replay of last month", "recovery", "fixed cost",
)  # fmt: skip
NIGHTS = {
    FIRST: "everything is new",
    QUIET: "a day later, nothing new came",
    ORDINARY: "a day later: 0.7 % of the dossiers went on, 0.3 % are new, and the day's documents",
    CORRECTION: "a day later: all dossiers of October again, one in 50 corrected",
    REPLAY: "as of the end of the month before, over the same home",
    RECOVERY: "a first load was killed (kill -9) half-way: the run after it",
    FIXED: "a first load of the catalogues alone",
}
MODULES = {SCRIPT: "duckdb_script", PANDAS: "pandas_script", POLARS: "polars_script", DLT: "dlt_and_dbt"}
_RESENT_MONTH = f"{AS_OF.year}-10"  # the last month that the bulk files hold


@dataclass
class Results:
    """Runs by night and contender, in the order measured; how long dbt worked in each of ours; what went wrong."""

    runs: dict[str, dict[str, list[Run]]] = field(default_factory=dict)
    dbt: dict[str, list[float]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    dossiers: int = 0
    figures: int = 0
    inbox_bytes: int = 0
    kept_bytes: int = 0

    def add(self, night: str, contender: str, run: Run) -> None:
        self.runs.setdefault(night, {}).setdefault(contender, []).append(run)

    def seconds(self, night: str, contender: str) -> float:
        return median(run.seconds for run in self.runs[night][contender])


@dataclass(frozen=True)
class Wanted:
    folder: Path
    inbox: Path
    contenders: list[str]
    rounds: int
    dlt_python: str
    memory_limit: int
    tell: Callable[[str], None]


class _Round:
    """One round: fresh homes, and the days that follow each other."""

    def __init__(self, wanted: Wanted, number: int, results: Results) -> None:
        self._wanted, self._results = wanted, results
        self._folder = wanted.folder / f"round{number}"
        self._inbox = self._folder / "inbox"
        self._others = [name for name in wanted.contenders if name != OURS]
        self._turn = number
        self._folder.mkdir()
        link(wanted.inbox, self._inbox)

    def _home(self, contender: str) -> Path:
        return self._folder / contender

    def _script(self, contender: str, day: date) -> list[str]:
        python = self._wanted.dlt_python if contender == DLT else sys.executable
        module = f"benchmarks.contenders.{MODULES[contender]}"
        return [python, "-m", module, str(self._inbox), str(self._home(contender)), day.isoformat()]

    def _ours(self, night: str, day: date, home: Path, inbox: Path | None = None) -> None:
        run = measured(ours.command(inbox or self._inbox, day), ours.environment(home))
        self._results.add(night, OURS, run)
        self._results.dbt.setdefault(night, []).append(steps_seconds(home)[DBT])
        self._wanted.tell(f"  {night:22}{OURS:10}{run.seconds:9.1f} s")

    def _other(self, night: str, contender: str, day: date) -> None:
        try:
            run = measured(self._script(contender, day), memory_limit=self._wanted.memory_limit)
        except Failed as failed:
            self._results.left_out[contender] = f"{night}: {failed}"
            self._wanted.tell(f"  {night:22}{contender:10}    {failed}")
            return
        self._results.add(night, contender, run)
        self._wanted.tell(f"  {night:22}{contender:10}{run.seconds:9.1f} s")

    def _night(self, night: str, day: date, others: list[str]) -> None:
        """Measure a night of several contenders; whose figures are not the same, ends the benchmark."""
        running = [name for name in others if name not in self._results.left_out]
        turns = [*running, OURS] if OURS in self._wanted.contenders else running
        if not turns:
            return
        at = self._turn % len(turns)
        for name in [*turns[at:], *turns[:at]]:  # nobody always comes first
            if name == OURS:
                self._ours(night, day, self._home(OURS))
                ours.write_figures(self._home(OURS))
            else:
                self._other(night, name, day)
        good = [name for name in turns if name not in self._results.left_out]
        for name in good[1:]:
            self._results.figures = compare_figures(
                self._home(good[0]) / "figures.parquet", self._home(name) / "figures.parquet"
            )

    def measure(self) -> None:
        script = [SCRIPT] if SCRIPT in self._others else []
        days = [AS_OF + timedelta(days=number) for number in range(4)]
        self._night(FIRST, days[0], self._others)
        if OURS in self._wanted.contenders:
            self._results.kept_bytes = _size(self._home(OURS))
            shutil.copy(self._home(OURS) / "figures.parquet", self._folder / "first.parquet")
            self._night(QUIET, days[1], script)
        deliver_a_day(self._inbox, days[2])
        self._night(ORDINARY, days[2], self._others)
        if OURS not in self._wanted.contenders:
            return
        deliver_a_month_again(self._inbox, days[3], _RESENT_MONTH)
        self._night(CORRECTION, days[3], script)
        self._night(REPLAY, days[0], script)
        compare_figures(self._folder / "first.parquet", self._home(OURS) / "figures.parquet")
        self._recovery(days[0])
        self._fixed(days[0])

    def _recovery(self, day: date) -> None:
        home = self._folder / "recovering"
        half = self._results.seconds(FIRST, OURS) / 2
        if not killed(ours.command(self._wanted.inbox, day), half, ours.environment(home)):
            raise Failed(f"a first load was over before {half:.1f} s: nothing to recover from")
        self._ours(RECOVERY, day, home, self._wanted.inbox)
        ours.write_figures(home)
        compare_figures(self._folder / "first.parquet", home / "figures.parquet")

    def _fixed(self, day: date) -> None:
        inbox = self._folder / "catalogues"
        catalogues_only(self._wanted.inbox, inbox)
        self._ours(FIXED, day, self._folder / "small", inbox)

    def close(self) -> None:
        shutil.rmtree(self._folder)


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and not file.is_symlink())


def measure_nights(wanted: Wanted) -> Results:
    """All rounds. Raises Unequal where contenders differ, and Failed where a night of ours does not end well."""
    results = Results(dossiers=_dossiers(wanted.inbox), inbox_bytes=_size(wanted.inbox))
    for number in range(wanted.rounds):
        wanted.tell(f"round {number + 1} of {wanted.rounds}")
        one = _Round(wanted, number, results)
        try:
            one.measure()
        finally:
            one.close()
    return results


def _dossiers(inbox: Path) -> int:
    with duckdb.connect() as connection:
        return connection.execute(
            f"select count(*) from read_csv('{inbox}/tthc/*/dossiers_*.csv', all_varchar = true, delim = ';', header = true)"
        ).fetchall()[0][0]
