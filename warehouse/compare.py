"""What differs between two kept versions: rows of each mart by key, and the figures that people look at."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from sources.text import sql_name, sql_string
from warehouse.keys import Keys, mart_keys
from warehouse.publish import MARTS, Version
from warehouse.row_hash import row_hash


@dataclass(frozen=True)
class TableChange:
    """Rows of one mart in both versions; added, removed and changed are None where there is no common key."""

    table: str
    before: int | None
    after: int | None
    added: int | None = None
    removed: int | None = None
    changed: int | None = None

    @property
    def same(self) -> bool:
        return self.before == self.after and not (self.added or self.removed or self.changed)


@dataclass(frozen=True)
class FigureChange:
    """A headline figure that differs; `in_before`, `in_after`: is there a row at all, value or not."""

    target_id: str
    agency_code: str
    is_province: bool
    period_kind: str
    period_start: date
    unit: str
    in_before: bool
    in_after: bool
    before: float | None
    after: float | None
    numerator_before: float | None
    numerator_after: float | None
    denominator_before: float | None
    denominator_after: float | None
    met_before: bool | None
    met_after: bool | None

    @property
    def verdict_changed(self) -> bool:
        return self.met_before is not self.met_after


@contextmanager
def opened(config: Mapping[str, Any] | None, /, **files: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB of its own with files attached read-only under the given names. `config`: Settings.duckdb."""
    with duckdb.connect(config={**(config or {}), "preserve_insertion_order": False}) as connection:
        for name, path in files.items():
            connection.execute(f"attach {sql_string(str(path))} as {sql_name(name)} (read_only)")
        yield connection


def agency_codes(before: Version, after: Version, config: Mapping[str, Any] | None = None) -> set[str]:
    """Agencies that either version has in its catalogue, or a figure of."""
    with opened(config, before=before.database, after=after.database) as connection:
        tables = [
            f"select agency_code from {version}.{MARTS}.{table}"
            for version in ("before", "after")
            for table in ("dim_agency", "fct_indicator")
            if "agency_code" in columns_of(connection, version).get(table, {})
        ]
        return (
            {code for (code,) in connection.execute(" union ".join(tables)).fetchall()} if tables else set()
        )


def columns_of(connection: duckdb.DuckDBPyConnection, catalog: str) -> dict[str, dict[str, str]]:
    """Mart -> its columns in order, with their types."""
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in connection.execute(
        "select table_name, column_name, data_type from duckdb_columns()"
        " where database_name = $1 and schema_name = $2 order by table_name, column_index",
        [catalog, MARTS],
    ).fetchall():
        found.setdefault(table, {})[column] = kind
    return found


def relation(catalog: str, table: str) -> str:
    return f"{sql_name(catalog)}.{MARTS}.{sql_name(table)}"


def changed_keys_sql(before: str, after: str, key: Sequence[str], columns: Mapping[str, str]) -> str:
    """SQL of the keys whose rows differ between two relations, with `was_there` and `is_there`.

    Only keys and one hash per row are held, and null equals null, so it is cheap and needs no join.
    """
    names = ", ".join(sql_name(name) for name in key)
    hashed = row_hash(columns)
    return (
        f"select {names}, bool_or(_side = 0) as was_there, bool_or(_side = 1) as is_there from ("
        f"select {names}, {hashed} as _hash, 0 as _side from {before}"
        f" union all select {names}, {hashed}, 1 from {after})"
        f" group by {names} having count(*) = 1 or min(_hash) <> max(_hash)"
    )


