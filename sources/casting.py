"""From text cells to typed columns, in SQL: one expression per contract column, evaluated by DuckDB for all rows.

Input: a relation with `_row_number` (unless its rows are in file order and counted later), `_sheet_no`,
`_sheet`, `_fault` (a reader's own complaint about the row, or null) and one text column per contract column
present. A true number comes with a decimal comma, so that 1,234 (a number of a workbook) and 1.234 (a thousand
and some, typed by a person) stay apart.

Output: the typed columns, and for the first fault of a row `_error_no` (null = good) and `_error_value`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sources.contract import Column, Table
from sources.text import BLANKS, NULL_WORDS, match_key, match_key_sql, sql_name, sql_string

TIME_ZONE = "Asia/Ho_Chi_Minh"

_TRUE_WORDS = ("có", "x", "1", "true", "đúng")
_FALSE_WORDS = ("không", "0", "false", "sai")

_NULLS = ", ".join(map(sql_string, NULL_WORDS))
_COMMON_NULLS = (*NULL_WORDS, "null", "Null", "n/a")

# Larger than anything a province counts, in dong or in pieces; sums of it fit every type that they are made in.
# A number beyond is a typing error, whatever its shape.
LARGEST_NUMBER = 10**15
_NUMBER_OF_A_PERSON = 10**8  # from nine digits on, as a phone number has without its 0
_BEYOND = f"cast({10 * LARGEST_NUMBER} as decimal(24, 6))"

# A cast would make the next day of 24:00, and a dossier that is late by a day one that is on time.
_HOUR = r"(?:[01]\d|2[0-3])"

_MACROS = f"""
-- Blanks at the edges are rare: looked for by comparison (U+2000 and above are no letters of ours), cut when there. Most
-- cells have none at all, which costs a third of looking at their ends to see.
create or replace temp macro par_clean(cell) as
    case
        when cell in ({", ".join(map(sql_string, _COMMON_NULLS))}) then null
        when cell < '!' or cell >= chr(8192) or starts_with(cell, chr(160))
            or ({" or ".join(f"contains(cell, {sql_string(blank)})" for blank in BLANKS)})
                and ({" or ".join(f"ends_with(cell, {sql_string(blank)})" for blank in BLANKS)})
            or (strlen(cell) <= 4 and upper(cell) in ({_NULLS}))
            then case when upper(trim(cell, {sql_string(BLANKS)})) in ({_NULLS}) then null
                else trim(cell, {sql_string(BLANKS)}) end
        else cell
    end;

create or replace temp macro par_plain_number(cell) as
    regexp_replace(replace(cell, ',', '.'), '\\.0+$', '');

create or replace temp macro par_timestamp(cell) as
    case
        when cell like '%/%' then
            try_strptime(cell, ['%d/%m/%Y %H:%M:%S', '%d/%m/%Y', '%d/%m/%Y %H:%M'])
        when regexp_full_match(
            cell, '\\d{{4}}-\\d{{2}}-\\d{{2}}([T ]{_HOUR}:\\d{{2}}(:\\d{{2}}([.,]\\d+)?)?)?'
        ) then try_cast(replace(cell, ',', '.') as timestamp)
        when regexp_full_match(
            cell,
            '\\d{{4}}-\\d{{2}}-\\d{{2}}[T ]{_HOUR}:\\d{{2}}(:\\d{{2}}([.,]\\d+)?)?\\s*(Z|z|[+-]\\d{{2}}(:?\\d{{2}})?)'
        ) then timezone('{TIME_ZONE}', try_cast(
            regexp_replace(upper(replace(cell, ',', '.')), '([+-]\\d{{2}})(\\d{{2}})$', '\\1:\\2') as timestamptz
        ))
        when regexp_full_match(cell, '\\d{{14}}([.,]0+)?') then try_strptime(left(cell, 14), '%Y%m%d%H%M%S')
        when regexp_full_match(cell, '\\d{{8}}([.,]0+)?') then try_strptime(left(cell, 8), '%Y%m%d')
        -- day numbers of Excel: 1 = 1900-01-01, with the leap day that 1900 never had
        when regexp_full_match(cell, '\\d{{5}}([.,]\\d+)?') then
            timestamp '1899-12-30' + to_seconds(round(try_cast(replace(cell, ',', '.') as double) * 86400))
    end;

