"""Writers of spreadsheets as one-stop software makes them: titles, STT, merged headers, group rows.

`Workbook` writes xlsx, `HtmlTable` an HTML table into a file named .xls. Both lay a sheet out as the same
lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from html import escape
from pathlib import Path

import duckdb
import pyarrow as pa
import xlsxwriter

from .contract import Table
from .flat import Place
from .spelling import Habit, Patches, spell

NATION = ("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc")
LEVEL_SHEETS = {"tinh": "Cấp tỉnh", "huyen": "Cấp huyện", "xa": "Cấp xã"}

_CREATED = datetime(2024, 1, 1)  # fixed: the same sample gives the same bytes
_EPOCH = datetime(1899, 12, 30)


@dataclass(frozen=True)
class Cell:
    """One cell of a line, spanning `columns` x `rows` places from `column` on."""

    column: int
    value: object
    columns: int = 1
    rows: int = 1


@dataclass(frozen=True)
class Line:
    """One line of a sheet; `kind`: title, header, group, data, blank, total or signature; `row`: of data."""

    kind: str
    cells: tuple[Cell, ...]
    row: int | None = None


@dataclass(frozen=True)
class Form:
    """How a system lays out its sheets.

    titles      rows above the header
    groups      group title -> columns under it: gives a header of two rows, all other headers merged down
    styled      what the system does to its headers (capitals, NFD, line breaks, old tone places)
    group_rows  name of a column: before each run of equal values one text spans the row
    group_text  what that text is for a value
    totals      a numeric column that is summed below the data, after a blank row; then the signature block
    """

    titles: tuple[str, ...] = ()
    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()
    styled: tuple[Callable[[str], str], ...] = ()
    group_rows: str | None = None
    group_text: Callable[[str], str] = str
    totals: str | None = None
    signed: bool = False
    habit: Habit = field(default_factory=Habit)

    def header(self, name: str) -> str:
        for style in self.styled:
            name = style(name)
        return name

    def lay_out(
        self, table: Table, keys: list[str | None], rows: list[tuple], first_row: int
    ) -> Iterator[Line]:
        """The lines of one sheet. `rows`: cells in the contract's order; `keys`: their `group_rows` value."""
        width = len(table.columns) + 1
        for title in self.titles:
            yield Line("title", (Cell(0, title, columns=width),))
        yield from self._header(table)
        previous = None
        for number, (key, values) in enumerate(zip(keys, rows, strict=True)):
            if self.group_rows and key != previous:
                yield Line("group", (Cell(0, self.group_text(key), columns=width),))
                previous = key
            cells = (Cell(0, number + 1), *(Cell(place, value) for place, value in enumerate(values, 1)))
            yield Line("data", cells, row=first_row + number)
        if self.totals:
            place = [column.name for column in table.columns].index(self.totals)
            total = sum(row[place] for row in rows if isinstance(row[place], int | float))
            yield Line("blank", ())
            yield Line("total", (Cell(0, "Tổng cộng"), Cell(place + 1, total)))
        if self.signed:
            yield Line("blank", ())
            yield Line("signature", (Cell(1, "NGƯỜI LẬP BIỂU"), Cell(max(width - 2, 2), "THỦ TRƯỞNG ĐƠN VỊ")))
            yield Line(
                "signature", (Cell(1, "(Ký, ghi rõ họ tên)"), Cell(max(width - 2, 2), "(Ký, đóng dấu)"))
            )

    def _header(self, table: Table) -> Iterator[Line]:
        """One header row, or two: names under a group title, the others merged down."""
        titled = {name: title for title, names in self.groups for name in names}
        names = [self.header(column.header) for column in table.columns]
        if not titled:
            yield Line(
                "header", (Cell(0, "STT"), *(Cell(place, name) for place, name in enumerate(names, 1)))
            )
            return
        upper, lower, last = [Cell(0, "STT", rows=2)], [], None
        for place, (column, name) in enumerate(zip(table.columns, names, strict=True), 1):
            title = titled.get(column.name)
            if title is None:
                upper.append(Cell(place, name, rows=2))
            else:
                lower.append(Cell(place, name))
                if title == last:
                    upper[-1] = Cell(upper[-1].column, title, columns=upper[-1].columns + 1)
                else:
                    upper.append(Cell(place, title))
            last = title
        yield Line("header", tuple(upper))
        yield Line("header", tuple(lower))


