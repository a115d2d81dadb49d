"""The seeds as Python reads them, where a night asks before dbt has loaded them."""

from __future__ import annotations

import csv

from warehouse.settings import DBT_PROJECT


def read_seed(name: str) -> list[dict[str, str]]:
    """The rows of a seed as text, saved by whatever editor: with a byte order mark or blanks, as dbt takes it."""
    with (DBT_PROJECT / "seeds" / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
        return [
            {column: (cell or "").strip() for column, cell in row.items() if column}
            for row in csv.DictReader(file)
        ]
