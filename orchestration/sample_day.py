"""The day of a sample in the inbox: figures are of that day where nobody says another.

The inbox is written by whoever delivers exports, and a file in it must not choose the day of a province's figures. It is
believed while nothing has been published in the home, where the sample was asked for, and from then on for the day that it
was believed for, which the home keeps.
"""

from __future__ import annotations

import json
import os
import stat
from datetime import date
from pathlib import Path

import typer

from orchestration import clock
from orchestration.terminal import console, errors, plain
from sources.inbox import SAMPLE_MARKER, find_arrivals
from warehouse.settings import Settings

_LARGEST = 16_000_000  # bytes; that of a sample has some ten thousand


def remember(settings: Settings, day: date) -> None:
    """From now on the day of a sample of that day is believed in this home."""
    settings.sample_day_file.write_text(json.dumps({"as_of": day.isoformat()}), encoding="utf-8")


def sample_day(settings: Settings, *, asked_for: bool = False) -> date | None:
    """The day that a sample in the inbox was made for; none without one, or where it is not believed, which is told.

    Exits with 1 where later exports lie beside it: as of that day they would not count, as of today the sample would.
    """
    day = _day_in(settings.inbox / SAMPLE_MARKER)
    if day is None:
        return None
    if day > clock.today() or not (asked_for or _is_believed(settings, day)):
        _tell_that_it_is_not_believed(day)
        return None
    later = [arrival for arrival in find_arrivals(settings.inbox) if (arrival.delivered_on or day) > day]
    if later:
        one = plain(max(later, key=lambda arrival: arrival.delivered_on).place)
        _tell_of_later_exports(settings.inbox, day, len(later), one)
        raise typer.Exit(1)
    remember(settings, day)
    console.print(f"The inbox holds a sample made for {day}: its figures are computed as of that day.")
    return day


def _day_in(marker: Path) -> date | None:
    """A file of that name which is no sample's says nothing; a pipe or a link is not opened."""
    try:
        handle = os.open(marker, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST:
            return None
        return clock.read_day(json.loads(os.read(handle, _LARGEST).decode())["as_of"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    finally:
        os.close(handle)


def _is_believed(settings: Settings, day: date) -> bool:
    from warehouse.publish import current

    if current(settings) is None:
        return True
    return _day_in(settings.sample_day_file) == day


def _tell_that_it_is_not_believed(day: date) -> None:
    errors.print(
        f"[yellow]Bỏ qua – ignored:[/] {SAMPLE_MARKER} trong hộp nhận ghi ngày {day}, nhưng kho này không chạy dữ liệu mẫu"
        " của ngày đó. Muốn tính theo ngày đó: --as-of",
        soft_wrap=True,
    )
    errors.print(
        f"{SAMPLE_MARKER} of the inbox says {day}, but this home has no sample of that day. If that day is meant: --as-of",
        soft_wrap=True,
    )


def _tell_of_later_exports(inbox: Path, day: date, count: int, one: str) -> None:
    errors.print(
        f"[red]Không chạy – not run:[/] hộp nhận {plain(inbox)} có dữ liệu mẫu của ngày {day} và {count} tệp giao sau"
        f" ngày đó ({one}). Bỏ dữ liệu mẫu ra (cả {SAMPLE_MARKER}; tốt hơn: PARINDEX_HOME mới, vì dữ liệu mẫu đã nạp"
        " vẫn được tính), hoặc nói rõ ngày tính: --as-of YYYY-MM-DD",
        soft_wrap=True,
    )
    errors.print(
        f"The inbox holds a sample made for {day}, and {count} files delivered after that day ({one}). Take the"
        f" sample out ({SAMPLE_MARKER} too; better: a new PARINDEX_HOME, for what was landed of the sample counts on),"
        " or say which day is meant: --as-of YYYY-MM-DD",
        soft_wrap=True,
    )
