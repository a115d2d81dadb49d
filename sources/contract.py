"""The contracts of the exports as objects.

The ODCS files in `contracts/` are the only place where a column, header, code, key or rule is written;
readers, landing schema, Great Expectations suites, dbt sources and the data dictionary derive from this
module.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from open_data_contract_standard.model import OpenDataContractStandard, SchemaObject, SchemaProperty

from sources.text import both
from sources.yaml_file import read_yaml

CONTRACTS_DIR = Path(__file__).parent / "contracts"

_LOGICAL_TYPES = {
    "string": "str",
    "date": "date",
    "timestamp": "datetime",
    "boolean": "bool",
    "integer": "int",
    "number": "decimal",
}


# Letters. Codes stand in every row that is made of a row, some thousands of times; a longer one is a mistake, and would
# take all memory of a night.
_LONGEST_CODE = 200
_LONGEST_TEXT = 10_000


@dataclass(frozen=True)
class Rule:
    """A row rule: SQL over the typed columns; null passes, false rejects the row."""

    name: str
    column: str
    sql: str
    vi: str
    en: str


@dataclass(frozen=True)
class Column:
    name: str
    vi: str
    description: str
    type: str  # str, code, date, datetime, bool, int, decimal
    sql_type: str
    required: bool  # a blank rejects the row
    must_be_present: bool  # a file without the column is refused
    personal: bool
    kept: bool = True  # personal data without a use is read, judged and dropped
    aliases: tuple[str, ...] = ()
    codes: dict[str, str] = field(default_factory=dict)  # code -> Vietnamese label
    rules: tuple[Rule, ...] = ()
    portal_key: str | None = None
    portal_true_values: tuple[str, ...] = ()
    portal_nested: dict[str, Any] | None = None
    longest: int | None = None  # letters of a text

    @property
    def landed_name(self) -> str:
        """Personal data is landed under a keyed hash only, and the name says so."""
        return f"{self.name}_hash" if self.personal else self.name


@dataclass(frozen=True)
class Table:
    source: str
    name: str
    vi: str
    description: str
    grain: str
    owner: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    cadence_days: int
    rejected_share_limit_pct: float
    # A delivery without rows says that there was nothing; of other tables it is a broken export.
    may_be_empty: bool

    @property
    def relation(self) -> str:
        return f"{self.source}__{self.name}"

    @property
    def stale_after_days(self) -> int:
        """Older than this, the last delivery is one that should have been followed by another."""
        return 2 * self.cadence_days

    @property
    def is_personal(self) -> bool:
        """Whether the rows are about persons."""
        return any(column.personal for column in self.columns)

    @property
    def rules(self) -> tuple[Rule, ...]:
        return tuple(rule for column in self.columns for rule in column.rules)

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)


@dataclass(frozen=True)
class SourceContract:
    name: str
    title: str
    tables: dict[str, Table]


def _custom(item: SchemaObject | SchemaProperty | OpenDataContractStandard) -> dict[str, Any]:
    return {prop.property: prop.value for prop in item.customProperties or []}


def _column(prop: SchemaProperty, keys: Collection[str]) -> Column:
    custom = _custom(prop)
    codes = {str(entry.value): entry.label for entry in prop.enum or []}
    rules = []
    for quality in prop.quality or []:
        rules.append(Rule(quality.name, prop.name, quality.implementation, *both(quality.description)))
    kind = "code" if codes else _LOGICAL_TYPES[prop.logicalType]
    # Keys, and what names a row of another table, of whatever source.
    is_name = prop.name in keys or prop.name.endswith(("_code", "_id"))
    return Column(
        name=prop.name,
        vi=prop.businessName,
        description=prop.description,
        type=kind,
        longest=(_LONGEST_CODE if is_name else _LONGEST_TEXT) if kind == "str" else None,
        sql_type=prop.physicalType,
        required=bool(prop.required),
        must_be_present=bool(prop.required) or bool(custom.get("columnRequired")),
        personal=prop.classification == "personal",
        kept=bool(custom.get("keptAtTheDoor", True)),
        aliases=tuple(synonym.synonym for synonym in prop.synonyms or []),
        codes=codes,
        rules=tuple(rules),
        portal_key=custom.get("portalKey"),
        portal_true_values=tuple(custom.get("portalTrueValues", ())),
        portal_nested=custom.get("portalNested"),
    )


_UNIT_DAYS = {"d": 1, "mo": 31, "y": 366}


def load_contract(path: Path) -> SourceContract:
    """Read one ODCS file. Raises pydantic's ValidationError when it is not a valid contract."""
    document = OpenDataContractStandard(**read_yaml(path))
    limit = float(_custom(document)["rejectedShareLimitPct"])
    cadence = {
        sla.element: int(sla.value) * _UNIT_DAYS[sla.unit]
        for sla in document.slaProperties
        if sla.property == "frequency"
    }
    keys = {prop.name for schema in document.schema_ for prop in schema.properties if prop.primaryKey}
    tables = {}
    for schema in document.schema_:
        properties = schema.properties
        key = sorted((p for p in properties if p.primaryKey), key=lambda p: p.primaryKeyPosition)
        tables[schema.name] = Table(
            source=document.name,
            name=schema.name,
            vi=schema.businessName,
            description=schema.description,
            grain=schema.dataGranularityDescription,
            owner=_custom(schema)["owner"],
            columns=tuple(_column(p, keys) for p in properties),
            key=tuple(p.name for p in key),
            cadence_days=cadence[schema.name],
            rejected_share_limit_pct=limit,
            may_be_empty=bool(_custom(schema).get("mayBeEmpty", False)),
        )
    return SourceContract(document.name, document.description.purpose, tables)


@cache
def load_contracts() -> dict[str, SourceContract]:
    """All contracts by source name, in the order in which a night reads them."""
    contracts = [load_contract(path) for path in sorted(CONTRACTS_DIR.glob("*.yaml"))]
    return {contract.name: contract for contract in contracts}


def all_tables() -> list[Table]:
    return [table for contract in load_contracts().values() for table in contract.tables.values()]
