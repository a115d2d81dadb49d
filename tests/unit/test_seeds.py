"""The seeds as files: edited by hand and in spreadsheets, read by DuckDB and by Python."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.seeds import read_seed
from sources.contract import load_contracts
from warehouse.settings import DBT_PROJECT


@pytest.mark.parametrize("file", sorted((DBT_PROJECT / "seeds").glob("*.csv")), ids=lambda file: file.stem)
def test_lines_end_as_on_unix(file: Path) -> None:
    """A row appended with the other line end stops the night: DuckDB finds no dialect for a file with both."""
    content = file.read_bytes()
    assert b"\r" not in content
    assert content.endswith(b"\n")


def test_every_source_has_a_name_in_both_languages() -> None:
    names = read_seed("source_name")
    assert {row["source"] for row in names} == set(load_contracts())
    assert all(row["name_vi"] and row["name_en"] for row in names)
