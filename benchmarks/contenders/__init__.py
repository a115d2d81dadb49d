"""Who computes the same figures from the same files, each in a file of its own.

A script is `python -m benchmarks.contenders.NAME INBOX HOME AS_OF`: it reads the exports that were delivered up to the day and
writes HOME/figures.parquet, one row per figure. What it leaves in HOME is there on its next night.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

# Counted from dossiers and documents; all that a night computes beside them is left out.
TARGETS = (
    "3.2.3a", "3.2.3b", "3.4.1", "3.4.2", "3.4.3", "3.4.4", "7.2.1a", "7.2.1b", "7.2.2",
    "7.3.3a", "7.3.3b", "7.3.3c", "7.3.5", "7.3.6b", "7.3.6c",
)  # fmt: skip
FIGURE = ("target_id", "variant", "agency_code", "period_kind", "period_start", "numerator", "denominator")


@dataclass(frozen=True)
class Task:
    """What a script is asked for."""

    inbox: Path
    home: Path
    as_of: date

    @property
    def figures(self) -> Path:
        return self.home / "figures.parquet"

    @property
    def next_day(self) -> date:
        return self.as_of + timedelta(days=1)

    def files(self, pattern: str) -> list[Path]:
        """Files of `SOURCE/DAY/NAME` delivered up to the day, the oldest first."""
        found = sorted(self.inbox.glob(pattern))
        return [file for file in found if file.parent.name <= self.as_of.isoformat()]


def task() -> Task:
    """The task on the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("inbox", type=Path)
    parser.add_argument("home", type=Path)
    parser.add_argument("as_of", type=date.fromisoformat)
    given = parser.parse_args()
    given.home.mkdir(parents=True, exist_ok=True)
    return Task(given.inbox, given.home, given.as_of)
