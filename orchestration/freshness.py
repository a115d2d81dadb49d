"""When a source is stale: its last accepted delivery is older than twice the cadence of its contract (DECISIONS, D63).

A limit that ends on a day off ends with the next working day (Bộ luật Dân sự 2015, Điều 148 khoản 5): nobody exports on a
Sunday or over Tết, and what was delivered before is no reason to freeze the alerts of Monday morning.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from orchestration.working_days import is_working_day
from sources.contract import Table
from warehouse.ledger import Delivery


def last_delivered(table: Table, entries: Iterable[Delivery], day: date) -> date | None:
    """Up to the day, of what was accepted and says something; None where nothing ever was.

    A broken export job writes the header alone: nothing new is known by it, and what it was to tell is still missing.
    """
    telling = (
        one.delivered_on
        for one in accepted(table, entries, day)
        if one.rows_in_file > 0 or table.may_be_empty
    )
    return max(telling, default=None)


def accepted(table: Table, entries: Iterable[Delivery], day: date) -> list[Delivery]:
    """What counts of a table on the day."""
    name = (table.source, table.name)
    return [
        one
        for one in entries
        if one.accepted and (one.source, one.table_name) == name and one.delivered_on <= day
    ]


def limit_days(table: Table, last: date) -> int:
    """For how many days after its delivery of the day `last` a table may wait for the next one."""
    end = last + timedelta(days=table.stale_after_days)
    while not is_working_day(end):
        end += timedelta(days=1)
    return (end - last).days


def is_stale(table: Table, last: date | None, day: date) -> bool:
    """Whether, on the day, the last accepted delivery is too old; a table that never came is."""
    return last is None or (day - last).days > limit_days(table, last)
