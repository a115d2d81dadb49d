"""Files of the home that an earlier or a later release wrote."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest
from landing_kit import Desk, criteria_csv, criteria_row, desk

from orchestration.alerting import store
from sources.contract import load_contracts
from warehouse import ledger as ledgers
from warehouse.build import prepare_build
from warehouse.landing import landed_file
from warehouse.ledger import Ledger
from warehouse.settings import Settings, SettingsError
from warehouse.upgrade import FIRST, NewColumn, bring_up_to_date

__all__ = ["desk"]

STEPS = (
    (NewColumn("note", "author", "text"), "update note set author = 'nobody'"),
    ("create index note_by_author on note (author)",),
)


@pytest.fixture
def old_file(tmp_path: Path) -> Path:
    path = tmp_path / "old.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table note (text text)")
        connection.execute("insert into note values ('kept')")
        connection.commit()
    return path


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("pragma user_version").fetchone()[0]


def test_steps_are_taken_once_and_what_was_there_is_kept(old_file: Path) -> None:
    assert bring_up_to_date(old_file, STEPS[:1]) == FIRST + 1
    assert bring_up_to_date(old_file, STEPS) == FIRST + 2
    assert bring_up_to_date(old_file, STEPS) == FIRST + 2
    with closing(sqlite3.connect(old_file)) as connection:
        assert connection.execute("select * from note").fetchall() == [("kept", "nobody")]


def test_a_step_that_fails_leaves_the_file_as_it_was(old_file: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        bring_up_to_date(old_file, (*STEPS, ("select * from nowhere",)))
    with closing(sqlite3.connect(old_file)) as connection:
        assert connection.execute("select * from note").fetchall() == [("kept",)]
    assert version_of(old_file) == 0


def test_a_new_file_needs_no_step(tmp_path: Path) -> None:
    path = tmp_path / "new.sqlite"
    assert bring_up_to_date(path, STEPS) == FIRST + 2 == version_of(path)


def test_a_file_of_a_newer_release_is_not_touched(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(home=home, inbox=home / "inbox").create()
    for path in (settings.ledger, settings.alerts):
        bring_up_to_date(path, (*ledgers.STEPS, *STEPS))
    before = settings.ledger.read_bytes()
    with pytest.raises(SettingsError, match="newer release"):
        Ledger(settings.ledger)
    with pytest.raises(SettingsError, match="newer release"):
        store.Store(settings)
    assert settings.ledger.read_bytes() == before


def test_a_ledger_of_an_earlier_shape_is_brought_up_to_date_when_it_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.sqlite"
    ledger = Ledger(path)
    ledger.start_night("n", date(2024, 11, 30), datetime(2024, 12, 1, 1))
    ledger.close()
    step = ("update night set message = 'by the step'",)
    monkeypatch.setattr(ledgers, "STEPS", (*ledgers.STEPS, step))
    ledger = Ledger(path)
    assert [night["message"] for night in ledger.nights()] == ["by the step"]
    ledger.close()
    assert version_of(path) == FIRST + len(ledgers.STEPS)


def test_a_column_that_is_there_already_is_left_alone(old_file: Path) -> None:
    with closing(sqlite3.connect(old_file)) as connection:
        connection.execute("alter table note add column author text default 'somebody'")
    assert bring_up_to_date(old_file, ((NewColumn("note", "author", "text"),),)) == FIRST + 1
    with closing(sqlite3.connect(old_file)) as connection:
        assert connection.execute("select * from note").fetchall() == [("kept", "somebody")]


def test_a_column_that_the_contract_did_not_have_yet_is_null(desk: Desk) -> None:
    """Rows landed before a column was added to the contract stay; rows landed after it have it."""
    desk.put("criteria_results.csv", criteria_csv(*(criteria_row(n) for n in range(1, 6))))
    (entry,) = desk.land()
    parquet = landed_file(desk.settings, entry).parquet
    table = load_contracts()["register"].tables["criteria_results"]
    column = next(c for c in table.columns if not c.required and c.name not in table.key)
    older = parquet.with_name("older.parquet")
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (select * exclude ({column.name}) from '{parquet}') to '{older}' (format parquet)"
        )
    older.replace(parquet)
    building = prepare_build(desk.settings, desk.ledger, date(2030, 12, 31))
    with duckdb.connect(str(building), read_only=True) as connection:
        counts = connection.execute(
            f"select count(*), count({column.name}) from landing.register__criteria_results"
        ).fetchall()
    assert counts == [(5, 0)]
