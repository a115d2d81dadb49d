"""What a home forgets, and what it never does."""

from __future__ import annotations

import shutil
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from landing_kit import NOW, Desk, criteria_csv, criteria_row, desk, dossier_csv

from warehouse.landing import landed_file
from warehouse.publish import swap_in, write_version
from warehouse.retention import remove, replaced_files
from warehouse.settings import SettingsError

__all__ = ["desk"]

MUCH_LATER = NOW + timedelta(days=120)


def deliver(desk: Desk, rows: int):
    return desk.one("criteria_results.csv", criteria_csv(*(criteria_row(n) for n in range(1, rows + 1))))


def publish(desk: Desk, number: int):
    """A version that knows the deliveries as they stand now."""
    file = desk.settings.home / "made.duckdb"
    file.unlink(missing_ok=True)
    with duckdb.connect(str(file)) as connection:
        connection.execute("create schema marts")
        connection.execute("create table marts.fct_delivery (delivery_id varchar, replaced_by varchar)")
        connection.executemany(
            "insert into marts.fct_delivery values (?, ?)",
            [[entry.delivery_id, entry.replaced_by] for entry in desk.ledger.deliveries()],
        )
    version = write_version(desk.settings, file, date(2024, 11, number), datetime(2024, 11, number, 1))
    swap_in(desk.settings, version)
    return version


@pytest.fixture
def replaced(desk: Desk):
    """A delivery that another one of the same name and day took the place of."""
    first = deliver(desk, 5)
    return first, deliver(desk, 6)


def test_rows_that_were_replaced_long_ago_go_and_nothing_else(desk: Desk, replaced) -> None:
    first, second = replaced
    other = desk.one("criteria_results_other.csv", criteria_csv(criteria_row(9)))
    publish(desk, 5)
    files = replaced_files(desk.settings, desk.ledger, MUCH_LATER)
    assert files == [landed_file(desk.settings, first).parquet]
    assert remove(files).files == 1
    for kept in (second, other):
        assert landed_file(desk.settings, kept).parquet.exists()
    assert len(desk.ledger.deliveries()) == 3  # its line stays
    assert replaced_files(desk.settings, desk.ledger, MUCH_LATER) == []


def test_so_do_the_rejected_rows_of_it(desk: Desk) -> None:
    """They hold cells of rows about persons as they came."""
    first = desk.one(
        "criteria_results.csv",
        criteria_csv(*map(criteria_row, range(1, 30)), criteria_row(30, denominator="x")),
    )
    assert first.rows_quarantined == 1
    deliver(desk, 6)
    publish(desk, 5)
    files = replaced_files(desk.settings, desk.ledger, MUCH_LATER)
    landed = landed_file(desk.settings, first)
    assert set(files) == {landed.parquet, landed.rejected} and landed.rejected.exists()
    remove(files)
    assert not landed.parquet.exists() and not landed.rejected.exists()


def test_rows_that_were_replaced_lately_stay(desk: Desk, replaced) -> None:
    assert replaced_files(desk.settings, desk.ledger, NOW + timedelta(days=89)) == []


def test_rows_that_a_kept_night_counts_stay(desk: Desk) -> None:
    """Evidence of that night is built from them."""
    deliver(desk, 5)
    night = publish(desk, 3)
    deliver(desk, 6)
    publish(desk, 4)
    assert replaced_files(desk.settings, desk.ledger, MUCH_LATER) == []
    shutil.rmtree(night.folder)  # not kept any more
    assert len(replaced_files(desk.settings, desk.ledger, MUCH_LATER)) == 1


def test_rows_that_a_kept_night_counts_stay_though_it_knew_what_replaces_them_now(desk: Desk) -> None:
    """A file, another in its place, and the first one again: the night between them counts the second."""
    deliver(desk, 5)
    second = deliver(desk, 6)
    night = publish(desk, 3)
    deliver(desk, 5)
    publish(desk, 4)
    assert replaced_files(desk.settings, desk.ledger, MUCH_LATER) == []
    shutil.rmtree(night.folder)
    assert replaced_files(desk.settings, desk.ledger, MUCH_LATER) == [
        landed_file(desk.settings, second).parquet
    ]


def test_what_is_in_force_stays_however_old_it_is(desk: Desk) -> None:
    entry = deliver(desk, 5)
    assert replaced_files(desk.settings, desk.ledger, NOW + timedelta(days=36_500)) == []
    assert landed_file(desk.settings, entry).parquet.exists()


def test_a_replaced_file_that_comes_again_is_read_again(desk: Desk, replaced) -> None:
    first, _ = replaced
    publish(desk, 5)
    remove(replaced_files(desk.settings, desk.ledger, MUCH_LATER))
    again = deliver(desk, 5)
    assert again.delivery_id == first.delivery_id
    assert len(desk.good(again)) == 5


def test_a_lost_key_is_never_made_anew_over_landed_data(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def land(name: str):
        return desk.one(name, dossier_csv(), source="tthc")

    assert land("dossiers_1.csv").outcome == "loaded"
    key: Path = desk.settings.key_file
    assert key.exists()
    key.unlink()
    with pytest.raises(SettingsError, match=r"key\.md"):
        land("dossiers_2.csv")
    assert not key.exists()
    monkeypatch.setenv("PARINDEX_KEY", "a key of sixteen letters or more")
    assert land("dossiers_2.csv").outcome == "loaded"


def test_two_lanes_of_a_first_night_make_one_key(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    import secrets
    import time

    def slow(size: int) -> str:
        time.sleep(0.2)
        return "ab" * size

    monkeypatch.setattr(secrets, "token_hex", slow)
    for number in range(4):
        desk.put(f"criteria_results_{number}.csv", criteria_csv(criteria_row(number + 1)))
    assert [entry.outcome for entry in desk.land()] == ["loaded"] * 4
