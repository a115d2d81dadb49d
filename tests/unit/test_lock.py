"""One writer of a home at a time, whoever else looks at it; and the lock is held for all of a night."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from datetime import date

import pytest
from filelock import FileLock
from landing_kit import desk

from orchestration import run
from warehouse import carry, lock
from warehouse.lock import NightRunning, is_held, is_held_by_a_night, night_lock

__all__ = ["desk"]

DAY = date(2024, 11, 30)
HOLD = """
import sys, time
from pathlib import Path
from warehouse.lock import night_lock
from warehouse.settings import Settings
with night_lock(Settings(home=Path(sys.argv[1]), inbox=Path(sys.argv[1])), night=True):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def held_elsewhere(desk):
    """Another process that holds the home."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(desk.settings.home)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_night_is_refused_and_a_killed_one_leaves_no_lock(desk, held_elsewhere, monkeypatch) -> None:
    monkeypatch.setattr(lock, "PATIENCE", 0.1)
    assert is_held(desk.settings)
    with pytest.raises(NightRunning, match="another night is running"), night_lock(desk.settings):
        pass
    held_elsewhere.kill()
    held_elsewhere.wait()
    assert not is_held(desk.settings)
    with night_lock(desk.settings):
        pass


def test_who_holds_the_home_may_hold_it_again_and_lets_it_go_once(desk) -> None:
    with night_lock(desk.settings):
        with night_lock(desk.settings):
            assert is_held(desk.settings)
        assert is_held(desk.settings)
    assert not is_held(desk.settings)


@pytest.mark.parametrize("night", [True, False])
def test_it_is_known_whether_a_night_or_a_command_holds_the_home(desk, night: bool) -> None:
    assert not is_held_by_a_night(desk.settings)
    with night_lock(desk.settings, night=True):  # as in each home that has had a night
        assert is_held_by_a_night(desk.settings)
    with night_lock(desk.settings, night=night):
        assert (is_held(desk.settings), is_held_by_a_night(desk.settings)) == (True, night)


def test_a_look_at_the_home_keeps_no_night_away(desk) -> None:
    """`parindex status` and `doctor` hold the lock for an instant."""
    looking = FileLock(desk.settings.lock_file, mode=0o640)
    taken = threading.Event()

    def look() -> None:
        with looking:
            taken.set()
            time.sleep(0.5)

    thread = threading.Thread(target=look)
    thread.start()
    taken.wait()
    with night_lock(desk.settings):
        pass
    thread.join()


def test_the_last_build_is_copied_by_who_holds_the_home(desk, monkeypatch) -> None:
    """Two nights that begin together would write and remove each other's copy."""
    held = []

    def note(settings) -> None:
        held.append(is_held(settings))

    class EnoughError(Exception):
        pass

    def enough(settings) -> None:
        raise EnoughError

    monkeypatch.setattr(carry, "copy_ahead", note)
    monkeypatch.setattr(carry, "forget_copy", note)
    monkeypatch.setattr(run, "prepare_instance", enough)
    monkeypatch.setattr(run.aside.building, "warm_up", lambda: None)
    with pytest.raises(EnoughError):
        run.run_night(desk.settings, DAY)
    assert held == [True, True]
    assert not is_held(desk.settings)


def test_a_night_that_is_refused_leaves_the_copy_of_the_other_alone(
    desk, held_elsewhere, monkeypatch
) -> None:
    monkeypatch.setattr(lock, "PATIENCE", 0.1)
    copy = desk.settings.work / "last_build.duckdb"
    copy.write_bytes(b"of the night that is running")
    with pytest.raises(NightRunning):
        run.run_night(desk.settings, DAY)
    assert copy.read_bytes() == b"of the night that is running"
