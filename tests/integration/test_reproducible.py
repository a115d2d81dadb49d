"""The same deliveries give the same marts, byte by byte: on one core or many, in any time zone, under any locale.

One more whole night over the sample, in an environment that differs from this one in everything that must not matter.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import duckdb
import pytest

from tests.conftest import parindex
from warehouse.publish import CLOCK_COLUMNS

# A night says when it saw something; nothing else may tell two nights of the same day apart.
CLOCKS = {
    "fct_delivery": {"loaded_at"},
    "fct_check_result": {"checked_at"},
    "fct_alert": {"opened_at", "last_seen_at", "resolved_at"},
}
ELSEWHERE = {
    "TZ": "America/New_York",
    "LC_ALL": "C",
    "LANG": "tr_TR.UTF-8",
    "PARINDEX_THREADS": "1",
    "PARINDEX_MEMORY_LIMIT": "1GB",
    "PYTHONHASHSEED": "152",
    "PARINDEX_KEY": "another key than that of the first home",
}


@pytest.fixture(scope="module")
def elsewhere(sample_inbox: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("elsewhere") / "home"
    parindex("run", "--inbox", str(sample_inbox), home=home, **ELSEWHERE)
    return home


def manifest(home: Path) -> dict:
    return json.loads((home / "published" / "manifest.json").read_text())


def test_the_marts_have_the_same_hashes(night: Path, elsewhere: Path) -> None:
    here, there = manifest(night), manifest(elsewhere)
    assert here["counts"] == there["counts"]
    differing = {table for table, value in here["hashes"].items() if there["hashes"][table] != value}
    assert differing <= set(CLOCKS), differing


def test_the_sorted_parquet_files_are_the_same_bytes(night: Path, elsewhere: Path) -> None:
    def sums(home: Path) -> dict[str, str]:
        folder = (home / "published" / "parquet").resolve()
        return {
            str(file.relative_to(folder)).removesuffix(".parquet"): hashlib.sha256(
                file.read_bytes()
            ).hexdigest()
            for file in folder.rglob("*.parquet")
            if file.is_file()
        }

    here, there = sums(night), sums(elsewhere)
    assert len(here) > 15 and "fct_dossier.parquet/open" in here
    assert here.keys() == there.keys()
    assert {table for table, value in here.items() if there[table] != value} <= set(CLOCKS)


@pytest.mark.parametrize("table", CLOCKS)
def test_only_the_clock_tells_the_others_apart(night: Path, elsewhere: Path, table: str) -> None:
    with duckdb.connect() as connection:
        relations = []
        for home in (night, elsewhere):
            file = home / "published" / "parquet" / f"{table}.parquet"
            columns = [
                name
                for name, *_ in connection.execute(f"describe select * from '{file}'").fetchall()
                if name not in CLOCKS[table]
            ]
            relations.append(f"select {', '.join(columns)} from '{file}'")
        for one, other in (relations, relations[::-1]):
            assert connection.execute(f"{one} except all {other}").fetchall() == []


def test_clocks_are_named_once() -> None:
    """What hashes leave aside is a clock."""
    assert set().union(*CLOCKS.values()) >= CLOCK_COLUMNS
