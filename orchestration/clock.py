"""The province's time. Everything that asks for now or today asks here."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

PROVINCE_TIME = ZoneInfo("Asia/Ho_Chi_Minh")


def now() -> datetime:
    """Local time of the province, without a zone: the form in which all our tables keep it."""
    return datetime.now(PROVINCE_TIME).replace(tzinfo=None)


def today() -> date:
    return now().date()
