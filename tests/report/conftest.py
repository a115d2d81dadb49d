from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.report import write_report

from . import browser, synthetic


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic.write(tmp_path_factory.mktemp("published") / "par_index.duckdb")


@pytest.fixture(scope="session")
def page(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(published, tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Browser]:
    """Needs Chromium on the machine (Debian: chromium, fonts-noto-core); nothing is installed here."""
    program = browser.find()
    if program is None:
        pytest.skip("no Chromium on this machine: set CHROMIUM=/path, or apt-get install chromium")
    started = browser.Browser(program, tmp_path_factory.mktemp("chromium"))
    yield started
    started.close()
