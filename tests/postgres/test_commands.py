"""parindex publish, versions, diff and rollback as commands."""

from __future__ import annotations

from types import SimpleNamespace

import dagster as dg
import duckdb
import pytest
import typer
from filelock import FileLock
from typer.testing import CliRunner

from orchestration import clock, doctor, publish_command, versions_command, which_version
from warehouse.publish import current
from warehouse.settings import load_settings

from .nights import Nights

app = typer.Typer()
app.command()(publish_command.publish)
for command in (versions_command.versions, versions_command.diff, versions_command.rollback):
    app.command()(command)


@pytest.fixture
def home(nights: Nights, monkeypatch) -> Nights:
    monkeypatch.setenv("PARINDEX_HOME", str(nights.settings.home))
    monkeypatch.setenv("PARINDEX_PUBLISH_TO", "")
    for console in (publish_command.console, publish_command.errors, versions_command.console):
        monkeypatch.setattr(console, "width", 160, raising=False)
    return nights


def run(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, [*arguments])
    assert done.exit_code == code, done.output + str(done.exception)
    return done.output


def test_publish_by_address_and_by_setting(server, database, address, home, monkeypatch):
    first = home.publish()
    said = run("publish", "--to", address)
    assert first.version in said and "fct_dossier" in said and server.password not in said
    assert "127.0.0.1" in said and "***" in said
    home.publish(rows=310)
    monkeypatch.setenv("PARINDEX_PUBLISH_TO", address)
    assert "changes" in run("publish")
    run("publish", "--version", "previous")
    with server.connect(database) as reader:
        assert reader.execute("select count(*) from marts.fct_dossier").fetchone() == (300,)


def test_publish_says_what_is_missing(server, home):
    assert "nothing has been published" in run("publish", "--to", "postgresql://u@h/d", code=1)
    home.publish(rows=1)
    assert "--to URL, or PARINDEX_PUBLISH_TO" in run("publish", code=2)
    bad = server.address(password="geheim").render_as_string(hide_password=False)
    said = run("publish", "--to", bad, code=1)
    assert "geheim" not in said and "Check user and password" in said
    assert "no address of a PostgreSQL" in run("publish", "--to", "mysql://u@h/d", code=2)


def test_the_doctor_reaches_the_server_as_a_night_does(server, address, home, monkeypatch):
    def said(url: str) -> tuple[str, str]:
        monkeypatch.setenv("PARINDEX_PUBLISH_TO", url)
        (finding,) = doctor._server(load_settings(), clock.now())
        assert server.password not in str(finding) and "geheim" not in str(finding)
        return finding.level, finding.message

    level, message = said(address)
    assert level == doctor.OK and "127.0.0.1" in message and "answers, version 1" in message
    bad = server.address(password="geheim").render_as_string(hide_password=False)
    level, message = said(bad)
    assert level == doctor.FAIL and "Check user and password" in message
    assert said("postgresql://u:geheim@127.0.0.1:1/d")[0] == doctor.FAIL
    level, message = said("mysql://u:geheim@h/d")
    assert level == doctor.FAIL and "no address of a PostgreSQL" in message
    with server.connect() as admin:
        admin.execute("create database latin_here encoding 'LATIN1' locale 'C' template template0")
    level, message = said(server.address("latin_here").render_as_string(hide_password=False))
    assert level == doctor.FAIL and "stores LATIN1, which cannot hold Vietnamese" in message


def test_the_last_step_of_a_night(server, database, address, home, monkeypatch):
    version = home.publish()
    night = SimpleNamespace(settings=load_settings())
    assert publish_command.push(night).metadata["published"] is False
    monkeypatch.setenv("PARINDEX_PUBLISH_TO", address)
    done = publish_command.push(SimpleNamespace(settings=load_settings()))
    assert done.metadata["version"] == version.version and server.password not in str(done.metadata)
    monkeypatch.setenv("PARINDEX_PUBLISH_TO", "postgresql://u:geheim@127.0.0.1:1/d")
    with pytest.raises(dg.Failure) as failure:
        publish_command.push(SimpleNamespace(settings=load_settings()))
    assert "The file is published" in failure.value.description and "geheim" not in failure.value.description


def test_versions_are_listed_and_found_by_many_names(home):
    assert "Nothing has been published" in run("versions")
    first, second = home.publish(), home.publish(rows=310)
    said = run("versions")
    assert said.index(second.version) < said.index(first.version)
    find = which_version.find_version
    settings = home.settings
    for name, version in {
        "latest": second, "current": second, "previous": first, "2024-11-29": first, first.version: first,
        second.version[:13]: second,
    }.items():  # fmt: skip
        assert find(settings, name).version == version.version, name
    for name in ("2023-01-01", "x", "2024120", ""):
        with pytest.raises(typer.BadParameter):
            find(settings, name)


def test_diff_shows_rows_and_figures(home):
    home.publish(rows=1_300)
    better = "update marts.fct_indicator set value = value + 0.6, meets_target = true"
    home.publish(rows=1_400, change=better, then="delete from marts.fct_indicator where target_id = 'T2'")
    said = run("diff")
    assert "1,300" in said and "1,400" in said
    assert "Không đổi – unchanged: dim_agency, dim_procedure, dim_target" in said
    row = next(line for line in said.splitlines() if "│ T0" in line)
    assert "H62" in row and "90 (1,170/1,300)" in row and "90.6 (1,260/1,400)" in row and "+0.6" in row
    assert "chưa đạt – missed → đạt – met" in row
    gone = next(line for line in said.splitlines() if "│ T2" in line)
    assert "không có – none" in gone
    assert "5 more agencies" in said
    assert "A003" in run("diff", "previous", "latest", "--agency", "all")
    assert "one and the same" in run("diff", "latest", "current")


def test_diff_of_an_agency_that_there_is_not_is_wrong_usage(home):
    home.publish(rows=300)
    home.publish(rows=310)
    said = " ".join(run("diff", "--agency", "A03", code=2).replace("│", " ").split())
    assert "neither version knows this agency" in said and "A003" in said and "differs" not in said
    assert "headline figures: A003" in run("diff", "--agency", "A003")


def test_diff_counts_rows_by_key(home):
    first = home.publish()
    home.publish(
        rows=302, day=first.as_of,
        change="update marts.fct_dossier set note = 'x' where dossier_code < 'H62.0000003'",
        then="delete from marts.fct_dossier where dossier_code = 'H62.0000100'",
    )  # fmt: skip
    row = next(line for line in run("diff", first.version).splitlines() if "fct_dossier" in line)
    assert [cell.strip() for cell in row.strip("│").split("│")] == [
        "fct_dossier",
        "300",
        "301",
        "2",
        "1",
        "3",
    ]


def test_rollback_publishes_an_earlier_version(server, database, address, home, monkeypatch):
    first, second = home.publish(), home.publish(rows=310)
    monkeypatch.setenv("PARINDEX_PUBLISH_TO", address)
    said = run("rollback")
    assert first.version in said and f"parindex rollback {second.version}" in said
    assert current(home.settings).version == first.version
    with duckdb.connect(str(home.settings.published_file), read_only=True) as file:
        assert file.execute("select count(*) from marts.fct_dossier").fetchone() == (300,)
    with server.connect(database) as reader:
        assert reader.execute("select count(*) from marts.fct_dossier").fetchone() == (300,)
    assert "already" in run("rollback", first.version)
    run("rollback", "latest")
    assert current(home.settings).version == second.version
    with FileLock(home.settings.lock_file):  # as another process does
        assert "another command (backup, rollback, ...) is at work" in run("rollback", code=1)
    assert current(home.settings).version == second.version
