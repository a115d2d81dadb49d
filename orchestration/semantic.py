"""Metrics: the SQL that answers a question about headline rates, from the semantic models of the dbt project.

MetricFlow writes the SQL; it runs on the published file like any reader's. Nothing is built for it at night.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import duckdb
from metricflow.engine.metricflow_engine import (
    MetricFlowEngine,
    MetricFlowQueryRequest,
    OutputColumnOrderMode,
)
from metricflow.protocols.sql_client import SqlEngine
from metricflow.sql.render.duckdb_renderer import DuckDbSqlPlanRenderer
from metricflow.sql.render.postgres import PostgresSQLSqlPlanRenderer
from metricflow_semantics.errors.error_classes import MetricFlowException
from metricflow_semantics.model.dbt_manifest_parser import parse_manifest_from_dbt_generated_manifest
from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup

from orchestration import dbt
from orchestration.nearest import nearest_codes
from sources.text import sql_string

DIALECTS = {
    "duckdb": (SqlEngine.DUCKDB, DuckDbSqlPlanRenderer),
    "postgres": (SqlEngine.POSTGRES, PostgresSQLSqlPlanRenderer),
}


class QuestionError(Exception):
    """The metrics, groups or conditions asked for do not exist or do not go together; the message says which."""


@dataclass(frozen=True)
class Metric:
    name: str
    label: str
    description: str
    is_rate: bool
    groups: tuple[str, ...]  # what it can be cut by, by short name
    meta: Mapping[str, Any]


@dataclass(frozen=True)
class Question:
    """Metrics of the days from `first` to `last`, cut by groups; `where` names the one value of a group."""

    metrics: Sequence[str]
    first: date
    last: date
    by: Sequence[str] = ()
    where: Mapping[str, str] = field(default_factory=dict)


class _Dialect:
    """What MetricFlow asks of a database when it only writes SQL."""

    def __init__(self, name: str) -> None:
        self.sql_engine_type, renderer = DIALECTS[name]
        self.sql_plan_renderer = renderer()


def _engine(dialect: str) -> MetricFlowEngine:
    dbt.manifest_path()  # both are made together
    manifest = json.loads(dbt.SEMANTIC_MANIFEST.read_text(encoding="utf-8"))
    relations = [model["node_relation"] for model in manifest["semantic_models"]]
    relations += [spine["node_relation"] for spine in manifest["project_configuration"]["time_spines"]]
    for relation in relations:
        # dbt names the build file as the database; the published marts are the same in every place.
        relation["database"] = None
        relation["relation_name"] = f'"{relation["schema_name"]}"."{relation["alias"]}"'
    parsed = parse_manifest_from_dbt_generated_manifest(json.dumps(manifest))
    return MetricFlowEngine(SemanticManifestLookup(parsed), _Dialect(dialect))


def metrics() -> list[Metric]:
    engine = _engine("duckdb")
    return [
        Metric(
            metric.name,
            metric.label or "",
            metric.description or "",
            metric.type.value == "ratio",
            tuple(name for name in _groups(engine, [metric.name]) if "__" not in name),
            _meta(metric),
        )
        for metric in engine.list_metrics(include_dimensions=False)
    ]


PERIODS = ("day", "week", "month", "quarter", "year")


def _groups(engine: MetricFlowEngine, chosen: Sequence[str]) -> dict[str, str]:
    """Group, by its short and its full name -> as MetricFlow calls it: what all the metrics can be cut by."""
    common = [d.dunder_name for d in engine.simple_dimensions_for_metrics(list(chosen))]
    found = {name.partition("__")[2]: name for name in common if not name.startswith("metric_time")}
    return found | {name: name for name in found.values()} | {p: f"metric_time__{p}" for p in PERIODS}


def _meta(metric) -> Mapping[str, Any]:
    return (metric.config and metric.config.meta) or {}


def sql(question: Question, dialect: str = "duckdb") -> str:
    """The SQL that answers, over schema `marts`. Raises QuestionError."""
    if question.first > question.last:
        raise QuestionError(f"the first day ({question.first}) is after the last one ({question.last})")
    engine = _engine(dialect)
    known = {metric.name: metric for metric in engine.list_metrics(include_dimensions=False)}
    unknown = set(question.metrics) - set(known)
    if unknown or not question.metrics:
        raise QuestionError(
            f"no metric {', '.join(sorted(unknown)) or 'named'}; there are {', '.join(known)}"
        )
    groups = _groups(engine, question.metrics)
    named = {*question.by, *question.where}
    unknown = named - set(groups)
    if unknown:
        possible = ", ".join(name for name in groups if "__" not in name)
        raise QuestionError(
            f"{', '.join(question.metrics)} cannot be cut by {', '.join(sorted(unknown))}; possible: {possible}"
        )
    for name in question.metrics:
        needed = _meta(known[name]).get("always_by", ())
        missing = [group for group in needed if not named & {group, groups[group]}]
        if missing:
            raise QuestionError(
                f"{name} over several of them says nothing: cut it by {' and '.join(missing)}, or name one"
            )
    if any("{" in value for value in question.where.values()):  # conditions are templates to MetricFlow
        raise QuestionError("a value to look for holds no brace")
    by = [groups[name] for name in question.by]
    try:
        request = MetricFlowQueryRequest.create(
            metric_names=list(question.metrics),
            group_by_names=by,
            order_by_names=by,
            where_constraints=[_condition(groups[n], value) for n, value in question.where.items()],
            time_constraint_start=datetime.combine(question.first, time.min),
            time_constraint_end=datetime.combine(question.last, time.min),
            output_column_order_mode=OutputColumnOrderMode.INPUT_ORDER,
        )
        return engine.explain(request).sql_statement.sql
    except MetricFlowException as error:
        raise QuestionError(str(error)) from error


def _condition(group: str, value: str) -> str:
    kind, _, period = group.partition("metric_time__")
    called = f"TimeDimension('metric_time', '{period}')" if not kind else f"Dimension('{group}')"
    return f"{{{{ {called} }}}} = {sql_string(value)}"


def ask(
    database: Path, question: Question, config: Mapping[str, Any] | None = None
) -> tuple[list[str], list[tuple]]:
    """Column names and rows of the answer from a published file. `config`: Settings.duckdb.

    Raises QuestionError, also where the answer is empty because a value to look for is nowhere in these days.
    """
    text = sql(question)
    with duckdb.connect(str(database), read_only=True, config=dict(config or {})) as connection:
        try:
            found = connection.execute(text)
            columns, rows = [column[0] for column in found.description], found.fetchall()
            if all(cell is None for row in rows for cell in row[len(question.by) :]):
                _must_be_there(connection, question)
        except duckdb.Error as error:
            raise QuestionError(f"a value to look for is not of its column's kind: {error}") from error
    return columns, rows


def _must_be_there(connection: duckdb.DuckDBPyConnection, question: Question) -> None:
    for group, value in question.where.items():
        others = [name for name in question.by if name != group]
        asked = replace(question, by=[group, *others], where={})
        try:
            known = sorted(
                {str(row[0]) for row in connection.execute(sql(asked)).fetchall() if row[0] is not None}
            )
        except QuestionError:  # these metrics need the other values, too
            continue
        if value not in known:
            near = known if len(known) <= 12 else nearest_codes(value, known)
            raise QuestionError(
                f"{group} is nowhere {value!r} from {question.first} to {question.last}; there is {', '.join(near) or '–'}"
            )
