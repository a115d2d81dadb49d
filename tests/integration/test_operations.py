"""Looking after a home: doctor, backup and restore, what is removed, and a home of the release before."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import sqlite3
import tarfile
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from filelock import FileLock

from orchestration import clock, doctor
from orchestration.working_days import is_working_day
from tests.conftest import PROJECT, SAMPLE_DAY, copy_of_home, parindex
from warehouse.backup import BackupError, back_up, restore
from warehouse.ledger import Ledger
from warehouse.publish import current, versions
from warehouse.settings import Settings, load_settings


def settings_of(home: Path) -> Settings:
    return Settings(home=home, inbox=home / "inbox")


def manifest(home: Path) -> dict:
    return json.loads((home / "published" / "manifest.json").read_text())


# Backup and restore


@pytest.fixture(scope="module")
def backup_file(night: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("backup") / "par-index.tar"
    parindex("backup", "--out", str(file), home=night)
    return file


def test_a_restored_home_shows_the_same_figures_and_rebuilds_them_identically(
    night: Path, backup_file: Path, tmp_path: Path
) -> None:
    home = tmp_path / "restored"
    shown = parindex("restore", str(backup_file), home=home).stdout
    assert manifest(home) == manifest(night)
    assert (home / "published" / "par_index.duckdb").read_bytes() == (
        night / "published" / "par_index.duckdb"
    ).read_bytes()
    assert "The key is not in the backup" in shown and not (home / "personal_data.key").exists()
    env = {"PARINDEX_KEY": "a-mistyped-key-of-some-length-012345"}
    refused = parindex("rebuild", "--as-of", SAMPLE_DAY.isoformat(), home=home, check=False, **env)
    assert refused.returncode == 2 and "not the one that landing was written with" in refused.stderr
    told = parindex("doctor", home=home, check=False, **env)
    assert told.returncode == 1 and "not the one that landing was written with" in told.stdout
    shutil.copy(night / "personal_data.key", home)
    rebuilt = parindex("rebuild", "--as-of", SAMPLE_DAY.isoformat(), home=home).stdout
    assert "All marts are identical" in rebuilt
    assert manifest(home)["hashes"] == manifest(night)["hashes"]


def test_a_backup_holds_no_exports_and_no_key_unless_it_is_asked_for(night: Path, backup_file: Path) -> None:
    with tarfile.open(backup_file) as archive:
        names = archive.getnames()
    assert names[-1] == "contents.json"
    assert "landing/ledger.sqlite" in names and "alerts.sqlite" in names
    assert not [name for name in names if name.startswith(("inbox", "dagster", "personal_data", "logs"))]
    assert backup_file.stat().st_mode & 0o077 == 0
    with_key = backup_file.with_name("with-key.tar")
    back_up(settings_of(night), with_key, clock.now(), with_key=True)
    with tarfile.open(with_key) as archive:
        assert "personal_data.key" in archive.getnames()


@pytest.fixture(scope="module")
def two_days(night: Path, sample_inbox: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after nights of two days; read only."""
    home = tmp_path_factory.mktemp("two_days") / "home"
    copy_of_home(night, home)
    next_day = (SAMPLE_DAY + timedelta(days=1)).isoformat()
    parindex("run", "--inbox", str(sample_inbox), "--as-of", next_day, home=home)
    return home


def _dossiers(home: Path) -> list[tuple[str, list[tuple]]]:
    """Each kept version with the rows of its Parquet dossiers."""
    import duckdb

    return [
        (
            version.version,
            duckdb.sql(
                f"select * from '{version.folder}/parquet/fct_dossier.parquet/*.parquet' order by all"
            ).fetchall(),
        )
        for version in versions(settings_of(home))
    ]


def _shared_months(home: Path) -> list[str]:
    first, last = (
        version.folder / "parquet" / "fct_dossier.parquet" for version in versions(settings_of(home))
    )
    return [month.name for month in sorted(last.iterdir()) if month.samefile(first / month.name)]


