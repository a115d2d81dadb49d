"""Numbers as text. Two decimals, and more where two would contradict what stands beside them.

dbt's `number_text` (macros/wording.sql) and `decimals` of the morning page (report/app.js) follow the same rule.
"""

from __future__ import annotations

from decimal import Decimal

Number = float | Decimal
# A comparison as people write it; what has to be reached exactly needs no sign.
SIGNS = {">": "> ", ">=": "≥ ", "<": "< ", "<=": "≤ ", "=": ""}
_MOST_DECIMALS = 6
_NONE = "–"


def number_en(value: Number | None, *marks: Number | None, decimals: int = 2) -> str:
    """1,234.5: a value that is not a mark (its target, its maximum) is shown neither as the mark nor beyond it."""
    if value is None:
        return _NONE
    known = [mark for mark in marks if mark is not None]
    while decimals < _MOST_DECIMALS and any(_strays(value, mark, decimals) for mark in known):
        decimals += 1
    for mark in known:
        if _strays(value, mark, decimals):
            value = float(mark) + _side(value, mark) * 10**-decimals
    return f"{value:,.{decimals}f}".rstrip("0").rstrip(".")


def number_vi(value: Number | None, *marks: Number | None, decimals: int = 2) -> str:
    """1.234,5: dots for thousands, a comma before decimals."""
    return number_en(value, *marks, decimals=decimals).translate(str.maketrans(",.", ".,"))


def part_vi(value: Number | None, most: Number | None) -> str:
    """0,432 / 0,433: of both as many decimals as tell them apart, where two would show a part as the whole."""
    decimals = 2
    if value is not None and most is not None and value != most:
        while decimals < _MOST_DECIMALS and round(value, decimals) == round(most, decimals):
            decimals += 1
    return f"{number_vi(value, decimals=decimals)} / {number_vi(most, decimals=decimals)}"


def _strays(value: Number, mark: Number, decimals: int) -> bool:
    side = _side(value, mark)
    return side != 0 and _side(round(value, decimals), mark) != side  # the mark itself is rounded as it is


def _side(value: Number, mark: Number) -> int:
    return (value > mark) - (value < mark)
