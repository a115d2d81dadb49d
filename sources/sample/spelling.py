"""How vendors spell typed values: dates, numbers, booleans, codes. One SQL expression per column."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from .contract import Column, Table

VIETNAMESE_TIME = "%d/%m/%Y %H:%M:%S"
ISO_LOCAL = "%Y-%m-%dT%H:%M:%S+07:00"
ISO_UTC = "%Y-%m-%dT%H:%M:%SZ"
PORTAL_TIME = "%Y%m%d%H%M%S"

Patches = Mapping[tuple[int, str], str | None]  # (row, column) -> the text that stands there instead


@dataclass(frozen=True)
class Habit:
    """One vendor's way of writing cells.

    `times`, `dates`: strftime formats. `booleans`: the texts for true and false. `labels`: codes as their
    Vietnamese labels. `grouped`: numbers with dots between thousands and a decimal comma. `null`: the text
    of an empty cell.
    """

    times: str = VIETNAMESE_TIME
    dates: str = "%d/%m/%Y"
    booleans: tuple[str, str] = ("Có", "Không")
    labels: bool = False
    grouped: bool = False
    null: str = ""


def spell(
    con: duckdb.DuckDBPyConnection, table: Table, data: pa.Table, habit: Habit, patches: Patches
) -> str:
    """A query that gives `data` as text, in the contract's columns, with `patches` put in their places.

    It reads the view `exported`, which stands for `data` until the next call.
    """
    rows_by_column: dict[str, dict[int, str | None]] = {}
    for (row, name), text in patches.items():
        rows_by_column.setdefault(name, {})[row] = text
    if rows_by_column:
        data = data.append_column("_row", pa.array(np.arange(data.num_rows)))
    expressions = []
    for column in table.columns:
        text = _expression(column, data.schema.field(column.name).type, habit)
        if habit.null:
            text = f"coalesce({text}, {quoted(habit.null)})"
        if column.name in rows_by_column:
            cases = " ".join(
                f"when {row} then {quoted(new)}" for row, new in rows_by_column[column.name].items()
            )
            text = f"case _row {cases} else {text} end"
        expressions.append(f'{text} as "{column.name}"')
    con.register("exported", data)
    return f"select {', '.join(expressions)} from exported"


def _expression(column: Column, stored: pa.DataType, habit: Habit) -> str:
    """SQL that spells one column; null stays null."""
    name = f'"{column.name}"'
    if column.kind == "datetime":
        if habit.times == ISO_UTC:
            name += " - interval 7 hour"
        return f"strftime({name}, {quoted(habit.times)})"
    if column.kind == "date":
        return f"strftime({name}, {quoted(habit.dates)})"
    if column.kind == "bool":
        yes, no = (quoted(text) for text in habit.booleans)
        return f"case when {name} then {yes} when not {name} then {no} end"
    if column.kind == "code" and habit.labels:
        cases = " ".join(f"when {quoted(code)} then {quoted(label)}" for code, label in column.labels.items())
        return f"case {name} {cases} end"
    if pa.types.is_floating(stored):
        # Two places, without trailing zeros; swapping separators needs a stop-over sign.
        text = f"regexp_replace(format('{{:,.2f}}', {name}), '\\.?0+$', '')"
        return f"translate({text}, ',.', '.,')" if habit.grouped else f"replace({text}, ',', '')"
    if column.kind == "decimal" and habit.grouped:  # years and counts stay as they are
        return f"format('{{:t.}}', {name}::bigint)"
    return f"{name}::varchar"


def quoted(text: str | None) -> str:
    """An SQL literal, or null."""
    return "null" if text is None else "'" + text.replace("'", "''") + "'"


# fmt: off
_OLD_TONES = {
    "óa": "oá", "òa": "oà", "ỏa": "oả", "õa": "oã", "ọa": "oạ",
    "óe": "oé", "òe": "oè", "ỏe": "oẻ", "õe": "oẽ", "ọe": "oẹ",
    "úy": "uý", "ùy": "uỳ", "ủy": "uỷ", "ũy": "uỹ", "ụy": "uỵ",
}
# fmt: on
_OPEN_SYLLABLE = re.compile(rf"({'|'.join(_OLD_TONES)})(?!\w)")


def old_tones(text: str) -> str:
    """Tone marks in the old place at the end of a syllable: `số hóa` becomes `số hoá`."""
    return _OPEN_SYLLABLE.sub(lambda match: _OLD_TONES[match[0]], text)


def shouted(text: str) -> str:
    """Capital letters, as many forms have their headers."""
    return text.upper()


def decomposed(text: str) -> str:
    """Letters and marks as separate characters (NFD), as some systems store Vietnamese."""
    return unicodedata.normalize("NFD", text)


def loose(text: str) -> str:
    """No-break spaces and doubled ones, as text copied from a web page has them."""
    return text.replace(" ", "\u00a0 ", 1)


def broken(text: str) -> str:
    """A line break in the middle, as header cells wrapped by hand have."""
    words = text.split(" ")
    middle = len(words) // 2
    return "\n".join(filter(None, (" ".join(words[:middle]), " ".join(words[middle:]))))