def test_months_that_versions_share_are_backed_up_once_and_shared_again(
    two_days: Path, tmp_path: Path
) -> None:
    shared = _shared_months(two_days)
    assert shared
    file, home = tmp_path / "two-days.tar", tmp_path / "restored"
    parindex("backup", "--out", str(file), home=two_days)
    with tarfile.open(file) as archive:
        links = [member for member in archive if member.islnk()]
    assert [Path(member.name).name for member in links] == shared
    parindex("restore", str(file), home=home)
    assert len(versions(settings_of(home))) == 2
    assert _dossiers(home) == _dossiers(two_days)
    assert _shared_months(home) == shared
    assert manifest(home) == manifest(two_days)


@pytest.mark.parametrize(
    "target", ["../outside", "/etc/hostname", "landing/later", "landing/./first", "", "itself"]
)
@pytest.mark.parametrize("kind", [tarfile.LNKTYPE, tarfile.SYMTYPE])
def test_a_link_to_anything_but_a_file_of_the_same_backup_restores_nothing(
    tmp_path: Path, target: str, kind: bytes
) -> None:
    (tmp_path / "outside").write_bytes(b"of somebody else")
    file = tmp_path / "hostile.tar"
    with tarfile.open(file, "w") as archive:

        def put(name: str, data: bytes = b"", **more) -> None:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for key, value in more.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(data))

        put("landing/first", b"1")
        put("landing/link", type=kind, linkname="landing/link" if target == "itself" else target)
        put("landing/later", b"2")
        put("contents.json", b"{}")
    settings = settings_of(tmp_path / "home")
    with pytest.raises(BackupError, match="is no backup of parindex: it holds 'landing/link'"):
        restore(settings, file)
    assert [path for path in settings.home.rglob("*") if path.is_file()] == []


def test_a_link_over_a_file_of_the_backup_restores_nothing(tmp_path: Path) -> None:
    file = tmp_path / "hostile.tar"
    with tarfile.open(file, "w") as archive:
        for name, data in (("landing/first", b"1"), ("landing/second", b"2")):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        info = tarfile.TarInfo("landing//second")
        info.type, info.linkname = tarfile.LNKTYPE, "landing/first"
        archive.addfile(info)
    settings = settings_of(tmp_path / "home")
    with pytest.raises(BackupError, match="cannot be read as a backup"):
        restore(settings, file)


