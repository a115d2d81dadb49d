"""Workbooks, read by a Rust-backed reader after a look at the zip inside (`workbook_archive`)."""

from __future__ import annotations

import logging
import zipfile
from array import array
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import duckdb
import fastexcel
import pyarrow as pa

from sources.contract import Table
from sources.header import (
    Header,
    RefusedFile,
    find_header,
    no_header,
)
from sources.readers.grid import Block, data_rows, parts_of_table, rows_without_header
from sources.readers.part import Part
from sources.readers.workbook_archive import (
    BOMB,
    HEAD_ROWS,
    MAX_COLUMNS,
    MAX_TEXT,
    Range,
    Sheet,
    check_size,
    check_texts,
    inspect,
    percent_styles,
    refuse_multiplied,
    refuse_wide,
    true_numbers,
)
from sources.text import shown, sql_name

_PIECE = 1 << 14  # rows
_MANY_CELLS = 1 << 22  # of a used range; some forty bytes each

_OLD_AND_DOUBTFUL = (
    "một cột vừa có số vừa có chữ kiểu 1.234: tệp .xls cũ không cho biết ô nào là số; lưu lại thành .xlsx rồi gửi lại"
    " | a column holds numbers and texts like 1.234, and an old .xls does not tell which is which: save it as .xlsx"
)
_DAMAGED = (
    "tệp Excel hỏng hoặc chưa sao chép xong: xuất lại rồi gửi lại"
    " | the workbook is damaged or not wholly copied: export it again"
)

# It warns of each empty column; what is wrong with a file is told by the outcome.
logging.getLogger("fastexcel").setLevel(logging.ERROR)


def read_workbook(
    connection: duckdb.DuckDBPyConnection, path: Path, table: Table, be_alone: Callable[[], None]
) -> list[Part]:
    """One Part per sheet with a header row, in workbook order."""
    try:
        with ThreadPoolExecutor(1) as beside, zipfile.ZipFile(path) as archive:
            check_size(archive)
            # The shared texts are read while the sheets are looked at; no sheet is, before all have been.
            opened = beside.submit(_open_checked, path)
            sheets = inspect(archive)
            reader, sizes = opened.result()
            refuse_multiplied(archive, sheets.values(), sizes)
    except RefusedFile:
        raise
    except (
        Exception
    ) as error:  # damage shows as an error of the zip, of the XML, or of what is missing in them
        raise RefusedFile(_DAMAGED) from error
    if any(sheet.cells > _MANY_CELLS for sheet in sheets.values()):
        be_alone()
    return _read_sheets(connection, reader, path, table, sheets)


def _open_checked(path: Path) -> tuple[fastexcel.ExcelReader, array[int]]:
    with zipfile.ZipFile(path) as archive:
        sizes = check_texts(archive)
    return _open(str(path)), sizes


def read_old_workbook(
    connection: duckdb.DuckDBPyConnection, path: Path, table: Table, be_alone: Callable[[], None]
) -> list[Part]:
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
    be_alone()  # how many cells it holds shows only when they have been read
    return _read_sheets(connection, _open(str(path)), path, table, {})


@contextmanager
def _damage_refused() -> Iterator[None]:
    """Whatever the reader says, or dies of, becomes RefusedFile."""
    try:
        yield
    except BaseException as error:  # a panic of the Rust code is no Exception
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise RefusedFile(_DAMAGED) from error


def _open(source: str | bytes) -> fastexcel.ExcelReader:
    with _damage_refused():
        return fastexcel.read_excel(source)


def _load(reader: fastexcel.ExcelReader, number: int, **options) -> pa.RecordBatch:
    with _damage_refused():
        return pa.record_batch(reader.load_sheet(number, header_row=None, **options))


def _load_head(reader: fastexcel.ExcelReader, number: int) -> pa.RecordBatch:
    return _load(reader, number, n_rows=HEAD_ROWS, dtypes="string")


