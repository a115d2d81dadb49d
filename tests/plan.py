"""The plan's targets as the seeds have them, so that no test has to be told how many they are."""

from __future__ import annotations

import csv
from datetime import date

from warehouse.settings import DBT_PROJECT


def seed(name: str) -> list[dict[str, str]]:
    with (DBT_PROJECT / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def targets_in_force(day: date) -> list[str]:
    """Ids of the targets that are measured on the day, in the order of the seed."""
    return [
        row["target_id"]
        for row in seed("target_measure")
        if row["valid_from"] <= day.isoformat()
        and (not row["valid_to"] or day.isoformat() <= row["valid_to"])
    ]
