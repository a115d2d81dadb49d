"""The seeds as files: edited by hand and in spreadsheets, read by DuckDB and by Python."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orchestration.seeds import read_seed
from sources.contract import all_tables, load_contracts
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


def test_codes_are_looked_for_in_every_table_that_has_one() -> None:
    """Findings of unknown codes: of dossiers row by row, of every other table by its codes."""
    catalogues = {("unknown_agency", "agencies"), ("unknown_procedure", "procedures")}
    kinds = {
        "agency_code": "unknown_agency",
        "owner_code": "unknown_agency",
        "procedure_code": "unknown_procedure",
    }
    found = {
        (kinds[column.name], table.source, table.name, column.name)
        for table in all_tables()
        for column in table.columns
        if column.name in kinds
        and table.name != "dossiers"
        and (kinds[column.name], table.name) not in catalogues
    }
    model = DBT_PROJECT / "models" / "intermediate" / "reports" / "int_signal_code.sql"
    looked = re.findall(r"\('(\w+)', '(\w+)', '(\w+)', '(\w+)'\)", model.read_text(encoding="utf-8"))
    assert found == set(looked)
