"""Files of the home that DuckDB can no longer read: which one it is. Landed Parquet, by the footers of those that the ledger
knows, and the databases of kept versions.

DuckDB tells what is wrong with a file, but its messages go into no log, since they can quote cells.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from warehouse.damaged import DamagedFile, find_damage, says_damage
from warehouse.landing import landed_file
from warehouse.ledger import Delivery, Ledger
from warehouse.publish import check_version, versions
from warehouse.settings import Settings

# What DuckDB calls a file that is cut off, holds something else, or is gone.
_KINDS = ("InvalidInputException", "IOException", "SerializationException")
_HOW_TO_MEND = (
    "khôi phục từ bản sao lưu, hoặc chạy `parindex run --full-refresh` nếu còn tệp gốc – restore it from a backup, or run"
    " `parindex run --full-refresh` if the inbox still has its delivery (docs/runbook/restore.md)"
)


def damaged_landings(settings: Settings, entries: Sequence[Delivery]) -> Iterator[DamagedFile]:
    """Files of deliveries whose footer cannot be read, or that are gone though their rows count.

    Only the footer is read: it is what a cut off file lacks, and landing may hold thousands of files.
    """
    import pyarrow as pa
    from pyarrow.parquet import read_metadata

    for entry in entries:
        landed = landed_file(settings, entry)
        for path, is_needed in ((landed.parquet, True), (landed.rejected, entry.rejected > 0)):
            try:
                if path.exists():
                    read_metadata(path)
                elif is_needed and entry.accepted:
                    yield _damaged(path, "gone", entry)
            except (pa.ArrowException, OSError) as error:
                yield _damaged(path, type(error).__name__, entry)


def _damaged(path: Path, why: str, entry: Delivery) -> DamagedFile:
    return DamagedFile(path, f"{why}; rows of {entry.place}", _HOW_TO_MEND)


def check_landings(settings: Settings) -> None:
    """Raises DamagedFile for the first damaged file, and what SQLite says of a ledger that is none."""
    ledger = Ledger.to_look_at(settings.ledger)
    try:
        entries = ledger.deliveries()
    finally:
        ledger.close()
    if damaged := next(damaged_landings(settings, entries), None):
        raise damaged


def behind(settings: Settings, kind: str) -> DamagedFile | None:
    """The damaged file of the home that an error may be about; `kind` is the name of its class."""
    if kind == "DatabaseError":
        return find_damage(settings)
    if kind not in _KINDS:
        return None
    try:
        check_landings(settings)
        for version in versions(settings):
            check_version(settings, version)
    except DamagedFile as damaged:
        return damaged
    except Exception:  # the search is for a better word about another error
        return None
    return None


def behind_error(settings: Settings, error: BaseException) -> DamagedFile | None:
    """The same of an error that was caught."""
    return behind(settings, "DatabaseError" if says_damage(error) else type(error).__name__)