-- What has the shape of a number and is too long for the type is one that is too large: any beyond the limit stands for it.
create or replace temp macro par_number(cell) as
    case
        when regexp_full_match(cell, '[+-]?[1-9]\\d{{0,2}}(\\.\\d{{3}})+(,\\d+)?')
            then coalesce(try_cast(replace(replace(cell, '.', ''), ',', '.') as decimal(24, 6)), {_BEYOND})
        when regexp_full_match(cell, '[+-]?\\d+([.,]\\d+)?')
            then coalesce(try_cast(replace(cell, ',', '.') as decimal(24, 6)), {_BEYOND})
        when regexp_full_match(cell, '[+-]?\\d+([.,]\\d+)?[eE][+-]?\\d+')
            then coalesce(try_cast(try_cast(replace(cell, ',', '.') as double) as decimal(24, 6)), {_BEYOND})
    end;

-- Only what reads back the same: a cast alone would also take 0x1F, 5e-1 and 1_000.
create or replace temp macro par_whole(cell) as
    case when cast(try_cast(cell as bigint) as varchar) = cell then try_cast(cell as bigint) end;

-- Of a row that could not be read dates, numbers and codes stay in clear; of everything else, and of what is as long as
-- a phone or an ID number, the shape: xxxxxx xxx 999. In such a row a name may have slipped under any heading.
create or replace temp macro par_masked(cell) as
    case
        when (
            regexp_full_match(cell, '[0-9 .,/:TZ+%-]*')
            or regexp_full_match(cell, '[A-Za-z0-9]+([-./_:][A-Za-z0-9]+)+') and regexp_matches(cell, '[0-9]')
        ) and not regexp_matches(cell, '[0-9]{{9}}|[0-9]{{3,4}}[ .-][0-9]{{3}}[ .-][0-9]{{3}}') then cell
        else regexp_replace(regexp_replace(cell, '\\p{{L}}', 'x', 'g'), '\\p{{N}}', '9', 'g')
    end;

create or replace temp macro par_boolean(cell) as
    case
        when lower(nfc_normalize(par_plain_number(cell))) in ({", ".join(map(sql_string, _TRUE_WORDS))}) then true
        when lower(nfc_normalize(par_plain_number(cell))) in ({", ".join(map(sql_string, _FALSE_WORDS))}) then false
    end;
"""


def install_macros(connection) -> None:
    """Make the parsing macros known to a DuckDB connection and set the province's time zone."""
    connection.execute(f"set timezone = '{TIME_ZONE}'")
    # Otherwise each longer list of words becomes a hash join of its own: twenty times slower on wide tables.
    connection.execute("set disabled_optimizers = 'in_clause'")
    connection.execute(_MACROS)


@dataclass(frozen=True)
class Fault:
    """What `_error_no` means: column (None = the row as such) and the reason in Vietnamese and English."""

    column: str | None
    reason: str


@dataclass(frozen=True)
class TypedSelect:
    """`blank_fault` is the fault of a row in which every cell is blank; None where nothing is required."""

    sql: str
    faults: dict[int, Fault]
    blank_fault: int | None


def _quick(column: Column) -> str | None:
    """The typed value of a cell in its usual form, null for all others; None where a column has no such form."""
    raw = sql_name(f"r_{column.name}")
    if column.type == "code":
        codes = ", ".join(sql_string(code) for code in column.codes)
        return f"case when {raw} in ({codes}) then {raw} end"
    if column.type == "bool":
        return (
            f"case when {raw} in ('1', 'true', 'Có') then true"
            f" when {raw} in ('0', 'false', 'Không') then false end"
        )
    if column.type == "int":
        return f"par_whole({raw})"
    if column.type == "decimal":
        return f"try_cast(par_whole({raw}) as decimal(24, 6))"
    if column.type in ("date", "datetime"):
        kind = "date" if column.type == "date" else "timestamp"
        # Most of some dates are blank: no shape is looked for in those.
        return f"case when {raw} is not null then cast(par_timestamp({raw}) as {kind}) end"
    return None


