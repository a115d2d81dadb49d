"""What the gate looks at; that only a build it has passed is published, whatever somebody picks in Dagster's pages."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import duckdb
import pytest

from expectations.engine import validate
from orchestration import checks, dbt
from orchestration.alerting.table import write_alerts
from orchestration.assets import ALERTS, mart_keys
from orchestration.checking import check_file, check_relations
from orchestration.checks import check_late, keep_results, refuse_unchecked
from tests.unit.test_expectations import query
from warehouse.settings import Settings

DELIVERY = "('tthc', true, 'block')"


@pytest.mark.parametrize(
    ("results", "fit"),
    [
        (DELIVERY, False),
        (f"{DELIVERY}, ('marts', false, 'block'), ('marts', true, 'block')", False),
        (f"{DELIVERY}, ('marts', true, 'block'), ('marts', false, 'warn')", True),
    ],
    ids=["never checked", "found unfit", "fit"],
)
def test_a_build_is_published_only_when_the_gate_has_passed_it(
    tmp_path: Path, results: str, fit: bool
) -> None:
    settings = Settings(tmp_path / "home", tmp_path / "inbox").create()
    with duckdb.connect(str(settings.building)) as connection:
        connection.execute("create schema marts")
        connection.execute(
            f"create table marts.fct_check_result as from (values {results}) as r(suite, passed, severity)"
        )
    if fit:
        refuse_unchecked(settings)
    else:
        with pytest.raises(dg.Failure) as refused:
            refuse_unchecked(settings)
        assert "nightly" in refused.value.description


@pytest.fixture
def night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A night whose build the gate has passed, with one alert; checks run in this process."""
    settings = Settings(tmp_path / "home", tmp_path / "inbox").create()
    with duckdb.connect(str(settings.building)) as connection:
        connection.execute("create schema marts")
        write_alerts(connection, [])
        connection.execute(
            "insert into marts.fct_alert by name select 'a1' as alert_id, 'k' as kind, 'high' as severity,"
            " 'open' as status, now() as opened_at, now() as last_seen_at, 'm' as message, 'm' as message_en, 'o' as owner"
        )
        connection.execute(
            "create table marts.fct_check_result as from (values"
            " ('c1', 'tthc', 'landing.d', 'd1', '', '', 'block', true, '', 0, 0, now()::timestamp, '', ''),"
            " ('c2', 'marts', 'marts.dim_agency', null, '', '', 'block', true, '', 0, 0, now()::timestamp, '', '')"
            ") as r(check_id, suite, dataset, delivery_id, expectation, column_name, severity, passed, observed,"
            " unexpected_count, element_count, checked_at, description, description_en)"
        )
    monkeypatch.setattr(
        checks,
        "check_file",
        lambda path, config, asked, moment: validate(path, asked, config=config, checked_at=moment),
    )
    return SimpleNamespace(settings=settings, day=date(2024, 11, 30), drafting=None)


def kept(night: SimpleNamespace) -> list[tuple]:
    with duckdb.connect(str(night.settings.building), read_only=True) as connection:
        return connection.execute(
            "select dataset, expectation, passed from marts.fct_check_result order by all"
        ).fetchall()


def test_every_mart_whose_key_dbt_tests_is_looked_at(night: SimpleNamespace, monkeypatch) -> None:
    """Generic tests of dbt do not run at night: the gate stands for them."""
    asked = []
    monkeypatch.setattr(checks, "check_file", lambda path, config, wanted, moment: asked.extend(wanted) or [])
    checks._results(night, [*mart_keys(dbt.manifest_at_night()), ALERTS])
    nodes = dbt.manifest()["nodes"]
    tested = {
        (f"marts.{of['name']}", tuple(test["test_metadata"]["kwargs"]["columns"]))
        for test in nodes.values()
        if (test.get("test_metadata") or {}).get("name") == "key_is_unique"
        and (of := nodes[test["attached_node"]])["config"]["schema"] == "marts"
    }
    looked_at = {(one.dataset, one.columns) for one in asked if one.expectation == "key_unique"}
    assert looked_at == tested | {("marts.fct_alert", ("alert_id",))}
    assert len({one.check_id for one in asked}) == len(asked)


def test_alerts_are_looked_at_when_they_are_written(night: SimpleNamespace) -> None:
    (verdict,) = check_late(night, ALERTS)
    assert verdict.passed and verdict.asset_key == ALERTS
    assert {
        ("marts.fct_alert", name, True)
        for name in ("columns_present", "key_filled", "key_unique", "times_in_order")
    } <= set(kept(night))
    refuse_unchecked(night.settings)


def test_alerts_that_are_unfit_stop_the_night(night: SimpleNamespace) -> None:
    with duckdb.connect(str(night.settings.building)) as connection:
        connection.execute("insert into marts.fct_alert from marts.fct_alert")
    verdicts = check_late(night, ALERTS)
    assert not next(verdicts).passed
    with pytest.raises(dg.Failure, match=r"not fit to publish: marts\.fct_alert key_unique: 1/2"):
        next(verdicts)
    assert ("marts.fct_alert", "key_unique", False) in kept(night)
    with pytest.raises(dg.Failure):
        refuse_unchecked(night.settings)


def test_a_gate_that_lacks_memory_says_what_to_do(night: SimpleNamespace, monkeypatch) -> None:
    def short_of_memory(path, config, asked, moment):
        found = validate(path, asked, config=config, checked_at=moment)
        return [replace(result, passed=False, observed="OutOfMemoryException") for result in found]

    monkeypatch.setattr(checks, "check_file", short_of_memory)
    with pytest.raises(dg.Failure, match="raise PARINDEX_MEMORY_LIMIT, then run again"):
        list(check_late(night, ALERTS))


def test_what_is_checked_again_is_kept_once(night: SimpleNamespace) -> None:
    """A gate that somebody runs again in Dagster's pages: `fct_check_result` has a key, too."""
    before = kept(night)
    for _ in range(2):
        list(check_late(night, ALERTS))
    after = kept(night)
    assert len(after) == len(set(after)) > len(before)
    with duckdb.connect(str(night.settings.building)) as connection:
        keep_results(connection, [])
    assert kept(night) == after


@pytest.mark.parametrize("threads", [1, 3])
def test_checks_stay_within_the_limits_of_the_settings(tmp_path: Path, threads: int) -> None:
    settings = Settings(tmp_path / "home", tmp_path / "inbox", memory_limit="1GiB", threads=threads).create()
    with duckdb.connect(str(settings.building)) as connection:
        connection.execute("create schema landing; create table landing.t as select 1 as id")
    asked = [
        query(f"select cast(current_setting('{name}') {bad} as int) as unexpected from {{batch}}")
        for name, bad in (
            ("threads", f"<> {threads}"),
            ("memory_limit", "<> '1.0 GiB'"),
            ("temp_directory", f"<> '{settings.work / 'spill'}'"),
        )
    ]
    views = {'landing."t"': "select 1 as id"}
    moment = datetime(2024, 11, 30)
    for results in (
        check_file(settings.building, settings.duckdb(), asked, moment),
        check_relations(views, settings.duckdb(), asked, moment),
    ):
        assert [result.unexpected_count for result in results] == [0, 0, 0]