def table_changes(
    before: Version, after: Version, config: Mapping[str, Any], keys: dict[str, Keys] | None = None
) -> list[TableChange]:
    """How many rows of each mart came, went and changed.

    The day of the figures is left aside when the versions are of different days: it would make every row new.
    """
    keys = mart_keys() if keys is None else keys
    aside = {"as_of_date"} if before.as_of != after.as_of else set()
    changes = []
    with opened(config, before=before.database, after=after.database) as connection:
        columns_before, columns_after = columns_of(connection, "before"), columns_of(connection, "after")
        for table in sorted({*before.counts, *after.counts}):
            rows = before.counts.get(table), after.counts.get(table)
            if before.hashes.get(table) == after.hashes.get(table):
                changes.append(TableChange(table, *rows, 0, 0, 0))
                continue
            both, old = columns_after.get(table, {}), columns_before.get(table, {})
            key = [name for name in keys.get(table, Keys()).key if name not in aside]
            if not key or not set(key) <= set(both) & set(old):
                changes.append(TableChange(table, *rows))
                continue
            compared = {name: kind for name, kind in both.items() if name in old and name not in aside}
            added, removed, changed = connection.execute(
                "select count(*) filter (not was_there), count(*) filter (not is_there),"
                " count(*) filter (was_there and is_there) from ("
                + changed_keys_sql(relation("before", table), relation("after", table), key, compared)
                + ")"
            ).fetchall()[0]
            changes.append(TableChange(table, *rows, added, removed, changed))
    return changes


_SIDE = """
    select target_id, agency_code, period_kind, period_start, any_value(unit) as unit,
        any_value(level) is not distinct from 'toan_tinh' as is_province, any_value(value) as value,
        any_value(numerator) as numerator, any_value(denominator) as denominator,
        any_value(meets_target) as met, true as is_there
    from {relation} where is_headline group by all
"""
_FIGURES = """
    select target_id, agency_code, coalesce(a.is_province, b.is_province), period_kind, period_start,
        coalesce(a.unit, b.unit), coalesce(b.is_there, false), coalesce(a.is_there, false), b.value, a.value,
        b.numerator, a.numerator, b.denominator, a.denominator, b.met, a.met
    from ({before}) as b full join ({after}) as a using (target_id, agency_code, period_kind, period_start)
    where b.value is distinct from a.value or b.met is distinct from a.met
        or b.numerator is distinct from a.numerator or b.denominator is distinct from a.denominator
        or b.is_there is distinct from a.is_there
    order by b.met is not distinct from a.met, target_id, period_kind = 'month', period_kind = 'quarter',
        period_start, agency_code
"""


def figure_changes(before: Version, after: Version, config: Mapping[str, Any]) -> list[FigureChange]:
    """Headline figures that differ, changed verdicts first."""
    table = "fct_indicator"
    if table not in before.counts or table not in after.counts:
        return []
    query = _FIGURES.format(
        before=_SIDE.format(relation=relation("before", table)),
        after=_SIDE.format(relation=relation("after", table)),
    )
    with opened(config, before=before.database, after=after.database) as connection:
        return [FigureChange(*row) for row in connection.execute(query).fetchall()]


@dataclass(frozen=True)
class Difference:
    """Rows of a table that only one of two relations has, counted as often as they stand there."""

    table: str
    rows: int
    only_left: int
    only_right: int
    columns: tuple[str, ...] = ()  # whose name, order or type differs

    @property
    def same(self) -> bool:
        return not (self.only_left or self.only_right or self.columns)


def row_differences(
    connection: duckdb.DuckDBPyConnection, left: str, right: str, tables: Collection[str]
) -> list[Difference]:
    """Compare tables `schema.name` of two attached catalogues row by row, all columns, to the last bit of a double."""
    found = []
    for table in tables:
        here, there = (f"{sql_name(catalog)}.{table}" for catalog in (left, right))
        columns = [
            {
                (place, name, kind)
                for place, (name, kind, *_) in enumerate(connection.execute(f"describe {r}").fetchall())
            }
            for r in (here, there)
        ]
        (rows,) = connection.execute(f"select count(*) from {here}").fetchall()[0]
        differing = tuple(sorted({name for _, name, _ in columns[0] ^ columns[1]}))
        if differing:
            found.append(Difference(table, rows, 0, 0, differing))
            continue
        only = [
            connection.execute(f"select count(*) from (from {a} except all from {b})").fetchall()[0][0]
            for a, b in ((here, there), (there, here))
        ]
        found.append(Difference(table, rows, *only))
    return found
