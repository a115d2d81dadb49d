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
    changed = {}
    for table in tables:
        limit = share_limit(settings, table)
        known = ledger.deliveries(of=(table.source, table.name))
        counting = [entry for entry in known if entry.outcome != REFUSED and entry.replaced_by is None]
        for _, group in groupby(counting, key=lambda entry: entry.delivered_on):
            files = list(group)
            reason = _reason_to_hold(files, limit)
            for entry in files:
                if entry.reason != reason:
                    changed[entry.delivery_id] = _judged(ledger, entry, reason)
    return changed


def _reason_to_hold(files: list[Delivery], limit: float) -> str | None:
    bad, total = sum(entry.rejected for entry in files), sum(entry.rows_in_file for entry in files)
    if not total or 100 * bad / total <= limit:
        return None
    return (
        f"{bad}/{total} dòng bị loại ({100 * bad / total:.1f} %), quá giới hạn {limit:g} %: cả lần giao được giữ lại"
        " | too many rows rejected, the delivery is held back"
    )


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