@dataclass(frozen=True)
class Workbook:
    """An xlsx file.

    `excel_dates`: "true" dates, day "serial" numbers without a format, or None for text. `excel_numbers`:
    amounts and counts as true numbers. `as_numbers`: columns of codes that Excel took for numbers.
    `sheet_by` splits the rows over sheets by a column, named by `sheet_names`. `guide` adds a first sheet
    without a table.
    """

    form: Form = field(default_factory=Form)
    excel_dates: str | None = "true"
    excel_numbers: bool = True
    as_numbers: tuple[str, ...] = ()
    sheet_by: str | None = None
    sheet_names: Callable[[str], str] = str
    guide: str | None = None

    suffix = ".xlsx"

    def write(
        self, con: duckdb.DuckDBPyConnection, path: Path, table: Table, data: pa.Table, patches: Patches
    ) -> Place:
        """Writes `data`, which has to be sorted by `sheet_by` and then by the form's group column."""
        rows = self._cells(con, table, data, patches)
        keys = _keys(data, self.form.group_rows)
        places: list[tuple[str, int]] = []
        with xlsxwriter.Workbook(path, {"default_date_format": "dd/mm/yyyy"}) as book:
            book.set_properties({"created": _CREATED})
            formats = {
                "title": book.add_format({"bold": True, "align": "center"}),
                "header": book.add_format({"bold": True, "border": 1, "text_wrap": True, "align": "center"}),
                "group": book.add_format({"bold": True, "italic": True}),
            }
            if self.guide:
                book.add_worksheet("Hướng dẫn").write_string(0, 0, self.guide)
            for name, start, stop in self._sheets(data):
                sheet = book.add_worksheet(name)
                lines = self.form.lay_out(table, keys[start:stop], rows[start:stop], start)
                for number, line in enumerate(lines):
                    for cell in line.cells:
                        _put(sheet, number, cell, formats.get(line.kind))
                    if line.row is not None:
                        places.append((name, number + 1))
        return places.__getitem__

    def _sheets(self, data: pa.Table) -> Iterator[tuple[str, int, int]]:
        """(name, first row, row after the last) of each sheet."""
        if not self.sheet_by:
            yield "Sheet1", 0, data.num_rows
            return
        values = _keys(data, self.sheet_by)
        start = 0
        for row in range(1, len(values) + 1):
            if row == len(values) or values[row] != values[start]:
                yield self.sheet_names(values[start]), start, row
                start = row

    def _cells(self, con, table: Table, data: pa.Table, patches: Patches) -> list[tuple]:
        """Cell values row by row: text, or true dates and numbers where the workbook has them."""
        texts = con.execute(spell(con, table, data, self.form.habit, patches)).fetchall()
        columns = [list(column) for column in zip(*texts, strict=True)]
        for place, column in enumerate(table.columns):
            if column.kind in ("date", "datetime") and self.excel_dates:
                native = data.column(column.name).to_pylist()
                if self.excel_dates == "serial":
                    native = [None if moment is None else _serial(moment) for moment in native]
            elif column.kind in ("int", "decimal") and self.excel_numbers:
                native = data.column(column.name).to_pylist()
            elif column.name in self.as_numbers:
                native = [int(text) if text else None for text in data.column(column.name).to_pylist()]
            else:
                continue
            columns[place] = [
                text if (row, column.name) in patches else value
                for row, (text, value) in enumerate(zip(columns[place], native, strict=True))
            ]
        return list(zip(*columns, strict=True))


@dataclass(frozen=True)
class HtmlTable:
    """An HTML table in a file named .xls, as 'Xuất Excel' of list pages writes it, without a charset."""

    form: Form = field(default_factory=Form)

    suffix = ".xls"

    def write(
        self, con: duckdb.DuckDBPyConnection, path: Path, table: Table, data: pa.Table, patches: Patches
    ) -> Place:
        """Writes `data`; rows count from the first `<tr>`."""
        rows = con.execute(spell(con, table, data, self.form.habit, patches)).fetchall()
        lines, places = [], []
        for number, line in enumerate(
            self.form.lay_out(table, _keys(data, self.form.group_rows), rows, 0), 1
        ):
            tag = "th" if line.kind == "header" else "td"
            cells = (
                "".join(_html(tag, cell) for cell in line.cells)
                or f'<td colspan="{len(table.columns) + 1}"></td>'
            )
            lines.append(f"<tr>{cells}</tr>\n")
            if line.row is not None:
                places.append((None, number))
        body = "".join(lines)
        path.write_text(f'<html><body><table border="1">\n{body}</table></body></html>\n', "utf-8")
        return places.__getitem__


def _keys(data: pa.Table, column: str | None) -> list:
    return data.column(column).to_pylist() if column else [None] * data.num_rows


def _serial(moment: date | datetime) -> float | int:
    """The day number that Excel shows when a date cell has lost its format."""
    if isinstance(moment, datetime):
        return round((moment - _EPOCH).total_seconds() / 86_400, 6)
    return (datetime(moment.year, moment.month, moment.day) - _EPOCH).days


def _put(sheet: xlsxwriter.worksheet.Worksheet, row: int, cell: Cell, style: object) -> None:
    """Writes one cell with the type of its value; text stays text, whatever it begins with."""
    if cell.columns > 1 or cell.rows > 1:
        last = (row + cell.rows - 1, cell.column + cell.columns - 1)
        sheet.merge_range(row, cell.column, *last, str(cell.value), style)
    elif isinstance(cell.value, str):
        sheet.write_string(row, cell.column, cell.value, style)
    elif isinstance(cell.value, date):
        sheet.write_datetime(row, cell.column, cell.value)
    elif cell.value is not None:
        sheet.write_number(row, cell.column, cell.value, style)


def _html(tag: str, cell: Cell) -> str:
    span = (f' colspan="{cell.columns}"' if cell.columns > 1 else "") + (
        f' rowspan="{cell.rows}"' if cell.rows > 1 else ""
    )
    text = "" if cell.value is None else escape(str(cell.value)).replace("\n", "<br>")
    return f"<{tag}{span}>{text}</{tag}>"
