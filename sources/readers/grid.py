"""What workbooks and HTML tables share: a grid of text cells with title rows, group rows and a block of
totals.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import duckdb
import pyarrow as pa

from sources.contract import Table
from sources.header import Header
from sources.readers.part import Part, look_like_data, rows_left_out, ticked_columns
from sources.text import BLANKS, sql_name, sql_string


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
