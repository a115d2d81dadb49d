"""A home that may be read and not written: what SQLite keeps there is looked at all the same."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from datetime import date
from pathlib import Path

import pytest
from landing_kit import NOW, criteria_csv, criteria_row, desk

from orchestration.alerting import failed_night, open_alerts
from orchestration.last_words import _of_the_disk
from tests.read_only import read_only
from warehouse.damaged import DamagedFile
from warehouse.ledger import Ledger
from warehouse.lock import is_held, night_lock

__all__ = ["desk"]


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Where copies are made; none is left."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def outcomes(path: Path) -> list[str]:
    ledger = Ledger.to_look_at(path)
    try:
        return [night["outcome"] for night in ledger.nights()]
    finally:
        ledger.close()


@pytest.mark.parametrize("left", ["nothing", "-wal", "-wal and -shm"])
def test_a_ledger_is_read_with_what_a_killed_night_left_beside_it(desk, left: str, tmp_path) -> None:
    """A copied home has the log and not the memory."""
    desk.ledger.start_night("cut off", date(2024, 11, 1), NOW)
    home = tmp_path / "copy"
    home.mkdir()
    if left == "nothing":
        desk.ledger.close()
    for path in desk.settings.ledger.parent.glob("ledger.sqlite*"):
        if path.suffix == ".sqlite" or path.name[-4:] in left:
            shutil.copyfile(path, home / path.name)
    before = {path.name: path.read_bytes() for path in home.iterdir()}
    assert len(before) == 1 + left.count("-")
    with read_only(home):
        assert outcomes(home / "ledger.sqlite") == ["running"]
    assert {path.name: path.read_bytes() for path in home.iterdir()} == before


def test_a_ledger_is_read_while_a_night_writes_it(desk) -> None:
    home = desk.settings.home
    with night_lock(desk.settings):
        desk.ledger.start_night("at work", date(2024, 11, 1), NOW)
        with read_only(home):
            assert outcomes(desk.settings.ledger) == ["running"]
            assert is_held(desk.settings)
    with read_only(home):
        assert not is_held(desk.settings)


def test_alerts_are_listed(desk) -> None:
    failed_night(desk.settings, date(2024, 11, 1), NOW, "so that there are alerts")
    with read_only(desk.settings.home):
        assert len(open_alerts(desk.settings)) == 1


@pytest.mark.parametrize("content", [b"no database at all, in two pages" * 256, b""])
def test_a_damaged_ledger_is_named_and_not_its_copy(desk, content: bytes) -> None:
    desk.one("criteria_results.csv", criteria_csv(criteria_row(0)))
    desk.ledger.close()
    desk.settings.ledger.write_bytes(content)
    with read_only(desk.settings.home), pytest.raises(DamagedFile, match=str(desk.settings.ledger)):
        outcomes(desk.settings.ledger)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("attempt to write a readonly database", "PARINDEX_HOME cannot be written"),
        ("unable to open database file", "PARINDEX_HOME cannot be written"),
        ("database or disk is full", "The disk is full"),
        ("database is locked", "is being written by another command"),
        ("disk I/O error", "PARINDEX_HOME cannot be read or written"),
    ],
)
def test_what_sqlite_says_of_the_disk_is_told_in_words(text: str, said: str) -> None:
    """Whether SQLAlchemy stands between or not."""
    from sqlalchemy.exc import OperationalError

    error = sqlite3.OperationalError(text)
    assert said in _of_the_disk(error) and said in _of_the_disk(OperationalError("select 1", {}, error))
    assert _of_the_disk(sqlite3.OperationalError("no such table: night")) is None
    assert _of_the_disk(ValueError(text)) is None
