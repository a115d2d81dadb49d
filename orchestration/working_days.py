"""The days on which offices work, from the seeds, for those who ask before a night has built anything.

The models say it for the figures (int_working_days); that both agree is tested.
"""

from __future__ import annotations

from datetime import date
from functools import cache

from orchestration.seeds import read_seed


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
