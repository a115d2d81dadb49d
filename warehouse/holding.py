"""Holding back a delivery of a table: all its files of one day, since how it was cut into files must not matter."""

from __future__ import annotations

from collections.abc import Collection
from itertools import groupby

from sources.contract import Table
from warehouse.ledger import HELD_BACK, LOADED, PARTLY_QUARANTINED, REFUSED, Delivery, Ledger
from warehouse.settings import Settings


def share_limit(settings: Settings, table: Table) -> float:
    """Most rejected rows of a delivery, in percent; above it the delivery counts for nothing."""
    if settings.rejected_share_limit_pct is None:
        return table.rejected_share_limit_pct
    return settings.rejected_share_limit_pct


def hold_back(settings: Settings, ledger: Ledger, tables: Collection[Table]) -> dict[str, Delivery]:
    """Judge every delivery of the tables by the files that count; returns the entries that this changed, by id.

    A file that joins a delivery later, or another limit, may hold back what was taken and release what was held.
    """
    by_name = {(table.source, table.name): table for table in tables}
    entries = [
        entry
        for entry in ledger.deliveries()
        if (entry.source, entry.table_name) in by_name
        and entry.outcome != REFUSED
        and entry.replaced_by is None
    ]

    def whole(entry: Delivery) -> tuple:
        return entry.source, entry.table_name, entry.delivered_on

    changed = {}
    for (source, name, _), group in groupby(sorted(entries, key=whole), key=whole):
        files = list(group)
        bad, total = sum(entry.rejected for entry in files), sum(entry.rows_in_file for entry in files)
        limit = share_limit(settings, by_name[source, name])
        reason = None
        if total and 100 * bad / total > limit:
            reason = (
                f"{bad}/{total} dòng bị loại ({100 * bad / total:.1f} %), quá giới hạn {limit:g} %:"
                " cả lần giao được giữ lại | too many rows rejected, the delivery is held back"
            )
        for entry in files:
            if entry.reason != reason or (reason is None) != (entry.outcome != HELD_BACK):
                changed[entry.delivery_id] = _judged(ledger, entry, reason)
    return changed


def _judged(ledger: Ledger, entry: Delivery, reason: str | None) -> Delivery:
    if reason is not None:
        return ledger.change(
            entry, outcome=HELD_BACK, reason=reason, rows_loaded=0, rows_quarantined=entry.rows_in_file
        )
    return ledger.change(
        entry,
        outcome=PARTLY_QUARANTINED if entry.rejected else LOADED,
        reason=None,
        rows_loaded=entry.rows_in_file - entry.rejected,
        rows_quarantined=entry.rejected,
    )
