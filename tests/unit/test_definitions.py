"""What Dagster is told: schedule, sensor, freshness; that a sensor's memory outlives its process."""

import subprocess
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest

from orchestration import dbt
from orchestration.alerting import AlertConfigError
from orchestration.assets import landing_key
from orchestration.checks import FRESHNESS_CHECK, check_freshness
from orchestration.night import Night
from sources.contract import all_tables
from warehouse.ledger import LOADED, REFUSED, Delivery, Ledger
from warehouse.settings import DBT_PROJECT

READ_CURSOR = """
import sys
import dagster as dg
from orchestration.definitions import build_definitions
sensor = build_definitions().resolve_sensor_def("new_deliveries")
with dg.DagsterInstance.ephemeral() as instance:
    data = sensor.evaluate_tick(dg.build_sensor_context(instance, cursor=sys.argv[1] or None))
print(len(data.run_requests), data.cursor)
"""


OURS = """
import sys
from orchestration import dbt
from orchestration.alerting import AlertConfigError
from orchestration.assets import dbt_models
models = dbt_models(dbt.manifest_at_night())
assert not [name for name in sys.modules if name.startswith(("dbt.", "dbt_common"))], "dbt was imported"
"""
THEIRS = """
from dagster_dbt import dbt_assets
from orchestration import dbt
from orchestration.alerting import AlertConfigError
from orchestration.assets import TRANSLATOR
models = dbt_assets(
    manifest=dbt.manifest(), name="dbt", exclude=dbt.NOT_AT_NIGHT, dagster_dbt_translator=TRANSLATOR
)(lambda: None)
"""
TELL = """
for spec in sorted(models.specs, key=lambda spec: spec.key):
    print(spec.key, sorted(dep.asset_key for dep in spec.deps), spec.group_name, sorted(spec.kinds), spec.description)
for check in sorted(models.check_specs, key=lambda check: check.key):
    print(check.key, sorted(dep.asset_key for dep in check.additional_deps), check.description)
"""


def test_without_dbt_the_graph_is_the_one_that_dbt_selects():
    dbt.manifest_path()
    ours, theirs = (
        subprocess.run([sys.executable, "-c", code + TELL], capture_output=True, text=True, check=True).stdout
        for code in (OURS, THEIRS)
    )
    assert ours == theirs and ours.count("AssetKey") > 200


@pytest.fixture(scope="module")
def definitions(tmp_path_factory) -> dg.Definitions:
    from orchestration.definitions import build_definitions

    dbt.manifest_path()
    return build_definitions()


def test_each_data_test_of_a_night_is_shown_as_a_check(definitions):
    """One whose `meta` names an asset that it does not read would run, and stand nowhere."""
    shown = {key.name for key in definitions.resolve_asset_graph().asset_check_keys}
    tests = [path.stem for path in (DBT_PROJECT / "tests").glob("assert_*.sql")]
    assert len(tests) > 10
    assert set(tests) <= shown


