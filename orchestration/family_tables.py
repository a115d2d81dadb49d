"""Which delivered tables are behind a family of figures: the seed `family_table`, as restatements read it in dbt."""

from __future__ import annotations

import csv
from functools import cache

from sources.contract import Table, load_contracts
from warehouse.settings import DBT_PROJECT

# What a table is to a measure; the seed's yml says what follows from it.
COUNTED, DECIDES, NAMED = "counted", "decides", "named"


@cache
def _rows() -> tuple[dict[str, str], ...]:
    with (DBT_PROJECT / "seeds" / "family_table.csv").open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


def tables_of(family: str, measure: str, *roles: str) -> list[Table]:
    """The tables of a measure in these roles, in the order of the seed."""
    return [
        load_contracts()[row["source"]].tables[row["table_name"]]
        for row in _rows()
        if row["family"] == family and row["measure"] in ("", measure) and row["role"] in roles
    ]
