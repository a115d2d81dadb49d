"""Keys of the marts and how they refer to each other, read from where they are tested: dbt's YAML."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from sources.yaml_file import read_yaml
from warehouse.settings import DBT_PROJECT

_REF = re.compile(r"""ref\(\s*['"](\w+)['"]""")


@dataclass(frozen=True)
class Reference:
    """`column` holds values of `other.other_column`.

    `always`: the models give no others. Dbt's tests hold that, which do not run at night; of targets the gate asks each
    night, and PostgreSQL enforces all of them.
    """

    column: str
    other: str
    other_column: str
    always: bool


@dataclass(frozen=True)
class Keys:
    """What the dbt contract of one mart says: its key, the columns of it that may be null, its references."""

    key: tuple[str, ...] = ()
    nullable: frozenset[str] = frozenset()
    references: tuple[Reference, ...] = ()


# Written by the night itself when dbt is done, so dbt's YAML does not know it.
_WRITTEN_ASIDE = {"fct_alert": Keys(("alert_id",))}


def _tests(node: dict[str, Any], name: str) -> list[dict[str, Any]]:
    tests = node.get("data_tests") or node.get("tests") or []
    return [test[name] for test in tests if isinstance(test, dict) and name in test]


def _arguments(test: dict[str, Any]) -> dict[str, Any]:
    return test.get("arguments") or test


def _keys(model: dict[str, Any]) -> Keys:
    unique = [_arguments(test) for test in _tests(model, "key_is_unique")]
    references, never_null = [], set()
    for column in model.get("columns", []):
        if any(constraint["type"] == "not_null" for constraint in column.get("constraints", [])):
            never_null.add(column["name"])
        for test in _tests(column, "relationships"):
            arguments = _arguments(test)
            other = _REF.search(arguments["to"])
            if other and not (test.get("config") or {}).get("where"):
                severity = (test.get("config") or {}).get("severity", "error")
                references.append(
                    Reference(column["name"], other[1], arguments["field"], severity.lower() == "error")
                )
    key = tuple(unique[0]["columns"]) if unique else ()
    return Keys(key, frozenset(key) - never_null, tuple(references))


@lru_cache
def mart_keys(folder: Path = DBT_PROJECT / "models" / "marts") -> dict[str, Keys]:
    """Mart -> its keys."""
    found = dict(_WRITTEN_ASIDE)
    for path in sorted(folder.rglob("*.yml")):
        document = read_yaml(path) or {}
        found.update({model["name"]: _keys(model) for model in document.get("models", [])})
    return found
