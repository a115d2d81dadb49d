"""JSON arrays, {"data": [...]} and JSON Lines, read by DuckDB; also the keys of the National Public Service Portal."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from sources.contract import Column, Table
from sources.header import RefusedFile, column_names, missing_columns, refuse_missing
from sources.legacy import advice, name_encoding
from sources.readers.part import NO_UTF8, Part, ticked_columns
from sources.text import match_key, match_key_sql, shown, sql_name, sql_string

_TAIL = 1 << 16  # bytes
_BROKEN = (
    "JSON không đọc được (bị cắt hoặc sai cú pháp): xuất lại rồi gửi lại"
    " | the JSON cannot be read (cut off or malformed): export it again"
)
_NO_LIST = (
    "JSON phải là một mảng đối tượng hoặc {“data”: [...]}: xuất lại"
    ' | the JSON must be an array of objects or {"data": [...]}: export it again'
)
_TWO_LISTS = (
    "JSON có hai khóa “data” (chữ hoa hay thường cũng vậy): giữ lại một rồi gửi lại"
    " | the JSON holds the key “data” twice, in whatever letters: keep one and deliver the file again"
)
_NO_OBJECT = "không phải là một đối tượng JSON | is no JSON object"
_TWICE = "khóa “{0}” có hai lần trong một đối tượng: giữ lại một | the key “{0}” occurs twice in one object"
_NUL = "có ký tự NUL | holds a NUL character"
_NESTED = "là đối tượng/danh sách, không phải là một giá trị | is an object or a list, not a value"
_NO_TEXT = "là true/false, không phải là chữ | is true or false, not a text"
# In place of a nested list that is none, and of a figure in it that is none: no cell of a number or a boolean reads so.
_NO_ITEMS = "(không phải danh sách)"
_NO_FIGURE = "(không phải là số)"
_CHUNK = 32 << 20
_LARGEST_OBJECT = 32 << 20
_LARGEST_DOCUMENT = 1 << 30


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()


def _first_line(path: Path) -> Any:
    """The first line as JSON, None when it is none by itself."""
    with path.open("rb") as file:
        line = file.readline(_LARGEST_OBJECT).removeprefix(b"\xef\xbb\xbf")
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _lines(path: Path) -> Iterator[pa.RecordBatch]:
    """Not blank lines with their numbers from 1."""
    number, rest, at_start = 0, b"", True
    with path.open("rb") as file:
        while True:
            chunk = file.read(_CHUNK)
            if at_start:
                chunk, at_start = chunk.removeprefix(b"\xef\xbb\xbf"), False
            lines = (rest + chunk).split(b"\n")
            rest = lines.pop() if chunk else b""
            kept = [(at, line) for at, line in enumerate(lines, start=number + 1) if line.strip()]
            number += len(lines)
            yield pa.record_batch(
                {
                    "_row_number": pa.array([at for at, _ in kept], pa.int64()),
                    "object": _texts([line for _, line in kept]),
                }
            )
            if not chunk:
                return


def _texts(lines: list[bytes]) -> pa.Array:
    """Lines as text; null for one with broken letters. Raises ArrowInvalid where most that have any are broken: that is
    another encoding.
    """
    cells = pa.array(lines, pa.binary())
    try:
        return cells.cast(pa.string())
    except pa.ArrowInvalid:
        texts = [_text(line) for line in lines]
        if texts.count(None) > sum(not text.isascii() for text in texts if text is not None):
            raise
        return pa.array(texts, pa.string())


def _text(line: bytes) -> str | None:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _ends_with(path: Path, sign: bytes) -> bool:
    """Whether that is its last sign, but for blanks."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        return file.read().rstrip().endswith(sign)


