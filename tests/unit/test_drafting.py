"""What is made ahead of its time: a version while the gate looks at its build, and the copy that the next build starts from."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest

from orchestration.aside import Worker
from orchestration.drafting import Drafting
from warehouse import carry
from warehouse import publish as publishing
from warehouse.settings import Settings

DAY, NOW = date(2024, 11, 30), datetime(2024, 12, 1, 1)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home with a build as dbt leaves it."""
    settings = Settings(home=tmp_path / "home", inbox=tmp_path / "inbox").create()
    with duckdb.connect(str(settings.building)) as connection:
        connection.execute("""
            create schema marts; create schema staging;
            create table staging.not_for_readers as select 1 as one;
            create table marts.dim_made_up (target_id varchar not null, name varchar);
            insert into marts.dim_made_up values ('3.4.1', 'Đúng hạn'), ('3.4.2', 'Trực tuyến');
            comment on table marts.dim_made_up is 'Chỉ tiêu | Targets';
            create table marts.fct_check_result (check_id varchar not null, delivery_id varchar, passed boolean not null);
            comment on table marts.fct_check_result is 'Kiểm tra | Checks';
            comment on column marts.fct_check_result.passed is 'Đạt | Whether it''s passed';
            insert into marts.fct_check_result values ('of a delivery', 'd1', true);
        """)
    publishing.settle(settings, settings.building)
    return settings


def look_and_alert(settings: Settings) -> None:
    """What the gate and the alerts write."""
    with duckdb.connect(str(settings.building)) as connection:
        connection.execute("insert into marts.fct_check_result values ('of a mart', null, true)")
        connection.execute("create table marts.fct_alert as select 'a1' as alert_id, 'trễ hạn' as message")
        connection.execute("comment on column marts.fct_alert.message is 'Nội dung | What is wrong'")


def described(version: publishing.Version) -> list[list[tuple]]:
    """Rows, definitions and comments of all that readers get of a version."""
    with duckdb.connect(str(version.database), read_only=True) as connection:
        tables = connection.execute(
            "select schema_name, table_name, sql, comment from duckdb_tables() order by all"
        )
        told = [tables.fetchall()]
        told.append(
            connection.execute(
                "select table_name, column_name, comment from duckdb_columns() where not internal order by all"
            ).fetchall()
        )
        for _, table, *_ in told[0]:
            told.append(connection.execute(f"from marts.{table} order by all").fetchall())
            told.append(
                connection.execute(f"from '{version.folder}/parquet/{table}.parquet' order by all").fetchall()
            )
    return told


def test_a_version_written_ahead_is_the_one_written_after(settings: Settings) -> None:
    drafting = Drafting(settings, publishing.version_name(settings, DAY, NOW), DAY, NOW)
    drafting.leave_the_build_alone()
    look_and_alert(settings)
    assert publishing.versions(settings) == [], "nobody takes a draft for a version"
    ahead = drafting.finish()
    after = publishing.write_version(settings, settings.building, DAY, NOW)
    assert described(ahead) == described(after)
    assert ahead.hashes == after.hashes and ahead.counts == after.counts
    assert ahead.counts == {"dim_made_up": 2, "fct_alert": 1, "fct_check_result": 2}
    assert ahead.version == drafting.version


def test_a_version_without_alerts_has_none(settings: Settings) -> None:
    drafting = Drafting(settings, publishing.version_name(settings, DAY, NOW), DAY, NOW)
    assert set(drafting.finish().counts) == {"dim_made_up", "fct_check_result"}


def test_what_is_found_unfit_leaves_nothing(settings: Settings) -> None:
    drafting = Drafting(settings, publishing.version_name(settings, DAY, NOW), DAY, NOW)
    drafting.abandon()
    assert list(publishing.versions_folder(settings).iterdir()) == []


def test_what_readers_see_is_not_abandoned(settings: Settings) -> None:
    drafting = Drafting(settings, publishing.version_name(settings, DAY, NOW), DAY, NOW)
    version = drafting.finish()
    publishing.swap_in(settings, version)
    drafting.abandon()
    assert publishing.current(settings).version == version.version


def test_what_goes_wrong_is_told_when_the_version_is_wanted(settings: Settings) -> None:
    settings.building.write_bytes(b"no database")
    drafting = Drafting(settings, publishing.version_name(settings, DAY, NOW), DAY, NOW)
    drafting.leave_the_build_alone()
    with pytest.raises(duckdb.Error):
        drafting.finish()
    drafting.abandon()
    assert list(publishing.versions_folder(settings).iterdir()) == []