def _thorough(column: Column, blank_is_false: bool) -> str:
    """The typed value, from the quick one or else from the cleaned cell `c_...` (and the number in it, `n_...`)."""
    quick, cell = sql_name(f"q_{column.name}"), sql_name(f"c_{column.name}")
    if column.type == "str":
        return f"case when strlen({cell}) = length({cell}) then {cell} else nfc_normalize({cell}) end"
    if column.type == "code":
        codes = ", ".join(sql_string(code) for code in column.codes)
        by_key = {match_key(label): code for code, label in column.codes.items()}
        by_key |= {match_key(code): code for code in column.codes}
        # Looked up in a list: `case expression when ...` would plan and compute the expression once per label.
        keys = ", ".join(map(sql_string, sorted(by_key)))
        found = ", ".join(sql_string(by_key[key]) for key in sorted(by_key))
        return (
            f"case when {quick} is not null then {quick}"
            f" when par_plain_number({cell}) in ({codes}) then par_plain_number({cell})"
            f" when {cell} is not null then"
            f" list_extract([{found}], list_position([{keys}], {match_key_sql(cell)})) end"
        )
    if column.type == "bool":
        blank = f"case when {cell} is null then false end" if blank_is_false else "null"
        return f"coalesce({quick}, par_boolean({cell}), {blank})"
    if column.type == "decimal":
        return f"coalesce({quick}, {sql_name(f'n_{column.name}')})"
    if column.type == "int":
        number = sql_name(f"n_{column.name}")
        return (
            f"coalesce({quick}, case when {number} = trunc({number}) then try_cast({number} as bigint) end)"
        )
    kind = "date" if column.type == "date" else "timestamp"
    return (
        f"case when {quick} is not null then {quick}"
        f" when {cell} is not null then cast(par_timestamp({cell}) as {kind}) end"
    )


_SHAPES = {
    "date": "không phải là ngày hợp lệ | is not a readable date",
    "datetime": "không phải là ngày giờ hợp lệ | is not a readable date or time",
    "bool": "không phải là Có/Không | is not a yes or no",
    "int": "không phải là số nguyên | is not a whole number",
    "decimal": "không phải là số | is not a number",
    "code": "không có trong danh mục mã | is no code or label of the contract",
}
_TOO_LONG = "dài hơn {vi} ký tự | is longer than {en} letters"
_TOO_LARGE = "ngoài giới hạn một triệu tỷ (10^15) | is beyond a million billion (10^15)"

_KEPT_VALUE = 200  # letters of an unreadable value

ROW_FAULT = 1  # the reader's own complaint, told in `_fault`


# Outside these years a date is a typing error, whatever its shape. The calendar of the models covers them (dbt_project.yml).
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)


