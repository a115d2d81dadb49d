"""A check and its result, as plain data: what the suites are made of and what is kept of a run.

No Great Expectations in here, so that naming a check costs no import.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pyarrow as pa

Severity = Literal["block", "hold", "warn"]

BLOCK: Severity = "block"  # figures would be wrong: nothing that failed goes on
HOLD: Severity = "hold"  # the delivery waits for a person, the night goes on without it
WARN: Severity = "warn"  # it goes on, and it is told


@dataclass(frozen=True)
class Check:
    """One thing that must hold of one table.

    `params` with "where" ({part: SQL predicate of a bad row}) or with "query" (SQL that counts what is
    unexpected) are answered by SQL; otherwise `expectation` is one of `engine.NATIVE`. What changes from
    night to night stands in `facts` ({placeholder: SQL}) and `deliveries` ({_file_id: delivery_id}) and is
    no part of the identity. A check with `deliveries` has one result for each of them.
    """

    suite: str
    dataset: str  # schema.table
    expectation: str
    columns: tuple[str, ...]
    params: Mapping[str, Any]
    severity: Severity
    description: str
    description_en: str
    facts: Mapping[str, str] = field(default_factory=dict)
    deliveries: Mapping[str, str] = field(default_factory=dict)

    @property
    def check_id(self) -> str:
        """The same for the same check on every night."""
        identity = [self.suite, self.dataset, self.expectation, list(self.columns), dict(self.params)]
        text = json.dumps(identity, ensure_ascii=False, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:20]


@dataclass(frozen=True)
class CheckResult:
    """What one check found. `observed` holds counts and names of columns or rules, never a value of a row; the
    descriptions say in a sentence what must hold.
    """

    check_id: str
    suite: str
    dataset: str
    delivery_id: str | None
    expectation: str
    column_name: str | None
    severity: Severity
    passed: bool
    observed: str
    unexpected_count: int | None
    element_count: int | None
    checked_at: datetime
    description: str
    description_en: str


def failures(results: Iterable[CheckResult], *severities: Severity) -> list[CheckResult]:
    """The failed results, of the given severities or of all."""
    return [r for r in results if not r.passed and (not severities or r.severity in severities)]


def to_rows(results: Iterable[CheckResult]) -> list[dict[str, Any]]:
    """The results as rows of the table of check results."""
    return [asdict(result) for result in results]


def to_arrow(results: Iterable[CheckResult]) -> pa.Table:
    """The results as an Arrow table, with the same columns and types when there are none."""
    import pyarrow as pa

    types = {
        "passed": pa.bool_(),
        "unexpected_count": pa.int64(),
        "element_count": pa.int64(),
        "checked_at": pa.timestamp("us"),
    }
    schema = pa.schema([(f.name, types.get(f.name, pa.string())) for f in fields(CheckResult)])
    return pa.Table.from_pylist(to_rows(results), schema=schema)