@pytest.fixture
def inbox(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("PARINDEX_HOME", str(tmp_path))
    folder = tmp_path / "inbox" / "tthc" / "2024-06-30"
    folder.mkdir(parents=True)
    return folder


def tick(definitions: dg.Definitions, cursor: str | None):
    sensor = definitions.resolve_sensor_def("new_deliveries")
    with dg.DagsterInstance.ephemeral() as instance:
        return sensor.evaluate_tick(dg.build_sensor_context(instance, cursor=cursor))


def test_a_night_at_one_o_clock_of_the_province_and_the_inbox_are_watched_from_the_start(definitions):
    schedule = definitions.resolve_schedule_def("every_night")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 1 * * *", "Asia/Ho_Chi_Minh")
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    sensor = definitions.resolve_sensor_def("new_deliveries")
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    assert schedule.job_name == sensor.job_name == "nightly"


def test_each_table_has_a_check_of_its_last_delivery(definitions):
    keys = definitions.resolve_asset_graph().asset_check_keys
    for table in all_tables():
        assert dg.AssetCheckKey(landing_key(table), FRESHNESS_CHECK) in keys


def test_a_table_is_fresh_for_twice_the_cadence_of_its_contract(tmp_path):
    table = all_tables()[0]
    ledger = Ledger(tmp_path / "ledger.sqlite")

    def check(day: date) -> dg.AssetCheckResult:
        return check_freshness(SimpleNamespace(ledger=ledger, day=day), table)

    assert not check(date(2024, 6, 1)).passed  # never delivered
    for outcome, day in ((LOADED, date(2024, 6, 1)), (REFUSED, date(2024, 8, 1))):
        ledger.record(
            Delivery(
                delivery_id=outcome, source=table.source, table_name=table.name, file_name=outcome, format="csv",
                delivered_on=day, outcome=outcome, reason=None, rows_in_file=1, rows_loaded=1, rows_unchanged=0,
                rows_quarantined=0, content_hash="x", loaded_at=datetime(2024, 6, 1, 1),
            )
        )  # fmt: skip
    last = date(2024, 6, 1) + timedelta(days=2 * table.cadence_days)
    assert check(last).passed
    late = check(last + timedelta(days=1))
    assert not late.passed and late.metadata["last_delivery"].value == "2024-06-01"
    ledger.close()


def test_new_files_run_a_night_once_they_have_stopped_growing(definitions, inbox):
    file = inbox / "dossiers.csv"
    file.write_text("Mã hồ sơ\n")
    first = tick(definitions, None)
    assert first.run_requests == [] and first.skip_message
    file.write_text("Mã hồ sơ\n1\n")
    growing = tick(definitions, first.cursor)
    assert growing.run_requests == []
    still = tick(definitions, growing.cursor)
    assert len(still.run_requests) == 1
    assert tick(definitions, still.cursor).run_requests == []
    (inbox / "dossiers_2.csv").write_text("Mã hồ sơ\n2\n")
    second = tick(definitions, tick(definitions, still.cursor).cursor)
    assert len(second.run_requests) == 1
    assert second.run_requests[0].run_key != still.run_requests[0].run_key


def ticks(definitions: dg.Definitions, cursor: str | None, count: int = 3) -> list[dg.RunRequest]:
    """The nights that so many ticks in a row ask for."""
    asked = []
    for _ in range(count):
        data = tick(definitions, cursor)
        cursor, asked = data.cursor, [*asked, *data.run_requests]
    return asked


def test_an_empty_inbox_runs_nothing(definitions, inbox):
    assert ticks(definitions, None) == []
    assert "empty" in tick(definitions, None).skip_message


@pytest.mark.parametrize("name", ["dossiers.csv", "~$dossiers.xlsx", "hồ sơ.csv", "dossiers.pdf"])
def test_what_no_night_can_read_runs_none_and_comes_along_with_what_one_can(definitions, inbox, name: str):
    """A dead link, a workbook that is open somewhere, a name that says no table."""
    if name == "dossiers.csv":
        (inbox / name).symlink_to("/nowhere")
    else:
        (inbox / name).write_text("x")
    assert ticks(definitions, None) == []
    assert f"tthc/2024-06-30/{name}" in tick(definitions, None).skip_message
    (inbox / "dossiers_1.csv").write_text("Mã hồ sơ\n")
    assert len(ticks(definitions, None)) == 1


def test_a_file_that_cannot_be_opened_runs_a_night_once_it_can(definitions, inbox, monkeypatch):
    file = inbox / "dossiers.csv"
    file.write_text("Mã hồ sơ\n")
    with monkeypatch.context() as closed:  # by its mode it would not be: tests may run as root
        closed.setattr("os.access", lambda path, mode: path != file)
        assert ticks(definitions, None) == []
    assert len(ticks(definitions, None)) == 1


def test_another_process_knows_what_has_been_run(definitions, inbox):
    (inbox / "dossiers.csv").write_text("Mã hồ sơ\n")
    done = tick(definitions, tick(definitions, None).cursor)
    assert len(done.run_requests) == 1
    said = subprocess.run(
        [sys.executable, "-c", READ_CURSOR, done.cursor], capture_output=True, text=True, check=True
    ).stdout
    assert said.split(maxsplit=1) == ["0", f"{done.cursor}\n"]


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "30/11/2024"])
def test_a_night_of_a_day_that_no_row_can_be_of_is_not_begun(day: str, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PARINDEX_HOME", str(tmp_path))
    with pytest.raises(ValueError, match=day), Night(as_of=day).yield_for_execution(None):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_scheduled_night_whose_alerts_nobody_would_get_is_not_begun(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PARINDEX_HOME", str(tmp_path))
    monkeypatch.delenv("PARINDEX_ALERTS", raising=False)
    (tmp_path / "alerts.yaml").write_text("routes: {to: json://a}")
    with (
        pytest.raises(AlertConfigError, match="routes must be a list"),
        Night(as_of="2024-11-30").yield_for_execution(None),
    ):
        pass
    ledger = Ledger(tmp_path / "landing" / "ledger.sqlite")
    (night,) = ledger.nights()
    ledger.close()
    assert night["outcome"] == "failed" and "not begun: " in night["message"]
    assert "routes must be a list" in night["message"]
