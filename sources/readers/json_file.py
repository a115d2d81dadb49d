"""JSON arrays, {"data": [...]} and JSON Lines, read by DuckDB; also the keys of the National Public Service Portal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb

from sources.contract import Column, Table
from sources.header import RefusedFile, missing_columns, refuse_missing
from sources.readers.part import Part, ticked_columns
from sources.text import match_key, sql_name, sql_string

_BROKEN = (
    "JSON không đọc được (bị cắt hoặc sai cú pháp): xuất lại rồi gửi lại"
    " | the JSON cannot be read (cut off or malformed): export it again"
)
_NO_OBJECT = "dòng không phải là một đối tượng JSON | is no JSON object"


def _objects(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Temporary table _json_rows: position and text of each object."""
    size = path.stat().st_size + 1024
    with path.open("rb") as file:
        head = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
        file.seek(0)
        is_lines = path.suffix.lower() == ".jsonl" or (head[:1] == b"{" and not _is_wrapped(head))
    create = "create or replace temp table _json_rows as"
    name = sql_string(str(path))
    if is_lines:
        # Line by line as text, so that a broken line is one rejected row and line numbers are a person's.
        connection.execute(f"""
            {create}
            with lines as (
                select row_number() over () as _row_number, line
                from (select unnest(string_split(content, chr(10))) as line from read_text({name}))
            )
            select _row_number, trim(line, chr(13) || ' ' || chr(65279)) as object from lines
            where trim(line, chr(13) || ' ' || chr(9) || chr(65279)) <> ''
        """)
        return
    try:
        if head[:1] == b"[":
            connection.execute(f"""
                {create}
                select row_number() over () as _row_number, json::varchar as object
                from read_json_objects({name}, format = 'array', maximum_object_size = {size})
            """)
        else:
            connection.execute(f"""
                {create}
                with document as (
                    select json from read_json_objects({name}, format = 'unstructured', maximum_object_size = {size})
                ),
                entries as (select unnest(json_extract(json, '$.data[*]')) as entry from document)
                select row_number() over () as _row_number, entry::varchar as object from entries
            """)
    except duckdb.Error as error:
        raise RefusedFile(_BROKEN) from error


def _is_wrapped(head: bytes) -> bool:
    return head[1:].lstrip().startswith(b'"data"')


def _nested_expression(spec: dict[str, Any], items: str) -> str:
    """How a figure follows from a nested list: counted, summed, or whether there is anything."""
    if spec.get("not_empty"):
        return f"cast({items} is not null and len({items}) > 0 as varchar)"
    if "sum" in spec:
        key = spec["sum"]
        total = (
            f"list_sum(list_transform({items}, lambda item: try_cast(json_extract_string(item, '$.{key}')"
            " as decimal(24, 6))))"
        )
        return f"replace(cast(coalesce({total}, 0) as varchar), '.', ',')"
    tests = " and ".join(
        f"coalesce(json_extract_string(item, '$.{key}'), '0') in ({', '.join(map(sql_string, values))})"
        for key, values in spec["count_where"].items()
    )
    return f"cast(len(list_filter({items}, lambda item: {tests})) as varchar)"


def _cell(column: Column, value: str) -> str:
    """Text of a JSON value; true numbers of number columns get a decimal comma, so that 1.234 stays what it is."""
    text = f"json_extract_string({value}, '$')"
    if column.type in ("int", "decimal"):
        return f"case when json_type({value}) in ('DOUBLE', 'BIGINT', 'UBIGINT') then replace({text}, '.', ',') else {text} end"
    return text


def read_json(connection: duckdb.DuckDBPyConnection, path: Path, table: Table) -> list[Part]:
    """One Part. A line that is no object carries a `_fault`; keys outside the contract are ignored and told."""
    with path.open("rb") as file:
        if b"\x00" in file.read(1 << 16):
            raise RefusedFile("tệp JSON có byte NUL | the JSON holds NUL bytes: export it again")
    try:
        _objects(connection, path)
    except duckdb.InvalidInputException as error:
        raise RefusedFile(_BROKEN) from error
    connection.execute("""
        create or replace temp table _json_objects as
        select _row_number, case when json_valid(object) and json_type(object) = 'OBJECT' then object::json end as object
        from _json_rows
    """)
    total, good = connection.execute("select count(*), count(object) from _json_objects").fetchall()[0]
    if total and not good:
        raise RefusedFile(_BROKEN)
    keys = [
        row[0]
        for row in connection.execute(
            "select distinct unnest(json_keys(object)) as key from _json_objects where object is not null order by key"
        ).fetchall()
    ]
    own: dict[str, list[str]] = {}
    portal = {column.portal_key: column for column in table.columns if column.portal_key}
    nested = {column.portal_nested["list"] for column in table.columns if column.portal_nested}
    by_name = {match_key(column.name): column for column in table.columns}
    ignored = []
    is_portal = False
    for key in keys:
        column = by_name.get(match_key(key))
        if column is not None:
            own.setdefault(column.name, []).append(key)
        if key in portal or key in nested:
            is_portal = True
        elif column is None:
            ignored.append(key)
    doubled = [name for name, spellings in own.items() if len(spellings) > 1]
    if doubled:
        raise RefusedFile(f"khóa lặp lại cho {', '.join(doubled)} | several keys name the same column")
    structure = json.dumps({key: "JSON" for key in keys})
    expressions, present = [], set()
    for column in table.columns:
        choices = [f"nullif({_cell(column, f'o.{sql_name(key)}')}, '')" for key in own.get(column.name, [])]
        if column.portal_key in keys and is_portal:
            value = f"json_extract_string(o.{sql_name(column.portal_key)}, '$')"
            if column.portal_true_values:
                wanted = ", ".join(map(sql_string, column.portal_true_values))
                value = f"case when nullif({value}, '') is not null then cast({value} in ({wanted}) as varchar) end"
            else:
                value = _cell(column, f"o.{sql_name(column.portal_key)}")
            choices.append(f"nullif({value}, '')")
        if column.portal_nested and column.portal_nested["list"] in keys:
            key = sql_name(column.portal_nested["list"])
            items = f"json_extract(o.{key}, '$[*]')"
            counted = _nested_expression(column.portal_nested, items)
            choices.append(f"case when json_type(o.{key}) = 'ARRAY' then {counted} end")
        if choices:
            present.add(column.name)
            expressions.append(f"coalesce({', '.join(choices)}) as {sql_name(column.name)}")
    if total:
        refuse_missing(table, missing_columns(table, present))
    if not keys:
        present = {column.name for column in table.columns}
        expressions = [f"null::varchar as {sql_name(name)}" for name in sorted(present)]
        structure = '{"_": "JSON"}'
    connection.execute(f"""
        create or replace temp table _json_cells as
        with parsed as (
            select _row_number, object is null as is_broken, json_transform(object, {sql_string(structure)}) as o
            from _json_objects
        )
        select {", ".join(expressions)}, _row_number, 0 as _sheet_no, null::varchar as _sheet,
            case when is_broken then {sql_string(_NO_OBJECT)} end as _fault
        from parsed
        order by _row_number
    """)
    return [
        Part(
            relation="_json_cells",
            present=frozenset(present),
            ignored=tuple(ignored),
            blank_is_false=ticked_columns(connection, "_json_cells", table, present),
        )
    ]
