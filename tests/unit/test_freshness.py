"""When a source is stale: twice its cadence, and never for a day off alone."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from orchestration import seeds, working_days
from orchestration.freshness import is_stale, last_delivered, limit_days
from orchestration.working_days import is_working_day
from sources.contract import Table, all_tables
from warehouse.ledger import LOADED, REFUSED, Delivery

DAILY = next(table for table in all_tables() if table.relation == "tthc__dossiers")
MAY_BE_EMPTY = next(table for table in all_tables() if table.relation == "tthc__feedback")
MONTHLY = next(table for table in all_tables() if table.relation == "finance__revenue")


@pytest.mark.parametrize(
    ("last", "last_good_day"),
    [
        ("2024-06-17", "2024-06-19"),  # a Monday: two days
        ("2024-06-19", "2024-06-21"),  # a Wednesday: stale on Saturday, as nothing came on two working days
        ("2024-06-20", "2024-06-24"),  # a Thursday: Saturday is a day off, so Monday
        ("2024-06-21", "2024-06-24"),  # a Friday: on Monday morning nothing can have come yet
        ("2024-06-22", "2024-06-24"),
        ("2024-06-23", "2024-06-25"),
        ("2025-01-24", "2025-02-03"),  # the Friday before Tết: until its first working day
        ("2025-01-22", "2025-01-24"),
        ("2024-05-02", "2024-05-04"),  # a Saturday on which offices worked
        ("2025-12-31", "2026-01-05"),  # 2 January by the correction that came late
        ("2026-01-08", "2026-01-10"),  # and the Saturday worked for it
    ],
)
def test_a_daily_source_may_wait_two_days_and_over_days_off(last: str, last_good_day: str) -> None:
    begin, end = date.fromisoformat(last), date.fromisoformat(last_good_day)
    assert not is_stale(DAILY, begin, end)
    assert is_stale(DAILY, begin, end + timedelta(days=1))
    assert limit_days(DAILY, begin) == (end - begin).days


def test_a_monthly_source_may_wait_two_months() -> None:
    assert limit_days(MONTHLY, date(2024, 3, 1)) == 62  # to Thursday, 2 May, the day after a holiday
    assert limit_days(MONTHLY, date(2024, 2, 29)) == 63  # 1 May is none


def test_a_table_that_never_came_is_stale() -> None:
    assert is_stale(DAILY, None, date(2024, 6, 17))


def delivery(table: Table, day: date, rows: int, outcome: str = LOADED) -> Delivery:
    return Delivery(
        delivery_id=f"{table.relation}-{day}",
        source=table.source,
        table_name=table.name,
        file_name="a.csv",
        format="csv",
        delivered_on=day,
        outcome=outcome,
        reason=None,
        rows_in_file=rows,
        rows_loaded=rows,
        rows_unchanged=0,
        rows_quarantined=0,
        content_hash="0",
        loaded_at=datetime(2024, 6, 20),
    )


@pytest.mark.parametrize(("table", "last"), [(DAILY, date(2024, 6, 17)), (MAY_BE_EMPTY, date(2024, 6, 18))])
def test_a_delivery_without_rows_is_news_of_a_table_that_may_have_none_only(table: Table, last: date) -> None:
    entries = [
        delivery(table, date(2024, 6, 17), 5),
        delivery(table, date(2024, 6, 18), 0),
        delivery(table, date(2024, 6, 19), 0, REFUSED),
        delivery(table, date(2024, 6, 21), 5),
    ]
    assert last_delivered(table, entries, date(2024, 6, 20)) == last
    assert last_delivered(table, entries[1:3], date(2024, 6, 20)) == (last if table.may_be_empty else None)


def test_seeds_saved_by_a_spreadsheet_say_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "holiday.csv").write_text(
        "date_day,kind\n2026-01-01,day_off\n2026-01-02,day_off\n", "utf-8-sig"
    )
    (tmp_path / "seeds" / "working_calendar_override.csv").write_text(
        "date_day,is_working_day\r\n2026-01-02,\r\n2026-01-10, TRUE\r\n2026-01-05,FALSE\r\n", "utf-8-sig"
    )
    monkeypatch.setattr(seeds, "DBT_PROJECT", tmp_path)
    working_days._announced.cache_clear()
    try:
        days = {day: is_working_day(date(2026, 1, day)) for day in (1, 2, 5, 6, 10, 17)}
    finally:
        working_days._announced.cache_clear()
    assert days == {1: False, 2: False, 5: False, 6: True, 10: True, 17: False}


def test_years_that_no_seed_knows_have_weekends() -> None:
    assert [is_working_day(date(2060, 3, day)) for day in range(5, 9)] == [True, False, False, True]
