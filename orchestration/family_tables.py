"""Which delivered tables are behind a family of figures: the seed `family_table`, as restatements read it in dbt."""

from __future__ import annotations

from functools import cache

from orchestration.seeds import read_seed
from sources.contract import Table, load_contracts

# What a table is to a measure; the seed's yml says what follows from it.
COUNTED, DECIDES, NAMED = "counted", "decides", "named"


@cache
def _rows() -> list[dict[str, str]]:
    return read_seed("family_table")


def tables_of(family: str, measure: str, *roles: str) -> list[Table]:
    """The tables of a measure in these roles, in the order of the seed."""
    return [
        load_contracts()[row["source"]].tables[row["table_name"]]
        for row in _rows()
        if row["family"] == family and row["measure"] in ("", measure) and row["role"] in roles
    ]
