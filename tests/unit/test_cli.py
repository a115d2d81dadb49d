"""What the commands print, and what they call wrong usage."""

from __future__ import annotations

from datetime import date

import pytest
from landing_kit import NOW, criteria_csv, criteria_row, desk
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.rebuild import NothingLanded, rebuild
from warehouse.backup import _must_be_empty
from warehouse.lock import night_lock
from warehouse.settings import load_settings

__all__ = ["desk"]

LONG = "criteria_results_" + "b" * 120 + ".csv"


@pytest.fixture
def run(desk, monkeypatch):
    monkeypatch.setenv("PARINDEX_HOME", str(desk.settings.home))

    def command(*arguments: str, code: int = 0) -> str:
        done = CliRunner().invoke(app, [*arguments])
        assert done.exit_code == code, done.output + str(done.exception)
        return done.output

    return command


def test_a_rejected_row_is_one_line_that_can_be_searched_for(desk, run) -> None:
    desk.one(LONG, criteria_csv(*map(criteria_row, range(19)), criteria_row(20, reported_on="[hỏng]\n")))
    line = next(line for line in run("quarantine", "list").splitlines() if "dòng 21" in line)
    assert line.startswith(f"register/2024-11-01/{LONG}, dòng 21, reported_on = '[hỏng]\\n': “Ngày báo cáo”")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("status",), "no night has been run yet"),
        (("alerts", "list"), "no open alerts"),
        (("quarantine", "list"), "0 dòng bị loại"),
    ],
)
def test_looking_at_an_empty_home_leaves_it_empty(command, said: str, tmp_path, monkeypatch) -> None:
    """`parindex restore` wants an empty one."""
    monkeypatch.setenv("PARINDEX_HOME", str(tmp_path / "home"))
    done = CliRunner().invoke(app, [*command])
    assert done.exit_code == 0 and said in done.output
    assert list(tmp_path.rglob("*")) == []


def test_what_finds_nothing_in_an_empty_home_makes_no_ledger(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PARINDEX_HOME", str(tmp_path))
    settings = load_settings()
    muted = CliRunner().invoke(app, ["alerts", "mute", "1a2b", "--reason", "sửa", "--until", "2024-12-06"])
    assert muted.exit_code == 2 and "there are no alerts yet" in muted.output
    with pytest.raises(NothingLanded):
        rebuild(settings, date(2024, 11, 30))
    _must_be_empty(settings)


def test_a_table_that_no_contract_knows_is_wrong_usage(run) -> None:
    assert "criteria_results" in run("quarantine", "list", "--table", "criteria", code=2)
    run("quarantine", "list", "--source", "register", "--table", "dossiers", code=2)
    run("quarantine", "export", "--source", "thuế", code=2)


def test_status_names_tables_and_refused_files_in_full(desk, run) -> None:
    desk.put("bao_cao_" + LONG, b"x")
    desk.land()
    said = run("status")
    assert "document_office__periodic_reports" in said
    assert f"register/2024-11-01/bao_cao_{LONG}: " in said and "no open alerts" in said


def test_status_calls_a_night_running_only_while_one_is(desk, run) -> None:
    desk.ledger.start_night("cut-off", date(2024, 11, 1), NOW)
    with night_lock(desk.settings):
        assert "last night: running" in run("status")
    said = run("status")
    assert "running" not in said
    assert (
        "last night: interrupted" in said and "interrupted before its end: run `parindex run` again" in said
    )
