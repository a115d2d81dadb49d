"""What a chart asks: one aggregate over one dataset, as Superset's query object and as SQL.

The SQL is what tests and the benchmark run. It is written as Superset writes it, in words that DuckDB and PostgreSQL
have in common.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestration.bi.model import BundleError, Chart, Dataset
from sources.text import sql_name, sql_string

ROW_LIMIT = 1000
MONTH = "P1M"
_COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")


@dataclass(frozen=True)
class Condition:
    column: str
    operator: str  # as Superset writes it: ==, !=, IN, IS TRUE ...
    value: Any = None

    def sql(self) -> str:
        name = sql_name(self.column)
        match self.operator:
            case "IN":
                return f"{name} in ({', '.join(map(_literal, self.value))})"
            case "IS TRUE" | "IS FALSE" | "IS NULL" | "IS NOT NULL":
                return f"{name} {self.operator.lower()}"
            case "==":
                return f"{name} = {_literal(self.value)}"
            case _:
                return f"{name} {self.operator} {_literal(self.value)}"


@dataclass(frozen=True)
class Query:
    """`dimensions` are grouped by where there are metrics, else simply selected. `month`: the one cut to months."""

    dataset: Dataset
    dimensions: tuple[str, ...]
    metrics: tuple[str, ...]
    conditions: tuple[Condition, ...]
    order: tuple[tuple[str, bool], ...] = ()  # name, ascending
    month: str | None = None
    limit: int = ROW_LIMIT

    def sql(self) -> str:
        cells = [self._cell(name) for name in self.dimensions]
        figures = [f"{self.dataset.metrics[name].sql} as {sql_name(name)}" for name in self.metrics]
        select = ", ".join(
            [f"{cell} as {sql_name(name)}" for cell, name in zip(cells, self.dimensions, strict=True)]
            + figures
        )
        parts = [f"select {select}", f"from ({self.dataset.sql}) as d"]
        if self.conditions:
            parts.append("where " + " and ".join(condition.sql() for condition in self.conditions))
        if self.metrics and cells:
            parts.append("group by " + ", ".join(cells))
        if self.order:
            parts.append(
                "order by "
                + ", ".join(f"{sql_name(name)} {'asc' if up else 'desc'}" for name, up in self.order)
            )
        return "\n".join([*parts, f"limit {self.limit}"])

    def _cell(self, name: str) -> str:
        return f"date_trunc('month', {sql_name(name)})" if name == self.month else sql_name(name)


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else sql_string(str(value))


def conditions(where: Mapping[str, Any]) -> tuple[Condition, ...]:
    """`{a: x, b: [y, z], c: true, d: {">": 0}, e: present}` as conditions that must all hold."""
    found = []
    for column, wanted in where.items():
        if isinstance(wanted, bool):
            found.append(Condition(column, "IS TRUE" if wanted else "IS FALSE"))
        elif isinstance(wanted, list):
            found.append(Condition(column, "IN", wanted))
        elif isinstance(wanted, Mapping):
            ((operator, value),) = wanted.items()
            if operator not in _COMPARISONS:
                raise BundleError(f"{operator!r} is no comparison: one of {', '.join(_COMPARISONS)}")
            found.append(Condition(column, operator, value))
        elif wanted == "present":
            found.append(Condition(column, "IS NOT NULL"))
        else:
            found.append(Condition(column, "==", wanted))
    return tuple(found)


def _listed(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


def query_of(chart: Chart) -> Query:
    """The question behind a chart. Raises BundleError for a name that its dataset does not have."""
    match chart.kind:
        case "number":
            dimensions: tuple[str, ...] = ()
        case "line" | "bar" | "heatmap":
            dimensions = (chart.options["x"], *_listed(chart.option("by")))
        case "pie":
            dimensions = _listed(chart.options["by"])
        case _:
            dimensions = _listed(chart.option("columns")) or _listed(chart.option("by"))
    metrics = _listed(chart.option("metrics"))
    query = Query(
        chart.dataset,
        dimensions,
        metrics,
        conditions(chart.where),
        tuple((name, bool(up)) for name, up in chart.option("order", ())),
        next((name for name in dimensions if chart.kind != "table" and _is_day(chart, name)), None),
        chart.option("limit", ROW_LIMIT),
    )
    known = {*chart.dataset.columns, *chart.dataset.metrics}
    asked = {*dimensions, *metrics, *(c.column for c in query.conditions), *(name for name, _ in query.order)}
    if unknown := sorted(asked - known):
        raise BundleError(f"{chart.name}: dataset {chart.dataset.name} has no {', '.join(unknown)}")
    if chart.kind != "table" and not metrics:
        raise BundleError(f"{chart.name}: a {chart.kind} needs metrics")
    return query


def _is_day(chart: Chart, name: str) -> bool:
    column = chart.dataset.columns.get(name)
    return column is not None and column.is_temporal
