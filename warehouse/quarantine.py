"""Rejected rows: which file, sheet, row, column, value, and why."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb

from sources.casting import install_macros
from sources.contract import all_tables, load_contracts
from sources.text import sql_string
from warehouse.landing import landed_file, numbered_parquet, record_key
from warehouse.ledger import HELD_BACK, Delivery, Ledger
from warehouse.settings import Settings

COLUMNS = (
    "source", "table_name", "delivered_on", "file_name", "sheet", "row_number",
    "column_name", "column_vi", "value", "reason", "record_key", "delivery_id",
)  # fmt: skip

_LIVE = re.compile(r"(^|[;,|\t\r\n])(?=[=+\-@\t\r\n＝＋－＠])")
_SHEET_ROWS = 1_000_000  # of the 1,048,576 that a sheet can hold


_HELD = "cả lần gửi được giữ lại | the delivery is held back"


def _relations(settings: Settings, entries: list[Delivery]) -> Iterator[str]:
    """What was rejected of the files, and the good rows of those whose delivery is held back."""
    rejected = [file for entry in entries if (file := landed_file(settings, entry).rejected).exists()]
    if rejected:
        names = ", ".join(sql_string(str(file)) for file in rejected)
        yield f"select {', '.join(COLUMNS)} from read_parquet([{names}])"
    for entry in entries:
        if entry.outcome != HELD_BACK or entry.rejected == entry.rows_in_file:
            continue
        values = {
            **dict.fromkeys(COLUMNS, "null"),
            **{
                name: sql_string(getattr(entry, name))
                for name in ("source", "table_name", "file_name", "delivery_id")
            },
            "delivered_on": f"date {sql_string(str(entry.delivered_on))}",
            "sheet": "_sheet",
            "row_number": "_row_number",
            "reason": sql_string(_HELD),
            "record_key": record_key(load_contracts()[entry.source].tables[entry.table_name]),
        }
        landed = numbered_parquet([landed_file(settings, entry).parquet], entry.first_row)
        selected = ", ".join(f"{value} as {name}" for name, value in values.items())
        yield f"select {selected} from {landed} where _error_no is null"


def quarantine(
    settings: Settings,
    ledger: Ledger,
    connection: duckdb.DuckDBPyConnection,
    *,
    source: str | None = None,
    table: str | None = None,
    as_of: date | None = None,
    personal: bool = False,
) -> duckdb.DuckDBPyRelation:
    """The rejected rows, ordered by delivery, sheet and row. An empty relation when there are none.

    Where personal data are kept as they are, they show only when `personal` asks for them.
    """
    names = ", ".join(COLUMNS if personal else map(_guarded, COLUMNS))
    install_macros(connection)
    entries = [
        entry
        for entry in ledger.deliveries(as_of)
        if entry.rows_quarantined
        and not entry.replaced_by
        and (source is None or entry.source == source)
        and (table is None or entry.table_name == table)
    ]
    relations = list(_relations(settings, entries))
    if not relations:
        empty = ", ".join(f"null::varchar as {name}" for name in COLUMNS)
        return connection.sql(f"select {empty} where false")
    return connection.sql(
        f"select {names} from ({' union all '.join(relations)}) order by source, table_name, delivered_on, file_name,"
        " sheet nulls first, row_number"
    )


def _guarded(name: str) -> str:
    """A column without personal data: hashes, dates, numbers and codes stay, of all else the shape."""
    if name not in ("value", "record_key"):
        return name
    tables = [table for table in all_tables() if table.is_personal]
    about_persons = ", ".join(sql_string(table.relation) for table in tables)
    columns = ", ".join(sql_string(c.name) for table in tables for c in table.columns if c.personal)
    cases = [f"when source || '__' || table_name not in ({about_persons}) then {name}"]
    if name == "value":
        cases.append("when regexp_full_match(value, '[0-9a-f]{32}') then value")  # a hash
        cases.append(f"when column_name in ({columns}) then '(dữ liệu cá nhân – personal)'")
    return f"case {' '.join(cases)} else par_masked({name}) end as {name}"


def export_quarantine(relation: duckdb.DuckDBPyRelation, target: Path, kind: str) -> int:
    """Write the rejected rows as `.csv` or `.xlsx`; cells that a spreadsheet would compute are kept as text."""
    rows = relation.fetchall()
    names = relation.columns
    if kind.lower() == ".xlsx":
        import xlsxwriter

        options = {"strings_to_formulas": False, "strings_to_urls": False, "constant_memory": True}
        with xlsxwriter.Workbook(target, options) as book:
            bold = book.add_format({"bold": True})
            for start in range(0, max(len(rows), 1), _SHEET_ROWS):
                sheet = book.add_worksheet(
                    "quarantine" if start == 0 else f"quarantine {start // _SHEET_ROWS + 1}"
                )
                sheet.write_row(0, 0, names, bold)
                for number, row in enumerate(rows[start : start + _SHEET_ROWS], start=1):
                    for at, value in enumerate(row):
                        sheet.write_string(number, at, "" if value is None else str(value))
    else:
        import csv

        with target.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(names)
            writer.writerows(["" if v is None else inert(str(v)) for v in row] for row in rows)
    return len(rows)


def inert(text: str) -> str:
    """A CSV cell that no spreadsheet takes for a formula (full-width signs count as signs in some).

    Nor any part of it: where another sign separates lists, a spreadsheet splits a line there, whatever a comma or a quote says.
    """
    return _LIVE.sub(r"\1'", text)
