"""How persons stand in what has landed: under their keyed hash, or in clear from nights under PARINDEX_PERSONAL_DATA=plain.

The files themselves say so by the names of their columns; nothing beside them could be lost or out of date.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sources.contract import Column, all_tables


def landed_in_clear(landing: Path) -> list[Path]:
    """The landed files that hold a personal column as it came. Their rejected rows quote it, too."""
    return _with(landing, lambda column: column.name)


def landed_under_a_key(landing: Path) -> list[Path]:
    """The landed files that hold a keyed hash."""
    return _with(landing, lambda column: column.landed_name)


def _with(landing: Path, name_of: Callable[[Column], str]) -> list[Path]:
    found = []
    for table in all_tables():
        names = {name_of(column) for column in table.columns if column.personal}
        for file in sorted((landing / table.source / table.name).glob("*/*.parquet")) if names else ():
            # One that is damaged is told of as such (landed_damage).
            with suppress(pa.ArrowInvalid, OSError):
                if names & set(pq.read_schema(file).names):
                    found.append(file)
    return found