@pytest.fixture
def last(settings: Settings) -> Path:
    """The last build, with its copy begun."""
    settings.building.replace(settings.warehouse)
    carry.copy_ahead(settings)
    return settings.warehouse


def test_a_build_starts_from_the_copy_that_was_begun(settings: Settings, last: Path, monkeypatch) -> None:
    carry._ahead[last]._thread.join()
    monkeypatch.setattr("warehouse.carry.shutil.copyfile", lambda *_: pytest.fail("copied again"))
    carry.take_over(settings, settings.building)
    assert settings.building.read_bytes() == last.read_bytes()
    assert list(settings.work.iterdir()) == []


def test_a_copy_that_is_still_made_is_waited_for(settings: Settings, monkeypatch) -> None:
    """Half a file is none, and a second copy beside it would take both twice as long."""
    settings.building.replace(settings.warehouse)
    begun, go_on, copies = threading.Event(), threading.Event(), []

    def slowly(source: Path, target: Path, copy=shutil.copyfile) -> None:
        copies.append(target)
        begun.set()
        assert go_on.wait(30)
        copy(source, target)

    monkeypatch.setattr("warehouse.carry.shutil.copyfile", slowly)
    carry.copy_ahead(settings)
    assert begun.wait(30)
    threading.Timer(0.2, go_on.set).start()
    carry.take_over(settings, settings.building)
    assert settings.building.read_bytes() == settings.warehouse.read_bytes() and len(copies) == 1
    assert list(settings.work.iterdir()) == []


def test_a_copy_of_another_build_is_not_started_from(settings: Settings, last: Path) -> None:
    carry._ahead[last]._thread.join()
    newer = last.with_name("newer")
    newer.write_bytes(b"a newer build")
    newer.replace(last)
    carry.take_over(settings, settings.building)
    assert settings.building.read_bytes() == b"a newer build"
    assert list(settings.work.iterdir()) == []


def test_a_whole_build_leaves_no_copy(settings: Settings, last: Path) -> None:
    carry.forget_copy(settings)
    assert list(settings.work.iterdir()) == [] and last.exists()
    (settings.work / "last_build.duckdb").write_bytes(b"of a night that was killed")
    carry.forget_copy(settings)
    assert list(settings.work.iterdir()) == []


@pytest.mark.parametrize(("every", "moved"), [(7, True), (1, False)])
def test_what_is_made_for_the_next_night_is_made_where_one_starts_from_it(
    settings: Settings, every: int, moved: bool
) -> None:
    settings = replace(settings, whole_build_every=every)
    with duckdb.connect(str(settings.building)) as connection:
        connection.execute("""
            create schema landing;
            create table landing.build as
                select 'b1' as build_id, date '2024-11-30' as as_of_date, 'r' as rules, 0 as age, null::varchar as carried_from;
            create table landing.build_delivery (delivery_id varchar, loaded_at timestamp);
            create table marts.fct_dossier as
                from (values (1, 'in_process'), (2, 'resolved')) as t (dossier_code, count_class);
        """)
    publishing.settle(settings, settings.building)
    with duckdb.connect(str(settings.building), read_only=True) as connection:
        codes = connection.execute("select dossier_code from marts.fct_dossier order by rowid").fetchall()
    assert codes == ([(2,), (1,)] if moved else [(1,), (2,)])
    settings.building.replace(settings.warehouse)
    carry.copy_ahead(settings)
    assert (settings.warehouse in carry._ahead) is moved
    carry.forget_copy(settings)


def test_nothing_is_copied_where_the_disk_is_nearly_full(settings: Settings, monkeypatch) -> None:
    settings.building.replace(settings.warehouse)
    usage = type(carry.shutil.disk_usage(settings.home))
    monkeypatch.setattr("warehouse.carry.shutil.disk_usage", lambda _: usage(1 << 30, 1 << 30, 1 << 20))
    (settings.work / "last_build.duckdb").write_bytes(b"of a night that was killed")
    carry.copy_ahead(settings)
    assert settings.warehouse not in carry._ahead and list(settings.work.iterdir()) == []


def test_a_worker_that_nobody_asked_is_ended_by_force(monkeypatch) -> None:
    worker = Worker("orchestration.checking:begin")
    worker.warm_up()
    process, patience = worker._process, []
    monkeypatch.setattr(
        worker, "stop", lambda patience=0, stop=worker.stop, told=patience: told.append(patience) or stop()
    )
    worker._end()
    assert patience == [0] and process.poll() is not None


def test_wrong_usage_leaves_no_process() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from orchestration.entry import main; main()", "run", "--as-of", "yesterday"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2 and "yesterday" in done.stderr
