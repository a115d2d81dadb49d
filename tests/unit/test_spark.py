"""What of the Spark engine can be told without Spark: messages, the way back into the build file, the comparison."""

from __future__ import annotations

import math
import stat
from datetime import date
from pathlib import Path

import duckdb
import pytest

from orchestration import dbt, engines
from orchestration.spark.engine import SparkFailed, build_on_spark, require, tables_of
from sources.contract import all_tables
from warehouse.build import open_build_file, prepare_build
from warehouse.compare import opened, row_differences
from warehouse.ledger import Ledger
from warehouse.settings import Settings, SettingsError, load_settings
from warehouse.spark_landing import landing_statements
from warehouse.spark_tables import OutOfReach, SparkTable, local_folder, take_over


def _java(folder: Path, version: str) -> Path:
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    python = tmp_path / "python"
    python.touch()
    return Settings(home=tmp_path / "home", inbox=tmp_path / "inbox", spark_python=python).create()


def test_a_missing_environment_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(SparkFailed, match="make setup-spark"):
        require(Settings(home=tmp_path, inbox=tmp_path, spark_python=tmp_path / "nowhere"))


@pytest.mark.parametrize("version", ["1.8.0_402", "11.0.22", None])
def test_a_missing_or_old_java_says_what_to_install(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str | None
) -> None:
    home = tmp_path / "java" if version is None else _java(tmp_path / "java", version)
    monkeypatch.setenv("JAVA_HOME", str(home))
    with pytest.raises(SparkFailed, match="openjdk-17-jre-headless"):
        require(settings)


@pytest.mark.parametrize("version", ["17.0.15", "21", "21.0.3"])
def test_a_java_that_will_do_is_taken(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(_java(tmp_path / "java", version)))
    require(settings)


def test_a_night_without_spark_fails_before_anything_is_built(settings: Settings) -> None:
    from dataclasses import replace

    broken = replace(settings, engine="spark", spark_python=settings.home / "nowhere")
    with pytest.raises(dbt.DbtFailed, match="make setup-spark"):
        next(engines.build(broken, date(2024, 11, 30)))
    assert not broken.building.exists()


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ('{"failed": "AnalysisException: no such table"}', "AnalysisException: no such table"),
        ('{"done": "s3a://bucket/warehouse"}', "no folder of this machine"),
        ("", "in the middle of its work"),
    ],
    ids=["failed", "out of reach", "died"],
)
def test_what_goes_wrong_on_spark_is_told_and_the_night_fails(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, told: str
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(_java(tmp_path / "java", "17.0.15")))
    settings.spark_python.write_text(f"#!/bin/sh\necho '{answer}'\n" if answer else "#!/bin/sh\nexit 1\n")
    settings.spark_python.chmod(0o755)
    day = date(2024, 11, 30)
    ledger = Ledger(settings.ledger)
    prepare_build(settings, ledger, day)
    ledger.close()
    with pytest.raises(SparkFailed, match=told):
        list(build_on_spark(settings, day))


def test_an_unknown_engine_is_a_wrong_setting(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARINDEX_ENGINE", "flink")
    with pytest.raises(SettingsError, match="duckdb, spark"):
        load_settings()


def test_landing_for_spark_has_every_table_even_where_nothing_landed(settings: Settings) -> None:
    ledger = Ledger(settings.ledger)
    prepare_build(settings, ledger, date(2024, 11, 30))
    with open_build_file(settings, settings.building) as connection:
        statements = landing_statements(
            settings, ledger, date(2024, 11, 30), connection, settings.work / "spark landing"
        )
    ledger.close()
    text = "\n".join(statements)
    for table in all_tables():
        assert f"create or replace view landing.`{table.relation}` as select cast(null as" in text
        for column in table.columns:
            assert (f"`{column.name}`" in text) or column.personal
    assert (settings.work / "spark landing" / "landing.accepted.parquet").exists()


def test_tables_come_back_with_comments_and_promised_not_nulls(tmp_path: Path) -> None:
    folder = tmp_path / "ware house" / "marts.db" / "fct"
    folder.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute(f"copy (select 'a' as k, 0.1::double as v) to '{folder}/part-0.parquet'")
        connection.execute(f"copy (select null as k, 0.2::double as v) to '{folder}/part-1.parquet'")
        table = SparkTable("marts", "fct", "Số liệu của 'năm'", {"k": "Khóa", "gone": "x"})
        warehouse = local_folder(f"file:{str(tmp_path).replace(' ', '%20')}/ware%20house")
        assert take_over(connection, warehouse, [table]) == 2
        assert connection.execute("select comment from duckdb_tables()").fetchall() == [
            ("Số liệu của 'năm'",)
        ]
        assert connection.execute("select comment from duckdb_columns() where column_name = 'k'").fetchall()[
            0
        ] == ("Khóa",)
        with pytest.raises(duckdb.ConstraintException):
            take_over(connection, warehouse, [SparkTable("marts", "fct", not_null=frozenset({"k"}))])


def test_a_warehouse_out_of_reach_says_so() -> None:
    with pytest.raises(OutOfReach, match="s3a://bucket/warehouse"):
        local_folder("s3a://bucket/warehouse")


def test_the_contracts_of_the_marts_are_known() -> None:
    tables = {table.name: table for table in tables_of(dbt.manifest()).values()}
    assert {"fct_indicator", "int_target", "ind_on_time", "holiday"} <= set(tables)
    assert "indicator_key" in tables["fct_indicator"].not_null
    assert tables["fct_indicator"].description and tables["fct_indicator"].column_descriptions["value"]
    assert not tables["int_target"].not_null


@pytest.mark.parametrize(
    ("there", "only_left", "only_right", "columns"),
    [
        ("select 1 as a, 0.1::double as b union all select 2, null", 0, 0, ()),
        (f"select 1 as a, {math.nextafter(0.1, 1)!r}::double as b union all select 2, null", 1, 1, ()),
        ("select 1 as a, 0.1::double as b union all select 2, null union all select 2, null", 0, 1, ()),
        ("select 1 as a, 0.1::float as b union all select 2, null", 0, 0, ("b",)),
        ("select 0.1::double as b, 1 as a", 0, 0, ("a", "b")),
    ],
    ids=["same", "last bit", "twice", "type", "order of columns"],
)
def test_rows_are_compared_to_the_last_bit(
    tmp_path: Path, there: str, only_left: int, only_right: int, columns: tuple[str, ...]
) -> None:
    files = {"left": tmp_path / "l.duckdb", "right": tmp_path / "r.duckdb"}
    for name, query in (
        ("left", "select 2 as a, null::double as b union all select 1, 0.1"),
        ("right", there),
    ):
        with duckdb.connect(str(files[name])) as connection:
            connection.execute(f"create table t as {query}")
    with opened(None, **files) as connection:
        (found,) = row_differences(connection, "left", "right", ["main.t"])
    assert (found.only_left, found.only_right, found.columns) == (only_left, only_right, columns)
    assert found.same == (not (only_left or only_right or columns))
