"""Workbooks, read by a Rust-backed reader; the zip inside is looked at first, for safety and for what it
hides.

The reader tells neither on which row the used range starts nor which cells are merged, nor which are formulas
that were never computed, so these come from the sheet's XML. It also keeps the whole used range in memory,
empty cells too, so the range is measured before.
"""

from __future__ import annotations

import logging
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import fastexcel
import pyarrow as pa
from lxml import etree

from sources.contract import Column, Table
from sources.header import (
    SEARCHED_ROWS,
    Header,
    RefusedFile,
    find_header,
    missing_columns,
    no_header,
    refuse_missing,
)
from sources.readers.grid import data_rows
from sources.readers.part import Part
from sources.text import shown, sql_name

_MAX_UNPACKED = 4 << 30
_SMALL_UNPACKED = 128 << 20
_MAX_RATIO = 200  # a sheet of equal rows packs about 1:100
_MAX_MEMBERS = 10_000
_LARGE_SHEET = 64 << 20  # written by programs; looked at by its first rows only
_MAX_COLUMNS = 1000
_MAX_CELLS = 80_000_000  # of the used range, empty ones counted
_MAX_FAULTS = 100_000
_NS = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_REL = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
# References from column CA on: a large sheet that wide would not fit into memory.
_FAR_COLUMN = re.compile(rb'r="(?:[C-Z][A-Z]|[A-Z]{3})\d')
# Formulas and errors, under any prefix; looked for by plain comparison, five times as fast as a pattern.
_SPECIAL = (b't="e"', b"<f>", b"<f ", b"<f/", b":f>", b":f ", b":f/")
_NO_REFERENCE = (b"<c>", b"<c/", b":c ", b":c>", b":c/")
_MERGE = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([^"]+)"')
_ROW_NUMBER = re.compile(rb'row\s[^>]*?\br="(\d+)"')

_DAMAGED = (
    "tệp Excel hỏng hoặc chưa sao chép xong: xuất lại rồi gửi lại"
    " | the workbook is damaged or not wholly copied: export it again"
)
_BOMB = "tệp nén bất thường (bom nén): từ chối để bảo vệ máy | the file unpacks to an absurd size (zip bomb)"
_FORMULA = (
    "là công thức chưa có giá trị: mở bằng Excel rồi lưu lại | is a formula without a value: open and save it"
)
_ERROR = "là lỗi của Excel | is an error of the workbook"

# It warns of each empty column; what is wrong with a file is told by the outcome.
logging.getLogger("fastexcel").setLevel(logging.ERROR)

Range = tuple[int, int, int, int]  # row, column, last row, last column, from 0


@dataclass(frozen=True)
class _Sheet:
    """Where the used range starts (from 0), the merged ranges, and the cells that hold no readable value."""

    member: str = ""
    first_row: int = 0
    first_column: int = 0
    merges: tuple[Range, ...] = ()
    unreadable: tuple[tuple[int, int, str], ...] = ()  # row, column, why
    is_empty: bool = False


def _place(reference: str) -> tuple[int, int]:
    found = re.fullmatch(r"\$?([A-Z]{1,3})\$?(\d{1,7})", reference)
    if found is None:
        raise ValueError("no reference of a cell")
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - 64
    return int(found[2]) - 1, column - 1


def _parse(data: bytes) -> etree._Element:
    return etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True))


def _rows(file) -> Iterator[tuple[str, etree._Element, int]]:
    """Rows (with their number from 0, written or counted) and merged ranges of a sheet, each dropped
    after use.
    """
    number = -1
    for _, element in etree.iterparse(
        file,
        events=("end",),
        tag=(f"{_NS}row", f"{_NS}mergeCell"),
        resolve_entities=False,
        no_network=True,
        huge_tree=True,
    ):
        if element.tag == f"{_NS}row":
            number = int(element.get("r", number + 2)) - 1
            yield "row", element, number
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]
        else:
            yield "merge", element, number


def _cells(row: etree._Element) -> Iterator[tuple[etree._Element, int]]:
    """The cells of a row with their column, written or counted."""
    at = -1
    for cell in row.iterchildren(f"{_NS}c"):
        reference = cell.get("r")
        at = at + 1 if reference is None else _place(reference)[1]
        yield cell, at


def _is_filled(cell: etree._Element) -> bool:
    return any(child.text or len(child) for child in cell if child.tag != f"{_NS}f")


def _why_unreadable(cell: etree._Element) -> str | None:
    if cell.get("t") == "e":
        return _ERROR
    if cell.get("t") != "str" and cell.find(f"{_NS}f") is not None and not _is_filled(cell):
        return _FORMULA
    return None


