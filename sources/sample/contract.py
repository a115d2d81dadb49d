"""The export contracts, as far as a writer of exports needs them.

Vietnamese headers, codes with labels, column order and portal keys are read from
`sources/contracts/*.yaml`; nothing of them is repeated in this package.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pandas as pd
import pyarrow as pa

from sources.yaml_file import read_yaml

CONTRACTS = Path(__file__).parents[1] / "contracts"

_KINDS = {
    "string": "str",
    "integer": "int",
    "number": "decimal",
    "boolean": "bool",
    "date": "date",
    "timestamp": "datetime",
}
_ARROW = {"date": pa.date32(), "datetime": pa.timestamp("s"), "bool": pa.bool_(), "int": pa.int64()}


@dataclass(frozen=True)
class Column:
    """One column of an export: `header` is its Vietnamese name, `labels` maps each code to its label."""

    name: str
    header: str
    kind: str
    labels: dict[str, str]
    portal: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """One exported table: its columns in the order of the contract."""

    source: str
    name: str
    columns: tuple[Column, ...]

    def typed(self, frame: pd.DataFrame) -> pa.Table:
        """`frame` in the contract's order and types; missing columns are null."""
        arrays = {}
        for column in self.columns:
            values = frame.get(column.name)
            if values is None:
                arrays[column.name] = pa.nulls(len(frame), _ARROW.get(column.kind, pa.string()))
                continue
            array = pa.Array.from_pandas(values)
            if column.kind != "decimal":  # these stay whole numbers or floats, as they were made
                array = array.cast(_ARROW.get(column.kind, pa.string()))
            arrays[column.name] = array
        return pa.table(arrays)


@cache
def tables() -> dict[str, Table]:
    """All tables of all sources, by table name."""
    found = {}
    for path in sorted(CONTRACTS.glob("*.yaml")):
        contract = read_yaml(path)
        for entry in contract["schema"]:
            columns = tuple(_column(prop) for prop in entry["properties"])
            found[entry["name"]] = Table(contract["name"], entry["name"], columns)
    return found


def _column(prop: dict) -> Column:
    return Column(
        name=prop["name"],
        header=prop["businessName"],
        kind="code" if "enum" in prop else _KINDS[prop["logicalType"]],
        labels={entry["value"]: entry["label"] for entry in prop.get("enum", ())},
        portal={
            entry["property"]: entry["value"]
            for entry in prop.get("customProperties", ())
            if entry["property"].startswith("portal")
        },
    )
