"""Working days of Vietnam as arrays: day offsets in, day offsets out."""

from __future__ import annotations

from datetime import date, timedelta

import holidays
import numpy as np

# 12729/VPCP-KGVX of 25/12/2025, not yet in the library: a Friday off for a Saturday worked.
_OVERRIDES = {date(2026, 1, 2): False, date(2026, 1, 10): True}


class WorkCalendar:
    """Working days of the years `first`..`last`; a day is its number since 1970-01-01 (int64, any shape)."""

    def __init__(self, first: int, last: int):
        vietnam = holidays.country_holidays("VN", years=range(first, last + 1))
        begin, end = date(first, 1, 1), date(last, 12, 31)
        days = [begin + timedelta(n) for n in range((end - begin).days + 1)]
        works = np.array([_OVERRIDES.get(day, vietnam.is_working_day(day)) for day in days])
        self._origin = day_number(begin)
        self._working = np.flatnonzero(works) + self._origin
        self._count = np.cumsum(works)  # working days up to and including each day

    def add(self, day: np.ndarray, working_days: np.ndarray) -> np.ndarray:
        """The day so many working days after `day`; 0 gives `day` itself or the last working day before."""
        return self._working[self._count[day - self._origin] - 1 + working_days]

    def between(self, first: int, last: int) -> np.ndarray:
        """The working days from `first` to `last`, both included."""
        return self._working[(self._working >= first) & (self._working <= last)]

    def distance(self, earlier: np.ndarray, later: np.ndarray) -> np.ndarray:
        """How many working days follow `earlier` up to `later`."""
        return self._count[later - self._origin] - self._count[earlier - self._origin]


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - date(1970, 1, 1)).days


def as_date(day: int) -> date:
    """The date of a day number."""
    return date(1970, 1, 1) + timedelta(int(day))
