"""A delivery desk for tests: files are written as a system would deliver them, and landed as a night
lands them.
"""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest

from sources.contract import Table, load_contracts
from warehouse.landing import land_inbox, landed_file, numbered_parquet
from warehouse.ledger import Delivery, Ledger
from warehouse.quarantine import quarantine
from warehouse.settings import Settings

DAY = "2024-11-01"
NOW = datetime(2024, 11, 2, 1, 0)
CRITERIA = ["target_id", "agency_code", "reported_on", "numerator", "denominator", "achieved", "note"]
CRITERIA_VI = ["Mã chỉ tiêu", "Mã đơn vị báo cáo", "Ngày báo cáo", "Tử số", "Mẫu số", "Đạt", "Ghi chú"]


def table_of(source: str, name: str) -> Table:
    return load_contracts()[source].tables[name]


class Desk:
    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=home, inbox=home / "inbox").create()
        self.ledger = Ledger(self.settings.ledger)

    def put(self, name: str, data: bytes | str, *, source: str = "register", day: str = DAY) -> Path:
        path = self.settings.inbox / source / day / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    def land(self) -> list[Delivery]:
        return land_inbox(self.settings, self.ledger, lambda: NOW)

    def one(self, name: str, data: bytes | str, *, source: str = "register", day: str = DAY) -> Delivery:
        """Deliver one file; its ledger entry."""
        self.put(name, data, source=source, day=day)
        entries = self.land()
        assert len(entries) == 1, entries
        return entries[0]

    def good(self, entry: Delivery) -> list[dict[str, Any]]:
        """The accepted rows with the number and sheet that a person sees, in the order of the file."""
        return [row for row in self.all_rows(entry) if row["_error_no"] is None]

    def all_rows(self, entry: Delivery) -> list[dict[str, Any]]:
        stored = landed_file(self.settings, entry).parquet
        with duckdb.connect() as connection:
            relation = numbered_parquet([stored], entry.first_row)
            return _dicts(connection.sql(f"select * from {relation} order by _sheet_no, _row_number"))

    def rejected(self, **of: Any) -> list[dict[str, Any]]:
        with duckdb.connect() as connection:
            return _dicts(quarantine(self.settings, self.ledger, connection, **of))

    def values(self, entry: Delivery, column: str) -> list[Any]:
        return [row[column] for row in self.good(entry)]


def _dicts(relation: duckdb.DuckDBPyRelation) -> list[dict[str, Any]]:
    return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("PARINDEX_KEY", raising=False)
    desk = Desk(tmp_path / "home")
    yield desk
    desk.ledger.close()


def csv_text(*rows: list[Any], delimiter: str = ",") -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerows([["" if cell is None else cell for cell in row] for row in rows])
    return out.getvalue()


def dossier_csv() -> str:
    """One dossier of a person."""
    columns = [
        "dossier_code",
        "procedure_code",
        "agency_code",
        "channel",
        "applicant_id",
        "received_at",
        "status",
    ]
    cells = ["H62-1", "1.000001", "H62.1", "1", "026177000001", "2024-10-01 08:00:00", "2"]
    return csv_text(columns, cells)


def criteria_csv(*rows: list[Any]) -> str:
    return csv_text(CRITERIA, *rows)


def criteria_row(number: int = 1, **changes: Any) -> list[Any]:
    row = {"target_id": f"1.{number}", "agency_code": "H62.1", "reported_on": "01/10/2024", "numerator": "1"}
    row |= {"denominator": "2", "achieved": "Có", "note": None} | changes
    return [row[name] for name in CRITERIA]


def xlsx_bytes(
    *rows: list[Any], sheet: str = "Sheet1", top: int = 1, left: int = 1, merges=(), more=None
) -> bytes:
    """A workbook of one sheet (`more`: further ones) whose first cell stands at row `top`, column `left`."""
    book = openpyxl.Workbook()
    book.active.title = sheet
    for name, content in {sheet: rows, **(more or {})}.items():
        page = book[name] if name in book.sheetnames else book.create_sheet(name)
        for r, row in enumerate(content):
            for c, value in enumerate(row):
                if value is not None:
                    page.cell(top + r, left + c, value)
    for merge in merges:
        book.active.merge_cells(merge)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def html_table(*rows: str) -> str:
    return "<html><body><table>" + "".join(f"<tr>{row}</tr>" for row in rows) + "</table></body></html>"


def html_row(*cells: Any, tag: str = "td") -> str:
    return "".join(f"<{tag}>{'' if cell is None else cell}</{tag}>" for cell in cells)


def json_bytes(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def windows_1258(text: str) -> bytes:
    """Windows-1258 has letters with a hat and marks of tone apart."""

    def letters(letter: str) -> bytes:
        try:
            return letter.encode("cp1258")
        except UnicodeEncodeError:
            parts = unicodedata.decomposition(letter).split()
            return b"".join(letters(chr(int(part, 16))) for part in parts)

    return b"".join(map(letters, text))