def typed_select(
    table: Table,
    relation: str,
    present: set[str],
    *,
    numbered: bool = True,
    hash_personal: str | None,
    blank_is_false: frozenset[str] = frozenset(),
    tell_ticks: bool = False,
) -> TypedSelect:
    """SQL for one part of a file.

    `numbered` says whether the relation has `_row_number`; `hash_personal` is an SQL macro name applied to personal
    cells (None keeps them as they are); `blank_is_false` names the booleans that tick with x in this file, and
    `tell_ticks` adds `_ticked`, whether one of a row does.
    """
    columns = [column for column in table.columns if column.name in present]
    guarded = bool(hash_personal) and table.is_personal
    faults: dict[int, Fault] = {ROW_FAULT: Fault(None, "")}
    blank_fault = None
    branches = [f"when _fault is not null then {ROW_FAULT}"]
    cells: list[str] = []
    personal: list[int] = []  # faults of cells that are told as their hash

    def add(column: Column, condition: str, reason: str) -> None:
        number = len(faults) + 1
        faults[number] = Fault(column.name, reason)
        branches.append(f"when {condition} then {number}")
        cells.append(f"when {number} then {sql_name(f'r_{column.name}')}")
        if column.personal and hash_personal:
            personal.append(number)

    for column in columns:
        cell, typed = sql_name(f"c_{column.name}"), sql_name(column.name)
        if column.type in _SHAPES:
            add(column, f"{typed} is null and {cell} is not null", _SHAPES[column.type])
        if column.type in ("date", "datetime"):
            add(
                column,
                f"cast({typed} as date) not between '{FIRST_DAY}' and '{LAST_DAY}'",
                _SHAPES[column.type],
            )
        if column.type in ("int", "decimal"):
            # In the type of the column, which otherwise is cast to that of the limits, row by row.
            lowest, highest = (
                f"cast({edge} as {column.sql_type})" for edge in (-LARGEST_NUMBER, LARGEST_NUMBER)
            )
            add(column, f"{typed} not between {lowest} and {highest}", _TOO_LARGE)
        # What is dropped or hashed can be of any length, and is not looked at once more.
        if column.longest and not (column.personal and hash_personal):
            en = f"{column.longest:,}"
            # Bytes first: they are known, letters are counted.
            add(
                column,
                f"strlen({typed}) > {column.longest} and length({typed}) > {column.longest}",
                _TOO_LONG.format(vi=en.replace(",", "."), en=en),
            )
        if column.required:
            add(column, f"{typed} is null", "bắt buộc nhưng để trống | is required but blank")
            blank_fault = blank_fault or len(faults)
    for column in columns:
        for rule in column.rules:
            add(column, f"({rule.sql}) is false", f"{rule.vi} | {rule.en}")

    # Step by step, each on columns of the step before: one expression for all of it takes longer to plan than a
    # file takes to read.
    number = "_row_number, " if numbered else ""
    raw = ", ".join(f"{sql_name(c.name)} as {sql_name(f'r_{c.name}')}" for c in columns)
    quick = ", ".join(f"{_quick(c)} as {sql_name(f'q_{c.name}')}" for c in columns if _quick(c))
    cleaned = ", ".join(
        (
            f"case when {sql_name(f'q_{c.name}')} is null and {sql_name(f'r_{c.name}')} is not null"
            f" then par_clean({sql_name(f'r_{c.name}')}) end"
            if _quick(c)
            else f"par_clean({sql_name(f'r_{c.name}')})"
        )
        + f" as {sql_name(f'c_{c.name}')}"
        for c in columns
    )
    numbers = "".join(
        f", par_number({sql_name(f'c_{c.name}')}) as {sql_name(f'n_{c.name}')}"
        for c in columns
        if c.type in ("int", "decimal")
    )
    typed = ",\n        ".join(
        f"{_thorough(c, c.name in blank_is_false)} as {sql_name(c.name)}" for c in columns
    )
    ticks = [f"{sql_name(f'c_{c.name}')} in ('x', 'X')" for c in columns if c.type == "bool"]
    ticked = f", coalesce({' or '.join(ticks) or 'false'}, false) as _ticked" if tell_ticks else ""
    absent = [column for column in table.columns if column.name not in present]
    rest = "".join(f", cast(null as {c.sql_type}) as {sql_name(c.name)}" for c in absent)

    def landed(column: Column) -> str:
        name = sql_name(column.name)
        if column.personal and hash_personal:
            return f"{hash_personal}({name}) as {sql_name(column.landed_name)}"
        if column.type == "str":
            told = f"left({name}, {column.longest})"
            told = f"par_masked({told})" if guarded else told
            return f"case when _error_no is null then {name} else {told} end as {name}"
        if guarded and column.type in ("int", "decimal"):
            # In a row that slipped by a column it may be the number of a phone or of a card.
            return f"case when _error_no is null or abs({name}) < {_NUMBER_OF_A_PERSON} then {name} end as {name}"
        return name

    # What the faults have in common is written once: a hundred times it takes DuckDB longer to plan than a small file to read.
    shown = f"left(_cell, {_KEPT_VALUE})"
    value = f"when {ROW_FAULT} then _fault"
    value += "".join(f" when {number} then {hash_personal}(_cell)" for number in personal)
    value += f" else {f'par_masked({shown})' if guarded else shown}"

    return TypedSelect(
        sql=f"""
    with cells as (
        select {number}_sheet_no, _sheet, _fault, {raw}
        from {relation}
    ),
    quick as (
        select *{", " + quick if quick else ""} from cells
    ),
    cleaned as (
        select *, {cleaned} from quick
    ),
    numbers as (
        select *{numbers} from cleaned
    ),
    typed as (
        select *, {typed}{rest}{ticked}
        from numbers
    ),
    judged as (
        select *, cast(case {" ".join(branches)} end as utinyint) as _error_no
        from typed
    ),
    told as (
        select *, case when _error_no is not null then nullif(trim({f"case _error_no {' '.join(cells)} end" if cells else "null"}), '') end as _cell
        from judged
    )
    select
        {", ".join(landed(column) for column in table.columns if column.kept or not hash_personal)},
        {"cast(_row_number as bigint) as " + number if numbered else ""}cast(_sheet_no as integer) as _sheet_no, _sheet,
        _error_no,
        case when _error_no is not null then case _error_no {value} end end as _error_value{", _ticked" if tell_ticks else ""}
    from told""",
        faults=faults,
        blank_fault=blank_fault,
    )