def _load_whole(reader: fastexcel.ExcelReader, number: int) -> pa.Table:
    """All cells of a sheet as text columns c0, c1 ..."""
    batch = _load(reader, number, dtypes="string")
    return pa.Table.from_batches([batch]).rename_columns([f"c{at}" for at in range(batch.num_columns)])


def _first_row(reader: fastexcel.ExcelReader, number: int) -> int:
    """The empty rows above the used range: with a number of rows to skip, the reader counts them too."""
    try:
        sheets = [reader.load_sheet(number, header_row=None, **options) for options in ({}, {"skip_rows": 0})]
        return max(0, sheets[1].total_height - sheets[0].total_height)
    except Exception:
        return 0


def _read_sheets(
    connection, reader: fastexcel.ExcelReader, path: Path, table: Table, known: dict[str, Sheet]
) -> list[Part]:
    with _damage_refused():
        names = reader.sheet_names
    is_zip = bool(known)
    blocks = []
    for number, name in enumerate(names):
        if is_zip and (name not in known or known[name].is_empty):
            continue  # a chart, or nothing at all
        if name not in known:
            known[name] = Sheet(first_row=_first_row(reader, number))
        header, rows = _find_header(reader, number, known[name], table)
        called = f"trang tính “{shown(name)}”", f"the sheet “{shown(name)}”"
        blocks.append(Block(number, *called, rows, header, known[name].first_column))
    if all(block.header is None for block in blocks):
        raise no_header(table, "tệp Excel", [row for block in blocks for row in block.head])
    wanted = parts_of_table(blocks, table)
    warnings = rows_without_header(
        connection, blocks, wanted, table, lambda block: _load_whole(reader, block.number)
    )
    parts = []
    for number, header in ((block.number, block.header) for block in wanted):
        name = names[number]
        sheet = known[name]
        cells, width = _load_cells(connection, reader, path, number, header, sheet, copied=len(wanted) > 1)
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
    return [replace(parts[0], warnings=parts[0].warnings + warnings), *parts[1:]]


def _find_header(
    reader: fastexcel.ExcelReader, number: int, sheet: Sheet, table: Table
) -> tuple[Header | None, list[list[str | None]]]:
    """The header of a sheet, and the rows among which it was looked for."""
    if sheet.head is not None:
        with suppress(RefusedFile):
            rows = _text_rows(_load_head(_open(sheet.head), number))
            header = find_header(rows, table)
            if header is not None:
                return header, rows
    # What is not found in the short form is looked for in the sheet itself: it may be damaged further below.
    head = _load_head(reader, number)
    if head.num_columns > MAX_COLUMNS:
        refuse_wide(1, head.num_columns)
    rows = _text_rows(head)
    return find_header(rows, table), rows


def _text_rows(batch: pa.RecordBatch) -> list[list[str | None]]:
    return [[row.get(column) for column in batch.schema.names] for row in batch.to_pylist()]


def _faults(sheet: Sheet, header: Header) -> dict[int, str]:
    """Row number -> what is wrong with its first unreadable cell."""
    found: dict[int, str] = {}
    for row, at, why in sheet.unreadable:
        column = header.columns.get(at - sheet.first_column)
        if column is not None and row > sheet.first_row + header.last:
            found.setdefault(row + 1, f"“{column.vi}” ({column.name}) {why}")
    return found


