"""(a) The floor: one SQL script on DuckDB."""

from __future__ import annotations

from pathlib import Path

import duckdb

from benchmarks.contenders import Task, task

SCRIPT = Path(__file__).with_suffix(".sql")


def fill_in(sql: str, wanted: Task) -> str:
    """The script for an inbox and a day."""
    names = {
        "inbox": str(wanted.inbox),
        "as_of": wanted.as_of.isoformat(),
        "next_day": wanted.next_day.isoformat(),
        "year": str(wanted.as_of.year),
    }
    for name, value in names.items():
        sql = sql.replace(f"{{{name}}}", value)
    return sql


def run(wanted: Task) -> None:
    database = wanted.home / "script.duckdb"
    database.unlink(missing_ok=True)
    with duckdb.connect(str(database)) as connection:
        connection.execute(fill_in(SCRIPT.read_text(encoding="utf-8"), wanted))
        connection.execute(f"copy figures to '{wanted.figures}'")


if __name__ == "__main__":
    run(task())
