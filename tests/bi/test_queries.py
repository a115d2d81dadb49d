"""Every dataset and every chart asked of a real night: on the published file, and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import duckdb
import psycopg
import pytest
from own_postgres import OwnPostgres

from orchestration.bi.model import load_bundle
from orchestration.bi.query import query_of
from warehouse.postgres import publish_to
from warehouse.publish import versions
from warehouse.settings import Settings

BUNDLE = load_bundle()
CHARTS = {chart.name: chart for chart in BUNDLE.charts}
_TYPES = {"string": "VARCHAR", "int": "INTEGER", "decimal(24,6)": "DECIMAL(24,6)"}


@pytest.fixture(scope="module")
def reader(night: Path) -> Iterator[psycopg.Connection]:
    """A BI tool's login on a PostgreSQL that the night was sent to."""
    (version,) = versions(Settings(night, night / "inbox"))
    with OwnPostgres() as server:
        database = server.new_database("par_index")
        publish_to(database.render_as_string(hide_password=False), version)
        with server.connect(database) as admin:
            admin.execute("create role dashboard login password 'x' in role bi_reader")
        with server.connect(server.address("par_index", "dashboard", "x")) as connection:
            yield connection


@pytest.mark.parametrize("name", BUNDLE.datasets)
def test_a_dataset_has_the_columns_it_tells_and_each_row_once(
    name: str, published: duckdb.DuckDBPyConnection
) -> None:
    dataset = BUNDLE.datasets[name]
    described = published.execute(f"describe {dataset.sql}").fetchall()
    assert {column: kind for column, kind, *_ in described} == {
        column.name: _TYPES.get(column.type, column.type.upper()) for column in dataset.columns.values()
    }
    # Joined names must not multiply rows: with the condition alone there are as many.
    where = dataset.sql.partition("\nwhere ")[2]
    plain = f"select count(*) from marts.{dataset.mart} as m" + (f" where {where}" if where else "")
    assert (
        published.execute(f"select count(*) from ({dataset.sql})").fetchall()
        == published.execute(plain).fetchall()
    )


def _comparable(rows: list[tuple]) -> list[tuple]:
    """Rows in an order of their own; numbers as both engines give them, months as days."""

    def cell(value: object) -> object:
        if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
            return f"{float(value):.6g}"
        return str(value)[:10] if hasattr(value, "year") else str(value)

    return sorted(tuple(cell(value) for value in row) for row in rows)


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_has_data_and_the_same_on_both_doors(
    name: str, published: duckdb.DuckDBPyConnection, reader: psycopg.Connection
) -> None:
    chart = CHARTS[name]
    query = query_of(chart)
    rows = published.execute(query.sql()).fetchall()
    assert rows or chart.option("empty"), "an empty chart has to say why it may be"
    if chart.kind == "number":
        assert rows[0][0] is not None
    if len(rows) < query.limit:  # else which rows of equal rank stand before the cut is nobody's promise
        theirs = reader.execute(query.sql()).fetchall()
        assert _comparable(theirs) == _comparable(rows)
    else:
        assert len(reader.execute(query.sql()).fetchall()) == len(rows)


def test_figures_are_the_published_ones(published: duckdb.DuckDBPyConnection) -> None:
    """A rate computed by the bundle from sums is the value that the night has published."""
    dataset = BUNDLE.datasets["indicator_province"]
    rate = dataset.metrics["rate"].sql
    differing = published.execute(
        f"select target_id, {rate} as rate, max(value) from ({dataset.sql})"
        " where period_kind = 'ytd' and measure_kind = 'percent' and value is not null group by target_id"
        " having abs(rate - max(value)) > 1e-9"
    ).fetchall()
    assert differing == []
    points = published.execute(query_of(CHARTS["overview.points"]).sql()).fetchall()
    assert (
        points
        == published.execute(
            "select points_estimated from marts.rpt_field_score where field_id = 'total'"
        ).fetchall()
    )


def test_agencies_of_a_level_add_up_to_the_province(published: duckdb.DuckDBPyConnection) -> None:
    sums = (
        "select sum(numerator), sum(denominator) from ({}) where target_id = '3.4.2' and period_kind = 'ytd'"
    )
    province, agencies = (
        published.execute(sums.format(BUNDLE.datasets[name].sql)).fetchall()
        for name in ("indicator_province", "indicator_agency")
    )
    assert province == agencies


def test_words_cover_the_codes_of_a_night(published: duckdb.DuckDBPyConnection) -> None:
    """A reader sees words; a code shows only where the delivered value is none that is known."""
    for dataset in BUNDLE.datasets.values():
        for label in [name for name in dataset.columns if name.endswith("_label")]:
            code = label.removesuffix("_label")
            if code in dataset.columns:
                bare = published.execute(
                    f"select distinct {code} from ({dataset.sql}) where {label} = cast({code} as varchar)"
                ).fetchall()
                assert bare == [], (dataset.name, code)
