"""The seeds as files: edited by hand and in spreadsheets, read by DuckDB and by Python."""

from __future__ import annotations

from pathlib import Path

import pytest

from warehouse.settings import DBT_PROJECT


@pytest.mark.parametrize("file", sorted((DBT_PROJECT / "seeds").glob("*.csv")), ids=lambda file: file.stem)
def test_lines_end_as_on_unix(file: Path) -> None:
    """A row appended with the other line end stops the night: DuckDB finds no dialect for a file with both."""
    content = file.read_bytes()
    assert b"\r" not in content
    assert content.endswith(b"\n")
