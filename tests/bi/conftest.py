"""The bundle, and a published night of the sample to ask it of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from orchestration.bi.model import Bundle, load_bundle
from warehouse.publish import FILE_NAME


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    return load_bundle()


@pytest.fixture(scope="module")  # no longer than that: others open the file with settings of their own
def published(night: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(night / "published" / FILE_NAME), read_only=True) as connection:
        yield connection
