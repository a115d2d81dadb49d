"""What workbooks and HTML tables share: a grid of text cells with title rows, group rows and a block of totals."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from sources.contract import Table
from sources.header import Header
from sources.readers.part import Part, ticked_columns
from sources.text import sql_name, sql_string


def data_rows(
    connection: duckdb.DuckDBPyConnection,
    cells: str,
    header: Header,
    positions: Sequence[int],
    table: Table,
    *,
    sheet_no: int,
    sheet: str | None,
) -> Part:
    """A Part from the relation `cells` (`_row_number` and text columns c0, c1 ... below the header).

    Ends before the first blank row (a lone STT counts as blank); a text alone in the first column is a group row.
    """
    name = f"_grid_{sheet_no}"
    trimmed = {at: f"nullif(trim(c{at}, ' ' || chr(9) || chr(10) || chr(13) || chr(160)), '')" for at in positions}
    others = [at for at in positions if at != header.row_label]
    first = positions[0]
    rest = [at for at in positions if at != first]
    rest_blank = " and ".join(f"{trimmed[at]} is null" for at in rest) or "true"
    is_blank = " and ".join(f"{trimmed[at]} is null" for at in others)
    if first == header.row_label:
        is_blank = f"({is_blank}) and coalesce(regexp_full_match({trimmed[first]}, '[0-9.,]*'), true)"
    is_group = (
        f"{trimmed[first]} is not null and ({rest_blank})"
        f" and not regexp_full_match({trimmed[first]}, '[0-9.,]+')"
    )
    named = ", ".join(f"c{at} as {sql_name(column.name)}" for at, column in sorted(header.columns.items()))
    connection.execute(f"""
        create or replace temp table {sql_name(name)} as
        with judged as (select *, {is_blank} as is_blank, {is_group} as is_group from {cells})
        select {named}, _row_number from judged
        where not is_group
            and _row_number < coalesce((select min(_row_number) from judged where is_blank), 1000000000)
        order by _row_number
    """)
    label = "null::varchar" if sheet is None else sql_string(sheet)
    relation = (
        f"(select *, {sheet_no} as _sheet_no, {label} as _sheet, null::varchar as _fault from {sql_name(name)})"
    )
    present = {column.name for column in header.columns.values()}
    return Part(
        relation=relation,
        present=frozenset(present),
        ignored=header.ignored,
        blank_is_false=ticked_columns(connection, relation, table, present),
        sheet=sheet,
    )
