"""When a source is stale: its last accepted delivery is older than twice the cadence of its contract (DECISIONS, D63).

A limit that ends on a day off ends with the next working day (Bộ luật Dân sự 2015, Điều 148 khoản 5): nobody exports on a
Sunday or over Tết, and what was delivered before is no reason to freeze the alerts of Monday morning.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache

from sources.contract import Table
from warehouse.settings import DBT_PROJECT


def _seed(name: str) -> Iterator[dict[str, str]]:
    with (DBT_PROJECT / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


@cache
def _announced() -> dict[date, bool]:
    """Days of which the seeds say whether offices work: the operator's corrections above the holidays."""
    holidays = {row["date_day"]: row["kind"] == "worked_saturday" for row in _seed("holiday")}
    corrected = {
        row["date_day"]: row["is_working_day"] == "true" for row in _seed("working_calendar_override")
    }
    return {date.fromisoformat(day): works for day, works in (holidays | corrected).items()}


def is_working_day(day: date) -> bool:
    """As the models say it (int_working_days), for those who ask before a night has built anything."""
    return _announced().get(day, day.isoweekday() <= 5)


def limit_days(table: Table, last: date) -> int:
    """For how many days after its delivery of the day `last` a table may wait for the next one."""
    end = last + timedelta(days=table.stale_after_days)
    while not is_working_day(end):
        end += timedelta(days=1)
    return (end - last).days


def is_stale(table: Table, last: date | None, day: date) -> bool:
    """Whether, on the day, the last accepted delivery is too old; a table that never came is."""
    return last is None or (day - last).days > limit_days(table, last)
