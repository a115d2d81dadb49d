"""What every export starts from: the province, its calendar, and the days on which the sources deliver."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise

from .calendar import WorkCalendar
from .province import Province, build_province

# The first delivery holds nearly everything; the last comes on the day that the sample is made for.
_DAYS_BEFORE = (30, 16, 9, 4, 1, 0)


@dataclass(frozen=True)
class World:
    """The arguments of a sample and what follows from them."""

    dossiers: int
    seed: int
    as_of: date

    @cached_property
    def province(self) -> Province:
        return build_province(self.seed, self.as_of)

    @cached_property
    def calendar(self) -> WorkCalendar:
        return WorkCalendar(self.as_of.year - 2, self.as_of.year + 1)

    @property
    def days(self) -> list[date]:
        """Delivery days, ascending; an export holds what had happened by the midnight that begins its day."""
        return [self.as_of - timedelta(days) for days in _DAYS_BEFORE]

    @property
    def windows(self) -> list[tuple[date, date]]:
        """(since, until) of each delivery after the first."""
        return list(pairwise(self.days))
