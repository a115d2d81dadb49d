"""Shared by all tests: a home of its own for each test that writes, and the landed sample made once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
SAMPLE_DAY = date(2024, 11, 30)

# No test may write into the project's own home or send anything anywhere.
os.environ.pop("PARINDEX_INBOX", None)
os.environ["DO_NOT_TRACK"] = "1"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home that the settings of this test use."""
    folder = tmp_path / "home"
    monkeypatch.setenv("PARINDEX_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def sample_inbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small sample province with its planted faults; read only."""
    from sources.sample import write_sample

    folder = tmp_path_factory.mktemp("sample") / "inbox"
    write_sample(folder, dossiers=2_000, seed=152, as_of=SAMPLE_DAY)
    return folder


def parindex(
    *arguments: str, home: Path, check: bool = True, **environment: str
) -> subprocess.CompletedProcess:
    """Run the command as a user would, in a process of its own."""
    result = subprocess.run(
        [sys.executable, "-c", "from orchestration.cli import main; main()", *arguments],
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
def night(sample_inbox: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home after one whole night over the sample. Tests that change it copy it first."""
    folder = tmp_path_factory.mktemp("night") / "home"
    parindex("run", "--inbox", str(sample_inbox), home=folder)
    return folder


@pytest.fixture
def own_night(night: Path, tmp_path: Path) -> Path:
    """A copy of that home which the test may change."""
    folder = tmp_path / "home"
    shutil.copytree(night, folder, symlinks=True)
    return folder
