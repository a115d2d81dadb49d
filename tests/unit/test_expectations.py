"""What the engine of the gates promises: verdicts, counts, errors, privacy, and a file left as it was."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from expectations.engine import validate
from expectations.model import BLOCK, Check, CheckResult, to_arrow, to_rows

SECRET = "Nguyễn Văn An 026085001234"


def check(expectation: str, columns: str = "", dataset: str = "landing.t", **params) -> Check:
    return Check("suite", dataset, expectation, tuple(columns.split()), params, BLOCK, "vi", "en")


def query(sql: str, **facts: str) -> Check:
    return replace(check("asked", query=sql), facts=facts)


def ids(*known: int) -> Check:
    return check("in_set", "id", values=known)


def rows(number: int) -> Check:
    return query(f"select abs(count(*) - {number}) as unexpected from {{batch}}")


def one(connection, wanted: Check) -> CheckResult:
    (result,) = validate(connection, [wanted])
    return result


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("create schema landing")
        connection.execute(
            "create table landing.t as select *, 'k' as kind from"
            " (values (1, 'a', 'f1'), (2, 'b', 'f1'), (3, 'b', 'f2'), (4, null, 'f2'))"
            " as t(id, code, _file_id)"
        )
        yield connection


@pytest.mark.parametrize(
    ("good", "bad", "unexpected", "elements"),
    [
        (check("columns_present", "id code"), check("columns_present", "id code phone"), 1, None),
        (check("in_set", "code", values=("a", "b")), check("in_set", "code", values=("b", "c")), 1, 4),
        (
            check("rows", where={"odd": "id > 4"}),
            check("rows", where={"odd": "id > 3", "b": "code = 'b'"}),
            3,
            4,
        ),
        (query("select 0 as unexpected"), query("select 2 as unexpected, 9 as elements"), 2, 9),
        (
            query("select 1 as unexpected where false"),
            query("select count(*) as unexpected from {batch}"),
            4,
            None,
        ),
    ],
    ids=lambda value: value.expectation if isinstance(value, Check) else None,
)
def test_a_check_passes_and_fails_with_its_counts(connection, good, bad, unexpected, elements):
    held, broken = validate(connection, [good, bad])
    assert held.passed
    assert held.unexpected_count in (0, None)
    assert not broken.passed
    assert (broken.unexpected_count, broken.element_count) == (unexpected, elements)


def test_parts_of_a_predicate_are_named_with_their_counts(connection):
    result = one(connection, check("rows", where={"high": "id > 2", "is_b": "code = 'b'", "never": "id < 0"}))
    assert result.observed == "3/4 (high: 2, is_b: 2)"


def test_a_table_without_a_row_has_nothing_unexpected(connection):
    connection.execute("delete from landing.t")
    result = one(connection, check("rows", where={"high": "id > 2"}))
    assert (result.passed, result.observed) == (True, "0/0")


def test_columns_that_are_missing_are_named(connection):
    assert one(connection, check("columns_present", "id phone address")).observed == "2 (address, phone)"


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        (check("in_set", "no_such_column", values=("a",)), "InvalidMetricAccessorDomainKwargsKeyError"),
        (replace(ids(1), dataset="landing.no_such_table"), "TestConnectionError"),
        (check("no_such_expectation", "id"), "KeyError"),
        (check("rows", where={"wrong": "no_such_column = 1"}), "BinderException"),
        (query(f"select cast('{SECRET}' as int) as unexpected"), "ConversionException"),
        (query("this is no sql"), "ParserException"),
        (query("select 1 as another_name"), "KeyError"),
        (query("select null as unexpected"), "TypeError"),
        (replace(query("select 1 as unexpected"), deliveries={"f1": "d1"}), "KeyError"),
    ],
    ids=["column", "table", "expectation", "predicate", "cast", "syntax", "answer", "null", "delivery"],
)
def test_a_check_that_cannot_be_answered_has_failed_with_the_class_of_the_error_alone(
    connection, broken, error
):
    result = one(connection, broken)
    assert not result.passed
    assert result.observed == error


def test_a_broken_check_does_not_hide_its_neighbours(connection):
    results = validate(
        connection,
        [
            ids(1, 2, 3, 4),
            query("select error('no') as unexpected"),
            check("rows", where={"high": "id > 3"}),
        ],
    )
    assert [r.passed for r in results] == [True, False, False]
    assert results[2].unexpected_count == 1


def test_results_come_in_the_order_of_the_checks_also_across_datasets(connection):
    connection.execute("create table landing.u as select 7 as id")
    asked = [
        replace(rows(number), dataset=dataset)
        for dataset in ("landing.t", "landing.u", "t")
        for number in (4, 1)
    ]
    results = validate(connection, asked, schema="landing")
    assert [(r.dataset, r.passed) for r in results] == [
        ("landing.t", True),
        ("landing.t", False),
        ("landing.u", False),
        ("landing.u", True),
        ("t", True),
        ("t", False),
    ]


@pytest.mark.parametrize(
    "text", ["a'b", "{batch} {text} {0} {", "08:30 :x ::int", "100 %s %%", "$1 ? \\: \\d", "Hồ sơ"]
)
def test_text_in_sql_arrives_as_it_was_written(connection, text):
    literal = "'" + text.replace("'", "''") + "'"
    connection.execute(f"create table landing.words as select {literal} as word")
    assert connection.execute("select word from landing.words").fetchone() == (text,)
    same = query("select count(*) as unexpected from {batch} where word <> {text}", text=literal)
    other = query("select count(*) as unexpected from {batch} where word = {text}", text=literal)
    results = validate(connection, [replace(c, dataset="landing.words") for c in (same, other)])
    assert [r.passed for r in results] == [True, False]


def test_no_checks_do_nothing_at_all(tmp_path):
    assert validate(tmp_path / "there is no such file.duckdb", []) == []


def test_a_file_that_cannot_be_opened_raises(tmp_path):
    with pytest.raises(duckdb.IOException):
        validate(tmp_path / "there is no such file.duckdb", [ids(1)])


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "kho số liệu $HOME 100%.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema landing; create table landing.t as select 1 as id")
    return path


def test_the_file_can_be_opened_with_another_configuration_straight_after(file):
    assert one(file, ids(1)).passed
    assert not one(file, query("select error('no') as unexpected")).passed
    with duckdb.connect(str(file), config={"custom_user_agent": "another", "threads": 1}) as connection:
        connection.execute("insert into landing.t values (2)")
    assert not one(file, ids(1)).passed


@pytest.mark.parametrize("threads", [1, 3])
def test_the_file_is_opened_within_its_limits(file, threads):
    (asked,) = validate(
        file,
        [query("select cast(current_setting('threads') as int) as unexpected")],
        config={"threads": threads},
    )
    assert asked.unexpected_count == threads


def test_the_file_is_only_read(file):
    assert not one(file, query("insert into landing.t values (2) returning 0 as unexpected")).passed
    assert one(file, rows(1)).passed


def test_a_file_that_this_process_is_writing_can_be_checked(file):
    with duckdb.connect(str(file)) as connection:
        connection.execute("insert into landing.t values (2)")
        assert one(file, rows(2)).passed
        connection.execute("insert into landing.t values (3)")


def test_an_open_connection_is_lent_and_comes_back_as_it_was(connection):
    connection.execute("set schema = 'landing'")
    assert one(connection, rows(4)).passed
    assert connection.execute("select count(*), current_schema() from t").fetchone() == (4, "landing")


def test_naming_checks_does_not_import_great_expectations():
    code = "import sys, expectations.engine, expectations.deliveries, expectations.marts; " + (
        "sys.exit('great_expectations' in sys.modules or 'sqlalchemy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Identity and rows


def test_a_check_keeps_its_id_from_night_to_night():
    known = check("in_set", "code", values=("a", "b"))
    assert known.check_id == "67a5b4419718ff1c2c9f"
    tonight = replace(
        known, facts={"as_of": "date '2024-06-30'"}, deliveries={"f": "d"}, description_en="other words"
    )
    assert tonight.check_id == known.check_id


@pytest.mark.parametrize(
    "change",
    [
        {"suite": "x"},
        {"dataset": "x"},
        {"expectation": "x"},
        {"columns": ("x",)},
        {"params": {"values": ("a",)}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_check_has_another_id(change):
    known = check("in_set", "code", values=("a", "b"))
    assert replace(known, **change).check_id != known.check_id


def test_rows_and_arrow_have_the_columns_of_the_table_of_results(connection):
    moment = datetime(2024, 6, 30, 1, 2, 3)
    results = validate(connection, [ids(1, 2, 3), ids(1, 2, 3, 4)], checked_at=moment)
    names = [
        "check_id",
        "suite",
        "dataset",
        "delivery_id",
        "expectation",
        "column_name",
        "severity",
        "passed",
        "observed",
        "unexpected_count",
        "element_count",
        "checked_at",
        "description",
        "description_en",
    ]
    assert [list(row) for row in to_rows(results)] == [names, names]
    table = to_arrow(results)
    assert table.schema == to_arrow([]).schema
    assert table.to_pylist() == to_rows(results)
    stored = connection.from_arrow(table).project("column_name, passed, unexpected_count, checked_at")
    assert stored.fetchall() == [("id", False, 1, moment), ("id", True, 0, moment)]
