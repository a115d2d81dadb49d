"""The province's time. Everything that asks for now or today asks here."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from sources.casting import FIRST_DAY, LAST_DAY, TIME_ZONE

PROVINCE_TIME = ZoneInfo(TIME_ZONE)


def now() -> datetime:
    """Local time of the province, without a zone: the form in which all our tables keep it."""
    return datetime.now(PROVINCE_TIME).replace(tzinfo=None)


def today() -> date:
    return now().date()


def read_day(text: str) -> date:
    """A day whose figures are asked for. Raises ValueError where it is none, or one that no row can be of."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no date: write it as YYYY-MM-DD") from None
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError(f"{text!r} is outside what can be read: a day from {FIRST_DAY} to {LAST_DAY}")
    return day
