"""The benchmark itself: contenders come to the same figures, unequal ones are caught, and a command's cost is seen."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from datetime import date
from pathlib import Path

import duckdb
import pytest

from benchmarks.compare import Unequal, compare_figures
from benchmarks.contenders import Task, duckdb_script, pandas_script, polars_script
from benchmarks.deliveries import AS_OF, deliver_a_day, deliver_a_month_again, write_good_rows
from benchmarks.measure import Failed, Run, killed, measured
from benchmarks.nights import CORRECTION, FIRST, FIXED, ORDINARY, OURS, QUIET, SCRIPT, Results
from benchmarks.report import keep


@pytest.fixture(scope="module")
def inbox(night: Path, sample_inbox: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The good rows of the sample, a day's delivery and a month that was sent again."""
    folder = tmp_path_factory.mktemp("bench") / "inbox"
    write_good_rows(sample_inbox, night / "warehouse.duckdb", folder)
    deliver_a_day(folder, date(2024, 12, 2))
    deliver_a_month_again(folder, date(2024, 12, 3), "2024-10")
    return folder


def figures(script, inbox: Path, home: Path, as_of: date) -> Path:
    home.mkdir()
    task = Task(inbox, home, as_of)
    script.run(task)
    return task.figures


@pytest.mark.parametrize("as_of", [AS_OF, date(2024, 12, 2), date(2024, 12, 3)])
def test_scripts_come_to_the_same_figures(inbox: Path, tmp_path: Path, as_of: date) -> None:
    wanted = figures(duckdb_script, inbox, tmp_path / "duckdb", as_of)
    for script in (pandas_script, polars_script):
        got = figures(script, inbox, tmp_path / script.__name__, as_of)
        assert compare_figures(wanted, got) > 1000


def test_each_delivery_changes_figures(inbox: Path, tmp_path: Path) -> None:
    days = (AS_OF, date(2024, 12, 2), date(2024, 12, 3))
    files = [figures(duckdb_script, inbox, tmp_path / str(day), day) for day in days]
    october = "from '{}' where period_start = '2024-10-01' order by all"
    with duckdb.connect() as connection:
        first, after_a_day, corrected = (
            connection.execute(october.format(file)).fetchall() for file in files
        )
    assert first != after_a_day
    assert after_a_day != corrected


def test_a_figure_that_differs_is_told(inbox: Path, tmp_path: Path) -> None:
    wanted = figures(duckdb_script, inbox, tmp_path / "duckdb", AS_OF)
    other = tmp_path / "other.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (from '{wanted}' select * replace (numerator + (target_id = '3.4.1')::int as numerator)) to '{other}'"
        )
        with pytest.raises(Unequal, match=r"3\.4\.1"):
            compare_figures(wanted, other)
        connection.execute(f"copy (from '{wanted}' where target_id <> '7.2.2') to '{other}'")
    for pair in ((wanted, other), (other, wanted)):
        with pytest.raises(Unequal, match=r"7\.2\.2"):
            compare_figures(*pair)


HUNGRY_CHILD = """
import subprocess, sys
subprocess.run([sys.executable, "-c", '''
import time
filled = b"x" * 300_000_000
open(r"{file}", "wb").write(filled[:30_000_000])
time.sleep(0.6)
'''], check=True)
"""


def test_the_cost_of_a_child_is_seen(tmp_path: Path) -> None:
    run = measured([sys.executable, "-c", HUNGRY_CHILD.format(file=tmp_path / "written")])
    assert run.peak > 300_000_000
    assert run.seconds >= 0.6
    assert run.written >= 30_000_000 or "tmpfs" in _file_systems(tmp_path)


def test_the_size_of_who_measures_does_not_count() -> None:
    held = b"x" * 300_000_000
    run = measured([sys.executable, "-c", "import time; time.sleep(0.3)"])
    assert 1_000_000 < run.peak < len(held)


def _file_systems(folder: Path) -> str:
    import psutil

    holding = [part for part in psutil.disk_partitions(all=True) if folder.is_relative_to(part.mountpoint)]
    return max(holding, key=lambda part: len(part.mountpoint)).fstype


def test_who_takes_too_much_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"more than 0\.1 GB"):
        measured([sys.executable, "-c", HUNGRY_CHILD.format(file=tmp_path / "x")], memory_limit=100_000_000)
    with pytest.raises(Failed, match="exit code 3: what is wrong"):
        measured([sys.executable, "-c", "import sys; print('what is wrong', file=sys.stderr); sys.exit(3)"])


def test_a_command_is_killed_half_way() -> None:
    assert killed([sys.executable, "-c", "import time; time.sleep(60)"], 0.1)
    assert not killed([sys.executable, "-c", ""], 30)


def test_the_report_keeps_other_sizes(tmp_path: Path) -> None:
    def results(factor: float) -> Results:
        made = Results(dossiers=int(factor * 1_000_000), figures=7, inbox_bytes=10**6)
        for night, seconds in ((FIRST, 10.0), (QUIET, 5.0), (ORDINARY, 6.0), (FIXED, 4.0)):
            for number in range(3):
                made.add(night, OURS, Run(factor * seconds + number, 10**9, 10**8))
        made.add(CORRECTION, OURS, Run(factor * 7.0, 5 * 10**9, 10**8))
        made.add(FIRST, SCRIPT, Run(factor * 4.0, 10**9, 10**8))
        made.dbt[FIRST] = [3.0]
        return made

    workbook = (50, {"ours": [Run(3.0, 1, 1)], "fastexcel": [Run(2.0, 1, 1)]})
    keep(tmp_path, 1_000_000, results(1), workbook, "2024-12-31")
    keep(tmp_path, 9_000_000, results(9), None, "2025-01-01")
    keep(tmp_path, 1_000_000, results(2), workbook, "2025-01-02")
    page = (tmp_path / "benchmarks.md").read_text(encoding="utf-8")
    assert page.index("## 2,000,000 dossiers") < page.index("## 9,000,000 dossiers")
    assert "## 1,000,000 dossiers" not in page
    # Twice (10, 11, 12 and 4, 5, 6): medians 21 and 9 seconds; the script 8.
    assert "| ours, whole night | 21.00 | 2.00 | 2.62 | 1.00 | 0.10 |" in page
    assert "| (full night less the fixed cost) / script | 1.50 | 2 | kept |" in page
    assert "| ordinary night / first load | 61.90 % | 25 % | judged from 9,000,000 dossiers on |" in page
    assert "| memory of the night that takes most | 5.00 GB | 4 GB | **missed** |" in page
    assert "(2.00 s) | 1.50 | 1.2 | **missed** |" in page
    texts = [node.text for node in ElementTree.parse(tmp_path / "benchmarks.svg").iter() if node.text]
    assert "2,000,000 dossiers: first load" in texts
    assert "21.0 s" in texts
