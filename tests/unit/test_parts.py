"""The dossiers as Parquet, one file by month: what a version writes and what it links."""

from __future__ import annotations

import shutil
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


def test_each_file_holds_the_rows_of_its_month_alone(tmp_path: Path) -> None:
    rows = {
        "2023-12": "('a', 'resolved', date '2023-12-31')",
        "2024-01": "('b', 'resolved', date '2024-01-01'), ('c', 'withdrawn', date '2024-01-31')",
        "2024-02": "('d', 'resolved', date '2024-02-01')",
        "open": "('e', 'in_process', date '2024-01-15'), ('f', 'in_process', null)",
        "undated": "('g', 'withdrawn', null), ('h', null, null)",
    }
    with duckdb.connect() as connection:
        connection.execute(
            f"create table d as from (values {', '.join(rows.values())}) as t(dossier_code, count_class, finished_on)"
        )
        kept = written(connection, tmp_path / "1")
        found = {file.stem: connection.execute(f"from '{file}'").fetchall() for file in kept.folder.iterdir()}
        assert found == {part: connection.execute(f"values {of}").fetchall() for part, of in rows.items()}

        # A file that is cut off, or of another number of rows, is not passed on.
        (kept.folder / "2023-12.parquet").write_bytes(b"PAR1")
        shutil.copyfile(kept.folder / "2024-02.parquet", kept.folder / "2024-01.parquet")
        again = written(connection, tmp_path / "2", kept)
        assert connection.execute(f"from '{again.folder}/*.parquet' order by 1").fetchall() == sorted(
            connection.execute("from d order by 1").fetchall(), key=lambda row: row[0]
        )
        shared = {file.stem for file in again.folder.iterdir() if file.stat().st_nlink > 1}
        assert shared == {"2024-02", "open", "undated"}


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
