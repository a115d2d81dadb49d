"""Workbooks, read by a Rust-backed reader; the zip inside is looked at first, for safety and for what it hides.

The reader tells neither on which row the used range starts nor which cells are merged, so these come from the
sheet's XML.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import fastexcel
import pyarrow as pa
from lxml import etree

from sources.contract import Column, Table
from sources.header import SEARCHED_ROWS, Header, RefusedFile, find_header, missing_columns, refuse_missing
from sources.readers.grid import data_rows
from sources.readers.part import Part
from sources.text import sql_name

_MAX_UNPACKED = 8 << 30
_MAX_RATIO = 400  # a sheet of equal rows packs about 1:100
_MERGES_LOOKED_FOR = 64 << 20  # larger sheets are written by programs, which do not merge data cells
_MAX_COLUMNS = 1000
_NS = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_REL = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"

_DAMAGED = (
    "tệp Excel hỏng hoặc chưa sao chép xong: xuất lại rồi gửi lại"
    " | the workbook is damaged or not wholly copied: export it again"
)


@dataclass(frozen=True)
class _Sheet:
    """Where the used range starts (from 0), and the merged ranges as (row, column, last row, last column)."""

    member: str
    first_row: int = 0
    first_column: int = 0
    merges: tuple[tuple[int, int, int, int], ...] = field(default=())


def _place(reference: str) -> tuple[int, int]:
    letters, digits = re.fullmatch(r"([A-Z]+)(\d+)", reference).groups()
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - 64
    return int(digits) - 1, column - 1


def _xml(file) -> Iterator[tuple[str, etree._Element]]:
    return etree.iterparse(file, events=("end",), resolve_entities=False, no_network=True, huge_tree=True)


def _parse(data: bytes) -> etree._Element:
    return etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True))


def _inspect(archive: zipfile.ZipFile, member: str) -> _Sheet:
    row, first_column = None, None
    merges = []
    small = archive.getinfo(member).file_size <= _MERGES_LOOKED_FOR
    with archive.open(member) as file:
        for _, element in _xml(file):
            if element.tag == f"{_NS}c":
                if any(child.text or len(child) for child in element if child.tag != f"{_NS}f"):
                    at = _place(element.get("r", "A1"))
                    row = at[0] if row is None else row
                    first_column = at[1] if first_column is None else min(first_column, at[1])
                continue
            if element.tag == f"{_NS}mergeCell":
                start, _, end = element.get("ref").partition(":")
                merges.append((*_place(start), *_place(end or start)))
            if element.tag == f"{_NS}row":
                if row is not None and not small:
                    break
                element.clear()
                while element.getprevious() is not None:
                    del element.getparent()[0]
    return _Sheet(member, row or 0, first_column or 0, tuple(merges))


def _sheet_members(archive: zipfile.ZipFile) -> dict[str, str]:
    """Sheet name -> member of the archive, in workbook order."""
    relations = {
        relation.get("Id"): relation.get("Target").lstrip("/").removeprefix("xl/")
        for relation in _parse(archive.read("xl/_rels/workbook.xml.rels"))
    }
    workbook = _parse(archive.read("xl/workbook.xml"))
    return {
        sheet.get("name"): "xl/" + relations[sheet.get(_REL)]
        for sheet in workbook.iter(f"{_NS}sheet")
        if sheet.get(_REL) in relations
    }


def _check_size(archive: zipfile.ZipFile) -> None:
    unpacked = sum(info.file_size for info in archive.infolist())
    packed = max(1, sum(info.compress_size for info in archive.infolist()))
    if unpacked > _MAX_UNPACKED or (unpacked > 256 << 20 and unpacked / packed > _MAX_RATIO):
        raise RefusedFile(
            "tệp nén bất thường (bom nén): từ chối để bảo vệ máy | the file unpacks to an absurd size (zip bomb)"
        )


def read_workbook(connection: duckdb.DuckDBPyConnection, path: Path, table: Table) -> list[Part]:
    """One Part per sheet with a header row, in workbook order."""
    try:
        with zipfile.ZipFile(path) as archive:
            _check_size(archive)
            members = _sheet_members(archive)
            sheets = {
                name: _inspect(archive, member) for name, member in members.items() if member in archive.NameToInfo
            }
    except RefusedFile:
        raise
    except (zipfile.BadZipFile, KeyError, etree.XMLSyntaxError, OSError, EOFError, ValueError, AttributeError) as e:
        raise RefusedFile(_DAMAGED) from e
    return _read_sheets(connection, path, table, sheets)


def read_old_workbook(connection: duckdb.DuckDBPyConnection, path: Path, table: Table) -> list[Part]:
    """Workbooks of the 1997-2003 kind; those with a password look the same from outside and are refused."""
    with path.open("rb") as file:
        if "EncryptedPackage".encode("utf-16-le") in file.read(1 << 20):
            raise RefusedFile(
                "tệp Excel có mật khẩu: bỏ mật khẩu rồi gửi lại"
                " | the workbook has a password: remove it and deliver the file again"
            )
    return _read_sheets(connection, path, table, {})


def _read_sheets(connection, path: Path, table: Table, known: dict[str, _Sheet]) -> list[Part]:
    try:
        reader = fastexcel.read_excel(str(path))
        names = reader.sheet_names
    except Exception as error:  # the reader's own errors have no common public class for damaged files
        raise RefusedFile(_DAMAGED) from error
    found: list[tuple[int, str, Header, int]] = []
    for number, name in enumerate(names):
        try:
            head = reader.load_sheet(number, header_row=None, n_rows=SEARCHED_ROWS + 2, dtypes="string")
        except Exception as error:
            if known.get(name) is not None and not _has_cells(known[name]):
                continue
            raise RefusedFile(_DAMAGED) from error
        if head.width > _MAX_COLUMNS:
            raise RefusedFile(
                f"trang tính “{name}” có {head.width} cột: kiểm tra lại tệp | the sheet has {head.width} columns"
            )
        rows = [list(row.values()) for row in pa.record_batch(head).to_pylist()]
        header = find_header(rows, table)
        if header is not None:
            found.append((number, name, header, head.width))
    if not found:
        raise RefusedFile(
            f"không có trang tính nào có dòng tiêu đề của bảng {table.name} (ví dụ “{table.columns[0].vi}”)"
            f" | no sheet has a header row of table {table.name}"
        )
    complete = [f for f in found if not missing_columns(table, {c.name for c in f[2].columns.values()})]
    needed = sum(column.must_be_present for column in table.columns)
    parts = []
    for number, name, header, width in found:
        present = {column.name for column in header.columns.values()}
        missing = missing_columns(table, present)
        if missing and complete and len(missing) * 2 > needed:
            continue  # a sheet of code lists beside the table, not a part of it
        refuse_missing(table, missing)
        sheet = known.get(name, _Sheet(""))
        cells = _load_cells(connection, reader, path, number, header, width, sheet)
        parts.append(
            data_rows(
                connection, cells, header, list(range(width)), table, sheet_no=number, sheet=name
            )
        )
    return parts


def _has_cells(sheet: _Sheet) -> bool:
    return bool(sheet.first_row or sheet.first_column or sheet.merges)


def _load_cells(connection, reader, path: Path, number: int, header: Header, width: int, sheet: _Sheet) -> str:
    """The cells below the header as a temporary table of text; true numbers get a decimal comma."""
    loaded = reader.load_sheet(
        number, header_row=None, skip_rows=header.last + 1, schema_sample_rows=None, whitespace_as_null=True,
        column_names=None,
    )  # fmt: skip
    name = f"_cells_{number}"
    if loaded.height == 0:
        columns = ", ".join(f"null::varchar as c{i}" for i in range(width))
        connection.execute(
            f"create or replace temp table {name} as select 0::bigint as _row_number, {columns} limit 0"
        )
        return name
    batch = pa.record_batch(loaded)
    connection.register("_sheet_cells", pa.Table.from_batches([batch]))
    texts = []
    mixed: list[tuple[int, Column]] = []
    for at in range(width):
        if at >= batch.num_columns:
            texts.append(f"null::varchar as c{at}")
            continue
        cell, kind = sql_name(batch.schema.field(at).name), batch.schema.field(at).type
        column = header.columns.get(at)
        if pa.types.is_floating(kind):
            # Shortest text that reads back as the same number; a whole number without its .0
            text = f"regexp_replace({cell}::varchar, '\\.0$', '')"
            if column is not None and column.type in ("int", "decimal"):
                text = f"replace({text}, '.', ',')"
        else:
            text = f"{cell}::varchar"
            if pa.types.is_string(kind) and column is not None and column.type in ("int", "decimal"):
                mixed.append((at, column))
        texts.append(f"{text} as c{at}")
    # Rows of the sheet from 1: the range starts below empty rows, then title rows and header.
    first = sheet.first_row + header.last + 2
    connection.execute(f"""
        create or replace temp table {name} as
        select {first} - 1 + row_number() over () as _row_number, {", ".join(texts)} from _sheet_cells
    """)
    connection.unregister("_sheet_cells")
    _fill_merged(connection, name, header, sheet, width)
    _mark_true_numbers(connection, path, name, mixed, sheet)
    return name


def _fill_merged(connection, name: str, header: Header, sheet: _Sheet, width: int) -> None:
    """A cell merged over several data rows holds its value in each of them."""
    below = sheet.first_row + header.last
    for top, left, bottom, right in sheet.merges:
        at = left - sheet.first_column
        if top <= below or bottom == top or right != left or not 0 <= at < width:
            continue
        connection.execute(
            f"update {name} set c{at} = (select c{at} from {name} where _row_number = $1)"
            f" where _row_number between $2 and $3 and c{at} is null",
            [top + 1, top + 2, bottom + 1],
        )


def _mark_true_numbers(connection, path: Path, name: str, mixed: list[tuple[int, Column]], sheet: _Sheet) -> None:
    """In a column of numbers and texts, 1.234 may be either; only the sheet's XML knows which. Rare, so looked up."""
    doubtful = [
        at
        for at, _ in mixed
        if connection.execute(
            f"select count(*) from {name} where regexp_full_match(c{at}, '[+-]?[1-9]\\d{{0,2}}\\.\\d{{3}}')"
        ).fetchall()[0][0]
    ]
    if not doubtful or not sheet.member:
        return
    numbers = {at: [] for at in doubtful}
    with zipfile.ZipFile(path) as archive, archive.open(sheet.member) as file:
        for _, element in _xml(file):
            if element.tag != f"{_NS}row":
                continue
            for cell in element.iter(f"{_NS}c"):
                row, column = _place(cell.get("r"))
                if column - sheet.first_column in numbers and cell.get("t", "n") == "n":
                    numbers[column - sheet.first_column].append(row + 1)
            element.clear()
    for at, rows in numbers.items():
        connection.register("_true_numbers", pa.table({"row_number": pa.array(rows, pa.int64())}))
        connection.execute(
            f"update {name} set c{at} = replace(c{at}, '.', ',')"
            " where _row_number in (select row_number from _true_numbers)"
        )
        connection.unregister("_true_numbers")
