"""How the marts of a file look in PostgreSQL: types, keys, indexes, comments, and rows as text for COPY."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import duckdb

from sources.text import sql_name, sql_string
from warehouse.compare import columns_of, relation
from warehouse.keys import Keys, Reference
from warehouse.publish import MARTS

# What BI tools filter by; the primary key already serves its first column.
INDEXES: dict[str, tuple[tuple[str, ...], ...]] = {
    "fct_dossier": (("agency_code", "received_on"), ("received_on",), ("finished_on",)),
    "fct_indicator": (("agency_code", "target_id", "period_start"), ("target_id", "period_start")),
}
FILTERS = ("as_of_date", "agency_code", "target_id", "period_start")

_TYPES = {
    "VARCHAR": "text",
    "BOOLEAN": "boolean",
    "TINYINT": "smallint",
    "SMALLINT": "smallint",
    "UTINYINT": "smallint",
    "INTEGER": "integer",
    "USMALLINT": "integer",
    "BIGINT": "bigint",
    "UINTEGER": "bigint",
    "UBIGINT": "numeric(20,0)",
    "HUGEINT": "numeric(39,0)",
    "UHUGEINT": "numeric(39,0)",
    "FLOAT": "real",
    "DOUBLE": "double precision",
    "DATE": "date",
    "TIME": "time without time zone",
    "TIMESTAMP": "timestamp without time zone",
    "TIMESTAMP_S": "timestamp without time zone",
    "TIMESTAMP_MS": "timestamp without time zone",
    "TIMESTAMP_NS": "timestamp without time zone",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    "UUID": "uuid",
    "BLOB": "bytea",
    "JSON": "jsonb",
}
_JSON = ("[]", "STRUCT(", "MAP(", "UNION(")


def postgres_type(duck_type: str) -> str:
    """The PostgreSQL type, spelled as the server itself spells it."""
    if duck_type in _TYPES:
        return _TYPES[duck_type]
    if duck_type.startswith("DECIMAL("):
        return "numeric" + duck_type.removeprefix("DECIMAL")
    if duck_type.endswith(_JSON[0]) or duck_type.startswith(_JSON[1:]):
        return "jsonb"
    return "text"  # enums and whatever else can be read as text


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    comment: str | None


@dataclass(frozen=True)
class ForeignKey:
    """`enforced` False: told to tools, not checked, as the sources hold codes that no catalogue knows."""

    column: str
    other: str
    other_column: str
    enforced: bool


@dataclass(frozen=True)
class Mart:
    name: str
    comment: str | None
    columns: tuple[Column, ...]
    rows: int
    key: tuple[str, ...] = ()
    nullable: frozenset[str] = frozenset()  # of the key; then it is unique, not primary
    unique: tuple[str, ...] = ()  # further columns that are unique each by itself and are referred to
    foreign_keys: tuple[ForeignKey, ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()

    @property
    def column_names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def shape(self) -> str:
        """A fingerprint of all that has to be built anew when it changes."""
        parts = (
            [(c.name, c.type) for c in self.columns],
            self.key,
            sorted(self.nullable),
            self.unique,
            [(f.column, f.other, f.other_column, f.enforced) for f in self.foreign_keys],
            self.indexes,
        )
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def name_of(*parts: str) -> str:
    """Name of a constraint or an index; PostgreSQL cuts names at 63 bytes, so long ones end with a hash."""
    name = "_".join(parts)
    if len(name.encode()) <= 63:
        return name
    return name[:50].rstrip("_") + "_" + hashlib.sha256(name.encode()).hexdigest()[:12]


def _comments(connection: duckdb.DuckDBPyConnection, catalog: str) -> tuple[dict[str, str], dict[tuple, str]]:
    tables = connection.execute(
        "select table_name, comment from duckdb_tables() where database_name = $1 and schema_name = $2",
        [catalog, MARTS],
    ).fetchall()
    columns = connection.execute(
        "select table_name, column_name, comment from duckdb_columns()"
        " where database_name = $1 and schema_name = $2",
        [catalog, MARTS],
    ).fetchall()
    return dict(tables), {(table, column): comment for table, column, comment in columns}


def _is_unique(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> bool:
    name = sql_name(column)
    query = f"select count(*) = count({name}) and count(*) = count(distinct {name}) from {table}"
    return connection.execute(query).fetchall()[0][0]


def describe(
    connection: duckdb.DuckDBPyConnection, catalog: str, keys: dict[str, Keys], server: int
) -> dict[str, Mart]:
    """All marts of an attached file, as a server of this version (as 180006) can hold them."""
    table_comments, column_comments = _comments(connection, catalog)
    all_columns = columns_of(connection, catalog)
    marts = {}
    for table in sorted(table_comments):
        columns = tuple(
            Column(name, postgres_type(kind), column_comments.get((table, name)))
            for name, kind in all_columns[table].items()
        )
        names = {column.name for column in columns}
        known = keys.get(table, Keys())
        key = known.key if set(known.key) <= names else ()
        rows = connection.execute(f"select count(*) from {relation(catalog, table)}").fetchall()[0][0]
        indexes = [index for index in INDEXES.get(table, ()) if set(index) <= names]
        led = {index[0] for index in indexes} | set(key[:1])
        indexes += [(name,) for name in FILTERS if name in names and name not in led]
        marts[table] = Mart(
            table,
            table_comments[table],
            columns,
            rows,
            key,
            known.nullable & set(key),
            indexes=tuple(indexes),
        )
    for table, mart in marts.items():
        for reference in keys.get(table, Keys()).references:
            _refer(connection, catalog, marts, marts[mart.name], reference, server)
    return marts


def _refer(
    connection, catalog: str, marts: dict[str, Mart], mart: Mart, reference: Reference, server: int
) -> None:
    """Add a foreign key where it holds.

    One that always holds is enforced. One that the sources may break is told as NOT ENFORCED, which servers
    know from 18 on; NOT VALID would not do: it lets old rows pass but refuses the next night's.
    """
    other = marts.get(reference.other)
    if other is None or reference.column not in mart.column_names:
        return
    is_key = other.key == (reference.other_column,) and not other.nullable
    if reference.always:
        if not is_key:
            if not _is_unique(connection, relation(catalog, other.name), reference.other_column):
                return
            if reference.other_column not in other.unique:
                marts[other.name] = replace(other, unique=(*other.unique, reference.other_column))
    elif not is_key or server < 180000:
        return
    foreign_key = ForeignKey(reference.column, reference.other, reference.other_column, reference.always)
    mart = marts[mart.name]
    marts[mart.name] = replace(mart, foreign_keys=(*mart.foreign_keys, foreign_key))


# --- rows as text of COPY ---

_ESCAPES = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"))
BATCH_ROWS = 20_000


def _cell(name: str, duck_type: str) -> str:
    kind = postgres_type(duck_type)
    value = sql_name(name)
    if kind == "bytea":
        return rf"coalesce('\\x' || hex({value}), '\N')"
    if kind == "jsonb":
        value = f"to_json({value})"
    text = f"cast({value} as varchar)"
    if kind in ("text", "jsonb"):
        text = f"replace({text}, chr(0), '')"  # the one character that PostgreSQL does not store
        for character, escape in _ESCAPES:
            text = f"replace({text}, chr({ord(character)}), {sql_string(escape)})"
    return f"coalesce({text}, '\\N')"


def copy_text(
    connection: duckdb.DuckDBPyConnection, source: str, columns: dict[str, str]
) -> Iterator[memoryview]:
    """The rows of a relation in COPY's text format, a batch at a time.

    DuckDB writes the text. All lines of a batch lie end to end in one Arrow buffer, which is what COPY wants.
    """
    cells = ", ".join(_cell(name, kind) for name, kind in columns.items())
    query = f"select concat_ws(chr(9), {cells}) || chr(10) as line from {source}"
    for batch in connection.sql(query).to_arrow_reader(BATCH_ROWS):
        lines = batch.column(0)
        if not len(lines):
            continue
        wide = str(lines.type).startswith("large")
        offsets = memoryview(lines.buffers()[1]).cast("q" if wide else "i")
        first, last = offsets[lines.offset], offsets[lines.offset + len(lines)]
        yield memoryview(lines.buffers()[2])[first:last]
