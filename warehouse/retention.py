"""What a home may forget: never a row that a figure can still be counted from.

Landing that is in force stays for good: catalogues and base years that were delivered years ago still count. Removed
are versions beyond the number to keep (by publishing itself), and the rows of a delivery that another one took the
place of long ago, once no kept night counts them any more. The ledger keeps its line.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from warehouse.landing import landed_file
from warehouse.ledger import Delivery, Ledger
from warehouse.publish import deliveries, versions
from warehouse.settings import Settings


@dataclass(frozen=True)
class Removed:
    files: int = 0
    size: int = 0  # bytes


def replaced_files(settings: Settings, ledger: Ledger, now: datetime) -> list[Path]:
    """Files of deliveries that were replaced more than PARINDEX_KEEP_DAYS ago and that no kept night counts."""
    entries = {entry.delivery_id: entry for entry in ledger.deliveries()}
    limit = now - timedelta(days=settings.keep_days)
    old = [
        (entry, paths)
        for entry in entries.values()
        if (paths := _stored(settings, entry))
        and (by := entries.get(entry.replaced_by or "")) is not None
        and by.loaded_at < limit
    ]
    if not old:
        return []
    # By what each night says itself: that it knew the file which stands in place of another now does not mean that it
    # stood there then. The first of two contents may have come again.
    counted = {
        known["delivery_id"]
        for version in versions(settings)
        for known in deliveries(settings, version)
        if known.get("replaced_by") is None
    }
    return [path for entry, paths in old if entry.delivery_id not in counted for path in paths]


def _stored(settings: Settings, entry: Delivery) -> list[Path]:
    landed = landed_file(settings, entry)
    return [path for path in (landed.parquet, landed.rejected) if path.exists()]


def remove(files: list[Path]) -> Removed:
    size = sum(path.stat().st_size for path in files)
    for path in files:
        path.unlink()
    return Removed(len(files), size)
