"""dbt's own unit tests and data tests, run by dbt over a random province."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pytest

from orchestration import dbt
from orchestration.plan import NoPlanInForce, check_plan
from tests.province import make_province, to_landing_duckdb
from warehouse.build import open_build_file
from warehouse.settings import Settings

DAY = date(2024, 11, 30)


def test_unit_tests_of_the_models_and_data_tests_hold(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, inbox=tmp_path / "inbox").create()
    to_landing_duckdb(make_province(size=50, seed=3, as_of=DAY).tables, settings.building, DAY)
    with open_build_file(settings, settings.building) as connection:
        _without_an_earlier_night(connection)
    arguments = ["build", *dbt.options(tmp_path / "dbt", DAY)]
    result = dbt._invoke(arguments, settings.building, settings)
    by_status: dict[str, list[str]] = {}
    for node in result.result.results:
        by_status.setdefault(str(node.status), []).append(f"{node.node.name}: {node.message}")
    assert not by_status.get("fail") and not by_status.get("error"), by_status
    assert sum(str(node.node.resource_type) == "unit_test" for node in result.result.results) > 40


def _without_an_earlier_night(connection: duckdb.DuckDBPyConnection) -> None:
    from warehouse.build import create_first_night

    create_first_night(connection)


def test_a_day_before_the_plan_is_no_day_of_figures(tmp_path: Path) -> None:
    """Told before the night, and by the data test; the due dates of known cases are those of any day."""
    settings = Settings(home=tmp_path, inbox=tmp_path / "inbox").create()
    selected = ["+assert_a_plan_is_in_force", "+assert_due_dates_of_known_cases"]
    for day, outcome in (
        (date(1900, 1, 1), "fail"),
        (date(2023, 12, 31), "fail"),
        (date(2024, 1, 1), "pass"),
    ):
        arguments = ["build", *dbt.options(tmp_path / "dbt", day), "--select", *selected]
        result = dbt._invoke(arguments, settings.building, settings)
        found = {node.node.name: str(node.status) for node in result.result.results}
        assert found["assert_a_plan_is_in_force"] == outcome
        assert found["assert_due_dates_of_known_cases"] == "pass"
        if outcome == "pass":
            check_plan(day)
        else:
            with pytest.raises(NoPlanInForce, match=f"no plan was in force on {day}"):
                check_plan(day)
