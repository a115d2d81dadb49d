"""A change of any cell is seen by the hashes that decide what is published again and what `diff` tells."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.compare import changed_keys_sql
from warehouse.row_hash import row_hash, table_hash

COLUMNS = {"code": "VARCHAR", "agency": "VARCHAR", "due": "DATE", "fee": "DECIMAL(24,6)"}
CELLS = "(code varchar, agency varchar, due date, fee decimal(24, 6))"
# Texts that DuckDB's hash takes for the same: of two letters a multiple of eight apart only few bits differ.
ALIKE = [
    ("000.00.03.H62-240110-0080", "000.00.43.H62-240110-0040"),
    ("000.00.03.H62-240110-0143", "000.00.43.H62-240110-0183"),
]


@pytest.fixture
def connection():
    with duckdb.connect() as connection:
        yield connection


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_codes_that_look_alike_to_the_engine_are_told_apart(connection, one: str, other: str) -> None:
    for name, code in (("before", one), ("after", other)):
        connection.execute(f"create table {name} {CELLS}")
        connection.execute(f"insert into {name} values ($1, 'H62.04', '2024-11-30', 1.5)", [code])
    assert table_hash(connection, "before", COLUMNS) != table_hash(connection, "after", COLUMNS)
    connection.execute("update before set agency = code, code = 'same'")
    connection.execute("update after set agency = code, code = 'same'")
    changed = connection.execute(changed_keys_sql("before", "after", ["code"], COLUMNS)).fetchall()
    assert changed == [("same", True, True)]


def test_the_order_of_rows_does_not_matter_and_their_number_does(connection) -> None:
    connection.execute(f"create table t {CELLS}")
    connection.execute(
        "insert into t values ('a', null, null, 1), ('b', 'x', '2024-01-01', null), ('b', 'x', null, 2)"
    )
    same = table_hash(connection, "(from t order by code desc, fee)", COLUMNS)
    assert table_hash(connection, "(from t order by code, fee desc)", COLUMNS) == same
    assert table_hash(connection, "(from t union all from t)", COLUMNS) != same
    assert table_hash(connection, "(from t limit 0)", COLUMNS) == "0-0-0"


text = st.none() | st.text("0123456789.-HĐ đ", max_size=30)
row = st.tuples(text, text, st.none() | st.dates(), st.none() | st.decimals(-999, 999, places=2))


@settings(max_examples=200, deadline=None)
@given(row, row)
def test_rows_are_the_same_only_when_all_their_cells_are(one: tuple, other: tuple) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"create table t {CELLS}")
        connection.executemany("insert into t values ($1, $2, $3, $4)", [one, other])
        ((first,), (second,)) = connection.execute(f"select {row_hash(COLUMNS)} from t").fetchall()
    assert (first == second) == (one == other)
