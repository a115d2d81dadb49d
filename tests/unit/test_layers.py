"""Imports point one way: sources, then expectations and warehouse, then orchestration."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.conftest import PROJECT

ALLOWED = {
    "sources": {"sources"},
    "expectations": {"expectations", "sources"},
    "warehouse": {"warehouse", "sources"},
    "orchestration": {"orchestration", "warehouse", "expectations", "sources"},
}


def _imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("package", ALLOWED)
def test_package_imports_only_what_lies_before_it(package: str) -> None:
    files = list((PROJECT / package).rglob("*.py"))
    assert files
    for path in files:
        assert _imported(path) & set(ALLOWED) <= ALLOWED[package], path


def test_only_orchestration_knows_dagster_and_only_the_engine_knows_great_expectations() -> None:
    for package in ("sources", "expectations", "warehouse"):
        for path in (PROJECT / package).rglob("*.py"):
            assert not _imported(path) & {"dagster", "dagster_dbt", "dbt"}, path
    for path in PROJECT.glob("[a-z]*/**/*.py"):
        if path.parts[len(PROJECT.parts)] in ALLOWED and "great_expectations" in _imported(path):
            assert path.name in ("engine.py", "dialect.py") and path.parent.name == "expectations", path
