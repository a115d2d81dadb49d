"""What workbooks and HTML tables share: a grid of text cells with title rows, group rows and a block of
totals, and several such grids in one file.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median_low

import duckdb
import pyarrow as pa

from sources.casting import typed_select
from sources.contract import Column, Table
from sources.header import Cells, Header, RefusedFile, missing_columns, refuse_missing
from sources.readers.part import Part, look_like_data, rows_left_out, ticked_columns
from sources.text import BLANKS, sql_name, sql_string

_ADD_ONE = (
    "thêm dòng tiêu đề, hoặc bỏ phần này, rồi gửi lại",
    "add one, or take them out, and deliver the file again",
)
_NOT_READ = ("không đọc", "they were not read")


@dataclass(frozen=True)
class Block:
    """A sheet, or a table of a page, by its first rows, in which a header was looked for."""

    number: int
    vi: str  # how a message calls it
    en: str
    head: Sequence[Cells]
    header: Header | None
    left: int = 0  # columns of the sheet before the first one of `head`


def parts_of_table(blocks: Sequence[Block], table: Table) -> list[Block]:
    """The blocks with a header that are parts of the table; one that lacks most of what is required is a list beside it.

    Raises RefusedFile where a part lacks a required column.
    """
    lacking = [
        (block, missing_columns(table, {column.name for column in block.header.columns.values()}))
        for block in blocks
        if block.header is not None
    ]
    is_one_complete = any(not missing for _, missing in lacking)
    needed = sum(column.must_be_present for column in table.columns)
    wanted = []
    for block, missing in lacking:
        if missing and is_one_complete and len(missing) * 2 > needed:
            continue
        refuse_missing(table, missing)
        wanted.append(block)
    return wanted


def rows_without_header(
    connection: duckdb.DuckDBPyConnection,
    blocks: Sequence[Block],
    wanted: Sequence[Block],
    table: Table,
    load: Callable[[Block], pa.Table],
) -> tuple[str, ...]:
    """Warnings about blocks without a header that are as wide and as filled as one of the `wanted` ones.

    Raises RefusedFile where one of the first rows would even be a good row below the header of such a block: the
    table goes on there, as in exports that begin another sheet after 65,536 rows. `load` gives all rows of a block as
    text columns; it is asked only for those that are told of.
    """
    layouts: dict[tuple, Block] = {}
    for block in wanted:
        places = ((at, column.name) for at, column in block.header.columns.items())
        layouts.setdefault((block.left, *places), block)
    warnings = []
    for block in blocks:
        if block.header is not None:
            continue
        alike = None
        for other in layouts.values():
            below = other.head[other.header.last + 1 :]
            typical = median_low([count for count in _filled(below) if count] or [0])
            shift = other.left - block.left
            columns = {at + shift: column for at, column in other.header.columns.items()}
            if _count_good(connection, text_columns(block.head), columns, table):
                # Counted like rows below a blank row: filled by more than half.
                count = _count_filled(connection, load(block), typical // 2 + 1)
                raise RefusedFile(_headless(block, count, *_ADD_ONE))
            is_as_wide = _width(below) == _width(block.head)
            if typical > 2 and is_as_wide and max(_filled(block.head)) >= typical:
                alike = typical if alike is None else min(alike, typical)
        if alike is not None:
            warnings.append(_headless(block, _count_filled(connection, load(block), alike), *_NOT_READ))
    return tuple(warnings)


def _headless(block: Block, count: int, vi: str, en: str) -> str:
    return (
        f"{block.vi} có {count} dòng giống dữ liệu nhưng không có dòng tiêu đề: {vi}"
        f" | {block.en} holds {count} rows that look like data but no header row: {en}"
    )


def _filled(rows: Sequence[Cells]) -> list[int]:
    return [sum(bool(cell and cell.strip(BLANKS)) for cell in row) for row in rows]


def _width(rows: Sequence[Cells]) -> int:
    return len({at for row in rows for at, cell in enumerate(row) if cell and cell.strip(BLANKS)})


def text_columns(rows: Sequence[Cells], width: int | None = None) -> pa.Table:
    """Rows of unlike length as text columns c0, c1 ..., as many as the longest row has, unless told."""
    if width is None:
        width = max((len(row) for row in rows), default=0)
    return pa.table(
        {
            f"c{at}": pa.array([row[at] if at < len(row) else None for row in rows], pa.string())
            for at in range(width)
        }
    )


def _count_filled(connection: duckdb.DuckDBPyConnection, rows: pa.Table, least: int) -> int:
    cells = [
        f"(nullif(trim({sql_name(name)}, {sql_string(BLANKS)}), '') is not null)::int"
        for name in rows.schema.names
    ]
    with _registered(connection, rows) as name:
        return _one(connection, f"select count(*) from {name} where {' + '.join(cells)} >= {least}")


def _count_good(
    connection: duckdb.DuckDBPyConnection, rows: pa.Table, columns: Mapping[int, Column], table: Table
) -> int:
    """How many rows would be good ones, were their cells at these places these columns."""
    there = {at: column for at, column in columns.items() if 0 <= at < rows.num_columns}
    if missing_columns(table, {column.name for column in there.values()}):
        return 0
    named = ", ".join(
        f"{sql_name(rows.schema.names[at])} as {sql_name(column.name)}" for at, column in there.items()
    )
    with _registered(connection, rows) as name:
        relation = (
            f"(select {named}, 0 as _sheet_no, null::varchar as _sheet, null::varchar as _fault from {name})"
        )
        # Where a blank may mean no, none of them is against it.
        yes_or_no = frozenset(column.name for column in there.values() if column.type == "bool")
        select = typed_select(
            table,
            relation,
            {c.name for c in there.values()},
            numbered=False,
            hash_personal=None,
            blank_is_false=yes_or_no,
        )
        return _one(connection, f"select count(*) from ({select.sql}) where _error_no is null")


@contextmanager
def _registered(connection: duckdb.DuckDBPyConnection, rows: pa.Table) -> Iterator[str]:
    connection.register("_headless", rows)
    try:
        yield "_headless"
    finally:
        connection.unregister("_headless")


def data_rows(
    connection: duckdb.DuckDBPyConnection,
    cells: str,
    header: Header,
    width: int,
    table: Table,
    *,
    sheet_no: int,
    sheet: str | None,
    spanning: Collection[int] = (),
    faults: Mapping[int, str] | None = None,
) -> Part:
    """A Part from the relation `cells` (`_row_number` and text columns c0, c1 ... below the header).

    A group row has one text: alone in the first cell, or in a cell that spans others (`spanning`: numbers of
    such rows), or behind a row label that is no number. Ends before the first blank row; row labels alone at
    the end, as in a form numbered in advance, are blank. `faults` are complaints of the reader by row number.
    """
    name = f"_grid_{sheet_no}"
    text = {at: f"nullif(trim(c{at}, {sql_string(BLANKS)}), '')" for at in range(width)}
    label = text[header.row_label] if header.row_label is not None else "null::varchar"
    others = [text[at] for at in range(width) if at != header.row_label]
    filled = " + ".join(f"({cell} is not null)::int" for cell in others) or "0"
    first = text[0] if header.row_label != 0 else "null::varchar"
    words = r"'\S\s+\S'"
    # Without a row label a lone code is a row whose other cells got lost; a lone name of several words is a
    # title.
    alone = f"regexp_matches(coalesce({first}, ''), {words})"
    if header.row_label is not None:
        alone = f"regexp_matches(coalesce({', '.join([*others, 'null'])}), {words})"
    named = ", ".join(f"c{at} as {sql_name(column.name)}" for at, column in header.columns.items())
    # Two cells that begin with an ASCII letter or sign make a row that is neither blank nor a group row, at a tenth of
    # the price of trimming: only the others are looked at closely.
    surely = " + ".join(
        f"coalesce((c{at} >= '!' and c{at} < chr(128))::int, 0)"
        for at in range(width)
        if at != header.row_label
    )
    spans = "false"
    if spanning:
        connection.register("_spanning", pa.table({"row_number": _row_numbers(set(spanning))}))
        spans = "_row_number in (select row_number from _spanning)"
    counted = f"""
        select _row_number, {filled} as filled, {label} as label,
            coalesce(regexp_full_match({label}, '[0-9.,()]+'), false) as label_is_number,
            {alone} as is_title, {spans} as spans
        from {cells}
    """
    connection.execute(f"""
        create or replace temp table _grid_sparse as
        select _row_number,
            filled = 0 and label is null as is_blank,
            filled = 0 and label_is_number as is_label_only,
            not label_is_number and (
                (filled = 0 and label is not null)
                or (filled = 1 and (label is not null or spans or is_title))
            ) as is_group
        from ({counted} where {surely or "0"} < 2)
    """)
    blank_at = _one(connection, "select min(_row_number) from _grid_sparse where is_blank")
    end = "" if blank_at is None else f"and _row_number < {blank_at}"
    last = _one(
        connection,
        f"""
        select max(_row_number) from {cells} where _row_number not in
            (select _row_number from _grid_sparse where is_label_only or is_group) {end}
        """,
    )
    data = f"where _row_number <= {0 if last is None else last}"
    groups = _one(connection, f"select count(*) from _grid_sparse {data} and is_group")
    relation = f"select {named}, _row_number, null::varchar as _fault from {cells} {data}"
    if groups or faults:
        by_row = faults or {}
        told = {
            "row_number": _row_numbers(by_row),
            "fault": pa.array(list(by_row.values()), pa.string()),
        }
        connection.register("_faults_by_row", pa.table(told))
        connection.execute(f"""
            create or replace temp table {name} as
            select g.* replace (f.fault as _fault)
            from ({relation} and _row_number not in (select _row_number from _grid_sparse where is_group)) as g
            left join _faults_by_row as f on f.row_number = g._row_number
            order by _row_number
        """)
        connection.unregister("_faults_by_row")
        relation = f"select * from {name}"
    left_out = 0
    if blank_at is not None and header.row_label is None:
        left_out = look_like_data(connection, counted, blank_at)
    elif blank_at is not None:
        # A block of totals has no number in front; what has one and is filled like data below a blank row was left
        # out by mistake.
        required = sum(column.required for column in header.columns.values())
        left_out = _one(
            connection,
            f"""
            select count(*) from ({counted} where _row_number >= {blank_at})
            where label_is_number and filled >= {max(2, required)}
            """,
        )
    connection.execute("drop table _grid_sparse")
    if spanning:
        connection.unregister("_spanning")
    sheet_label = "null::varchar" if sheet is None else sql_string(sheet)
    relation = f"(select *, {sheet_no} as _sheet_no, {sheet_label} as _sheet from ({relation}))"
    present = {column.name for column in header.columns.values()}
    return Part(
        relation=relation,
        present=frozenset(present),
        ignored=header.ignored,
        blank_is_false=ticked_columns(connection, relation, table, present),
        warnings=(rows_left_out(blank_at, left_out),) if left_out else (),
    )


def _row_numbers(numbers: Iterable[int]) -> pa.Array:
    return pa.array(list(numbers), pa.int64())


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> int | None:
    return connection.execute(query).fetchall()[0][0]
