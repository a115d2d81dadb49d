"""What workbooks and HTML tables share: a grid of text cells with title rows, group rows and a block of
totals.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import duckdb
import pyarrow as pa

from sources.contract import Table
from sources.header import Header
from sources.readers.part import Part, rows_left_out, ticked_columns
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
    marks = pa.table({"row_number": pa.array(sorted(set(spanning)), pa.int64())})
    told = pa.table(
        {
            "row_number": pa.array(list(faults or {}), pa.int64()),
            "fault": pa.array(list((faults or {}).values()), pa.string()),
        }
    )
    connection.register("_spanning", marks)
    connection.register("_faults_by_row", told)
    connection.execute(f"""
        create or replace temp table _grid_judged as
        with counted as (
            select *, {filled} as filled, {label} as label,
                coalesce(regexp_full_match({label}, '[0-9.,()]+'), false) as label_is_number,
                {alone} as is_title, _row_number in (select row_number from _spanning) as spans
            from {cells}
        )
        select *,
            filled = 0 and label is null as is_blank,
            filled = 0 and label_is_number as is_label_only,
            not label_is_number and (
                (filled = 0 and label is not null)
                or (filled = 1 and (label is not null or spans or is_title))
            ) as is_group
        from counted
    """)
    connection.execute(f"""
        create or replace temp table {sql_name(name)} as
        with first_blank as (
            select coalesce(min(_row_number), 1000000000000) as number from _grid_judged where is_blank
        ),
        last_filled as (
            select max(_row_number) as number from _grid_judged
            where not is_label_only and not is_group and _row_number < (select number from first_blank)
        )
        select {named}, _row_number, f.fault as _fault
        from _grid_judged as g
        left join _faults_by_row as f on f.row_number = g._row_number
        where not is_group and _row_number < (select number from first_blank)
            and _row_number <= (select number from last_filled)
        order by _row_number
    """)
    # A block of totals has few filled cells; what is filled like data below a blank row was left out by
    # mistake.
    required = sum(column.required for column in header.columns.values())
    blank_at, left_out = connection.execute(f"""
        select min(_row_number) filter (where is_blank),
            count(*) filter (where label_is_number and filled >= {max(2, required)})
        from _grid_judged
        where _row_number >= (select min(_row_number) from _grid_judged where is_blank)
    """).fetchall()[0]
    connection.execute("drop table _grid_judged")
    connection.unregister("_spanning")
    connection.unregister("_faults_by_row")
    sheet_label = "null::varchar" if sheet is None else sql_string(sheet)
    relation = f"(select *, {sheet_no} as _sheet_no, {sheet_label} as _sheet from {sql_name(name)})"
    present = {column.name for column in header.columns.values()}
    return Part(
        relation=relation,
        present=frozenset(present),
        ignored=header.ignored,
        blank_is_false=ticked_columns(connection, relation, table, present),
        sheet=sheet,
        warnings=(rows_left_out(blank_at, left_out),) if left_out else (),
    )
