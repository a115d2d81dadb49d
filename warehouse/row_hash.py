"""A hash of a row, to tell whether two rows, or two tables, are the same without holding them.

DuckDB's own, because text and MD5 of a million rows cost more than building them; equal within a version of DuckDB. It goes
over a text in steps of eight letters and forgets some changes of two letters a multiple of eight apart: of ten million dossier
codes 61,580 pairs, such as 000.00.03.H62-240110-0080 and 000.00.43.H62-240110-0040, were the same to it. So texts are hashed
twice, the second time moved by a letter: what falls together once stays apart then.

The hash of a table is the sums of two hashes of each row, so it does not depend on the order of rows, and the hash of a whole
is the sum of those of its parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import duckdb

from sources.text import sql_name


def row_hash(columns: Mapping[str, str], quick: str | None = None) -> str:
    """SQL of the hash (ubigint) of a row in some columns, given with their types; null equals null.

    `quick` names a column that holds `quick_hash` already.
    """
    moved = [f"'.' || {sql_name(name)}" for name, kind in columns.items() if kind == "VARCHAR"]
    return f"hash({', '.join([quick or quick_hash(columns), *moved])})"


def quick_hash(columns: Mapping[str, str]) -> str:
    """DuckDB's hash over all columns, texts once."""
    return f"hash({', '.join(map(sql_name, columns))})"


def table_hashes(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Mapping[str, str], part: str
) -> dict[str, str]:
    """The hash of the rows of each part of a relation in some columns (name -> type); `part` is SQL of the part of a row."""
    sums = connection.execute(
        f"select {part}, sum(cast(_quick as hugeint)), sum(cast({row_hash(columns, '_quick')} as hugeint)), count(*)"
        f" from (select *, {quick_hash(columns)} as _quick from {relation}) group by 1 order by 1"
    ).fetchall()
    return {name: f"{rows}-{first:x}-{second:x}" for name, first, second, rows in sums}


def total_hash(hashes: Iterable[str], gone: Iterable[str] = ()) -> str:
    """The hash of a table from those of its parts, less those of rows that are `gone`. It begins with the number of rows."""
    rows = first = second = 0
    for sign, some in ((1, hashes), (-1, gone)):
        for one in some:
            counted, *sums = one.split("-")
            rows += sign * int(counted)
            first += sign * int(sums[0], 16)
            second += sign * int(sums[1], 16)
    return f"{rows}-{first:x}-{second:x}"


def table_hash(connection: duckdb.DuckDBPyConnection, relation: str, columns: Mapping[str, str]) -> str:
    """The hash of all rows of a relation. After an upgrade of DuckDB everything looks changed once."""
    return total_hash(table_hashes(connection, relation, columns, "''").values())


def row_count(digest: str) -> int:
    """How many rows a hash of a table, or of a part of one, is of."""
    return int(digest.partition("-")[0])