def _load_cells(
    connection,
    reader: fastexcel.ExcelReader,
    path: Path,
    number: int,
    header: Header,
    sheet: Sheet,
    *,
    copied: bool,
) -> tuple[str, int]:
    """The cells below the header as a relation of text, and its width; true numbers get a decimal comma.

    It is a view of what the reader made, unless `copied`: DuckDB can put on disk what it holds itself, so the
    cells of one sheet at most are kept outside of it. Cells to be changed are copied too.
    """
    # Rows of the sheet from 1: the range starts below empty rows, then title rows and header.
    first = sheet.first_row + header.last + 2
    try:
        batch = _load_rows(reader, number, first, _text_columns(number, first, sheet))
    except RefusedFile:
        # The reader has no word for a header with nothing below it.
        batch = _load(reader, number, dtypes="string")
        if len(batch) > header.last + 1:
            raise
        batch = batch.slice(0, 0)
    if batch.num_columns > MAX_COLUMNS:
        refuse_wide(1, batch.num_columns)
    texts = []
    mixed: list[int] = []
    for at, field in enumerate(batch.schema):
        column = header.columns.get(at)
        is_number = column is not None and column.type in ("int", "decimal")
        texts.append(f"{_text(field, is_number)} as c{at}")
        if is_number and pa.types.is_string(field.type):
            mixed.append(at)
    width = max(batch.num_columns, *(at + 1 for at in header.columns), (header.row_label or 0) + 1)
    texts += [f"null::varchar as c{at}" for at in range(batch.num_columns, width)]
    source, name = f"_sheet_{number}", f"_cells_{number}"
    connection.register(source, _numbered(batch, first))
    cells = f"(select _row_number, {', '.join(texts)} from {source})"
    doubtful = _doubtful(connection, cells, mixed)
    if doubtful and not sheet.member:
        raise RefusedFile(_OLD_AND_DOUBTFUL)
    percents = _percents(path, header, sheet)
    merges = _merged_down(header, sheet, width)
    if copied or doubtful or merges or percents:
        connection.execute(f"create or replace temp table {name} as select * from {cells}")
        connection.unregister(source)
        cells = name
        _mark_true_numbers(connection, path, name, doubtful, sheet)
        _as_seen(connection, name, percents)
        _fill_merged(connection, name, merges)
    return cells, width


def _percents(path: Path, header: Header, sheet: Sheet) -> dict[int, list[int]]:
    """In columns of percents (`..._pct`), the rows of numbers that the sheet shows with a percent sign."""
    columns = {at for at, column in header.columns.items() if column.name.endswith("_pct")}
    if not columns or not sheet.member:
        return {}
    with zipfile.ZipFile(path) as archive:
        styles = percent_styles(archive)
        found = true_numbers(archive, sheet, columns, styles) if styles else {}
    return {at: rows for at, rows in found.items() if rows}


def _as_seen(connection, name: str, percents: dict[int, list[int]]) -> None:
    """87.25 %, as a person typed and sees it, and not the 0.8725 that the workbook stores."""
    for at, rows in percents.items():
        connection.register("_percents", pa.table({"row_number": pa.array(rows, pa.int64())}))
        connection.execute(f"""
            update {name}
            set c{at} = replace(cast(cast(100 * cast(replace(c{at}, ',', '.') as double) as decimal(24, 6)) as varchar), '.', ',')
            where _row_number in (select row_number from _percents) and c{at} is not null
        """)
        connection.unregister("_percents")


def _load_rows(
    reader: fastexcel.ExcelReader, number: int, first: int, dtypes: dict[int, str] | None = None
) -> pa.RecordBatch:
    """The rows from `first` on; the types of columns are seen from all of their cells, unless given."""
    # Rows to skip are counted from the top of the sheet, not of the used range.
    options = {"skip_rows": first - 1, "schema_sample_rows": None, "whitespace_as_null": True}
    try:
        return _load(reader, number, dtypes=dtypes, **options)
    except RefusedFile as refused:
        # A span of time among texts or numbers: 26:00, as [h]:mm. The reader has no type for both, but a text.
        if not isinstance(refused.__cause__, fastexcel.UnsupportedColumnTypeCombinationError):
            raise
        return _load(reader, number, dtypes="string", **options)


