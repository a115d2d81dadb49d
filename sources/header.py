"""Finding the header row of a table among title rows and mapping its cells to contract columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sources.contract import Column, Table
from sources.text import match_key

SEARCHED_ROWS = 25  # up to 8 title rows are known; some reports have more
MIN_MATCHES = 2
_ROW_LABELS = {match_key(word) for word in ("STT", "TT", "Số TT", "Số thứ tự", "No", "#")}

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


def column_index(table: Table) -> dict[str, Column]:
    """Every spelling of a heading, in comparable form -> column."""
    index: dict[str, Column] = {}
    for column in table.columns:
        for spelling in (column.name, column.vi, *column.aliases):
            index.setdefault(match_key(spelling), column)
    return index


def _matches(cells: Cells, index: dict[str, Column]) -> dict[int, Column]:
    found = ((i, index.get(match_key(cell))) for i, cell in enumerate(cells) if cell)
    return {i: column for i, column in found if column is not None}


def find_header(rows: Sequence[Cells], table: Table) -> Header | None:
    """The header with the most contract columns in `rows`, one or two rows high, or None.

    Two rows: names under a group title, beside cells merged down. Raises RefusedFile when two cells name the
    same column, since nobody can tell which one is meant.
    """
    index = column_index(table)
    best: tuple[int, int, int] | None = None
    for at in range(min(len(rows), SEARCHED_ROWS)):
        one = _matches(rows[at], index)
        if best is None or len(one) > best[0]:
            best = (len(one), at, at)
        if one and at + 1 < len(rows):
            two = {**one, **_matches(rows[at + 1], index)}
            if len(two) > max(len(one), best[0]):
                best = (len(two), at, at + 1)
    if best is None or best[0] < min(MIN_MATCHES, len(table.columns)):
        return None
    _, first, last = best
    columns = _matches(rows[first], index)
    if last != first:
        columns |= _matches(rows[last], index)
    seen: dict[str, int] = {}
    for at, column in sorted(columns.items()):
        if column.name in seen:
            raise RefusedFile(
                f"hai cột cùng tên “{column.vi}” ({column.name}): giữ lại một cột rồi gửi lại tệp"
                f" | two cells of the header name the column {column.name}: keep one and deliver the file again"
            )
        seen[column.name] = at
    ignored, row_label = [], None
    width = max(len(rows[at]) for at in range(first, last + 1))
    for at in range(width):
        if at in columns:
            continue
        texts = [rows[r][at] for r in range(first, last + 1) if at < len(rows[r]) and rows[r][at]]
        if texts and match_key(texts[-1]) in _ROW_LABELS:
            row_label = at
        elif texts:
            ignored.append(" ".join(texts[-1].split()))
    return Header(first, last, columns, tuple(ignored), row_label)


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
