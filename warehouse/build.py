"""The build file: the DuckDB file into which dbt builds one night, beside the one that the last night left.

Its schema `landing` shows the accepted deliveries up to a day, as views over the landed Parquet; nothing is copied. It is
a new file, or one that starts from the dossiers of the night before (warehouse/carry.py).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import sqlalchemy as sa

from sources.contract import Table, all_tables
from sources.text import sql_name, sql_string
from warehouse import carry
from warehouse.damaged import DamagedFile
from warehouse.landing import landed_file, numbered_parquet
from warehouse.ledger import Delivery, Ledger, check_result, delivery
from warehouse.publish import MARTS, check_version, last_before
from warehouse.settings import STORAGE, Settings

log = logging.getLogger(__name__)

# The build file's own tables by schema: what dbt finds in it beside the landed ones. Dagster and Spark show the same.
RECORDS = {
    "landing": ("deliveries", "check_results", "previous_indicator", "previous_delivery", "previous_night"),
    "carried": ("dossiers", *carry.CARRIED),
}
PROVENANCE = {
    "_delivered_on": "date",
    "_file_id": "varchar",
    "_file_name": "varchar",
    "_sheet_no": "integer",
    "_row_number": "bigint",
}

_ARROW_TYPES = {
    sa.String: pa.string(),
    sa.Date: pa.date32(),
    sa.DateTime: pa.timestamp("us"),
    sa.BigInteger: pa.int64(),
    sa.Boolean: pa.bool_(),
}
# Columns of the ledger that are of use to landing alone.
_LANDINGS_OWN = {"warnings", "rows_rejected", "first_row"}


def landed_relation(
    settings: Settings,
    table: Table,
    deliveries: list[Delivery],
    columns_of: Callable[[str], Collection[str]] | None = None,
) -> str:
    """SQL of the good rows of some deliveries of a table: contract columns without personal ones, and provenance.

    `columns_of` tells the columns of a relation: those that it lacks are null. Without it all must be there.
    """
    kept = [column for column in table.columns if not column.personal]
    provenance = ", ".join(f"cast({name} as {kind}) as {name}" for name, kind in PROVENANCE.items())
    accepted = [
        d for d in deliveries if d.accepted and (d.source, d.table_name) == (table.source, table.name)
    ]
    if not accepted:
        empty = [
            *(f"cast(null as {c.sql_type}) as {sql_name(c.name)}" for c in kept),
            *(f"cast(null as {kind}) as {name}" for name, kind in PROVENANCE.items()),
        ]
        return f"select {', '.join(empty)} where false"
    by_first_row: dict[int | None, list[Path]] = {}
    for one in accepted:
        by_first_row.setdefault(one.first_row, []).append(landed_file(settings, one).parquet)
    parts = []
    for first_row, files in sorted(by_first_row.items(), key=lambda item: (item[0] is None, item[0] or 0)):
        relation = numbered_parquet(files, first_row)
        there = {c.name for c in kept} if columns_of is None else columns_of(relation)
        columns = ", ".join(
            f"cast({sql_name(c.name) if c.name in there else 'null'} as {c.sql_type}) as {sql_name(c.name)}"
            for c in kept
        )
        parts.append(f"select {columns}, {provenance} from {relation} where _error_no is null")
    return " union all ".join(parts)


def _show_landed(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    deliveries: list[Delivery],
    name: str,
) -> None:
    def columns_of(relation: str) -> set[str]:
        return {name for name, *_ in connection.execute(f"describe select * from {relation}").fetchall()}

    view = f"create view landing.{sql_name(name)} as "
    try:
        connection.execute(view + landed_relation(settings, table, deliveries))
    except duckdb.BinderException:  # landed before the contract had all of today's columns
        connection.execute(view + landed_relation(settings, table, deliveries, columns_of))


def open_build_file(settings: Settings, path: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(path), config=settings.duckdb(storage_compatibility_version=STORAGE))


def prepare_build(settings: Settings, ledger: Ledger, as_of: date, *, whole: bool = False) -> Path:
    """A build file with the landing schema as it was known on `as_of`; an unfinished one is thrown away.

    It starts from the dossiers of the last build where these can be carried over, unless a `whole` one is asked for. On
    Spark every build is whole.
    """
    deliveries = ledger.deliveries(as_of)
    carried = (
        None if whole or not carry.is_carried_on(settings) else carry.usable(settings, as_of, deliveries)
    )
    if carried is not None:
        try:
            return _prepare(settings, ledger, as_of, deliveries, carried)
        except duckdb.Error as error:
            log.warning("nothing is carried over (%s): everything is built again", type(error).__name__)
    return _prepare(settings, ledger, as_of, deliveries, None)


def _prepare(
    settings: Settings, ledger: Ledger, as_of: date, deliveries: list[Delivery], carried: carry.Build | None
) -> Path:
    path = settings.building
    for leftover in (path, path.with_suffix(".duckdb.wal")):
        leftover.unlink(missing_ok=True)
    if carried is not None:
        carry.take_over(settings, path)
    else:
        carry.forget_copy(settings)
    with open_build_file(settings, path) as connection:
        if carried is not None:
            carry.keep_dossiers(connection)
        connection.execute("create schema if not exists landing")
        for table in all_tables():
            _show_landed(settings, connection, table, deliveries, table.relation)
            if (table.source, table.name) in carry.FOLLOWED:
                fresh = carry.new_deliveries(deliveries, carried)
                _show_landed(settings, connection, table, fresh, f"{table.relation}_new")
        if carried is None:
            carry.carry_nothing(connection)
        carry.record_build(connection, as_of, deliveries, carried)
        known = {d.delivery_id for d in deliveries}
        checks = [check for check in ledger.checks() if check["delivery_id"] in known]
        show_ledger(connection, [d.__dict__ for d in deliveries], checks)
        _show_previous_night(settings, connection, as_of)
    return path


# Of fct_indicator, what changes of closed periods are told from.
_PREVIOUS_COLUMNS = {
    "as_of_date": "date",
    "target_id": "varchar",
    "variant": "varchar",
    "is_headline": "boolean",
    "agency_code": "varchar",
    "period_kind": "varchar",
    "period_start": "date",
    "numerator": "double",
    "denominator": "double",
    "value": "double",
    "target_value": "double",
    "meets_target": "boolean",
}


def create_first_night(connection: duckdb.DuckDBPyConnection) -> None:
    """For a build file made by hand, with its landed tables: there was no night before, and nothing is carried over."""
    for source, table in carry.FOLLOWED:
        connection.execute(f"create view landing.{source}__{table}_new as from landing.{source}__{table}")
    carry.carry_nothing(connection)
    _create_previous_night(connection)


def _create_previous_night(connection: duckdb.DuckDBPyConnection) -> None:
    """The tables that show the last published night, empty: there was none."""
    columns = ", ".join(f"{name} {kind}" for name, kind in _PREVIOUS_COLUMNS.items())
    connection.execute(f"create table landing.previous_indicator ({columns})")
    connection.execute("create table landing.previous_delivery (delivery_id varchar)")
    connection.execute("create table landing.previous_night (as_of_date date, published_at timestamp)")


def _show_previous_night(settings: Settings, connection: duckdb.DuckDBPyConnection, as_of: date) -> None:
    """What readers saw last of an earlier day, so that changes of closed periods can be told."""
    _create_previous_night(connection)
    previous = last_before(settings, as_of)
    if previous is None:
        return
    try:
        check_version(settings, previous)
    except DamagedFile as damaged:  # else every later night would fail of it
        log.warning("changes of closed periods are not told tonight: %s", damaged)
        return
    connection.execute(
        "insert into landing.previous_night values ($1, $2)", [previous.as_of, previous.published_at]
    )
    connection.execute(f"attach {sql_string(str(previous.database))} as previous (read_only)")
    connection.execute(
        f"insert into landing.previous_indicator select {', '.join(_PREVIOUS_COLUMNS)}"
        f" from previous.{MARTS}.fct_indicator"
    )
    known = connection.execute(f"describe previous.{MARTS}.fct_delivery").fetchall()
    # A night of an early release does not say which file another has taken the place of.
    in_force = "replaced_by is null" if "replaced_by" in {name for name, *_ in known} else "true"
    connection.execute(
        f"insert into landing.previous_delivery select delivery_id from previous.{MARTS}.fct_delivery"
        f" where rows_loaded + rows_unchanged > 0 and {in_force}"
    )
    connection.execute("detach previous")


def show_ledger(connection: duckdb.DuckDBPyConnection, deliveries: list[dict], checks: list[dict]) -> None:
    """Deliveries and results of checks, with the columns of the ledger's own tables."""
    _create(connection, delivery, "deliveries", deliveries)
    _create(connection, check_result, "check_results", checks)


def _create(
    connection: duckdb.DuckDBPyConnection, ledger_table: sa.Table, name: str, rows: list[dict]
) -> None:
    shown = {c.name: _ARROW_TYPES[type(c.type)] for c in ledger_table.columns if c.name not in _LANDINGS_OWN}
    arrow = pa.Table.from_pylist([{k: row[k] for k in shown} for row in rows], pa.schema(shown.items()))
    connection.register("_rows", arrow)
    connection.execute(f"create table landing.{name} as select * from _rows")
    connection.unregister("_rows")
