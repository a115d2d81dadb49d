"""Imports point one way: sources, then expectations and warehouse, then orchestration."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.conftest import PROJECT

# Who opens a DuckDB without the limits of `Settings.duckdb`, and why that does no harm.
UNLIMITED = {
    "sources/sample/inbox.py": "makes the sample, which needs no settings",
    "orchestration/dbt.py": "asks how many threads DuckDB would take",
    "orchestration/doctor.py": "asks how DuckDB reads the limit",
}
# Functions that open one as their caller says.
OPEN_AS_TOLD = {
    "validate", "check_file", "check_relations", "opened", "table_changes", "figure_changes", "publish_to", "semantic.ask",
    "read", "write_report",
}  # fmt: skip

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


def _modules() -> dict[str, Path]:
    files = (path for package in ALLOWED for path in (PROJECT / package).rglob("*.py"))
    return {
        ".".join(p.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__"): p for p in files
    }


def _modules_imported(path: Path, known: dict[str, Path]) -> set[str]:
    """Also within functions, and for types alone."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                names.add(inner if inner in known else node.module)
    return names & set(known)


def test_no_two_modules_need_each_other() -> None:
    """Not even by way of others: what is read first is always clear."""
    known = _modules()
    sorter = TopologicalSorter(
        {name: _modules_imported(path, known) - {name} for name, path in known.items()}
    )
    sorter.prepare()  # raises CycleError, which names them


def test_only_orchestration_knows_dagster_and_only_the_engine_knows_great_expectations() -> None:
    for package in ("sources", "expectations", "warehouse"):
        for path in (PROJECT / package).rglob("*.py"):
            assert not _imported(path) & {"dagster", "dagster_dbt", "dbt"}, path
    for path in PROJECT.glob("[a-z]*/**/*.py"):
        if path.parts[len(PROJECT.parts)] in ALLOWED and "great_expectations" in _imported(path):
            assert path.name in ("engine.py", "dialect.py") and path.parent.name == "expectations", path


def _is_limited(call: ast.Call) -> bool:
    """Whether `settings.duckdb()`, or a `config` made of it, is handed over; or a connection that is open."""
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    names = {ast.unparse(node).rpartition(".")[2] for value in given for node in ast.walk(value)}
    return bool(names & {"duckdb", "config", "connection"})


def test_every_duckdb_is_opened_within_the_limits_of_the_settings() -> None:
    found, unlimited = 0, set()
    for path in (path for package in ALLOWED for path in (PROJECT / package).rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and ast.unparse(call.func) in {"duckdb.connect", *OPEN_AS_TOLD}:
                found += 1
                if not _is_limited(call):
                    unlimited.add(str(path.relative_to(PROJECT)))
    assert found > 30
    assert unlimited == set(UNLIMITED)


def _said(tree: ast.AST) -> set[str]:
    """Texts and calls of a module, as they are written, calls without what is before their last point."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            found.add(repr(node.value))
        elif isinstance(node, ast.Call):
            arguments = ", ".join(map(ast.unparse, node.args))
            found.add(f"{ast.unparse(node.func).rpartition('.')[2]}({arguments})")
    return found


@pytest.mark.parametrize(
    ("facts", "place"),
    [
        ({"'alerts.sqlite'"}, "warehouse/settings.py"),
        ({"'Asia/Ho_Chi_Minh'"}, "sources/casting.py"),
        ({"umask(23)"}, "warehouse/settings.py"),
        ({"partition(' | ')", "split(' | ')", "split('|')"}, "sources/text.py"),
    ],
)
def test_a_fact_of_many_modules_is_written_in_one(facts: set[str], place: str) -> None:
    places = {
        str(path.relative_to(PROJECT))
        for package in ALLOWED
        for path in (PROJECT / package).rglob("*.py")
        if facts & _said(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert places == {place}
