"""The words of the workbook: formulas and legal bases (those of the morning page), headings, code labels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from orchestration import family_tables
from orchestration.family_tables import COUNTED, DECIDES, NAMED
from sources.contract import Table
from sources.text import both
from sources.yaml_file import read_yaml
from warehouse.settings import DBT_PROJECT

HERE = Path(__file__).parent
RULES = HERE.parent / "report" / "rules.yaml"
TEXTS = HERE.parent / "report" / "texts.yaml"
VIEWS = DBT_PROJECT / "models" / "evidence" / "_evidence.yml"


def _pair(text: str) -> tuple[str, str]:
    """A text in one language stands for both."""
    vi, en = both(text)
    return vi, en or vi


@dataclass(frozen=True)
class Rule:
    """How a measure is counted; `denominator` is None for plain counts."""

    numerator: tuple[str, str]
    denominator: tuple[str, str] | None
    rule: tuple[str, str]
    legal: tuple[str, str]


@cache
def _rules() -> dict[str, Any]:
    return read_yaml(RULES)


@cache
def _readings() -> dict[str, Any]:
    return read_yaml(HERE / "readings.yaml")["readings"]


@cache
def _views() -> dict[str, dict[str, Any]]:
    models = read_yaml(VIEWS)["models"]
    return {model["name"].removeprefix("ev_"): model for model in models}


@cache
def _texts() -> dict[str, Any]:
    return read_yaml(TEXTS)


def variant(name: str) -> str:
    """The Vietnamese name of a reading."""
    return both(_texts()["variants"].get(name, name))[0]


def status(name: str) -> str:
    """What the morning page calls a status of the scorecard, in Vietnamese."""
    return both(_texts()["ui"]["no_data_status" if name == "no_data" else name])[0]


def families() -> list[str]:
    return list(_views())


def rule_of(family: str, measure: str, variant: str) -> Rule:
    """The rule of a reading: its own words where it has some, else those of the measure or the family."""
    rules = _rules()["rules"]
    words = dict(rules.get(f"{family}.{measure}") or rules[family])
    words.update(_readings().get(f"{family}.{variant}", {}))
    if variant == "register" and family != "register":
        words = {**rules["register.reported"], "legal": words["legal"]}
    return Rule(
        _pair(words["num"]),
        _pair(words["den"]) if "den" in words else None,
        _pair(words["rule"]),
        _pair(words["legal"]),
    )


def legal_common() -> tuple[str, str]:
    return _pair(_rules()["legal_common"])


def heading(family: str, column: str) -> str:
    """The Vietnamese heading of a column of the rows."""
    for described in _views()[family]["columns"]:
        if described["name"] == column:
            return both(described["description"])[0]
    return column


def tables_of(family: str, measure: str) -> tuple[list[Table], list[Table]]:
    """Tables whose rows count for a measure, and the catalogues that decide too."""
    return (
        family_tables.tables_of(family, measure, COUNTED),
        family_tables.tables_of(family, measure, DECIDES, NAMED),
    )


def code_labels(tables: list[Table]) -> dict[str, dict[str, str]]:
    """Vietnamese labels of coded columns, by column name."""
    labels: dict[str, dict[str, str]] = {}
    for table in tables:
        for column in table.columns:
            if column.codes:
                labels.setdefault(column.name, {}).update(column.codes)
    return labels
