"""The landing schema for Spark: the same accepted rows that the build file shows, read in place from the same Parquet.

One external table lies over the folder of each exported table; the ledger's list of accepted deliveries says which of
its files count, so that files of a killed run, refused or replaced ones are never seen. What is no Parquet yet (ledger,
checks, the night before) is copied out of the build file.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb

from sources.contract import Column, Table, all_tables
from sources.text import sql_string
from warehouse import carry
from warehouse.build import PROVENANCE, RECORDS
from warehouse.ledger import Ledger
from warehouse.settings import Settings

# A landed file is named after its delivery; what was rejected lies beside it under a longer name.
_LANDED_FILES = "?" * 20 + ".parquet"


def spark_type(sql_type: str) -> str:
    """Spark's name of a type of a contract or of where a row came from. A timestamp has no zone: it is the wall clock of the province."""
    return {"varchar": "string", "timestamp": "timestamp_ntz", "integer": "int"}.get(sql_type, sql_type)


def _name(name: str) -> str:
    return f"`{name}`"


def _text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _columns(table: Table) -> list[Column]:
    return [column for column in table.columns if not column.personal]


def table_statements(folder: Path, table: Table) -> list[str]:
    """Spark SQL that shows one exported table: the external table over its files, and the view of what counts."""
    types = {column.name: column.sql_type for column in _columns(table)} | PROVENANCE
    columns = {name: spark_type(kind) for name, kind in types.items()}
    view = f"landing.{_name(table.relation)}"
    if not any(folder.glob("*/" + _LANDED_FILES)):
        nothing = ", ".join(f"cast(null as {kind}) as {_name(name)}" for name, kind in columns.items())
        return [f"create or replace view {view} as select {nothing} where false"]
    files = f"landing.{_name('files_' + table.relation)}"
    declared = ", ".join(
        f"{_name(name)} {kind}" for name, kind in (columns | {"_error_no": "smallint"}).items()
    )
    shown = ", ".join(f"files.{_name(name)}" for name in columns if name != "_row_number")
    return [
        f"drop view if exists {view}",
        f"drop table if exists {files}",
        f"create table {files} ({declared}) using parquet options (path {_text(str(folder))},"
        f" recursiveFileLookup 'true', pathGlobFilter {_text(_LANDED_FILES)})",
        # Rows that lie in the order of their file carry no number: it is counted, as the build file does.
        f"create view {view} as select {shown},"
        " coalesce(accepted.first_row + files._metadata.row_index, files._row_number) as _row_number"
        f" from {files} as files"
        " inner join landing.accepted on files._file_id = accepted.file_id"
        " where files._error_no is null",
    ]


def _record_statements(schema: str, name: str, file: Path) -> list[str]:
    return [
        f"drop table if exists {schema}.{_name(name)}",
        f"create table {schema}.{_name(name)} using parquet options (path {_text(str(file))})",
    ]


def landing_statements(
    settings: Settings, ledger: Ledger, as_of: date, building: duckdb.DuckDBPyConnection, folder: Path
) -> list[str]:
    """Everything that makes the schema landing in Spark as it stands in a prepared build file.

    Writes the records into `folder`, which Spark must be able to read, like the landing folder itself.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    statements = [f"create schema if not exists {schema}" for schema in RECORDS]
    accepted = [(d.delivery_id, d.first_row) for d in ledger.deliveries(as_of) if d.accepted]
    building.execute("create or replace temp table _accepted (file_id varchar, first_row bigint)")
    if accepted:
        building.executemany("insert into _accepted values (?, ?)", accepted)
    records = [("landing", "accepted", "_accepted")]
    records += [(schema, name, f"{schema}.{name}") for schema, names in RECORDS.items() for name in names]
    for schema, name, relation in records:
        file = folder / f"{schema}.{name}.parquet"
        building.execute(f"copy (from {relation}) to {sql_string(str(file))} (format parquet)")
        statements += _record_statements(schema, name, file)
    building.execute("drop table _accepted")
    for table in all_tables():
        statements += table_statements(settings.landing / table.source / table.name, table)
        if (table.source, table.name) in carry.FOLLOWED:
            shown = f"landing.{_name(table.relation)}"
            statements.append(
                f"create or replace view landing.{_name(table.relation + '_new')} as select * from {shown}"
            )
    return statements
