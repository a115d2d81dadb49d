"""Deliveries that are dated after today: they have landed, and count for nothing before their day.

Mostly a typing error in the name of a folder. It must not stay unseen: on its day an old export becomes the latest
delivery, and takes the place of what was corrected since.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from orchestration import clock
from warehouse.ledger import REFUSED, Delivery


def last_day(as_of: date) -> date:
    """The last day of which there can be deliveries. A night of an earlier day rightly does not know the later ones."""
    return max(as_of, clock.today())


def dated_ahead(entries: Iterable[Delivery], last: date) -> list[Delivery]:
    """Those in force that hold rows and are dated after the last day."""
    return [
        entry
        for entry in entries
        if entry.replaced_by is None
        and entry.outcome != REFUSED
        and entry.rows_in_file
        and entry.delivered_on is not None
        and entry.delivered_on > last
    ]
