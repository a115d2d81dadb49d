"""Rejected rows: one line each, readable, harmless in a spreadsheet."""

from __future__ import annotations

import csv

import duckdb
import openpyxl
from landing_kit import criteria_csv, criteria_row, desk

from sources.casting import install_macros
from warehouse.quarantine import COLUMNS, _guarded, export_quarantine, inert, quarantine

__all__ = ["desk"]


def deliver(desk, name: str = "criteria_results.csv", **changes) -> None:
    rows = [criteria_row(n) for n in range(1, 21)]
    rows[4] = criteria_row(5, **changes)
    desk.one(name, criteria_csv(*rows))


def test_one_row_per_rejected_row_with_its_first_fault(desk) -> None:
    deliver(desk, reported_on="31/02/2024", numerator="=cmd()", denominator="-1")
    (row,) = desk.rejected()
    assert (row["source"], row["table_name"], row["file_name"]) == (
        "register",
        "criteria_results",
        "criteria_results.csv",
    )
    assert (row["row_number"], row["column_name"], row["column_vi"]) == (6, "reported_on", "Ngày báo cáo")
    assert (row["value"], row["sheet"]) == ("31/02/2024", None)
    assert row["reason"] == "“Ngày báo cáo” (reported_on) không phải là ngày hợp lệ | is not a readable date"
    assert row["record_key"].startswith("1.5 / H62.1")


def test_a_blank_required_cell_and_a_check(desk) -> None:
    deliver(desk, "criteria_results_1.csv", agency_code="")
    deliver(desk, "criteria_results_2.csv", denominator="0")
    blank, check = desk.rejected()
    assert (blank["column_name"], blank["value"]) == ("agency_code", None)
    assert (check["column_name"], check["value"]) == ("denominator", "0")


def test_only_what_is_in_force_and_asked_for(desk) -> None:
    deliver(desk, reported_on="x")
    deliver(desk, reported_on="y")  # the same file again, changed: the first is replaced
    assert [row["value"] for row in desk.rejected()] == ["y"]
    assert desk.rejected(source="tthc") == []
    assert desk.rejected(table="criteria_results") != []
    deliver(desk)
    assert desk.rejected() == []


def test_exports_are_inert(desk, tmp_path) -> None:
    deliver(desk, numerator="=HYPERLINK(1)")
    with duckdb.connect() as connection:
        for name in ("q.csv", "q.xlsx"):
            relation = quarantine(desk.settings, desk.ledger, connection)
            assert export_quarantine(relation, tmp_path / name, name[1:]) == 1
    with (tmp_path / "q.csv").open(encoding="utf-8-sig") as file:
        (row,) = csv.DictReader(file)
    assert row["value"] == "'=HYPERLINK(1)"
    sheet = openpyxl.load_workbook(tmp_path / "q.xlsx").active
    assert [cell.value for cell in sheet[1]] == list(COLUMNS)
    cell = sheet.cell(2, COLUMNS.index("value") + 1)
    assert (cell.value, cell.data_type) == ("=HYPERLINK(1)", "s")


def test_an_empty_quarantine_is_a_relation_too(desk, tmp_path) -> None:
    with duckdb.connect() as connection:
        relation = quarantine(desk.settings, desk.ledger, connection)
        assert relation.columns == list(COLUMNS)
        assert export_quarantine(relation, tmp_path / "q.csv", ".csv") == 0


def test_of_tables_about_persons_a_value_is_shown_as_a_hash_or_as_its_shape() -> None:
    """A hash names nobody, and is what two rejected rows of one person have in common."""
    digest = "0123456789abcdef" * 2
    rows = [
        ("tthc", "dossiers", "applicant_id", digest, digest),
        ("tthc", "dossiers", "applicant_id", digest[:-1], "(dữ liệu cá nhân – personal)"),
        ("tthc", "dossiers", "phone", "0977123456", "(dữ liệu cá nhân – personal)"),
        ("tthc", "dossiers", "received_at", "Nguyễn Văn An", "xxxxxx xxx xx"),
        ("tthc", "dossiers", "received_at", "31/02/2024", "31/02/2024"),
        ("register", "criteria_results", "reported_on", "hôm qua", "hôm qua"),
    ]
    with duckdb.connect() as connection:
        install_macros(connection)
        shown = connection.execute(
            f"select {_guarded('value')} from (values {', '.join(str(row[:4]) for row in rows)})"
            " as t(source, table_name, column_name, value)"
        ).fetchall()
    assert [value for (value,) in shown] == [row[4] for row in rows]


def test_inert() -> None:
    for text in ("=1", "+1", "-1", "@x", "＝1"):
        assert inert(text) == f"'{text}"
    for before in ("\t", "\r", "a\n", "a;", "a,", "a|"):
        assert inert(f"{before}=1").endswith(f"{before[-1]}'=1")
    assert (inert("\t=1"), inert("\r=1")) == ("'\t'=1", "'\r'=1")
    for text in ("1.234", "a=1", "x; y", "01-02", "a;b"):
        assert inert(text) == text