@dataclass
class _Survey:
    """What the bytes of a sheet tell without being parsed, which takes three times as long as reading them.

    `is_plain`: every cell says where it is, none of them far to the right, none a formula or an error.
    """

    is_plain: bool = True
    is_special: bool = False
    last_row: int = -1
    merges: tuple[Range, ...] = ()


def _survey(archive: zipfile.ZipFile, member: str, large: bool) -> _Survey:
    found = _Survey()
    merges: list[Range] = []
    carry = b""
    with archive.open(member) as file:
        while chunk := file.read(1 << 20):  # to the end: only then is the checksum compared
            window = carry + chunk
            cut = window.rfind(b"<")  # no tag is looked at by halves
            window, carry = window[:cut], window[cut:]
            found.is_special = found.is_special or any(mark in window for mark in _SPECIAL)
            far = _FAR_COLUMN.search(window) is not None
            if large and far:
                raise RefusedFile(_BOMB)
            found.is_plain = (
                found.is_plain
                and not far
                and window.count(b"<c ") == window.count(b'<c r="')
                and not any(mark in window for mark in _NO_REFERENCE)
            )
            row = _ROW_NUMBER.match(window, max(0, window.rfind(b"row ")))
            if row is not None:
                found.last_row = int(row[1]) - 1
            if b"mergeCell " in window:
                merges += map(_range, _MERGE.findall(window))
    found.is_plain = found.is_plain and not found.is_special and found.last_row >= 0
    found.merges = tuple(merges)
    return found


def _range(reference: str | bytes) -> Range:
    text = reference.decode() if isinstance(reference, bytes) else reference
    start, _, end = text.partition(":")
    return (*_place(start), *_place(end or start))


def _inspect(archive: zipfile.ZipFile, member: str) -> _Sheet:
    large = archive.getinfo(member).file_size > _LARGE_SHEET
    survey = _survey(archive, member, large)
    sheet = _walk(archive, member, survey, only_head=large or survey.is_plain)
    if sheet.first_column > 0 and not large and survey.is_plain:
        # A cell further below may stand further to the left.
        sheet = _walk(archive, member, survey, only_head=False)
    return sheet


def _walk(archive: zipfile.ZipFile, member: str, survey: _Survey, *, only_head: bool) -> _Sheet:
    """The sheet by its rows: all of them, or those in which a header is looked for."""
    row = column = None
    last_column = 0
    merges: list[Range] = []
    unreadable: list[tuple[int, int, str]] = []
    with archive.open(member) as file:
        for kind, element, number in _rows(file):
            if kind == "merge":
                merges.append(_range(element.get("ref", "")))
                continue
            cells = list(_cells(element))
            left = next((at for cell, at in cells if _is_filled(cell)), None)
            if left is not None:
                row = number if row is None else row
                column = left if column is None else min(column, left)
                last_column = max(last_column, next(at for cell, at in reversed(cells) if _is_filled(cell)))
                _refuse_wide(number + 1, last_column - column + 1)
            if survey.is_special:
                found = ((number, at, _why_unreadable(cell)) for cell, at in cells)
                unreadable += [entry for entry in found if entry[2]]
                if len(unreadable) > _MAX_FAULTS:
                    raise RefusedFile(f"quá nhiều ô không có giá trị: {_FORMULA}")
            if only_head and row is not None and number > row + SEARCHED_ROWS:
                _refuse_wide(survey.last_row + 1, last_column - column + 1)
                merges = list(survey.merges)
                break
    return _Sheet(member, row or 0, column or 0, tuple(merges), tuple(unreadable), row is None)


def _refuse_wide(rows: int, columns: int) -> None:
    if columns > _MAX_COLUMNS:
        raise RefusedFile(
            f"trang tính có {columns} cột: kiểm tra lại tệp | the sheet has {columns} columns: check the file"
        )
    if rows * columns > _MAX_CELLS:
        raise RefusedFile(_BOMB)


def _sheet_members(archive: zipfile.ZipFile) -> dict[str, str]:
    """Sheet name -> member of the archive, in workbook order."""
    relations = {
        relation.get("Id"): relation.get("Target", "").lstrip("/").removeprefix("xl/")
        for relation in _parse(archive.read("xl/_rels/workbook.xml.rels"))
    }
    workbook = _parse(archive.read("xl/workbook.xml"))
    return {
        sheet.get("name"): "xl/" + relations[sheet.get(_REL)]
        for sheet in workbook.iter(f"{_NS}sheet")
        if sheet.get(_REL) in relations
    }


