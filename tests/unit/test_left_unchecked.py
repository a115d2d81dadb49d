"""Deliveries that landed in a night which was killed before it checked them are checked by the next one."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace

import pytest
from landing_kit import NOW, Desk, criteria_csv, criteria_row, desk, table_of

from expectations.engine import validate
from orchestration import checks, clock

__all__ = ["desk"]

TABLE = table_of("register", "criteria_results")


@pytest.fixture
def check(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    """A night's checks of the table over what is new, some seconds after it landed: how often a suite was run so far."""
    runs: list[int] = []

    def in_place(views, memory_limit, suite, moment):
        import duckdb

        runs.append(1)
        with duckdb.connect() as connection:
            connection.execute("create schema landing")
            for name, query in views.items():
                connection.execute(f"create view {name} as {query}")
            return validate(connection, suite, checked_at=moment)

    monkeypatch.setattr(checks, "check_relations", in_place)
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(seconds=5))
    night = SimpleNamespace(settings=desk.settings, ledger=desk.ledger, day=date(2024, 11, 1))

    def run(entries=()) -> int:
        checks.check_deliveries(night, TABLE, list(entries))
        return len(runs)

    return run


def checked(desk: Desk) -> set[str]:
    return {row["delivery_id"] for row in desk.ledger.checks() if row["delivery_id"]}


def test_what_a_killed_night_landed_is_checked_by_the_next_one(desk: Desk, check) -> None:
    before = desk.one("criteria_results_a.csv", criteria_csv(criteria_row(1)))
    assert check([before]) == 1
    killed = desk.one("criteria_results_b.csv", criteria_csv(criteria_row(2)))
    assert checked(desk) == {before.delivery_id}
    results = len(desk.ledger.checks())
    assert check() == 2
    assert checked(desk) == {before.delivery_id, killed.delivery_id}
    assert len(desk.ledger.checks()) > results
    assert check() == 2, "and not once more"


def test_what_landed_again_is_checked_again(desk: Desk, check, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--full-refresh`, killed before the checks: other rows may have been taken."""
    entry = desk.one("criteria_results.csv", criteria_csv(criteria_row(1)))
    check([entry])
    desk.ledger.change(entry, loaded_at=NOW + timedelta(minutes=1))
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(minutes=2))
    assert check() == 2 and check() == 2


def test_what_counts_no_more_or_was_never_read_is_not_checked(desk: Desk, check) -> None:
    desk.one("criteria_results.csv", criteria_csv(criteria_row(1)))  # replaced by:
    later = desk.one("criteria_results.csv", criteria_csv(criteria_row(2)))
    desk.one("criteria_results_other.csv", b"")
    assert check() == 1 and checked(desk) == {later.delivery_id}