@pytest.mark.parametrize("damage", ["cut off", "a flipped bit", "a file more", "another archive", "text"])
def test_a_damaged_backup_restores_nothing(backup_file: Path, tmp_path: Path, damage: str) -> None:
    data = bytearray(backup_file.read_bytes())
    if damage == "cut off":
        data = data[: len(data) // 2]
    elif damage == "a flipped bit":
        data[data.index(b"PAR1") + 100] ^= 1
    elif damage == "text":
        data = bytearray(b"no archive at all")
    file = tmp_path / "damaged.tar"
    file.write_bytes(data)
    if damage in ("a file more", "another archive"):
        with tarfile.open(file, "a" if damage == "a file more" else "w") as archive:
            archive.add(__file__, "../outside.txt")
    settings = settings_of(tmp_path / "home")
    with pytest.raises(BackupError, match=r"another copy|is no backup"):
        restore(settings, file)
    assert [path for path in settings.home.rglob("*") if path.is_file()] == []
    assert not (tmp_path / "outside.txt").exists()


def test_a_home_that_is_not_empty_is_not_restored_over(own_night: Path, backup_file: Path) -> None:
    before = manifest(own_night)
    done = parindex("restore", str(backup_file), home=own_night, check=False)
    assert done.returncode == 1 and "is not empty" in done.stderr
    assert manifest(own_night) == before


def test_nobody_writes_to_a_home_while_it_is_restored_and_one_that_was_killed_is_no_obstacle(
    backup_file: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    (home / ".restoring-abc" / "landing").mkdir(parents=True)
    (home / ".restoring-abc" / "landing" / "half.parquet").touch()
    with FileLock(home / "night.lock"):
        done = parindex("restore", str(backup_file), home=home, check=False)
    assert done.returncode == 1 and "Not restored" in done.stderr and (home / ".restoring-abc").exists()
    parindex("restore", str(backup_file), home=home)
    assert manifest(home) and not (home / ".restoring-abc").exists()


def test_no_backup_while_a_night_is_running_nor_over_another_file(
    own_night: Path, backup_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.tar"
    with FileLock(own_night / "night.lock"):
        done = parindex("backup", "--out", str(out), home=own_night, check=False)
    assert done.returncode == 1 and "another command (backup, rollback, ...) is at work" in done.stderr
    assert not out.exists()
    with pytest.raises(BackupError, match="exists already"):
        back_up(settings_of(own_night), backup_file, clock.now())


# Carried over and rebuilt


def _built(home: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str | None, list[str]]:
    """The build that the last one started from, and what of its seeds it did not load itself."""
    import dagster as dg
    import duckdb

    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        (carried_from,) = connection.execute("select carried_from from landing.build").fetchone()
    monkeypatch.setenv("DAGSTER_HOME", str(home / "dagster"))
    with dg.DagsterInstance.get() as instance:
        (last,) = instance.get_run_records(limit=1)
        made = [
            event.asset_materialization
            for event in instance.all_logs(last.dagster_run.run_id)
            if event.dagster_event_type is dg.DagsterEventType.ASSET_MATERIALIZATION
        ]
    seeds = [one for one in made if one.asset_key.path[0] == "seeds"]
    assert {one.asset_key.path[-1] for one in seeds} == {
        file.stem for file in (PROJECT / "dbt_project" / "seeds").glob("*.csv")
    }
    return carried_from, [
        one.asset_key.path[-1] for one in seeds if one.metadata["kept_from_the_last_build"].value
    ]


def test_a_rebuild_takes_nothing_from_the_last_build_and_comes_out_the_same(
    night: Path, two_days: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second night keeps the seeds of the first and judges little again; built from landing alone it is the same."""
    assert _built(night, monkeypatch) == (None, [])
    carried_from, kept = _built(two_days, monkeypatch)
    assert carried_from is not None and "plan152_criteria" in kept
    home = tmp_path / "home"
    copy_of_home(two_days, home)
    rebuilt = parindex("rebuild", "--as-of", manifest(home)["as_of"], home=home).stdout
    assert "All marts are identical" in rebuilt
    assert _built(home, monkeypatch) == (None, [])
    assert manifest(home)["hashes"] == manifest(two_days)["hashes"]


# Rolled back


def _shown(home: Path) -> tuple[str, str]:
    """The days that page and metrics speak of."""
    page = (home / "reports" / "index.html").read_text(encoding="utf-8")
    metrics = (home / "published" / "metrics.prom").read_text(encoding="utf-8")
    day = next(line for line in metrics.splitlines() if line.startswith("parindex_as_of_timestamp_seconds"))
    return re.search(r'"as_of":"([\d-]+)"', page)[1], day.split()[-1]


def test_page_and_metrics_go_back_with_the_figures(two_days: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    copy_of_home(two_days, home)
    _, late = _shown(home)
    parindex("rollback", home=home)
    day, early = _shown(home)
    assert day == SAMPLE_DAY.isoformat()
    assert float(late) - float(early) == 86_400
    # A page that cannot be written undoes nothing.
    page = home / "reports" / "index.html"
    page.unlink()
    page.mkdir()
    done = parindex("rollback", "latest", home=home, check=False)
    assert "the morning page" in done.stderr and "parindex report" in done.stderr
    assert manifest(home)["as_of"] == (SAMPLE_DAY + timedelta(days=1)).isoformat()
    assert "Traceback" not in done.stderr and done.returncode == 0


# What is removed


def test_history_of_runs_goes_after_its_time(own_night: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import dagster as dg

    from orchestration.instance import prepare_instance
    from orchestration.tidy import tidy

    settings = settings_of(own_night)
    monkeypatch.setenv("DAGSTER_HOME", str(settings.dagster))
    prepare_instance(settings)
    ledger = Ledger(settings.ledger)
    with dg.DagsterInstance.get() as instance:
        runs = instance.get_runs()
        events = [settings.dagster / "history" / "runs" / f"{run.run_id}.db" for run in runs]
        assert events and all(path.exists() for path in events)
        soon, later = clock.now() + timedelta(days=89), clock.now() + timedelta(days=91)
        assert tidy(settings, ledger, instance, soon).runs == 0
        assert tidy(settings, ledger, instance, later, only_tell=True).runs == len(runs)
        assert len(instance.get_runs()) == len(runs)
        assert tidy(settings, ledger, instance, later).runs == len(runs)
        assert instance.get_runs() == []
        assert not any(path.exists() for path in events)
    ledger.close()
    assert current(settings) is not None
    assert "Removed 0 versions, 0 runs" in parindex("prune", home=own_night).stdout


# Doctor


def findings(settings: Settings, now: datetime | None = None) -> dict[str, doctor.Finding]:
    """What is not in order, by what it is about."""
    found = doctor.examine(settings, now or clock.now())
    return {finding.about: finding for finding in found if finding.level != doctor.OK}


def test_a_good_home_has_nothing_to_repair(night: Path) -> None:
    done = parindex("doctor", home=night)
    assert "0 to repair" in done.stdout
    found = findings(settings_of(night))
    assert set(found) <= {"schedule", "alerts", "packages", "home"}, found


def test_a_doctor_writes_nothing(night: Path, tmp_path: Path) -> None:
    home = tmp_path / "none"
    assert parindex("doctor", home=home).returncode == 0
    assert not home.exists()
    before = {path: path.stat().st_mtime_ns for path in night.rglob("*") if path.is_file()}
    parindex("doctor", home=night)
    after = {path: path.stat().st_mtime_ns for path in night.rglob("*") if path.is_file()}
    changed = {p.name for p in after if after[p] != before.get(p)}
    assert {name for name in changed if not name.endswith(("-shm", "-wal"))} <= {"night.lock"}  # SQLite's own


def _lose_rows(home: Path) -> None:
    stored = (home / "landing" / "tthc" / "dossiers").rglob("*.parquet")
    max(stored, key=lambda path: path.stat().st_size).unlink()


def _scramble(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(data)


def _swap_published(home: Path) -> None:
    import duckdb

    file = home / "published" / "par_index.duckdb"
    file.unlink()
    with duckdb.connect(str(file)) as connection:
        connection.execute("create schema marts")


def _break_alerts(home: Path) -> None:
    (home / "alerts.yaml").write_text("routes: nobody\n", encoding="utf-8")


def _fail_night(home: Path) -> None:
    with closing(sqlite3.connect(home / "landing" / "ledger.sqlite")) as connection:
        connection.execute("update night set outcome = 'failed', message = 'dbt: fct_dossier'")
        connection.commit()


def _cut_off_night(home: Path) -> None:
    with closing(sqlite3.connect(home / "landing" / "ledger.sqlite")) as connection:
        connection.execute("update night set outcome = 'running'")
        connection.commit()


@pytest.mark.parametrize(
    ("harm", "about", "level", "told"),
    [
        (lambda home: (home / "personal_data.key").unlink(), "key", "FAIL", "is gone"),
        (lambda home: (home / "personal_data.key").chmod(0o644), "key", "FAIL", "chmod 600"),
        (_lose_rows, "landing", "FAIL", "(gone; rows of"),
        (
            lambda home: _scramble(home / "landing" / "ledger.sqlite"),
            "ledger.sqlite",
            "FAIL",
            "restore it: docs/runbook/restore.md",
        ),
        (
            lambda home: _scramble(home / "alerts.sqlite"),
            "alerts.sqlite",
            "FAIL",
            "restore it: docs/runbook/restore.md",
        ),
        (_swap_published, "published", "FAIL", "CatalogException"),
        (_break_alerts, "alerts", "FAIL", "routes"),
        (_fail_night, "night", "FAIL", "dbt: fct_dossier"),
        (_cut_off_night, "lock", "WARN", "cut off"),
        (lambda home: home.chmod(0o755), "home", "WARN", "every user"),
        (lambda home: shutil.rmtree(home / "published"), "published", "WARN", "nothing yet"),
    ],
)
def test_what_is_out_of_order_is_told_with_what_to_do(own_night: Path, harm, about, level, told) -> None:
    own_night.chmod(0o750)
    harm(own_night)
    finding = findings(settings_of(own_night))[about]
    assert finding.level == level
    assert told in finding.message + finding.todo


def test_a_failing_doctor_ends_with_1_and_names_the_page(own_night: Path) -> None:
    (own_night / "personal_data.key").unlink()
    done = parindex("doctor", "--quiet", home=own_night, check=False)
    assert done.returncode == 1
    assert "docs/runbook/key.md" in done.stdout and "Traceback" not in done.stdout + done.stderr
    wrong = parindex("doctor", home=own_night, check=False, PARINDEX_KEEP_DAYS="soon")
    assert wrong.returncode == 1 and "PARINDEX_KEEP_DAYS" in wrong.stdout


@pytest.mark.parametrize(
    ("days", "about", "level"),
    [
        (-5, "clock", "FAIL"),
        (3, "night", "WARN"),
        (365 * 3, "calendar", "FAIL"),
    ],
)
def test_the_clock_and_the_calendar_are_looked_at(night: Path, days: int, about: str, level: str) -> None:
    assert findings(settings_of(night), clock.now() + timedelta(days=days))[about].level == level


def test_the_next_year_must_be_known_before_it_begins(monkeypatch: pytest.MonkeyPatch, night: Path) -> None:
    def level(now: datetime) -> str:
        return next(finding.level for finding in doctor._calendar(settings_of(night), now))

    assert level(datetime(2025, 6, 1)) == "OK"
    assert level(datetime(2026, 12, 1)) == "WARN"  # 2027 is a forecast, and December has come
    assert level(datetime(2027, 6, 1)) == "WARN"
    assert level(datetime(2028, 1, 1)) == "FAIL"


def test_a_full_disk_and_other_packages_are_told(night: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(night)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=10_000_000))
    real = doctor.metadata.version
    monkeypatch.setattr(doctor.metadata, "version", lambda name: "0.0.1" if name == "duckdb" else real(name))
    found = findings(replace(settings_of(night), memory_limit="100TB"))
    assert found["disk"].level == "FAIL"
    assert "duckdb 0.0.1 instead of" in found["packages"].message
    assert found["memory"].level == "WARN"


def test_stale_sources_are_named_with_their_owner(own_night: Path) -> None:
    with closing(sqlite3.connect(own_night / "landing" / "ledger.sqlite")) as connection:
        connection.execute("update delivery set delivered_on = '2023-01-01' where table_name = 'feedback'")
        connection.commit()
    finding = findings(settings_of(own_night))["tthc.feedback"]
    assert finding.level == "WARN" and "Văn phòng UBND tỉnh" in finding.todo


def test_the_working_days_of_freshness_are_those_of_the_models(night: Path) -> None:
    with duckdb.connect(str(night / "published" / "par_index.duckdb"), read_only=True) as connection:
        days = connection.execute("select date_day, is_working_day from marts.dim_date").fetchall()
    assert len(days) > 4000
    assert [day for day, works in days if is_working_day(day) != works] == []


def test_a_server_that_does_not_answer_is_told_without_its_password(night: Path) -> None:
    url = "postgresql://par_index:secret-word@127.0.0.1:9/par_index"
    found = findings(replace(settings_of(night), publish_to=url))["postgresql"]
    assert found.level == "FAIL"
    assert "secret-word" not in found.message + found.todo


def test_log_files_are_rotated(tmp_path: Path) -> None:
    import logging

    from orchestration.run import log_to_file

    root = logging.getLogger()
    before = list(root.handlers), root.level
    try:
        path = log_to_file(settings_of(tmp_path))
        handler = root.handlers[-1]
        assert handler.maxBytes * (handler.backupCount + 1) < 100_000_000
        handler.maxBytes = 1_000
        for number in range(100):
            logging.getLogger("parindex").info("line %s %s", number, "x" * 100)
        assert len(list(path.parent.glob("night.log*"))) == handler.backupCount + 1
    finally:
        for handler in set(root.handlers) - set(before[0]):
            handler.close()
        root.handlers, root.level = before


def test_settings_of_retention_are_checked(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from warehouse.settings import SettingsError

    monkeypatch.setenv("PARINDEX_KEEP_DAYS", "30")
    assert load_settings().keep_days == 30
    monkeypatch.setenv("PARINDEX_KEEP_DAYS", "0")
    with pytest.raises(SettingsError, match="PARINDEX_KEEP_DAYS"):
        load_settings()


def test_a_doctor_sees_that_the_ledger_is_gone(own_night: Path) -> None:
    (own_night / "landing" / "ledger.sqlite").unlink()
    done = parindex("doctor", home=own_night, check=False)
    assert done.returncode == 1 and "gone or empty, while landed files lie beside it" in done.stdout
    assert not (own_night / "landing" / "ledger.sqlite").exists()