def _check_size(archive: zipfile.ZipFile) -> None:
    """Refuse what would not fit into memory; what the archive says of itself is held against its bytes
    elsewhere.
    """
    members = archive.infolist()
    unpacked = sum(info.file_size for info in members)
    packed = max(1, sum(info.compress_size for info in members))
    if (
        len(members) > _MAX_MEMBERS
        or unpacked > _MAX_UNPACKED
        or (unpacked > _SMALL_UNPACKED and unpacked / packed > _MAX_RATIO)
    ):
        raise RefusedFile(_BOMB)


def _check_texts(archive: zipfile.ZipFile) -> None:
    """Unpack the shared texts once: a wrong size or checksum shows here and not in the reader."""
    for info in archive.infolist():
        if info.filename.lower().endswith("sharedstrings.xml"):
            with archive.open(info) as file:
                while file.read(1 << 20):
                    pass


def read_workbook(connection: duckdb.DuckDBPyConnection, path: Path, table: Table) -> list[Part]:
    """One Part per sheet with a header row, in workbook order."""
    try:
        with zipfile.ZipFile(path) as archive:
            _check_size(archive)
            _check_texts(archive)
            members = _sheet_members(archive)
            sheets = {
                name: _inspect(archive, member)
                for name, member in members.items()
                if member in archive.NameToInfo
            }
    except RefusedFile:
        raise
    except (
        Exception
    ) as error:  # damage shows as an error of the zip, of the XML, or of what is missing in them
        raise RefusedFile(_DAMAGED) from error
    return _read_sheets(connection, path, table, sheets)


def read_old_workbook(connection: duckdb.DuckDBPyConnection, path: Path, table: Table) -> list[Part]:
    """Workbooks of the 1997-2003 kind; those with a password look the same from outside and are refused."""
    locked = "EncryptedPackage".encode("utf-16-le")
    with path.open("rb") as file:
        carry = b""
        while chunk := file.read(1 << 20):
            if locked in carry + chunk:
                raise RefusedFile(
                    "tệp Excel có mật khẩu: bỏ mật khẩu rồi gửi lại"
                    " | the workbook has a password: remove it and deliver the file again"
                )
            carry = chunk[-len(locked) :]
    return _read_sheets(connection, path, table, {})


def _load(reader: fastexcel.ExcelReader, number: int, **options) -> pa.RecordBatch:
    """A sheet as the reader gives it. Raises RefusedFile for whatever the reader says, or dies of."""
    try:
        return pa.record_batch(reader.load_sheet(number, header_row=None, **options))
    except BaseException as error:  # a panic of the Rust code is no Exception
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise RefusedFile(_DAMAGED) from error


def _first_row(reader: fastexcel.ExcelReader, number: int) -> int:
    """The empty rows above the used range: with a number of rows to skip, the reader counts them too."""
    try:
        sheets = [reader.load_sheet(number, header_row=None, **options) for options in ({}, {"skip_rows": 0})]
        return max(0, sheets[1].total_height - sheets[0].total_height)
    except Exception:
        return 0


def _read_sheets(connection, path: Path, table: Table, known: dict[str, _Sheet]) -> list[Part]:
    try:
        reader = fastexcel.read_excel(str(path))
        names = reader.sheet_names
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise RefusedFile(_DAMAGED) from error
    is_zip = bool(known)
    found: list[tuple[int, str, Header, int]] = []
    looked_at: list[list[str | None]] = []
    for number, name in enumerate(names):
        if is_zip and (name not in known or known[name].is_empty):
            continue  # a chart, or nothing at all
        if name not in known:
            known[name] = _Sheet(first_row=_first_row(reader, number))
        head = _load(reader, number, n_rows=SEARCHED_ROWS + 3, dtypes="string")
        if head.num_columns > _MAX_COLUMNS:
            _refuse_wide(1, head.num_columns)
        rows = [[row.get(column) for column in head.schema.names] for row in head.to_pylist()]
        looked_at += rows
        header = find_header(rows, table)
        if header is not None:
            found.append((number, name, header, head.num_columns))
    if not found:
        raise no_header(table, "tệp Excel", looked_at)
    complete = [f for f in found if not missing_columns(table, {c.name for c in f[2].columns.values()})]
    needed = sum(column.must_be_present for column in table.columns)
    parts = []
    for number, name, header, width in found:
        present = {column.name for column in header.columns.values()}
        missing = missing_columns(table, present)
        if missing and complete and len(missing) * 2 > needed:
            continue  # a sheet of code lists beside the table, not a part of it
        refuse_missing(table, missing)
        sheet = known[name]
        cells = _load_cells(connection, reader, path, number, header, width, sheet)
        parts.append(
            data_rows(
                connection,
                cells,
                header,
                width,
                table,
                sheet_no=number,
                sheet=shown(name),
                spanning=[row + 1 for row, left, last, right in sheet.merges if right > left and row == last],
                faults=_faults(sheet, header),
            )
        )
    return parts


