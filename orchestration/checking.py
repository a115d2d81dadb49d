"""Great Expectations at work in its own process: over relations of landed files, and over a build file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from expectations.model import Check, CheckResult
from orchestration import aside


def begin() -> None:
    """What the worker does before its first task."""
    from expectations.engine import load_library

    load_library()


def _check_relations(
    views: Mapping[str, str], config: Mapping[str, Any], checks: Sequence[Check], moment: datetime
) -> list[CheckResult]:
    from expectations.engine import validate

    with duckdb.connect(config=dict(config)) as connection:
        for name, query in views.items():
            connection.execute(f"create schema if not exists {name.partition('.')[0]}")
            connection.execute(f"create view {name} as {query}")
        return validate(connection, checks, checked_at=moment)


def _check_file(
    path: Path, config: Mapping[str, Any], checks: Sequence[Check], moment: datetime
) -> list[CheckResult]:
    from expectations.engine import validate

    return validate(path, checks, checked_at=moment, config=config)


def check_relations(
    views: Mapping[str, str], config: Mapping[str, Any], checks: Sequence[Check], moment: datetime
) -> list[CheckResult]:
    """Checks over views (quoted name with its schema -> query) that need no database file. `config`: Settings.duckdb."""
    return aside.checking.run(_check_relations, views, config, checks, moment) if checks else []


def check_file(
    path: Path, config: Mapping[str, Any], checks: Sequence[Check], moment: datetime
) -> list[CheckResult]:
    """Checks over a database file that this process has not open. `config`: Settings.duckdb."""
    return aside.checking.run(_check_file, path, config, checks, moment)
