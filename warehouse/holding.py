"""Holding back a delivery of a table: all its files of one day, since how it was cut into files must not matter."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import groupby

from sources.contract import Table
from warehouse.ledger import ACCEPTED, HELD_BACK, LOADED, PARTLY_QUARANTINED, REFUSED, Delivery, Ledger
from warehouse.settings import Settings

# What becomes of a delivery with too many rejected rows.
_WHOLE = "cả lần gửi được giữ lại | too many rows rejected, the delivery is held back"
_SENT_AGAIN = (
    "tệp gửi lại được giữ lại, tệp trước vẫn được dùng"
    " | too many rows rejected, the file sent again is held back and the one before it counts on"
)


def share_limit(settings: Settings, table: Table) -> float:
    """Most rejected rows of a delivery, in percent; above it the delivery counts for nothing."""
    if settings.rejected_share_limit_pct is None:
        return table.rejected_share_limit_pct
    return settings.rejected_share_limit_pct


def hold_back(
    settings: Settings, ledger: Ledger, tables: Collection[Table], has_rows: Callable[[Delivery], bool]
) -> dict[str, Delivery]:
    """Judge every delivery of the tables by the files that count; returns the entries that this changed, by id.

    A file that joins a delivery later, or another limit, may hold back what was taken and release what was held. Where
    a file was sent again with too many faults, the one before it counts on: of several no more than it takes.
    `has_rows` tells whether the rows of an entry are still stored; of what was replaced long ago they are not.
    """
    changed = {}
    for table in tables:
        limit = share_limit(settings, table)
        known = [e for e in ledger.deliveries(of=(table.source, table.name)) if e.outcome != REFUSED]
        for _, group in groupby(known, key=lambda entry: entry.delivered_on):
            contents = [list(same) for _, same in groupby(group, key=lambda entry: entry.file_name)]
            for entry in _judge_day(ledger, contents, limit, has_rows):
                changed[entry.delivery_id] = entry
    return changed


def _judge_day(
    ledger: Ledger, contents: list[list[Delivery]], limit: float, has_rows: Callable[[Delivery], bool]
) -> Iterator[Delivery]:
    """Judge a delivery: `contents` are those of each of its names, oldest first. Gives the entries that it changed."""
    names = [_Name.of(each) for each in contents if any(entry.replaced_by is None for entry in each)]
    excess = _excess([name.newest for name in names], limit)
    back = _too_faulty(names, limit, has_rows) if excess else []
    for name in names:
        if name in back:
            yield from _settled(ledger, name.newest, f"{excess}{_SENT_AGAIN}")
            yield from _settled(ledger, name.before, None)
        else:
            yield from _settled(ledger, name.newest, f"{excess}{_WHOLE}" if excess and not back else None)
            if name.before is not None and name.before.replaced_by is None:
                yield ledger.change(name.before, replaced_by=name.newest.delivery_id)


@dataclass(frozen=True)
class _Name:
    """The newest content of a name, and the one that counted before it, if that was taken."""

    newest: Delivery
    before: Delivery | None

    @classmethod
    def of(cls, contents: list[Delivery]) -> _Name:
        newest = [entry for entry in contents if entry.replaced_by is None][-1]
        taken = [
            entry
            for entry in contents
            if entry.replaced_by in (None, newest.delivery_id)
            and entry.outcome in ACCEPTED
            and entry is not newest
        ]
        return cls(newest, taken[-1] if taken else None)


def _too_faulty(names: list[_Name], limit: float, has_rows: Callable[[Delivery], bool]) -> list[_Name]:
    """The names whose content before must take the newest's place for the delivery to be taken; none if that is no use."""
    worst_first = sorted(
        (name for name in names if name.before is not None and has_rows(name.before)),
        key=lambda name: name.before.rejected - name.newest.rejected,
    )
    for count in range(1, len(worst_first) + 1):
        back = worst_first[:count]
        if not _excess([n.before if n in back else n.newest for n in names], limit):
            return back
    return []


def _excess(files: list[Delivery], limit: float) -> str | None:
    """How many rows of a delivery are rejected, where they are too many."""
    bad, total = sum(entry.rejected for entry in files), sum(entry.rows_in_file for entry in files)
    if not total or 100 * bad / total <= limit:
        return None
    return f"{bad}/{total} dòng bị loại ({_percent(100 * bad / total)}), quá giới hạn {_percent(limit)}: "


def _percent(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0").replace(".", ",") + "%"


def _settled(ledger: Ledger, entry: Delivery, reason: str | None) -> Iterator[Delivery]:
    """An entry in force with its verdict, written where it is another than before."""
    if entry.reason == reason and entry.replaced_by is None:
        return
    if reason is not None:
        verdict = {"outcome": HELD_BACK, "rows_loaded": 0, "rows_quarantined": entry.rows_in_file}
    else:
        verdict = {
            "outcome": PARTLY_QUARANTINED if entry.rejected else LOADED,
            "rows_loaded": entry.rows_in_file - entry.rejected,
            "rows_quarantined": entry.rejected,
        }
    yield ledger.change(entry, reason=reason, replaced_by=None, **verdict)
