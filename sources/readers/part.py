"""What a reader hands over."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from sources.contract import Table
from sources.text import BLANKS, sql_name, sql_string


@dataclass(frozen=True)
class Part:
    """One sheet, or the whole of a file that has no sheets.

    `relation` yields `_row_number`, `_sheet_no`, `_sheet`, `_fault` and one text column per name in
    `present`. Where `first_row` is set it yields no `_row_number`: the rows are those of the file in order,
    from that number on. `ignored` are headings outside the contract; `blank_is_false` the booleans that tick
    with x here; `warnings` what else a person should know.
    """

    relation: str
    present: frozenset[str]
    first_row: int | None = None
    ignored: tuple[str, ...] = ()
    blank_is_false: frozenset[str] = frozenset()
    sheet: str | None = None
    warnings: tuple[str, ...] = ()


def ticked_columns(
    connection: duckdb.DuckDBPyConnection, relation: str, table: Table, present: set[str]
) -> frozenset[str]:
    """The boolean columns of `relation` in which an x occurs: there a blank means no."""
    booleans = [c.name for c in table.columns if c.type == "bool" and c.name in present]
    if not booleans:
        return frozenset()
    blanks = sql_string(BLANKS)
    tests = ", ".join(
        f"coalesce(bool_or(lower(trim({sql_name(name)}, {blanks})) = 'x'), false)" for name in booleans
    )
    found = connection.execute(f"select {tests} from {relation}").fetchall()[0]
    return frozenset(name for name, ticked in zip(booleans, found, strict=True) if ticked)


def rows_left_out(number: int, count: int) -> str:
    """The warning about rows below the first blank row that look like data."""
    return (
        f"{count} dòng dưới dòng trống đầu tiên (dòng {number}) có vẻ là dữ liệu nhưng không đọc: bỏ dòng trống rồi gửi lại"
        f" | {count} rows below the first blank row (row {number}) look like data and were not read"
    )
