"""Tests on Spark run where `make setup-spark` has been; `make test-spark` does that first and then insists on them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestration.spark.engine import SparkFailed, require
from warehouse.settings import Settings


@pytest.fixture(scope="session", autouse=True)
def spark_environment() -> None:
    try:
        require(Settings(home=Path(), inbox=Path()))
    except SparkFailed as missing:
        if os.environ.get("PARINDEX_REQUIRE_SPARK"):
            raise
        pytest.skip(f"no Spark here: {missing}")


@pytest.fixture(autouse=True)
def small_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARK_CONF_DIR", str(Path(__file__).parent))
    monkeypatch.setenv("PARINDEX_DBT_THREADS", "2")
