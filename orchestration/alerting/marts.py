"""One night's marts and deliveries, open for SQL: the DuckDB file read-only, the ledger's rows and the
contracts beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import sqlalchemy as sa

from orchestration.ahead import dated_ahead, last_day
from sources.contract import all_tables
from sources.text import sql_string
from warehouse.holding import share_limit
from warehouse.ledger import ACCEPTED, REFUSED, Ledger
from warehouse.ledger import delivery as delivery_table
from warehouse.settings import Settings


class Marts:
    """Queries see `night.marts.*`, and the tables `delivered`, `delivered_or_ahead` and `contract`."""

    def __init__(self, db: duckdb.DuckDBPyConnection) -> None:
        self.db = db

    def rows(self, query: str, values: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        cursor = self.db.execute(query, values or {})
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def columns(self, table: str) -> set[str]:
        """Columns of a mart; none when it is not there."""
        query = (
            "select column_name from information_schema.columns"
            " where table_catalog = 'night' and table_schema = 'marts' and table_name = $table"
        )
        return {row["column_name"] for row in self.rows(query, {"table": table})}

    def has(self, *tables: str) -> bool:
        return all(self.columns(table) for table in tables)

    def add(self, name: str, columns: Mapping[str, tuple[pa.DataType, list]]) -> None:
        """A small table of our own beside the marts."""
        arrays = {column: pa.array(values, kind) for column, (kind, values) in columns.items()}
        self.db.register(name, pa.table(arrays))


@contextmanager
def open_marts(settings: Settings, database: Path | None, ledger: Ledger, as_of: date) -> Iterator[Marts]:
    """`database` None: no marts, only deliveries. The file may be open elsewhere in this process."""
    with duckdb.connect(config=settings.duckdb()) as db:
        if database is not None:
            db.execute(f"attach {sql_string(str(database))} as night (read_only)")
        marts = Marts(db)
        _add_contract(marts, settings)
        _add_deliveries(marts, ledger, as_of)
        yield marts


def _add_contract(marts: Marts, settings: Settings) -> None:
    tables = all_tables()
    marts.add(
        "contract",
        {
            "source": (pa.string(), [table.source for table in tables]),
            "table_name": (pa.string(), [table.name for table in tables]),
            "vi": (pa.string(), [table.vi for table in tables]),
            "owner": (pa.string(), [table.owner for table in tables]),
            "limit_pct": (pa.float64(), [share_limit(settings, table) for table in tables]),
            "may_be_empty": (pa.bool_(), [table.may_be_empty for table in tables]),
        },
    )


_LEDGER_TYPES = {
    "source": pa.string(),
    "table_name": pa.string(),
    "file_name": pa.string(),
    "delivered_on": pa.date32(),
    "outcome": pa.string(),
    "rows_in_file": pa.int64(),
    "rows_quarantined": pa.int64(),
    "rows_rejected": pa.int64(),
    "loaded_at": pa.timestamp("us"),
}


def _add_deliveries(marts: Marts, ledger: Ledger, as_of: date) -> None:
    """Deliveries in force on the day: up to it, and not replaced by another content of the same file.

    `delivered_or_ahead` has those that are dated ahead of any day as well.
    """
    c = delivery_table.c
    ahead = dated_ahead(ledger.deliveries(), last_day(as_of))
    query = sa.select(*(c[name] for name in _LEDGER_TYPES)).where(
        c.replaced_by.is_(None),
        sa.or_(
            c.delivered_on.is_(None),
            c.delivered_on <= as_of,
            c.delivery_id.in_([entry.delivery_id for entry in ahead]),
        ),
    )
    with ledger.engine.connect() as connection:
        rows = connection.execute(query).all()
    columns = zip(*rows, strict=True) if rows else ([] for _ in _LEDGER_TYPES)
    marts.add(
        "ledger_rows",
        {
            name: (kind, list(values))
            for (name, kind), values in zip(_LEDGER_TYPES.items(), columns, strict=True)
        },
    )
    marts.db.execute(
        """
        create temp table delivered_or_ahead as
        select
            ledger_rows.*,
            coalesce(delivered_on > $as_of, false) as is_ahead,
            cast(loaded_at as date) as loaded_on,
            list_contains($accepted, outcome) as is_accepted,
            -- As freshness.last_delivered has it.
            is_accepted and (rows_in_file > 0 or coalesce(may_be_empty, false)) as tells_something,
            -- Of the delivery, all its files of the day: what decides whether it is held back. A file held back beside the
            -- one that it was to replace is no part of what was taken.
            100.0 * sum(case when outcome <> $refused then coalesce(rows_rejected, rows_quarantined) end) over whole
            / nullif(sum(case when outcome <> $refused then rows_in_file end) over whole, 0) as share,
            contract.limit_pct
        from ledger_rows
        left join contract using (source, table_name)
        window whole as (partition by source, table_name, delivered_on, list_contains($accepted, outcome))
        """,
        {"accepted": list(ACCEPTED), "refused": REFUSED, "as_of": as_of},
    )
    marts.db.execute(
        "create temp view delivered as select * exclude (is_ahead) from delivered_or_ahead where not is_ahead"
    )
