"""HTML tables in files named .xls, as “Xuất Excel” of list pages writes them."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
from lxml import etree, html

from sources.contract import Table
from sources.header import SEARCHED_ROWS, RefusedFile, find_header, missing_columns, refuse_missing
from sources.readers.grid import data_rows
from sources.readers.part import Part

_MAX_COLUMNS = 1000


def _span(cell, name: str) -> int:
    text = cell.get(name, "1").strip()
    return min(max(int(text), 1), _MAX_COLUMNS) if text.isdigit() else 1


def _grid(table_element) -> list[list[str | None]]:
    """Rows of texts by place; a cell over several rows holds in each, one over several columns in the first."""
    rows: list[list[str | None]] = []
    hanging: dict[int, tuple[int, str | None]] = {}  # column -> rows still to fill, text
    for tr in table_element.iter("tr"):
        if next(tr.iterancestors("table"), None) is not table_element:
            continue
        row: list[str | None] = []

        def fill(row=row) -> None:
            while len(row) in hanging:
                left, text = hanging.pop(len(row))
                if left > 1:
                    hanging[len(row)] = (left - 1, text)
                row.append(text)

        for cell in tr.iterchildren("td", "th"):
            fill()
            text = "".join(cell.itertext()).replace("\xa0", " ").strip() or None
            height = _span(cell, "rowspan")
            for extra in range(_span(cell, "colspan")):
                value = text if extra == 0 else None
                if height > 1:
                    hanging[len(row)] = (height - 1, value)
                row.append(value)
            if len(row) > _MAX_COLUMNS:
                raise RefusedFile(f"bảng HTML có hơn {_MAX_COLUMNS} cột | more than {_MAX_COLUMNS} columns")
        fill()
        rows.append(row)
    return rows


def read_html(connection: duckdb.DuckDBPyConnection, path: Path, table: Table) -> list[Part]:
    """One Part per table with a header row; row numbers count the rows of the table."""
    try:
        data = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
        data.decode("utf-8")
        parser = html.HTMLParser(encoding="utf-8", no_network=True, huge_tree=True, remove_comments=True)
        document = html.document_fromstring(data, parser=parser)
    except UnicodeDecodeError as error:
        raise RefusedFile(
            "bảng HTML không phải UTF-8: xuất lại | the HTML table is not UTF-8: export it again"
        ) from error
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        raise RefusedFile("tệp HTML không đọc được: xuất lại | the HTML cannot be read") from error
    parts = []
    incomplete = None
    for number, element in enumerate(document.iter("table")):
        rows = _grid(element)
        header = find_header(rows[: SEARCHED_ROWS + 1], table)
        if header is None:
            continue
        missing = missing_columns(table, {column.name for column in header.columns.values()})
        if missing:
            incomplete = missing
            continue
        width = max((len(row) for row in rows), default=0)
        below = rows[header.last + 1 :]
        columns = {
            f"c{at}": pa.array([row[at] if at < len(row) else None for row in below], pa.string())
            for at in range(width)
        }
        numbers = pa.array(range(header.last + 2, header.last + 2 + len(below)), pa.int64())
        connection.register("_html_cells", pa.table({"_row_number": numbers, **columns}))
        name = f"_cells_{number}"
        connection.execute(f"create or replace temp table {name} as select * from _html_cells")
        connection.unregister("_html_cells")
        parts.append(
            data_rows(connection, name, header, list(range(width)), table, sheet_no=number, sheet=None)
        )
    if not parts:
        if incomplete:
            refuse_missing(table, incomplete)
        raise RefusedFile(
            f"trang HTML không có bảng {table.name} (trang đăng nhập hay báo lỗi?): xuất lại"
            f" | the page holds no table {table.name} (a login or error page?): export it again"
        )
    return parts
