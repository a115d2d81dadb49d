"""Shared by all tests: a home of its own for each test that writes, and the landed sample made once."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
SAMPLE_DAY = date(2024, 11, 30)

# No test may write into the project's own home or send anything anywhere.
os.environ.pop("PARINDEX_INBOX", None)
os.environ["DO_NOT_TRACK"] = "1"


# Files that take longest: they come first, so that no core waits for one of them at the end.
LONG = (
    "test_kills.py", "test_carry.py", "test_what_is_written.py", "test_environment.py", "test_evidence.py", "test_night.py",
    "test_queries.py", "test_reproducible.py", "test_operations.py", "test_indicators.py", "test_metrics.py", "test_dbt.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path.name, len(LONG)))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home that the settings of this test use."""
    folder = tmp_path / "home"
    monkeypatch.setenv("PARINDEX_HOME", str(folder))
    return folder


def _made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """The folder `name` of this run of the suite, filled by whichever of its processes comes first."""
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    root = factory.getbasetemp().parent if is_worker else factory.getbasetemp()
    folder, done = root / name, root / f"{name}.done"
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            make(folder)
            done.touch()
    return folder


def _sample(factory: pytest.TempPathFactory) -> Path:
    from sources.sample import write_sample

    def write(folder: Path) -> None:
        write_sample(folder, dossiers=2_000, seed=152, as_of=SAMPLE_DAY)

    return _made_once(factory, "sample", write)


@pytest.fixture(scope="session")
def sample_inbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small sample province with its planted faults; read only."""
    return _sample(tmp_path_factory)


def parindex(
    *arguments: str, home: Path, check: bool = True, **environment: str
) -> subprocess.CompletedProcess:
    """Run the command as a user would, in a process of its own."""
    result = subprocess.run(
        [sys.executable, "-c", "from orchestration.entry import main; main()", *arguments],
        cwd=PROJECT,
        env={**os.environ, "PARINDEX_HOME": str(home), "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        timeout=600,
    )
    if check and result.returncode != 0:
        raise AssertionError(
            f"parindex {' '.join(arguments)} ended with {result.returncode}\n{result.stdout}\n{result.stderr}"
        )
    return result


@pytest.fixture(scope="session")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home after one whole night over the sample. Tests that change it copy it first."""

    def run(folder: Path) -> None:
        parindex("run", "--inbox", str(_sample(tmp_path_factory)), home=folder)

    return _made_once(tmp_path_factory, "night", run)


def copy_of_home(home: Path, target: Path) -> Path:
    """The same home elsewhere, without its scratch, in which another test may be writing right now, and without what SQLite
    keeps beside a database while another test reads it: nothing has been left there by a night that has ended.
    """
    beside = ("-shm", "-wal")

    def passing(folder: str, names: list[str]) -> list[str]:
        return [name for name in names if name.endswith(beside) or (name == "work" and folder == str(home))]

    return shutil.copytree(home, target, symlinks=True, ignore=passing)


@pytest.fixture
def own_night(night: Path, tmp_path: Path) -> Path:
    """A copy of that home which the test may change."""
    return copy_of_home(night, tmp_path / "home")
