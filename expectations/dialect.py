"""The SQLAlchemy dialect through which Great Expectations reads DuckDB; imported by `engine` alone, and late.

Great Expectations fetches rows after it has given the connection back, when a DuckDB result is gone, and
SQLAlchemy 2.1 reflects through catalogue tables that DuckDB does not have. So: results are fetched when a
statement runs, columns come from duckdb_columns(), and statements run on a connection that the caller has
opened. Registered under its own name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import duckdb
import duckdb_engine
from sqlalchemy import pool, text
from sqlalchemy import types as sqltypes
from sqlalchemy.dialects import registry
from sqlalchemy.exc import NoSuchTableError

from sources.text import sql_string

NAME = "parindex_duckdb"

_TYPES = {
    "VARCHAR": sqltypes.String,
    "BOOLEAN": sqltypes.Boolean,
    "TINYINT": sqltypes.SmallInteger,
    "SMALLINT": sqltypes.SmallInteger,
    "INTEGER": sqltypes.Integer,
    "BIGINT": sqltypes.BigInteger,
    "HUGEINT": sqltypes.BigInteger,
    "FLOAT": sqltypes.Float,
    "DOUBLE": sqltypes.Double,
    "DECIMAL": sqltypes.Numeric,
    "DATE": sqltypes.Date,
    "TIMESTAMP": sqltypes.DateTime,
    "TIMESTAMP WITH TIME ZONE": sqltypes.DateTime,
}

# Open connections and what was lent of them, by the key in an engine's connect_args; only text can stand
# there.
_SESSIONS: dict[str, tuple[duckdb.DuckDBPyConnection, list[LentConnection]]] = {}


@contextmanager
def session(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Lends `connection` to engines made with connect_args={"session": key}.

    At the end all that was lent is closed, whoever still holds it: a single cursor left open would keep the
    file from being opened otherwise. `connection` itself stays open.
    """
    key = uuid4().hex
    _SESSIONS[key] = (connection, [])
    try:
        yield key
    finally:
        for lent in _SESSIONS.pop(key)[1]:
            lent.close()


class BufferedCursor:
    """Holds all rows of its last statement, so that they outlive it. Check results are a few rows."""

    arraysize = 1
    rowcount = -1

    def __init__(self, connection: LentConnection) -> None:
        self.connection = connection
        self.description: Sequence[Any] | None = None
        self._rows: list[tuple] = []

    def execute(self, statement: str, parameters: Any = None, context: Any = None) -> None:
        result = self.connection.duckdb.execute(statement, parameters or None)
        self.description = result.description
        self._rows = result.fetchall() if result.description else []

    def fetchone(self) -> tuple | None:
        return self._rows.pop(0) if self._rows else None

    def fetchmany(self, size: int | None = None) -> list[tuple]:
        size = size or self.arraysize
        rows, self._rows = self._rows[:size], self._rows[size:]
        return rows

    def fetchall(self) -> list[tuple]:
        rows, self._rows = self._rows, []
        return rows

    def close(self) -> None:
        self._rows = []


class LentConnection:
    """What SQLAlchemy holds: a cursor of the caller's connection, with one schema to look in."""

    notices = ()
    closed = False

    def __init__(self, lender: duckdb.DuckDBPyConnection, schema: str) -> None:
        self.duckdb = lender.cursor()
        self.duckdb.execute(f"set schema = {sql_string(schema)}")

    def cursor(self) -> BufferedCursor:
        return BufferedCursor(self)

    def commit(self) -> None:
        """Nothing is written here, so there is nothing to commit or to roll back."""

    rollback = commit

    def close(self) -> None:
        self.duckdb.close()
        self.closed = True


class Dialect(duckdb_engine.Dialect):
    """DuckDB to be read: every statement stands alone, reflection knows columns and nothing else."""

    driver = NAME
    supports_statement_cache = False

    def connect(self, *_: Any, session: str, schema: str, **__: Any) -> LentConnection:
        lender, lent = _SESSIONS[session]
        lent.append(LentConnection(lender, schema))
        return lent[-1]

    @classmethod
    def get_pool_class(cls, url: Any) -> type[pool.Pool]:
        return pool.StaticPool

    def do_begin(self, dbapi_connection: Any) -> None:
        """Each statement is its own transaction."""

    def get_columns(
        self, connection: Any, table_name: str, schema: str | None = None, **_: Any
    ) -> list[dict]:
        rows = connection.execute(
            text(
                "select column_name, data_type, is_nullable from duckdb_columns()"
                " where database_name = current_database() and table_name = :name"
                " and schema_name = coalesce(:schema, current_schema()) order by column_index"
            ),
            {"name": str(table_name), "schema": schema},
        ).fetchall()
        if not rows:
            raise NoSuchTableError(table_name)
        return [
            {
                "name": name,
                "type": _TYPES.get(data_type.split("(")[0], sqltypes.NullType)(),
                "nullable": bool(nullable),
                "default": None,
            }
            for name, data_type, nullable in rows
        ]

    def get_multi_columns(
        self, connection: Any, *, schema: str | None = None, filter_names: Any = None, **_: Any
    ) -> list[tuple]:
        return [((schema, name), self.get_columns(connection, name, schema)) for name in filter_names or ()]

    def get_pk_constraint(
        self, connection: Any, table_name: str, schema: str | None = None, **_: Any
    ) -> dict:
        return {"constrained_columns": [], "name": None}

    def _nothing(self, connection: Any, table_name: str, schema: str | None = None, **_: Any) -> list:
        return []

    get_foreign_keys = get_indexes = get_unique_constraints = get_check_constraints = _nothing


registry.register(NAME, __name__, Dialect.__name__)
