"""The same figures from DuckDB and from Spark: all tables row by row, and a published night to its hashes."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb

from orchestration import clock, dbt
from orchestration.spark.check import check
from orchestration.spark.engine import tables_of
from orchestration.spark.loopback import loopback_cluster
from tests.conftest import parindex
from tests.province import make_province, write_inbox
from warehouse import publish
from warehouse.landing import land_inbox
from warehouse.ledger import Ledger
from warehouse.settings import Settings

DAY = date(2024, 11, 30)
EARLIER = date(2024, 11, 14)


def test_a_random_province_is_the_same_in_every_table_and_passes_every_test_of_dbt(tmp_path: Path) -> None:
    """In a session: seeds, models, data tests, unit tests and the macros of the dialect, one by one."""
    settings = Settings(home=tmp_path / "home", inbox=tmp_path / "inbox", spark_url="local[2]").create()
    write_inbox(make_province(size=50, seed=3, as_of=DAY).tables, settings.inbox)
    ledger = Ledger(settings.ledger)
    land_inbox(settings, ledger, clock.now)
    ledger.close()
    found = check(settings, DAY, everything=True)
    assert not found.failed
    manifest = dbt.manifest()
    nodes = [*manifest["nodes"].values(), *manifest["unit_tests"].values()]
    wanted = [node for node in nodes if node["resource_type"] in ("seed", "model", "test", "unit_test")]
    ran = sum(number for status, number in found.nodes["spark"].items() if status != "no-op")
    assert ran == len(wanted)
    assert [d for d in found.differences if not d.same] == []
    compared = {d.table for d in found.differences}
    assert compared == {f"{table.schema}.{table.name}" for table in tables_of(manifest).values()}
    assert sum(d.rows for d in found.differences if d.table == "marts.fct_indicator") > 1000


def test_a_night_built_by_a_cluster_publishes_what_duckdb_published(own_night: Path, tmp_path: Path) -> None:
    """Two workers behind a Thrift server; an earlier day first, so that figures of closed periods have changed."""
    for day in (EARLIER, DAY):
        parindex("rebuild", "--as-of", str(day), home=own_night)
    settings = Settings(home=own_night, inbox=own_night / "inbox")
    by_duckdb = publish.current(settings)
    with duckdb.connect(str(by_duckdb.database), read_only=True) as connection:
        assert connection.execute("select count(*) from marts.fct_restatement").fetchall()[0][0] > 0
        comments = _comments(connection)
    with loopback_cluster(settings, tmp_path / "cluster", workers=2, thrift=True) as url:
        parindex(
            *("rebuild", "--as-of", str(DAY)),
            home=own_night,
            PARINDEX_ENGINE="spark",
            PARINDEX_SPARK_URL=url,
        )
    by_spark = publish.current(settings)
    assert by_spark.version != by_duckdb.version
    assert by_spark.hashes == by_duckdb.hashes
    with duckdb.connect(str(by_spark.database), read_only=True) as connection:
        assert _comments(connection) == comments


def _comments(connection: duckdb.DuckDBPyConnection) -> set[tuple]:
    return set(
        connection.execute(
            "select table_name, column_name, data_type, comment from duckdb_columns() where schema_name = 'marts'"
        ).fetchall()
    )
