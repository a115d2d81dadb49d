"""What Spark built, taken into the build file: from there on a night does not know where its tables were computed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

import duckdb

from sources.text import sql_name, sql_string


@dataclass(frozen=True)
class SparkTable:
    """A table of the Spark warehouse and what dbt's project says of it."""

    schema: str
    name: str
    description: str = ""
    column_descriptions: dict[str, str] = field(default_factory=dict)
    not_null: frozenset[str] = frozenset()

    @property
    def relation(self) -> str:
        return f"{sql_name(self.schema)}.{sql_name(self.name)}"

    def files(self, warehouse: Path) -> str:
        """A relation over the Parquet files that Spark wrote."""
        return f"read_parquet({sql_string(str(warehouse / f'{self.schema}.db' / self.name / '*.parquet'))})"


class OutOfReach(Exception):
    """The warehouse of Spark lies where this machine cannot read it."""


def local_folder(address: str) -> Path:
    """The folder behind a warehouse address such as file:/srv/warehouse. Raises OutOfReach."""
    parts = urlsplit(address)
    if parts.scheme not in ("", "file"):
        raise OutOfReach(
            f"Spark keeps its tables at {address}, which is no folder of this machine: mount it and give"
            " spark.sql.warehouse.dir the path of the mount"
        )
    return Path(unquote(parts.path))


def take_over(connection: duckdb.DuckDBPyConnection, warehouse: Path, tables: Iterable[SparkTable]) -> int:
    """Copy tables into an open build file; returns their rows.

    Not null as the contracts promise it: Spark's Parquet tables cannot hold that. Raises duckdb.ConstraintException.
    """
    total = 0
    for table in tables:
        connection.execute(f"create schema if not exists {sql_name(table.schema)}")
        columns = connection.execute(f"describe select * from {table.files(warehouse)}").fetchall()
        declared = ", ".join(
            f"{sql_name(name)} {kind}{' not null' if name in table.not_null else ''}"
            for name, kind, *_ in columns
        )
        connection.execute(f"create or replace table {table.relation} ({declared})")
        (rows,) = connection.execute(
            f"insert into {table.relation} select * from {table.files(warehouse)}"
        ).fetchall()[0]
        total += rows
        if table.description:
            connection.execute(f"comment on table {table.relation} is {sql_string(table.description)}")
        known = {name for name, *_ in columns}
        for name, text in table.column_descriptions.items():
            if text and name in known:
                connection.execute(
                    f"comment on column {table.relation}.{sql_name(name)} is {sql_string(text)}"
                )
    return total
