"""The product itself: a whole night, and the figures that it published."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import duckdb

from benchmarks.contenders import TARGETS


def command(inbox: Path, as_of: date) -> list[str]:
    night = ["run", "--inbox", str(inbox), "--as-of", as_of.isoformat()]
    return [sys.executable, "-c", "from orchestration.entry import main; main()", *night]


def environment(home: Path) -> dict[str, str]:
    """Nothing of the machine's own settings: no alert goes out, nothing is published elsewhere."""
    return {"PARINDEX_HOME": str(home), "PARINDEX_PUBLISH_TO": "", "PARINDEX_ALERTS": ""}


def write_figures(home: Path) -> None:
    """The published figures of the benchmark's targets, as HOME/figures.parquet; `register` repeats what offices report."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{home}/published/par_index.duckdb' as ours (read_only)")
        connection.execute(f"""
            copy (
                select target_id, variant, agency_code, period_kind, period_start, numerator, denominator
                from ours.marts.fct_indicator
                where target_id in {TARGETS} and variant <> 'register'
            ) to '{home}/figures.parquet'
        """)
