"""Finding the header row of a table among title rows and mapping its cells to contract columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sources.contract import Column, Table
from sources.legacy import advice, name_encoding
from sources.text import match_key

SEARCHED_ROWS = 25  # up to 8 title rows are known; some reports have more
HEIGHTS = (1, 2, 3)  # rows of a header: one, or group titles above the names
MIN_MATCHES = 2
LONGEST_NAME = 300  # longer cells are text, not headings
_ROW_LABELS = {match_key(word) for word in ("STT", "TT", "Số TT", "Số thứ tự", "No")}

Cells = Sequence[str | None]


class RefusedFile(Exception):
    """The file as a whole cannot be taken; the message says what is wrong and what to do."""


@dataclass(frozen=True)
class Header:
    """Where the header stands (first and last row, from 0) and which cell is which column."""

    first: int
    last: int
    columns: dict[int, Column]  # position of the cell -> column
    ignored: tuple[str, ...]  # headings that the contract does not name
    row_label: int | None  # position of STT


@dataclass(frozen=True)
class _Names:
    """Every spelling of a heading, in comparable form -> column; aliases count where the proper name is
    absent.
    """

    proper: dict[str, Column]
    aliases: dict[str, Column]


def column_names(table: Table) -> _Names:
    proper: dict[str, Column] = {}
    aliases: dict[str, Column] = {}
    for column in table.columns:
        for spelling in (column.name, column.vi):
            proper.setdefault(match_key(spelling), column)
        for spelling in column.aliases:
            aliases.setdefault(match_key(spelling), column)
    return _Names(proper, aliases)


def _matches(cells: Cells, names: _Names) -> dict[int, Column]:
    keys = {at: match_key(cell) for at, cell in enumerate(cells) if cell and len(cell) <= LONGEST_NAME}
    found = {at: names.proper[key] for at, key in keys.items() if key in names.proper}
    named = {column.name for column in found.values()}
    for at, key in keys.items():
        column = names.aliases.get(key)
        if column is not None and at not in found and column.name not in named:
            found[at] = column
    return found


def _lowest(rows: Sequence[Cells]) -> list[str | None]:
    """One row from several: the lowest text of each place, so that a name stands before its group title."""
    width = max((len(row) for row in rows), default=0)
    return [
        next((row[at] for row in reversed(rows) if at < len(row) and row[at]), None) for at in range(width)
    ]


def find_header(rows: Sequence[Cells], table: Table) -> Header | None:
    """The header with the most contract columns in `rows`, the lowest and first one of equals, or None.

    Raises RefusedFile when two cells name the same column, since nobody can tell which one is meant.
    """
    names = column_names(table)
    best: tuple[int, int, int, dict[int, Column]] | None = None
    for height in HEIGHTS:
        for first in range(min(len(rows), SEARCHED_ROWS) - height + 1):
            found = _matches(_lowest(rows[first : first + height]), names)
            count = len({column.name for column in found.values()})
            if best is None or count > best[0]:
                best = (count, first, first + height - 1, found)
    if best is None or best[0] < min(MIN_MATCHES, len(table.columns)):
        return None
    _, first, last, columns = best
    seen: set[str] = set()
    for column in columns.values():
        if column.name in seen:
            raise RefusedFile(
                f"hai cột cùng tên “{column.vi}” ({column.name}): giữ lại một cột rồi gửi lại tệp"
                f" | two cells of the header name the column {column.name}: keep one and deliver the file again"
            )
        seen.add(column.name)
    ignored, row_label = [], None
    for at, text in enumerate(_lowest(rows[first : last + 1])):
        if at in columns or not text or not text.strip():
            continue
        if row_label is None and (match_key(text) in _ROW_LABELS or text.strip() == "#"):
            row_label = at
        else:
            ignored.append(text)
    return Header(first, last, dict(sorted(columns.items())), tuple(ignored), row_label)


def no_header(table: Table, what: str, rows: Sequence[Cells]) -> RefusedFile:
    """Why no header was found: the text may be of a time before Unicode."""
    texts = " ".join(cell for row in rows for cell in row if cell)
    encoding = name_encoding(texts)
    if encoding:
        return RefusedFile(advice(encoding))
    wanted = "”, “".join(column.vi for column in table.columns[:2])
    return RefusedFile(
        f"{what} không có dòng tiêu đề của bảng {table.name}: cần các cột như “{wanted}”"
        f" | no header row of the table {table.name} found (a login or error page, another table?): export it again"
    )


def missing_columns(table: Table, present: set[str]) -> list[Column]:
    return [column for column in table.columns if column.must_be_present and column.name not in present]


def refuse_missing(table: Table, missing: Sequence[Column]) -> None:
    """Raise RefusedFile naming the required columns that the file lacks; nothing when there are none."""
    if not missing:
        return
    names = ", ".join(f"“{column.vi}” ({column.name})" for column in missing)
    raise RefusedFile(
        f"thiếu cột bắt buộc {names} của bảng {table.name}: bổ sung cột rồi gửi lại tệp"
        f" | required column missing: {names}; add it and deliver the file again"
    )
