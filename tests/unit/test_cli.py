"""What the commands print, and what they call wrong usage."""

from __future__ import annotations

import errno
import io
import logging
import os
import re
import sqlite3
import sys
import time
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import duckdb
import pytest
import typer
from landing_kit import NOW, criteria_csv, criteria_row, desk, table_of
from rich.console import Console
from typer.testing import CliRunner

from orchestration import clock, doctor, entry
from orchestration.alerting import failed_night, open_alerts
from orchestration.assets import landing_asset
from orchestration.cli import _exit_code, app
from orchestration.dbt import DbtFailed
from orchestration.night_log import logging_to_file
from orchestration.rebuild import NothingLanded, rebuild
from orchestration.run import Outcome
from orchestration.sample_day import sample_day
from orchestration.startup import INTERRUPTED, NIGHT_INTERRUPTED
from orchestration.status import show_status
from sources.inbox import SAMPLE_MARKER
from tests.conftest import parindex
from warehouse import landed_damage
from warehouse.backup import _must_be_empty
from warehouse.landing import landed_file
from warehouse.lock import night_lock
from warehouse.settings import Settings, SettingsError, load_settings

__all__ = ["desk"]

LONG = "criteria_results_" + "b" * 120 + ".csv"


@pytest.fixture
def no_home(tmp_path, monkeypatch):
    """A home that is not there; the answer is all that a command has made in it, or beside it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PARINDEX_HOME", str(tmp_path / "home"))
    return lambda: list(tmp_path.rglob("*"))


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
        (("alerts", "test"), "nothing was sent"),
        (("quarantine", "list"), "0 dòng bị loại"),
        (("versions",), "Nothing has been published yet"),
        (("doctor",), "0 to repair"),
        (("prune",), "there is nothing to remove"),
        (("prune", "--dry-run"), "there is nothing to remove"),
    ],
)
def test_looking_at_an_empty_home_leaves_it_empty(command, said: str, no_home) -> None:
    """`parindex restore` wants an empty one."""
    done = CliRunner().invoke(app, [*command])
    assert done.exit_code == 0 and said in done.output, done.output
    assert no_home() == []


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("evidence", "3.4.1", "--out", "3.4.1.xlsx"), "no night is published yet"),
        (("evidence", "--all", "--out", "evidence"), "no night is published yet"),
        (("report",), "Nothing is published yet"),
        (("report", "--as-of", "2024-11-30", "--out", "page"), "Nothing is published yet"),
        (("diff",), "nothing has been published yet"),
        (("rollback",), "nothing has been published yet"),
        (("publish", "--to", "postgresql://localhost/par_index"), "nothing has been published yet"),
        (("metrics", "query", "on_time_rate"), "nothing has been published yet"),
        (("backup", "--out", "home.tar"), "there is nothing to back up"),
        (("rebuild",), "no delivery has been landed"),
        (("spark-check",), "Nothing has landed yet"),
    ],
)
def test_what_needs_a_night_leaves_an_empty_home_empty(command, said: str, no_home) -> None:
    done = CliRunner().invoke(app, [*command])
    assert done.exit_code == 1 and said in done.output, done.output
    assert no_home() == []


@pytest.mark.parametrize("day", ["0001-01-01", "1899-12-31", "2200-01-01", "9999-12-31", "30/11/2024"])
@pytest.mark.parametrize(
    "command",
    [
        ("run", "--as-of"),
        ("rebuild", "--as-of"),
        ("sample", "--out", "sample", "--as-of"),
        ("report", "--out", "page", "--as-of"),
        ("evidence", "3.4.1", "--out", "3.4.1.xlsx", "--as-of"),
        ("spark-check", "--as-of"),
        ("metrics", "query", "on_time_rate", "--from"),
        ("metrics", "query", "on_time_rate", "--to"),
        ("alerts", "mute", "1a2b", "--reason", "sửa", "--until"),
    ],
)
def test_a_day_that_no_row_can_be_of_is_wrong_usage(command, day: str, no_home) -> None:
    done = CliRunner().invoke(app, [*command, day])
    assert done.exit_code == 2, done.output
    assert command[-1] in done.output and day in done.output
    assert no_home() == []


def test_what_finds_nothing_in_an_empty_home_makes_no_ledger(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PARINDEX_HOME", str(tmp_path))
    settings = load_settings()
    back = CliRunner().invoke(app, ["alerts", "unmute", "1a2b"])
    assert back.exit_code == 2 and "there are no alerts yet" in back.output
    muted = CliRunner().invoke(app, ["alerts", "mute", "1a2b", "--reason", "sửa", "--until", "2024-12-06"])
    assert muted.exit_code == 2 and "there are no alerts yet" in muted.output
    with pytest.raises(NothingLanded):
        rebuild(settings, date(2024, 11, 30))
    _must_be_empty(settings)


def test_a_table_that_no_contract_knows_is_wrong_usage(run) -> None:
    assert "criteria_results" in run("quarantine", "list", "--table", "criteria", code=2)
    run("quarantine", "list", "--source", "register", "--table", "dossiers", code=2)
    run("quarantine", "export", "--source", "thuế", code=2)


def test_a_file_where_a_folder_is_needed_is_wrong_usage(desk, run, tmp_path, monkeypatch, capsys) -> None:
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setattr("sys.argv", ["parindex", "quarantine", "export", "--out", str(file / "q.csv")])
    assert _exit_code() == 2 and "Wrong path" in capsys.readouterr().err
    monkeypatch.setenv("PARINDEX_HOME", str(file))
    for command in ("versions", "status"):
        monkeypatch.setattr("sys.argv", ["parindex", command])
        assert _exit_code() == 2 and "a folder is needed" in capsys.readouterr().err


@pytest.mark.parametrize("command", [("run", "--as-of", "2024-11-02"), ("rebuild", "--as-of", "2024-11-02")])
def test_a_night_whose_alerts_nobody_would_get_is_not_begun(desk, command, monkeypatch, capsys) -> None:
    desk.one("criteria_results.csv", criteria_csv(criteria_row(0)))
    monkeypatch.setenv("PARINDEX_HOME", str(desk.settings.home))
    monkeypatch.delenv("PARINDEX_ALERTS", raising=False)
    monkeypatch.setattr("orchestration.run.log_to_file", lambda settings: "night.log")
    monkeypatch.setattr("sys.argv", ["parindex", *command])
    wrong = desk.settings.home / "alerts.yaml"
    wrong.write_text("routes:\n  - name: a\n    to: [json://a\nrules: {repeat_days: 3}\n")

    def said() -> str:
        assert _exit_code() == 1
        return capsys.readouterr().err

    told = said()
    assert f"not run: {wrong} is no readable YAML: line 4, column 6" in told, told
    monkeypatch.setenv("PARINDEX_ALERTS", "/etc/passwd")
    assert "not run: /etc/passwd" in said()
    monkeypatch.setenv("PARINDEX_ALERTS", str(desk.settings.home))
    assert f"not run: {desk.settings.home} cannot be read: Is a directory" in said()
    assert desk.ledger.nights() == []


@pytest.fixture
def ended(desk, monkeypatch, capsys):
    """How a command ends that `parindex` runs: exit code, and what it says is wrong."""
    monkeypatch.setenv("PARINDEX_HOME", str(desk.settings.home))
    monkeypatch.setattr("orchestration.run.log_to_file", lambda settings: "night.log")

    def command(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        monkeypatch.setattr("sys.argv", ["parindex", *arguments])
        return _exit_code(), capsys.readouterr().err

    return command


RUN = ("run", "--as-of", "2024-11-02")


def test_a_mute_is_listed_with_its_day_and_reason_and_taken_back(desk, run) -> None:
    failed_night(desk.settings, date(2024, 11, 1), NOW, "the disk is full")
    (alert,) = open_alerts(desk.settings)
    run("alerts", "mute", alert.alert_id[:6], "--reason", "thay đĩa [tuần sau]", "--until", "2024-11-09")
    said = run("alerts", "list")
    assert "  muted  " in said and "muted until 2024-11-09: thay đĩa [tuần sau]" in said
    assert "alerts unmute ID" in run(
        "alerts", "mute", alert.alert_id, "--reason", "x", "--until", "2024-10-31", code=2
    )
    assert "Not muted any more" in run("alerts", "unmute", alert.alert_id)
    assert "muted" not in run("alerts", "list")
    assert "is not muted" in run("alerts", "unmute", alert.alert_id, code=2)


@pytest.mark.parametrize("damage", ["other bytes", "broken pages"])
@pytest.mark.parametrize(
    ("name", "commands"),
    [
        ("landing/ledger.sqlite", [("status",), RUN, ("rebuild",), ("backup", "--out", "home.tar")]),
        ("alerts.sqlite", [("status",), RUN, ("alerts", "list"), ("backup", "--out", "home.tar")]),
    ],
)
def test_a_damaged_database_of_the_home_is_named(
    desk, ended, name, commands, damage, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    desk.one("criteria_results.csv", criteria_csv(criteria_row(0)))
    failed_night(desk.settings, date(2024, 11, 1), NOW, "so that there are alerts")
    desk.ledger.close()
    file = desk.settings.home / name
    if damage == "other bytes":
        file.write_bytes(b"no database at all, in two pages" * 256)
    else:
        content = bytearray(file.read_bytes())
        content[4096:] = b"Z" * (len(content) - 4096)
        file.write_bytes(content)
    for command in commands:
        code, said = ended(*command)
        assert code == 1 and f"damaged file: {file}" in said and "docs/runbook/restore.md" in said, (
            command,
            said,
        )
        assert "Traceback" not in said and said.count("\n") == 1
    assert not list(tmp_path.glob("*.tar"))


@pytest.mark.parametrize("damage", ["cut off", "other bytes", "gone"])
@pytest.mark.parametrize("which", ["parquet", "rejected"])
def test_a_damaged_landed_file_is_named(desk, ended, which, damage, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    entry = desk.one(
        "criteria_results.csv", criteria_csv(*map(criteria_row, range(19)), criteria_row(20, reported_on="x"))
    )
    desk.ledger.close()
    file = getattr(landed_file(desk.settings, entry), which)
    if damage == "cut off":
        os.truncate(file, 500)
    elif damage == "gone":
        file.unlink()
    else:
        file.write_bytes(b"no Parquet at all " * 99)
    commands = [("backup", "--out", "home.tar")]
    if which == "parquet":
        commands += [RUN, ("rebuild", "--as-of", "2024-11-02")]
    elif damage != "gone":
        commands += [("quarantine", "list"), ("quarantine", "export", "--out", "q.csv")]
    for command in commands:
        code, said = ended(*command)
        assert code == 1 and f"{file} bị hỏng – is damaged" in said, (command, said)
        assert "rows of register/2024-11-01/criteria_results.csv" in said and "restore.md" in said
        assert "Traceback" not in said
    assert not list(tmp_path.glob("*.tar"))
    told = [one for one in doctor.examine(desk.settings, NOW) if one.about == "landing"]
    assert [one.level for one in told] == ["FAIL"] and str(file) in told[0].message


def test_what_no_damaged_file_is_behind_is_told_as_it_is(desk) -> None:
    entry = desk.one("criteria_results.csv", criteria_csv(*map(criteria_row, range(19))))
    for kind in ("InvalidInputException", "IOException", "BinderException", "DatabaseError"):
        assert landed_damage.behind(desk.settings, kind) is None
    os.truncate(landed_file(desk.settings, entry).parquet, 500)
    assert landed_damage.behind(desk.settings, "BinderException") is None
    assert landed_damage.behind(desk.settings, "IOException") is not None


@pytest.mark.parametrize("lost", ["cut to nothing", "gone"])
def test_a_lost_ledger_is_not_begun_anew(desk, ended, lost, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    desk.one("criteria_results.csv", criteria_csv(criteria_row(0)))
    desk.ledger.close()
    if lost == "gone":
        desk.settings.ledger.unlink()
    else:
        desk.settings.ledger.write_bytes(b"")
    for command in (("status",), RUN, ("rebuild",), ("quarantine", "list"), ("backup", "--out", "home.tar")):
        code, said = ended(*command)
        assert (code, said.count("\n")) == (1, 1) and f"damaged file: {desk.settings.ledger}" in said, said
        assert "docs/runbook/restore.md" in said
    ledger = desk.settings.ledger
    assert not ledger.exists() if lost == "gone" else ledger.read_bytes() == b""
    assert not list(tmp_path.glob("*.tar"))


@pytest.mark.parametrize(
    "content", ["xxx", "{}", "[]", '{"version": 7}', '{"version": "v1", "as_of": "soon"}', "\\xff"]
)
def test_a_damaged_manifest_is_named(desk, ended, content: str) -> None:
    version = desk.settings.published / "versions" / "v1"
    version.mkdir(parents=True)
    (version / "manifest.json").write_bytes(content.encode().replace(b"\\xff", b"\xff"))
    (desk.settings.published / "current").symlink_to("versions/v1")
    (desk.settings.published / "manifest.json").symlink_to("current/manifest.json")
    for command in (("status",), ("versions",), RUN):
        code, said = ended(*command)
        assert (code, said.count("\n")) == (1, 1) and "manifest.json bị hỏng – is damaged" in said, said
    assert desk.ledger.nights() == []


@pytest.mark.parametrize("day", ["1900-01-01", "2023-12-31"])
def test_a_day_before_any_plan_begins_no_night(desk, ended, day: str) -> None:
    desk.one("criteria_results.csv", criteria_csv(criteria_row(0)))
    for command in ("run", "rebuild"):
        code, said = ended(command, "--as-of", day)
        assert (code, said.count("\n")) == (1, 1) and f"no plan was in force on {day}" in said, said
    assert desk.ledger.nights() == []


def test_a_damaged_history_of_runs_can_be_removed(desk, ended, monkeypatch) -> None:
    history = desk.settings.dagster / "history" / "runs.db"
    history.parent.mkdir(parents=True)
    history.write_bytes(b"no database at all" * 256)

    def open_it(settings) -> None:
        sqlite3.connect(history).execute("select * from runs")

    monkeypatch.setattr("orchestration.run.prepare_instance", open_it)
    code, said = ended(*RUN)
    assert code == 1 and f"{history} bị hỏng" in said and "remove it" in said, said


@pytest.mark.parametrize("content", [b"PARINDEX_KEEP_DAYS=\xff\xfe\n", b"PARINDEX_KEEP_DAYS=9\x000\n"])
def test_a_file_of_settings_that_is_no_text_is_named(content: bytes, ended, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_bytes(content)
    code, said = ended("status")
    assert code == 2 and f"{tmp_path / '.env'} is no UTF-8 text" in said, said


@pytest.mark.parametrize(
    "command",
    [
        ("quarantine", "export", "--out", "/proc/x.csv"),
        ("quarantine", "export", "--out", "/proc/x/y.xlsx"),
        ("sample", "--out", "/proc/x"),
        ("superset", "--out", "/proc/x.zip"),
    ],
)
def test_a_place_where_nothing_can_be_made_is_wrong_usage(command, ended) -> None:
    code, said = ended(*command)
    assert code == 2 and "Wrong path: /proc/" in said and "No such file or directory" in said, said


# Every command that has --out, with what else it needs, and how the name ends that it writes.
WITH_OUT = {
    ("sample",): "",
    ("quarantine", "export"): ".xlsx",
    ("evidence", "3.4.1"): ".xlsx",
    ("evidence", "--all"): "",
    ("superset",): ".zip",
    ("superset", "--database", "duckdb:////srv/par_index.duckdb"): ".zip",
    ("report",): "",
    ("metrics", "query", "on_time_rate"): ".csv",
    ("backup",): ".tar",
}


def test_every_command_with_out_is_among_these() -> None:
    def with_out(command, name: tuple[str, ...] = ()):
        if any("--out" in option.opts for option in command.params):
            yield name
        for part, inner in getattr(command, "commands", {}).items():
            yield from with_out(inner, (*name, part))

    known = set(WITH_OUT)
    for name in with_out(typer.main.get_command(app)):
        assert any(one[: len(name)] == name for one in known), name


@pytest.mark.parametrize("command", WITH_OUT)
def test_nothing_is_written_over_the_data_of_the_home(command, desk, run, tmp_path) -> None:
    home, ending = desk.settings.home, WITH_OUT[command]
    desk.one("criteria_results.csv", criteria_csv(*map(criteria_row, range(19))))
    (home / "published" / "par_index.duckdb").write_bytes(b"figures")
    places = [home / "landing" / f"new{ending}", home / "published" / f"new{ending}", home / "landing"]
    if ending:
        places = [*places[:2], home / f"delivered{ending}", desk.settings.inbox / "register" / f"x{ending}"]
        for existing in places[2:]:
            existing.parent.mkdir(parents=True, exist_ok=True)
            existing.write_bytes(b"of the home")
        (link := tmp_path / f"link{ending}").symlink_to(places[2])
        places.append(link)
    before = {path: path.stat() for path in sorted(home.rglob("*"))}
    for place in places:
        said = run(*command, "--out", str(place), code=2)
        assert "belongs to the data of" in re.sub(r"[\s│]+", " ", said), said
    assert {path: path.stat() for path in sorted(home.rglob("*"))} == before


@pytest.mark.parametrize(
    ("command", "name", "said"),
    [
        (("superset",), "landing/ledger.sqlite", "must end with .zip"),
        (("superset",), "s.txt", "must end with .zip"),
        (("superset", "--database", "duckdb:////srv/x.duckdb"), "s", "must end with .zip"),
        (("evidence", "--all"), "x.xlsx", "with --all a folder is needed"),
        (("metrics", "query", "on_time_rate"), "landing/ledger.sqlite", "belongs to the data of"),
        (("metrics", "query", "on_time_rate"), "personal_data.key", "belongs to the data of"),
    ],
)
def test_a_name_that_is_none_of_its_kind_is_refused(command, name: str, said: str, desk, run) -> None:
    desk.one("criteria_results.csv", criteria_csv(*map(criteria_row, range(19))))
    (desk.settings.home / "personal_data.key").write_bytes(b"a key")
    path = desk.settings.home / name
    before = path.read_bytes() if path.exists() else None
    assert said in re.sub(r"[\s│]+", " ", run(*command, "--out", str(path), code=2))
    assert (path.read_bytes() if path.exists() else None) == before


def test_among_the_reports_what_was_made_before_can_be_made_again(desk, run) -> None:
    out = desk.settings.reports / "rejected.csv"
    for _ in range(2):
        run("quarantine", "export", "--out", str(out))
    assert out.is_file()


def test_a_home_where_none_can_be_made_is_wrong_usage(ended, monkeypatch) -> None:
    monkeypatch.setenv("PARINDEX_HOME", "/proc/x")
    code, said = ended(*RUN)
    assert code == 2 and "Wrong path: /proc/x" in said, said


def test_letters_that_the_terminal_has_not_end_no_command(tmp_path) -> None:
    said = parindex("status", home=tmp_path / "home", PYTHONIOENCODING="ascii").stdout
    assert "no night has been run yet" in said and "\\u1ea1" in said


@pytest.mark.parametrize(
    "limit",
    [
        "lots",
        "3",
        "3 apples",
        "-1GB",
        "500%",
        "101%",
        "0%",
        "0.01%",
        "0GB",
        "0.0KB",
        "10KB",
        "99999999999999TB",
        "1001TB",
        "٣GB",
    ],
)
def test_a_memory_limit_without_its_unit_begins_no_night(limit: str, monkeypatch) -> None:
    monkeypatch.setenv("PARINDEX_MEMORY_LIMIT", limit)
    with pytest.raises(SettingsError, match="3GB, 800MB or 60%"):
        load_settings()
    for good in ("3GB", "1.5 gb", "800MiB", "4g", "60%", "100%", "1%", "1000KB", "1000TB", ""):
        monkeypatch.setenv("PARINDEX_MEMORY_LIMIT", good)
        assert load_settings().memory_limit == (good or Settings.memory_limit)


def test_status_names_tables_and_refused_files_in_full(desk, run) -> None:
    desk.put("bao_cao_" + LONG, b"x")
    desk.land()
    said = run("status")
    assert "document_office__periodic_reports" in said
    assert f"register/2024-11-01/bao_cao_{LONG}: " in said and "no open alerts" in said


def test_a_delivery_dated_ahead_is_told_everywhere(desk, run, monkeypatch) -> None:
    """Lands, counts for nothing, and on its day would take the place of what was corrected since."""
    monkeypatch.setattr(clock, "today", lambda: date(2024, 12, 3))
    told: list[str] = []
    monkeypatch.setattr("orchestration.assets.tell", lambda stage, detail: told.append(detail))
    monkeypatch.setattr(
        "orchestration.assets.check_deliveries", lambda *_: dg.AssetCheckResult(check_name="x", passed=True)
    )
    night = SimpleNamespace(
        settings=desk.settings, ledger=desk.ledger, day=date(2024, 11, 1), full_refresh=False
    )
    land = landing_asset(table_of("register", "criteria_results")).op.compute_fn.decorated_fn

    def ahead() -> list[str]:
        found = doctor._dated_ahead(desk.settings, datetime(2024, 12, 3, 8))
        return [finding.message for finding in found if finding.level == doctor.WARN]

    desk.put("criteria_results.csv", criteria_csv(criteria_row(1)), day="2024-12-03")
    list(land(night))
    assert "dated" not in run("status") + str(told) and ahead() == [], (
        "a night of an earlier day knows it not"
    )

    desk.put("criteria_results.csv", criteria_csv(criteria_row(2)), day="2042-11-30")
    list(land(night))
    assert [line for line in told if "dated ahead" in line] == [
        "register/2042-11-30/criteria_results: dated ahead, it does not count before that day"
    ]
    said = run("status")
    assert "dated ahead: 1" in said and "register/2042-11-30/criteria_results.csv: chưa được tính" in said
    assert "1 deliveries are dated after 2024-12-03" in ahead()[0]

    desk.put("criteria_results.csv", criteria_csv(), day="2042-11-30")  # the runbook's way out
    list(land(night))
    assert "dated ahead" not in run("status") and ahead() == []


def test_status_calls_a_night_running_only_while_one_is(desk, run) -> None:
    def said_of_the_lock() -> str:
        return next(doctor._lock(desk.settings, clock.now())).message

    with night_lock(desk.settings):
        assert said_of_the_lock().startswith("a command that writes")
    desk.ledger.start_night("cut-off", date(2024, 11, 1), NOW)
    with night_lock(desk.settings, night=True):
        assert "last night: đang chạy – running" in run("status")
        assert said_of_the_lock() == "a night is running now"
    with night_lock(desk.settings):
        assert "last night: bị ngắt – interrupted" in run("status"), "while a backup is at work"
        assert said_of_the_lock() == "the last night was cut off"
    said = run("status")
    assert "running" not in said
    assert (
        "last night: bị ngắt – interrupted" in said
        and "interrupted before its end: run `parindex run` again" in said
    )


def test_a_clock_that_was_ahead_once_is_no_fault_of_the_nights_since(desk) -> None:
    def level(now: datetime) -> str:
        return next(doctor._clock(desk.settings, now)).level

    desk.ledger.start_night("ahead", date(2026, 1, 2), NOW + timedelta(days=400))
    assert level(NOW) == "FAIL", "what has been told is of a day to come"
    desk.ledger.start_night("since", date(2024, 11, 2), NOW)
    assert level(NOW + timedelta(hours=1)) == "OK"
    assert level(NOW - timedelta(hours=1)) == "FAIL"


@pytest.fixture
def sampled(desk) -> Path:
    """A home whose inbox a sample of 2024-11-01 was written into: the file that says so."""
    desk.put("criteria_results.csv", criteria_csv(criteria_row(0)))
    marker = desk.settings.inbox / SAMPLE_MARKER
    marker.write_text('{"as_of": "2024-11-01"}')
    return marker


def test_the_day_of_a_sample_is_not_taken_for_later_exports_beside_it(desk, run, sampled: Path) -> None:
    assert sample_day(desk.settings) == date(2024, 11, 1)
    desk.put("criteria_results.csv", criteria_csv(criteria_row(1)), day="2024-11-02")
    said = run("run", code=1)
    assert "không chạy – not run:" in said.casefold()
    assert "register/2024-11-02/criteria_results.csv" in said
    assert "Take the sample out" in said and "Bỏ dữ liệu mẫu ra" in said and "--as-of" in said
    assert desk.ledger.nights() == []


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b"7", b"not json", b"\xff\xfe", b'{"as_of": "soon"}', b'{"as_of": 20241101}', b"[" * 100_000,
     b'{"as_of": "0001-01-01"}'],
)  # fmt: skip
def test_what_is_no_file_of_a_sample_says_no_day(desk, sampled: Path, content: bytes) -> None:
    sampled.write_bytes(content)
    assert sample_day(desk.settings) is None


@pytest.mark.parametrize("kind", ["folder", "pipe", "link"])
def test_what_is_named_like_the_file_of_a_sample_says_no_day(desk, sampled: Path, kind: str) -> None:
    elsewhere = sampled.rename(desk.settings.home / "elsewhere.json")
    {
        "folder": sampled.mkdir,
        "pipe": lambda: os.mkfifo(sampled),
        "link": lambda: sampled.symlink_to(elsewhere),
    }[kind]()
    assert sample_day(desk.settings) is None


def test_a_sample_of_a_day_to_come_says_no_day(desk, sampled: Path, capsys) -> None:
    sampled.write_text('{"as_of": "2124-11-01"}')
    assert sample_day(desk.settings) is None
    assert "ignored" in capsys.readouterr().err


def test_a_file_in_the_inbox_does_not_choose_the_day_of_a_home_that_has_published(
    desk, sampled: Path, monkeypatch, capsys
) -> None:
    """But for the sample that the home began with, and for whoever asks for it."""
    monkeypatch.setattr("warehouse.publish.current", lambda settings: "a version")
    assert sample_day(desk.settings) is None
    said = capsys.readouterr().err
    assert "2024-11-01" in said and "--as-of" in said and "Bỏ qua" in said
    assert sample_day(desk.settings, asked_for=True) == date(2024, 11, 1)
    assert sample_day(desk.settings) == date(2024, 11, 1)
    sampled.write_text('{"as_of": "2024-10-31"}')
    assert sample_day(desk.settings) is None


def test_a_sample_needs_no_settings(run, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PARINDEX_MEMORY_LIMIT", "lots")
    assert "planted faults are listed" in run("sample", "--out", str(tmp_path / "exports"), "--dossiers", "1")


def test_a_sample_that_is_written_into_the_inbox_of_a_home_is_its_own(desk, run, monkeypatch) -> None:
    monkeypatch.setattr("warehouse.publish.current", lambda settings: "a version")
    run("sample", "--out", str(desk.settings.inbox), "--dossiers", "1")
    assert sample_day(desk.settings) == date(2024, 11, 30)


def test_a_day_that_is_said_goes_before_that_of_a_sample(desk, run, sampled: Path, monkeypatch) -> None:
    desk.put("criteria_results.csv", criteria_csv(criteria_row(1)), day="2024-11-02")
    days = []

    def run_night(settings, day, **more) -> Outcome:
        days.append(day)
        return Outcome(False, "as far as this test goes")

    monkeypatch.setattr("orchestration.run.run_night", run_night)
    monkeypatch.setattr("orchestration.run.log_to_file", lambda settings: "night.log")
    run("run", "--as-of", "2024-11-02", code=1)
    assert days == [date(2024, 11, 2)]


@pytest.mark.parametrize("home", ["/srv/what?", "/srv/a#b", "/srv/a%20b", "~nobody-of-that-name/par"])
def test_a_home_that_databases_would_read_otherwise_begins_no_night(home: str, monkeypatch) -> None:
    monkeypatch.setenv("PARINDEX_HOME", home)
    with pytest.raises(SettingsError, match="PARINDEX_HOME="):
        load_settings()


def test_metrics_in_a_csv_are_no_formulas(monkeypatch, tmp_path: Path) -> None:
    from orchestration import metrics_command, semantic

    monkeypatch.setenv("PARINDEX_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(
        metrics_command,
        "find_version",
        lambda *_: SimpleNamespace(database=tmp_path, as_of=date(2024, 11, 30)),
    )
    monkeypatch.setattr(semantic, "ask", lambda *_: (["dossier__agency_code", "due"], [("=1+1", -3)]))
    out = tmp_path / "out.csv"
    result = CliRunner().invoke(
        app, ["metrics", "query", "due_dossiers", "--by", "agency_code", "--out", str(out)]
    )
    assert result.exit_code == 0, result.output
    assert out.read_text(encoding="utf-8-sig").splitlines() == ["agency_code,due", "'=1+1,-3"]


ENDLESS = "b" * 300


@pytest.mark.parametrize(
    "command",
    [
        ("quarantine", "export", "--out", f"{ENDLESS}.csv"),
        ("evidence", "3.4.1", "--out", f"{ENDLESS}.xlsx"),
        ("evidence", "--all", "--out", ENDLESS),
        ("superset", "--out", f"{ENDLESS}.zip"),
        ("backup", "--out", f"{ENDLESS}.tar"),
        ("sample", "--out", ENDLESS),
        ("run", "--inbox", ENDLESS),
    ],
)
def test_a_name_longer_than_any_is_wrong_usage(command, desk, ended, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    desk.one("criteria_results.csv", criteria_csv(criteria_row(0)))
    code, said = ended(*command)
    assert (code, said.count("\n")) == (2, 1) and "Wrong path: " in said and "File name too long" in said, (
        said
    )


@pytest.fixture
def fails(ended, monkeypatch):
    """What is said where a command fails of an error, and the exit code."""

    def command(error: BaseException) -> tuple[int, str]:
        def show(*_) -> None:
            raise error

        monkeypatch.setattr("orchestration.status.show_status", show)
        return ended("status")

    return command


def test_a_path_without_permission_is_the_home_s_only_where_it_lies_there(desk, fails) -> None:
    def refused(path: Path | None) -> str:
        return fails(PermissionError(errno.EACCES, "Permission denied", path and str(path)))[1]

    mine = desk.settings.landing / "x.parquet"
    assert refused(mine) == f"No permission: {mine}: check the owner and mode of PARINDEX_HOME.\n"
    said = refused(Path("/var/www/par-index/index.html"))
    assert said.startswith("No permission: /var/www/par-index/index.html: check the owner and mode of it, or")
    assert "PARINDEX_HOME" not in said and "None" not in refused(None)


def test_an_error_is_told_in_words_where_the_settings_are_wrong_too(ended, monkeypatch) -> None:
    """Of a command that does without them."""

    def refused(*_, **__) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "/x")

    monkeypatch.setattr("sources.sample.write_sample", refused)
    monkeypatch.setenv("PARINDEX_KEEP_DAYS", "soon")
    code, said = ended("sample", "--out", "sample")
    assert code == 1 and said.startswith("No permission: /x"), said


def test_a_full_disk_says_nothing_of_publishing(ended, fails) -> None:
    """It may be the one that a list was to be written to."""
    code, said = fails(OSError(errno.ENOSPC, "No space left on device"))
    assert code == 1 and "The disk is full" in said and "publish" not in said
    code, said = fails(OSError(errno.EROFS, "Read-only file system", "/mnt/out.csv"))
    assert code == 1 and "/mnt/out.csv cannot be written" in said and "PARINDEX_HOME" not in said


@pytest.mark.parametrize(
    "error",
    [
        duckdb.OutOfMemoryException("Out of Memory Error: could not allocate block"),
        MemoryError(),
        DbtFailed("models failed: int_target (Out of Memory Error)"),
    ],
)
def test_too_little_memory_is_told_by_every_command(error: Exception, fails, monkeypatch) -> None:
    monkeypatch.setenv("PARINDEX_MEMORY_LIMIT", "8MB")
    code, said = fails(error)
    assert (code, said.count("\n")) == (1, 1) and "PARINDEX_MEMORY_LIMIT=8MB allows: raise it" in said, said


def test_what_dbt_fails_of_is_told_in_words(fails) -> None:
    code, said = fails(DbtFailed("models failed: ev_on_time"))
    assert (code, said) == (1, "Không tính được – not computed: models failed: ev_on_time\n")


def test_ctrl_c_is_answered(desk, ended, fails, monkeypatch, capsys) -> None:
    for error in (KeyboardInterrupt(), RuntimeError("Query interrupted")):  # as DuckDB says it
        assert fails(error) == (1, f"{INTERRUPTED}\n")

    def interrupted(*_) -> None:
        raise KeyboardInterrupt

    desk.one("criteria_results.csv", criteria_csv(criteria_row(0)))
    monkeypatch.setattr("orchestration.rebuild.rebuild", interrupted)
    assert ended("rebuild") == (1, f"{NIGHT_INTERRUPTED}\n")
    monkeypatch.setattr("orchestration.aside.building.warm_up", interrupted)
    monkeypatch.setattr("orchestration.entry.leave", sys.exit)
    monkeypatch.setattr("sys.argv", ["parindex", "run"])
    with pytest.raises(SystemExit, match="1"):
        entry.main()
    assert capsys.readouterr().err == f"{NIGHT_INTERRUPTED}\n"


def test_help_shows_an_argument_in_one_pair_of_brackets() -> None:
    for command in ("rollback", "diff"):
        said = CliRunner().invoke(app, [command, "--help"]).output
        assert "[[" not in said and ("[VERSION]" in said or "[NIGHT1] [NIGHT2]" in said)


def test_a_backup_says_what_it_needs_in_a_unit_that_fits(desk, run, tmp_path, monkeypatch) -> None:
    desk.one("criteria_results.csv", criteria_csv(criteria_row(0)))
    free = SimpleNamespace(free=0)
    monkeypatch.setattr("warehouse.backup.shutil.disk_usage", lambda _: free)
    said = run("backup", "--out", str(tmp_path / "home.tar"), code=1)
    assert re.search(r"Not backed up: (0\.[1-9]|[1-9]\.\d) MB are needed", said), said


def test_status_cuts_no_number_on_a_narrow_terminal(desk, monkeypatch) -> None:
    few = desk.one("criteria_results.csv", criteria_csv(criteria_row(0)))
    many = replace(few, rows_in_file=23_456_789, rows_loaded=12_345_678, rows_quarantined=11_111_111)
    monkeypatch.setattr(desk.ledger.__class__, "deliveries", lambda *_, **__: [many])
    out = io.StringIO()
    show_status(desk.settings, Console(file=out, width=60))
    said = out.getvalue()
    assert "…" not in said and "12.345.678" in said and "11.111.111" in said and "01/11/2024" in said
    assert max(map(len, said.splitlines())) <= 60


def test_a_path_is_shown_as_it_is(tmp_path: Path, run) -> None:
    """Brackets are no markup."""
    out = tmp_path / "kho [so 1]" / "x[" / "b]"
    shown = run("sample", "--out", str(out), "--dossiers", "400")
    assert str(out) in shown.replace("\n", "")


def test_the_log_tells_the_time_of_the_province(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    settings = Settings(home=tmp_path, inbox=tmp_path / "inbox")
    with logging_to_file(settings):
        logging.getLogger("parindex").warning("it is %s", f"{clock.now():%Y-%m-%d %H:%M}")
    monkeypatch.undo()
    time.tzset()
    (line,) = (tmp_path / "logs" / "night.log").read_text().splitlines()
    assert line.endswith(f"it is {line[:16]}")
