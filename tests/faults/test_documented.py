"""docs/faults.md and the tests name each other: no row without a test that exists, no fault tested that is not told."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.conftest import PROJECT

TESTS = PROJECT / "tests"
PAGE = PROJECT / "docs" / "faults.md"
# Files of which every test is a fault of its own.
TOLD = ("test_files.py", "test_workers.py", "test_environment.py", "test_readers.py")


def rows() -> list[list[str]]:
    found = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("| ") and not line.startswith("| fault |"):
            found.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))])
    return found


def defined_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def named(cell: str) -> list[tuple[Path, str]]:
    """The tests that a row names: (file, function)."""
    found = []
    for name in re.findall(r"`([^`]+)`", cell):
        file, _, function = name.rpartition("::")
        folder = TESTS if "/" in file else TESTS / "faults"
        found.append((folder / (file or "test_files.py"), function))
    return found


def test_every_row_names_tests_that_exist() -> None:
    assert len(rows()) >= 75
    for row in rows():
        assert len(row) == 4, row
        tests = named(row[3])
        assert tests, row
        for file, function in tests:
            assert file.is_file(), (row[0], file)
            assert function in defined_in(file), (row[0], function)


def test_every_fault_that_is_tested_is_told() -> None:
    told = {(file.name, function) for row in rows() for file, function in named(row[3])}
    for name in TOLD:
        missing = {
            function for function in defined_in(TESTS / "faults" / name) if (name, function) not in told
        }
        assert missing == set(), name


def test_the_threat_model_names_tests_that_exist() -> None:
    text = (PROJECT / "docs" / "threat_model.md").read_text(encoding="utf-8")
    known = {function for path in TESTS.rglob("test_*.py") for function in defined_in(path)}
    names = set(re.findall(r"`(test_\w+)`", text))
    assert len(names) > 8
    assert names <= known
    files = {path.relative_to(TESTS).as_posix() for path in TESTS.rglob("test_*.py")}
    files |= {path.removeprefix("faults/") for path in files}
    assert set(re.findall(r"`((?:\w+/)?test_\w+\.py)`", text)) <= files
