"""HTML tables in files named .xls, as “Xuất Excel” of list pages writes them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb
import pyarrow as pa
from lxml import etree, html

from sources.contract import Table
from sources.header import SEARCHED_ROWS, RefusedFile, find_header, no_header
from sources.legacy import advice, name_encoding
from sources.readers.grid import Block, data_rows, parts_of_table, rows_without_header, text_columns
from sources.readers.part import Part

_MAX_COLUMNS = 1000
_MAX_CELLS = 20_000_000
_MAX_BYTES = 1 << 30
_LONGEST_CELL = 1_000_000  # letters; Excel takes 32,767
_MAX_LETTERS = 1 << 28  # of all cells, those that hold in several rows counted in each
_LARGE = 8 << 20  # bytes; the parser takes several times as many
_SPACES = re.compile(r"[ \t\r\n\f\v]+")
_BREAKS = frozenset(("br", "p", "div", "li", "tr"))
_END = re.compile(rb"</html\b[^>]*>", re.IGNORECASE)
_UNSEEN = frozenset(("script", "style"))


@dataclass
class _Grid:
    """Texts by row and place; a cell over several rows holds in each, one over several columns in the
    first.
    """

    rows: list[list[str | None]] = field(default_factory=list)
    spanning: list[int] = field(default_factory=list)  # rows from 0 in which a filled cell covers others
    letters: int = 0
    has_layout: bool = False  # a cell was too long to be kept, and holds tables of its own
    has_loose_cells: bool = False  # cells in no row


class _TooLong(Exception):
    pass


_TOO_LARGE = "bảng HTML quá lớn: xuất CSV | the HTML table is too large: export CSV"
_CELL_TOO_LONG = (
    "một ô của bảng HTML dài hơn 1.000.000 ký tự: kiểm tra lại rồi gửi lại"
    " | a cell of the HTML table is longer than 1,000,000 letters: check it and deliver the file again"
)


def _span(cell, name: str) -> int:
    text = cell.get(name, "1").strip()
    return min(max(int(text), 1), _MAX_COLUMNS) if text.isascii() and text.isdigit() and len(text) < 6 else 1


def _text(cell) -> str | None:
    """What a browser shows: spaces collapsed, line breaks kept. Raises _TooLong."""
    if not len(cell):
        text = cell.text or ""
        if len(text) > _LONGEST_CELL:
            raise _TooLong
        return _SPACES.sub(" ", text).strip(" \xa0") or None
    pieces: list[str] = []
    letters = 0
    for event, element in etree.iterwalk(cell, events=("start", "end")):
        letters += len((element.text if event == "start" else element.tail) or "") + 1
        if (
            letters > _LONGEST_CELL
        ):  # an element counts as one, too: tables in tables are walked again and again
            raise _TooLong
        is_cell = element is cell
        if event == "start":
            if element.tag in _BREAKS and not is_cell:
                pieces.append("\n")
            if element.text and element.tag not in _UNSEEN and isinstance(element.tag, str):
                pieces.append(_SPACES.sub(" ", element.text))
        elif not is_cell:
            if element.tag in _BREAKS:
                pieces.append("\n")
            if element.tail:
                pieces.append(_SPACES.sub(" ", element.tail))
    lines = (line.strip(" \xa0") for line in "".join(pieces).split("\n"))
    return "\n".join(line for line in lines if line) or None


def _grid(table_element, spent: int) -> _Grid:
    """`spent`: the letters of the tables before."""
    grid = _Grid(letters=spent)
    hanging: dict[int, tuple[int, str | None]] = {}  # column -> rows still to fill, text
    cells = 0
    for tr in table_element.iter("tr", "td", "th"):
        if next(tr.iterancestors("table"), None) is not table_element:
            continue
        if tr.tag != "tr":
            # A browser puts the missing row in; where it ends is not to be seen any more.
            grid.has_loose_cells = grid.has_loose_cells or tr.getparent().tag != "tr"
            continue
        row: list[str | None] = []

        def fill(row=row) -> None:
            while len(row) in hanging:
                left, text = hanging.pop(len(row))
                if left > 1:
                    hanging[len(row)] = (left - 1, text)
                row.append(text)
                grid.letters += len(text or "")

        for cell in tr.iterchildren("td", "th"):
            fill()
            try:
                text = _text(cell)
            except _TooLong:
                if cell.find(".//table") is None:
                    raise RefusedFile(_CELL_TOO_LONG) from None
                # A page laid out by a table: what stands in it is a table by itself.
                text, grid.has_layout = None, True
                grid.letters += _LONGEST_CELL
            grid.letters += len(text or "")
            width, height = _span(cell, "colspan"), _span(cell, "rowspan")
            if text and width > 1:
                grid.spanning.append(len(grid.rows))
            for extra in range(width):
                value = text if extra == 0 else None
                if height > 1:
                    hanging[len(row)] = (height - 1, value)
                row.append(value)
            if len(row) > _MAX_COLUMNS:
                raise RefusedFile(f"bảng HTML có hơn {_MAX_COLUMNS} cột | more than {_MAX_COLUMNS} columns")
        fill()
        cells += len(row)
        if cells > _MAX_CELLS or grid.letters > _MAX_LETTERS:
            raise RefusedFile(_TOO_LARGE)
        grid.rows.append(row)
    return grid


def _document(path: Path):
    if path.stat().st_size > _MAX_BYTES:
        raise RefusedFile(_TOO_LARGE)
    data = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    if b"\x00" in data:
        raise RefusedFile("tệp HTML có byte NUL: xuất lại | the HTML holds NUL bytes: export it again")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        text = html.document_fromstring(data.decode("latin-1")).text_content()
        raise RefusedFile(advice(name_encoding(text))) from error
    tail = data.lower()
    if tail.count(b"<table") > tail.count(b"</table"):
        raise RefusedFile(
            "bảng HTML bị cắt giữa chừng (không có </table>): xuất lại | the HTML table is cut off: export it again"
        )
    del tail
    data = _END.sub(b" ", data)  # there the parser would stop, and a browser goes on
    try:
        parser = html.HTMLParser(encoding="utf-8", no_network=True, huge_tree=True, remove_comments=True)
        return html.document_fromstring(data, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        raise RefusedFile(
            "tệp HTML không đọc được: xuất lại | the HTML cannot be read: export it again"
        ) from error


def read_html(
    connection: duckdb.DuckDBPyConnection, path: Path, table: Table, be_alone: Callable[[], None]
) -> list[Part]:
    """One Part per table with a header row; row numbers count the rows of the table."""
    if path.stat().st_size > _LARGE:
        be_alone()
    grids: list[_Grid] = []
    for element in _document(path).iter("table"):
        grids.append(_grid(element, grids[-1].letters if grids else 0))
    blocks = []
    for number, grid in enumerate(grids):
        head = grid.rows[: SEARCHED_ROWS + 3]
        called = f"bảng thứ {number + 1} trong trang HTML", f"table {number + 1} of the HTML page"
        blocks.append(Block(number, *called, head, find_header(head, table)))
    wanted = parts_of_table(blocks, table)
    if not wanted:
        raise no_header(table, "trang HTML", [row for block in blocks for row in block.head])
    warnings = rows_without_header(
        connection, blocks, wanted, table, lambda block: text_columns(grids[block.number].rows)
    )
    parts = []
    for number, header in ((block.number, block.header) for block in wanted):
        grid, grids[number] = grids[number], _Grid()  # freed as it is taken
        below = grid.rows[header.last + 1 :]
        width = max(len(row) for row in grid.rows)
        if grid.has_layout:
            raise RefusedFile(_CELL_TOO_LONG)
        if grid.has_loose_cells:
            raise RefusedFile(
                "bảng HTML có ô không nằm trong dòng nào (thiếu <tr>): xuất lại"
                " | the HTML table has cells in no row (<tr> is missing): export it again"
            )
        if width * len(below) > _MAX_CELLS:  # one long row among many short ones
            raise RefusedFile(_TOO_LARGE)
        spanning = [row + 1 for row in grid.spanning]
        numbers = pa.array(range(header.last + 2, header.last + 2 + len(below)), pa.int64())
        cells = text_columns(below, width)
        connection.register("_html_cells", cells.append_column("_row_number", numbers))
        name = f"_cells_{number}"
        connection.execute(f"create or replace temp table {name} as select * from _html_cells")
        connection.unregister("_html_cells")
        parts.append(
            data_rows(connection, name, header, width, table, sheet_no=number, sheet=None, spanning=spanning)
        )
    return [replace(parts[0], warnings=parts[0].warnings + warnings), *parts[1:]]
