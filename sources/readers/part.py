"""What a reader hands over."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from sources.contract import Table
from sources.text import BLANKS, NULL_WORDS, sql_name, sql_string

NO_UTF8 = "ký tự không phải UTF-8 | letters that are not UTF-8"  # the fault of a row


class NotAsTrusted(Exception):
    """A file is not what its lines let expect: it has to be read with care."""


@dataclass(frozen=True)
class Part:
    """One sheet, or the whole of a file that has no sheets.

    `relation` yields `_row_number`, `_sheet_no`, `_sheet`, `_fault` and one text column per name in
    `present`. Where `first_row` is set it yields no `_row_number`: the rows are those of the file in order,
    from that number on. Where `trusted_rows` is set nobody has counted them yet: the reader trusts that each of
    so many lines is a row, and who reads them has to see that it was right (`NotAsTrusted`). `ignored` are
    headings outside the contract; `blank_is_false` the booleans that tick with x here; `warnings` what else a
    person should know.
    """

    relation: str
    present: frozenset[str]
    first_row: int | None = None
    trusted_rows: int | None = None
    ignored: tuple[str, ...] = ()
    blank_is_false: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()


def ticked_columns(
    connection: duckdb.DuckDBPyConnection, relation: str, table: Table, present: set[str]
) -> frozenset[str]:
    """The boolean columns of `relation` in which an x occurs: there a blank means no.

    Beside such a column a required one without any value is one that nobody ticked.
    """
    booleans = [c for c in table.columns if c.type == "bool" and c.name in present]
    if not booleans:
        return frozenset()
    nulls = ", ".join(map(sql_string, NULL_WORDS))
    words = {c.name: f"upper(trim({sql_name(c.name)}, {sql_string(BLANKS)}))" for c in booleans}
    ticks = [f"coalesce(bool_or({word} = 'X'), false)" for word in words.values()]
    values = [f"coalesce(bool_or({word} not in ({nulls})), false)" for word in words.values()]
    # Few different ones: it is cheaper to find them than to trim every cell.
    seen = f"select distinct {', '.join(map(sql_name, words))} from {relation}"
    found = connection.execute(f"select {', '.join(ticks + values)} from ({seen})").fetchall()[0]
    with_x = dict(zip(words, found[: len(ticks)], strict=True))
    with_value = dict(zip(words, found[len(ticks) :], strict=True))
    if not any(with_x.values()):
        return frozenset()
    return frozenset(c.name for c in booleans if with_x[c.name] or (c.required and not with_value[c.name]))


def look_like_data(connection: duckdb.DuckDBPyConnection, counted: str, blank_at: int) -> int:
    """How many rows below the blank row `blank_at` are filled like those above it: more than half of the widest.

    `counted` yields `_row_number` and `filled`, a row's number of cells that are not blank. A line of totals or a
    signature has few; where nothing stands below but such lines, the rows above are not looked at.
    """
    below = connection.execute(
        f"select filled, count(*) from ({counted}) where _row_number > {blank_at} and filled > 2 group by filled"
    ).fetchall()
    if not below:
        return 0
    widest = connection.execute(
        f"select coalesce(max(filled), 0) from ({counted}) where _row_number < {blank_at}"
    ).fetchall()[0][0]
    return sum(count for filled, count in below if filled > widest // 2)


def rows_left_out(number: int, count: int) -> str:
    """The warning about rows below the first blank row that look like data."""
    return (
        f"{count} dòng dưới dòng trống đầu tiên (dòng {number}) có vẻ là dữ liệu nhưng không đọc: bỏ dòng trống rồi gửi lại"
        f" | {count} rows below the first blank row (row {number}) look like data and were not read"
    )