def _faults(sheet: _Sheet, header: Header) -> dict[int, str]:
    """Row number -> what is wrong with its first unreadable cell."""
    found: dict[int, str] = {}
    for row, at, why in sheet.unreadable:
        column = header.columns.get(at - sheet.first_column)
        if column is not None and row > sheet.first_row + header.last:
            found.setdefault(row + 1, f"“{column.vi}” ({column.name}) {why}")
    return found


def _load_cells(
    connection, reader, path: Path, number: int, header: Header, width: int, sheet: _Sheet
) -> str:
    """The cells below the header as a temporary table of text; true numbers get a decimal comma."""
    name = f"_cells_{number}"
    # Rows of the sheet from 1: the range starts below empty rows, then title rows and header.
    first = sheet.first_row + header.last + 2
    try:
        # Rows to skip are counted from the top of the sheet, not of the used range.
        batch = _load(reader, number, skip_rows=first - 1, schema_sample_rows=None, whitespace_as_null=True)
    except RefusedFile:
        # The reader has no word for a header with nothing below it.
        if len(_load(reader, number, dtypes="string")) > header.last + 1:
            raise
        batch = None
    if batch is None or batch.num_rows == 0:
        columns = ", ".join(f"null::varchar as c{i}" for i in range(width))
        connection.execute(
            f"create or replace temp table {name} as select 0::bigint as _row_number, {columns} limit 0"
        )
        return name
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
            text = f"""
                case when abs({cell}) >= 1e15 and abs({cell}) < 1e30 and {cell} = trunc({cell})
                    then {cell}::hugeint::varchar
                else regexp_replace({cell}::varchar, '\\.0$', '') end"""
            if column is not None and column.type in ("int", "decimal"):
                text = f"replace({text}, '.', ',')"
        else:
            text = f"{cell}::varchar"
            if pa.types.is_string(kind) and column is not None and column.type in ("int", "decimal"):
                mixed.append((at, column))
        texts.append(f"{text} as c{at}")
    connection.execute(f"""
        create or replace temp table {name} as
        select {first} - 1 + row_number() over () as _row_number, {", ".join(texts)} from _sheet_cells
    """)
    connection.unregister("_sheet_cells")
    _mark_true_numbers(connection, path, name, mixed, sheet)
    _fill_merged(connection, name, header, sheet, width)
    return name


def _fill_merged(connection, name: str, header: Header, sheet: _Sheet, width: int) -> None:
    """A cell merged over several data rows holds its value in each of them."""
    below = sheet.first_row + header.last
    by_column: dict[int, list[Range]] = {}
    for merge in sheet.merges:
        top, left, bottom, right = merge
        at = left - sheet.first_column
        if top > below and bottom > top and right == left and 0 <= at < width:
            by_column.setdefault(at, []).append(merge)
    for at, merges in by_column.items():
        ranges = {
            "top": pa.array([top + 1 for top, _, _, _ in merges], pa.int64()),
            "bottom": pa.array([bottom + 1 for _, _, bottom, _ in merges], pa.int64()),
        }
        connection.register("_merged", pa.table(ranges))
        connection.execute(f"""
            update {name} set c{at} = filled.value
            from (
                select any_value(source.c{at}) as value, target._row_number as row_number
                from _merged as m
                join {name} as source on source._row_number = m.top
                join {name} as target on target._row_number > m.top and target._row_number <= m.bottom
                group by target._row_number
            ) as filled
            where {name}._row_number = filled.row_number and {name}.c{at} is null
        """)
        connection.unregister("_merged")


def _mark_true_numbers(
    connection, path: Path, name: str, mixed: list[tuple[int, Column]], sheet: _Sheet
) -> None:
    """In a column of numbers and texts, 1.234 may be either; only the sheet's XML knows which. Rare, so
    looked up.
    """
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
        for kind, element, row in _rows(file):
            if kind != "row":
                continue
            for cell, column in _cells(element):
                if column - sheet.first_column in numbers and cell.get("t", "n") == "n":
                    numbers[column - sheet.first_column].append(row + 1)
    for at, rows in numbers.items():
        connection.register("_true_numbers", pa.table({"row_number": pa.array(rows, pa.int64())}))
        connection.execute(
            f"update {name} set c{at} = replace(c{at}, '.', ',')"
            " where _row_number in (select row_number from _true_numbers)"
        )
        connection.unregister("_true_numbers")
