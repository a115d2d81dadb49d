"""The days on which offices work, from the seeds, for those who ask before a night has built anything.

The models say it for the figures (int_working_days); that both agree is tested.
"""

from __future__ import annotations

import csv
from datetime import date
from functools import cache

from warehouse.settings import DBT_PROJECT


def read_seed(name: str) -> list[dict[str, str]]:
    """The rows of a seed as text, saved by whatever editor: with a byte order mark, or TRUE in capitals, as dbt takes it."""
    with (DBT_PROJECT / "seeds" / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
        return [
            {column: (cell or "").strip() for column, cell in row.items() if column}
            for row in csv.DictReader(file)
        ]


@cache
def _announced() -> dict[date, bool]:
    """Days of which the seeds say whether offices work: the operator's corrections above the holidays."""
    holidays = {row["date_day"]: row["kind"] == "worked_saturday" for row in read_seed("holiday")}
    corrected = {
        row["date_day"]: row["is_working_day"].lower() == "true"
        for row in read_seed("working_calendar_override")
        if row["is_working_day"]
    }
    return {date.fromisoformat(day): works for day, works in (holidays | corrected).items()}


def is_working_day(day: date) -> bool:
    return _announced().get(day, day.isoweekday() <= 5)
