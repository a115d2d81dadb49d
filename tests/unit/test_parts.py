"""The dossiers as Parquet, one file by month: what a version writes and what it links."""

from __future__ import annotations

from pathlib import Path

import duckdb

from warehouse.parts import Kept, Parts, Since, write_parts

COLUMNS = {"dossier_code": "VARCHAR", "count_class": "VARCHAR", "finished_on": "DATE"}


def written(connection: duckdb.DuckDBPyConnection, folder: Path, before: Kept | None = None) -> Kept:
    parts = Parts.of(connection, "d", COLUMNS)
    write_parts(connection, "d", "dossier_code", folder, parts, before)
    return Kept(folder, parts)


def test_a_second_night_without_a_dossier_has_its_columns_too(tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute("create table d (dossier_code varchar, count_class varchar, finished_on date)")
        first = written(connection, tmp_path / "1")
        written(connection, tmp_path / "2", first)
        connection.execute(
            "insert into d values ('a', 'resolved', date '2024-05-02'), ('b', 'in_process', null)"
        )
        third = written(connection, tmp_path / "3", first)
        written(connection, tmp_path / "4", third)
        found = connection.execute(f"select count(*) from '{tmp_path}/2/*.parquet'").fetchone()
    assert found == (0,) and first.parts.total == "0-0-0"
    assert {file.name for file in (tmp_path / "2").iterdir()} == {"open.parquet"}
    shared = {file.name: file.stat().st_nlink for file in (tmp_path / "4").iterdir()}
    assert shared == {"open.parquet": 2, "2024-05.parquet": 2}


def test_hashes_carried_on_from_what_changed_are_those_of_all_rows() -> None:
    before = "('a', 'resolved', date '2024-05-02'), ('b', 'in_process', null), ('c', 'resolved', date '2024-06-03')"
    after = (
        "('a', 'resolved', date '2024-05-02'), ('b', 'resolved', date '2024-07-04'), ('d', 'withdrawn', null)"
    )
    with duckdb.connect() as connection:
        for table, rows in (("earlier", before), ("later", after)):
            connection.execute(
                f"create table {table} as from (values {rows}) as t(dossier_code, count_class, finished_on)"
            )
        connection.execute(
            "create table changed as from (values ('b'), ('c'), ('d'), ('none')) as t(dossier_code)"
        )
        known = Parts.of(connection, "earlier", COLUMNS)
        since = Since("earlier", known, "changed")
        whole = Parts.of(connection, "later", COLUMNS)
        carried_on = Parts.of(connection, "later", COLUMNS, since)
        assert carried_on == whole and set(whole.hashes) == {"2024-05", "2024-07", "undated"}

        # Only what is told to have changed is looked at; and other columns need all rows.
        connection.execute("update later set count_class = 'paused' where dossier_code = 'a'")
        assert Parts.of(connection, "later", COLUMNS, since) == whole
        columns = dict(reversed(COLUMNS.items()))
        assert Parts.of(connection, "later", columns, since) == Parts.of(connection, "later", columns)