def _objects(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Temporary table _json_rows: position and text of each object."""
    create = "create or replace temp table _json_rows as"
    head, size = _start(path), path.stat().st_size
    name = sql_string(str(path))
    if head[:1] == b"[":
        if not _ends_with(path, b"]"):  # the parser takes the end of the file for the end of the list
            raise RefusedFile(_BROKEN)
        largest = min(size + 1024, _LARGEST_OBJECT)
        connection.execute(f"""
            {create}
            select row_number() over () as _row_number, json::varchar as object
            from read_json_objects({name}, format = 'array', maximum_object_size = {largest}, compression = 'none')
        """)
        return
    first = _first_line(path)
    is_wrapped = isinstance(first, dict) and isinstance(first.get("data"), list)
    if is_wrapped or (first is None and path.suffix.lower() != ".jsonl"):
        if size > _LARGEST_DOCUMENT:
            raise RefusedFile(
                "JSON quá lớn: xuất .jsonl hoặc CSV | the JSON is too large: export .jsonl or CSV"
            )
        connection.execute(f"""
            create or replace temp table _json_document as
            select json from read_json_objects(
                {name}, format = 'unstructured', maximum_object_size = {size + 1024}, compression = 'none'
            )
        """)
        kinds = connection.execute("select json_type(json, '$.data') from _json_document").fetchall()
        if kinds != [("ARRAY",)]:
            raise RefusedFile(_NO_LIST)
        doubled = f"len(list_filter(json_keys(json), lambda key: {match_key_sql('key')} = 'data')) > 1"
        if connection.execute(f"select {doubled} from _json_document").fetchall() == [(True,)]:
            raise RefusedFile(_TWO_LISTS)
        connection.execute(f"""
            {create}
            with entries as (select unnest(json_extract(json, '$.data[*]')) as entry from _json_document)
            select row_number() over () as _row_number, entry::varchar as object from entries
        """)
        connection.execute("drop table _json_document")
        return
    # Line by line as text, so that a broken line is one rejected row and line numbers are a person's.
    schema = pa.schema({"_row_number": pa.int64(), "object": pa.string()})
    reader = pa.RecordBatchReader.from_batches(schema, _lines(path))
    connection.register("_json_lines", reader)
    try:
        connection.execute(f"{create} select * from _json_lines")
    finally:
        connection.unregister("_json_lines")


def _nested_expression(spec: dict[str, Any], items: str) -> str:
    """How a figure follows from a nested list: counted, summed, or whether there is anything."""
    if spec.get("not_empty"):
        return f"cast(len({items}) > 0 as varchar)"
    if "sum" in spec:
        key = spec["sum"]
        figure = f"json_extract(item, '$.{key}')"
        text = f"case when {_is_nested(figure)} then {sql_string(_NO_FIGURE)} else {_number_text(figure)} end"
        texts = f"list_transform({items}, lambda item: {text})"
        known = f"list_filter({texts}, lambda text: par_clean(text) is not null)"
        # A figure that cannot be read makes the sum unreadable, and the row is rejected.
        wrong = f"list_filter({known}, lambda text: par_number(par_clean(text)) is null)"
        total = f"coalesce(list_sum(list_transform({known}, lambda text: par_number(par_clean(text)))), 0)"
        return (
            f"case when len({wrong}) > 0 then {wrong}[1] else replace(cast({total} as varchar), '.', ',') end"
        )
    tests = " and ".join(
        f"coalesce({_flag(f'''json_extract_string(item, '$.{key}')''')}, '0')"
        f" in ({', '.join(map(sql_string, values))})"
        for key, values in spec["count_where"].items()
    )
    return f"cast(len(list_filter({items}, lambda item: {tests})) as varchar)"


def _flag(text: str) -> str:
    return f"case lower(trim({text})) when 'true' then '1' when 'false' then '0' when '' then null else trim({text}) end"


def _number_text(value: str) -> str:
    """Text of a JSON value that should be a number: a true number gets a decimal comma, so that 1.234 stays itself."""
    text = f"json_extract_string({value}, '$')"
    return (
        f"case when json_type({value}) in ('DOUBLE', 'BIGINT', 'UBIGINT', 'HUGEINT')"
        f" then replace({text}, '.', ',') else {text} end"
    )


def _begins_with(value: str, letters: str) -> str:
    """Whether the JSON of a value begins so, which tells its kind without parsing it."""
    return f"left({value}::varchar, 1) in ({', '.join(map(sql_string, letters))})"


def _is_nested(value: str) -> str:
    return _begins_with(value, "{[")


def _complaints(column: Column, value: str) -> list[str]:
    """Branches of a case: what is wrong with a value by its kind. Its content is told nowhere: it may hold anything."""
    kinds = [(_is_nested(value), _NESTED)]
    if column.type == "str":
        kinds.append((_begins_with(value, "tf"), _NO_TEXT))
    return [
        f"when {condition} then {sql_string(f'“{column.vi}” ({column.name}) {why}')}"
        for condition, why in kinds
    ]


def _cell(column: Column, value: str) -> str:
    return f"case when not {_is_nested(value)} then {_cell_text(column, value)} end"


def _cell_text(column: Column, value: str) -> str:
    text = f"json_extract_string({value}, '$')"
    if column.type in ("int", "decimal"):
        return _number_text(value)
    if column.type in ("str", "code"):
        # A true number as plain text, as in workbooks
        return f"case when json_type({value}) = 'DOUBLE' then regexp_replace({text}, '\\.0+$', '') else {text} end"
    return text


def _pointer(key: str) -> str:
    return "/" + key.replace("~", "~0").replace("/", "~1")


def read_json(connection: duckdb.DuckDBPyConnection, path: Path, table: Table) -> list[Part]:
    """One Part. A line that is no object carries a `_fault`; keys outside the contract are ignored and told."""
    try:
        _objects(connection, path)
    except duckdb.OutOfMemoryException:
        raise
    except (duckdb.Error, pa.ArrowInvalid) as error:
        raise RefusedFile(_why_broken(path)) from error
    connection.execute("""
        create or replace temp table _json_objects as
        select _row_number, object is null as has_broken_letters, contains(object, '\\u0000') as has_nul,
            case when json_valid(object) and json_type(object) = 'OBJECT' then object::json end as object
        from _json_rows
    """)
    connection.execute("drop table _json_rows")
    total, good = connection.execute("select count(*), count(object) from _json_objects").fetchall()[0]
    if total and not good:
        raise RefusedFile(_BROKEN)
    keys, doubled = _keys(connection)
    names = column_names(table).proper
    portal = {c.portal_key.casefold(): c for c in table.columns if c.portal_key}
    nested = {c.portal_nested["list"].casefold() for c in table.columns if c.portal_nested}
    own: dict[str, list[str]] = {}
    by_portal: dict[str, list[str]] = {}
    ignored = []
    for key in keys:
        column = names.get(match_key(key))
        if column is not None:
            own.setdefault(column.name, []).append(key)
        if key.casefold() in portal or key.casefold() in nested:
            by_portal.setdefault(key.casefold(), []).append(key)
        elif column is None:
            ignored.append(key)
    _refuse_doubled(connection, [*own.values(), *by_portal.values()])

    used = sorted({key for spellings in (*own.values(), *by_portal.values()) for key in spellings})
    place = {key: f"v[{at}]" for at, key in enumerate(used, start=1)}
    expressions, complaints, present = [], [], set()
    for column in table.columns:
        of_portal = by_portal.get((column.portal_key or "").casefold(), [])
        choices = [f"nullif({_cell(column, place[key])}, '')" for key in own.get(column.name, [])]
        for key in dict.fromkeys([*own.get(column.name, []), *of_portal]):
            complaints += _complaints(column, place[key])
        for key in of_portal:
            value = _cell(column, place[key])
            if column.portal_true_values:
                flag = _flag(_cell(column, place[key]))
                wanted = ", ".join(map(sql_string, column.portal_true_values))
                # Any other figure is a no; what is no figure is left to be rejected.
                value = (
                    f"case when {flag} in ({wanted}) then '1' when {flag} ~ '[0-9]' then '0' else {flag} end"
                )
            choices.append(f"nullif({value}, '')")
        if column.portal_nested:
            for key in by_portal.get(column.portal_nested["list"].casefold(), []):
                value = place[key]
                counted = _nested_expression(column.portal_nested, f"json_extract({value}, '$[*]')")
                choices.append(
                    f"case when json_type({value}) = 'ARRAY' then {counted}"
                    f" when coalesce(json_extract_string({value}, '$'), '') <> '' then {sql_string(_NO_ITEMS)} end"
                )
        if choices:
            present.add(column.name)
            expressions.append(f"coalesce({', '.join(choices)}) as {sql_name(column.name)}")
    if total:
        refuse_missing(table, missing_columns(table, present))
    else:
        present = {column.name for column in table.columns}
        expressions = [f"null::varchar as {sql_name(name)}" for name in sorted(present)]
    paths = ", ".join(sql_string(_pointer(key)) for key in used)
    twice = [
        f"when {_occurs_twice('object', key)} then {sql_string(_TWICE.format(shown(key)))}"
        for key in used
        if key in doubled
    ]
    faults = [
        f"case when has_broken_letters then {sql_string(NO_UTF8)} when is_broken then {sql_string(_NO_OBJECT)}"
        f" when has_nul then {sql_string(_NUL)}"
        f" {' '.join([*twice, *complaints])} end"
    ]
    inside: dict[str, dict[str, None]] = {}  # list -> keys of its items that figures follow from
    for spec in filter(None, (column.portal_nested for column in table.columns)):
        for key in by_portal.get(spec["list"].casefold(), []):
            wanted = [spec["sum"]] if "sum" in spec else spec.get("count_where", ())
            inside.setdefault(place[key], {}).update(dict.fromkeys(wanted))
    faults += [_twice_in_items(value, wanted) for value, wanted in inside.items() if wanted]
    connection.execute(f"""
        create or replace temp table _json_cells as
        with parsed as (
            select _row_number, object, object is null as is_broken, has_broken_letters, has_nul,
                {f"json_extract(object, [{paths}])" if used else "null"} as v
            from _json_objects
        )
        select {", ".join(expressions)}, _row_number, 0 as _sheet_no, null::varchar as _sheet,
            coalesce({", ".join(faults)}) as _fault
        from parsed
        order by _row_number
    """)
    connection.execute("drop table _json_objects")
    return [
        Part(
            relation="_json_cells",
            present=frozenset(present),
            ignored=tuple(ignored),
            blank_is_false=ticked_columns(connection, "_json_cells", table, present),
        )
    ]


def _refuse_doubled(connection: duckdb.DuckDBPyConnection, groups: list[list[str]]) -> None:
    """Two spellings of one key may stand in different objects, not in the same."""
    for spellings in groups:
        if len(spellings) < 2:
            continue
        counted = " + ".join(f"json_exists(object, {sql_string(_pointer(key))})::int" for key in spellings)
        if connection.execute(f"select coalesce(max({counted}), 0) from _json_objects").fetchall()[0][0] > 1:
            named = ", ".join(spellings)
            raise RefusedFile(
                f"một đối tượng có nhiều khóa cho cùng một cột ({named}): giữ lại một | several keys name one column"
            )


def _keys(connection: duckdb.DuckDBPyConnection) -> tuple[list[str], set[str]]:
    """The keys of all objects, and those that occur twice in one of them.

    Most objects have the same keys in the same order: only lists that differ are looked into.
    """
    connection.execute("""
        create or replace temp table _json_keys as
        select row_number() over () as no, keys
        from (select distinct json_keys(object) as keys from _json_objects where object is not null)
    """)
    counted = connection.execute("""
        select key, max(times) from (
            select key, count(*) as times from (select no, unnest(keys) as key from _json_keys) group by no, key
        ) group by key order by key
    """).fetchall()
    connection.execute("drop table _json_keys")
    return [key for key, _ in counted], {key for key, times in counted if times > 1}


def _occurs_twice(value: str, key: str) -> str:
    return f"len(list_filter(json_keys({value}), lambda key: key = {sql_string(key)})) > 1"


def _twice_in_items(value: str, wanted: Collection[str]) -> str:
    """What is wrong with a nested list: one of the keys that figures follow from occurs twice in an item of it.

    Counted in the text first, which costs little: more of a key than there are items may also stand further inside.
    """
    counts, branches = [], []
    for key in wanted:
        written = f'"{key}":'
        without = f"replace({value}::varchar, {sql_string(written)}, '')"
        counts.append(f"(strlen({value}::varchar) - strlen({without})) // {len(written.encode())}")
        twice = (
            f"len(list_filter(json_extract({value}, '$[*]'), lambda item: {_occurs_twice('item', key)})) > 0"
        )
        branches.append(f"when {twice} then {sql_string(_TWICE.format(shown(key)))}")
    more = f"greatest({', '.join(counts)}) > json_array_length({value})"
    return f"case when {more} then case {' '.join(branches)} end end"


def _why_broken(path: Path) -> str:
    """Legacy encodings and NUL bytes look like broken JSON to the parser."""
    with path.open("rb") as file:
        data = file.read(1 << 20)
    if b"\x00" in data:
        return "tệp JSON có byte NUL (UTF-16?): lưu lại UTF-8 | the JSON holds NUL bytes (UTF-16?): save it as UTF-8"
    try:
        data[: len(data) - 4 if len(data) == 1 << 20 else None].decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(data) - 4 and error.reason != "unexpected end of data":
            return advice(name_encoding(data.decode("latin-1")))
    return _BROKEN