def _text_columns(number: int, first: int, sheet: Sheet) -> dict[int, str] | None:
    """The columns in which a text stands among the first rows: whatever follows, they are text to the reader.

    So it need not look at all of their cells for a type, which would be a tenth of its time.
    """
    if sheet.head is None:
        return None
    with suppress(RefusedFile):
        batch = _load_rows(_open(sheet.head), number, first)
        return {
            at: "string"
            for at, column in enumerate(batch.columns)
            if pa.types.is_string(column.type) and column.null_count < len(column)
        } or None
    return None


def _numbered(batch: pa.RecordBatch, first: int) -> pa.Table:
    """With row numbers, in pieces that threads of DuckDB can share."""
    numbers = pa.arange(first, first + len(batch))
    whole = pa.Table.from_batches([batch]).append_column("_row_number", numbers)
    return pa.Table.from_batches(whole.to_batches(max_chunksize=_PIECE), whole.schema)


def _text(field: pa.Field, is_number: bool) -> str:
    """SQL of a cell as text."""
    cell = sql_name(field.name)
    if not pa.types.is_floating(field.type):
        return f"{cell}::varchar"
    # Shortest text that reads back as the same number; a whole number without its .0
    comma = f"replace({cell}::varchar, '.', ',')" if is_number else f"{cell}::varchar"
    return f"""
        case when abs({cell}) < 1e15 and {cell} = trunc({cell}) then {cell}::bigint::varchar
            when abs({cell}) < 1e30 and {cell} = trunc({cell}) then {cell}::hugeint::varchar
            else {comma} end"""


def _merged_down(header: Header, sheet: Sheet, width: int) -> dict[int, list[Range]]:
    """The cells merged over several data rows, by column."""
    below = sheet.first_row + header.last
    by_column: dict[int, list[Range]] = {}
    for merge in sheet.merges:
        top, left, bottom, right = merge
        at = left - sheet.first_column
        if top > below and bottom > top and right == left and 0 <= at < width:
            by_column.setdefault(at, []).append(merge)
    return by_column


def _fill_merged(connection, name: str, by_column: dict[int, list[Range]]) -> None:
    """A cell merged over several data rows holds its value in each of them."""
    for at, merges in by_column.items():
        ranges = {
            "top": pa.array([top + 1 for top, _, _, _ in merges], pa.int64()),
            "bottom": pa.array([bottom + 1 for _, _, bottom, _ in merges], pa.int64()),
        }
        connection.register("_merged", pa.table(ranges))
        copied = f"sum(strlen(source.c{at}) * (m.bottom - m.top))"
        joined = f"_merged as m join {name} as source on source._row_number = m.top"
        if (connection.execute(f"select {copied} from {joined}").fetchall()[0][0] or 0) > MAX_TEXT:
            raise RefusedFile(BOMB)
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


def _doubtful(connection, cells: str, mixed: list[int]) -> set[int]:
    """In a column of numbers and texts, 1.234 may be either: the columns that hold the like."""
    if not mixed:
        return set()
    held = ", ".join(f"bool_or(regexp_full_match(c{at}, '[+-]?[1-9]\\d{{0,2}}\\.\\d{{3}}'))" for at in mixed)
    found = connection.execute(f"select {held} from {cells}").fetchall()[0]
    return {at for at, is_held in zip(mixed, found, strict=True) if is_held}


def _mark_true_numbers(connection, path: Path, name: str, doubtful: set[int], sheet: Sheet) -> None:
    """Which of them are numbers only the sheet's XML knows. Rare, so looked up."""
    if not doubtful:
        return
    with zipfile.ZipFile(path) as archive:
        numbers = true_numbers(archive, sheet, doubtful)
    for at, rows in numbers.items():
        connection.register("_true_numbers", pa.table({"row_number": pa.array(rows, pa.int64())}))
        connection.execute(
            f"update {name} set c{at} = replace(c{at}, '.', ',')"
            " where _row_number in (select row_number from _true_numbers)"
        )
        connection.unregister("_true_numbers")
