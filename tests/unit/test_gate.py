"""Only a build that the gate has passed is published, whatever assets somebody picks in Dagster's pages."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from orchestration.checking import check_file, check_relations
from orchestration.checks import refuse_unchecked
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
