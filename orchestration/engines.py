"""Which engine builds the models: one setting, the same models, seeds and tests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from orchestration import dbt
from warehouse.settings import Settings


def build(settings: Settings, as_of: date, *, data_tests: bool = True) -> Iterator[dict[str, Any]]:
    """What a night builds, by `PARINDEX_ENGINE`: `dbt.build` or `build_on_spark`, which yield and raise the same."""
    if settings.engine == "spark":
        from orchestration.spark.engine import build_on_spark

        return build_on_spark(settings, as_of, data_tests=data_tests)
    return dbt.build(settings, as_of, data_tests=data_tests)
