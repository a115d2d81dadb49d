"""The bundle as data: datasets with their columns and metrics, charts, dashboards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from orchestration.alerting.table import COLUMN_TEXTS, SQL_TYPES
from orchestration.alerting.table import schema as alert_schema
from orchestration.report.page import load_texts
from sources.text import both, sql_name, sql_string
from sources.yaml_file import read_yaml
from warehouse.publish import MARTS
from warehouse.settings import DBT_PROJECT

HERE = Path(__file__).parent
WIDTH = 12  # columns of a dashboard's grid


class BundleError(Exception):
    """The definitions contradict themselves or the marts; the message says where."""


@dataclass(frozen=True)
class Words:
    """A text in both languages, Vietnamese first."""

    vi: str
    en: str

    @classmethod
    def of(cls, text: str) -> Words:
        return cls(*both(text))

    def __str__(self) -> str:
        return f"{self.vi} | {self.en}" if self.en else self.vi


@dataclass(frozen=True)
class Column:
    """`type` as the dbt contract writes it: string, bigint, double, date, timestamp ..."""

    name: str
    type: str
    title: Words
    description: str

    @property
    def is_temporal(self) -> bool:
        return self.type in ("date", "timestamp")


@dataclass(frozen=True)
class Metric:
    name: str
    title: Words
    sql: str
    format: str | None  # of d3, with the separators of the reader's locale


@dataclass(frozen=True)
class Dataset:
    name: str
    title: Words
    mart: str
    columns: Mapping[str, Column]
    metrics: Mapping[str, Metric]
    sql: str
    reads: tuple[str, ...]  # every mart that the SQL reads

    def titled(self, name: str) -> Words:
        return (self.metrics.get(name) or self.columns[name]).title


@dataclass(frozen=True)
class Chart:
    """One question and how its answer is drawn. `options` are those of its kind, see KINDS."""

    name: str
    title: Words
    kind: str
    dataset: Dataset
    width: int
    height: int
    where: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    def option(self, name: str, default: Any = None) -> Any:
        return self.options.get(name, default)


@dataclass(frozen=True)
class Filter:
    name: Words
    dataset: Dataset
    column: str
    required: bool  # exactly one value, the first one to begin with


@dataclass(frozen=True)
class Dashboard:
    name: str
    title: Words
    slug: str
    description: str
    note: str | None
    filters: tuple[Filter, ...]
    rows: tuple[tuple[Chart, ...], ...]

    @property
    def charts(self) -> Iterator[Chart]:
        for row in self.rows:
            yield from row


@dataclass(frozen=True)
class Bundle:
    words: Mapping[str, Mapping[str, str]]  # kind of code -> code -> Vietnamese word
    datasets: Mapping[str, Dataset]
    dashboards: tuple[Dashboard, ...]

    @property
    def charts(self) -> Iterator[Chart]:
        for dashboard in self.dashboards:
            yield from dashboard.charts


def short(comment: str) -> Words:
    """The title in a column's comment: what stands before the first comma, colon, bracket or full stop."""

    def cut(text: str) -> str:
        for mark in (";", ":", ",", " (", ". "):
            text = text.partition(mark)[0]
        return text.strip().rstrip(".")

    words = Words.of(comment)
    return Words(cut(words.vi), cut(words.en))


@cache
def mart_columns() -> dict[str, dict[str, Column]]:
    """Columns of all marts: dbt's contracts, and the table of alerts, which orchestration writes."""
    found: dict[str, dict[str, Column]] = {}
    for path in sorted((DBT_PROJECT / "models" / "marts").rglob("*.yml")):
        for model in read_yaml(path).get("models", []):
            found[model["name"]] = {
                column["name"]: Column(
                    column["name"], column["data_type"], short(column["description"]), column["description"]
                )
                for column in model["columns"]
            }
    found["fct_alert"] = {
        part.name: Column(
            part.name, SQL_TYPES[str(part.type)], short(COLUMN_TEXTS[part.name]), COLUMN_TEXTS[part.name]
        )
        for part in alert_schema()
    }
    return found


def _word_list(definition: Mapping[str, str]) -> dict[str, str]:
    """Code -> Vietnamese word, from the texts of the morning page."""
    texts = load_texts()
    if "section" in definition:
        return {code: both[0] for code, both in texts[definition["section"]].items()}
    ui = texts["ui"]
    words = {code: Words.of(key).vi if " | " in key else ui[key][0] for code, key in definition.items()}
    return {code: word[:1].upper() + word[1:] for code, word in words.items()}


def _in_words(column: Column, words: Mapping[str, str]) -> str:
    """SQL of the words for a code; a code without a word stays as it is."""
    value = f"m.{sql_name(column.name)}"
    if column.type == "boolean":
        return (
            f"case when {value} then {sql_string(words['true'])}"
            f" when not {value} then {sql_string(words['false'])} end"
        )
    cases = " ".join(f"when {sql_string(code)} then {sql_string(word)}" for code, word in words.items())
    return f"case {value} {cases} else {value} end"


def _dataset(
    name: str,
    definition: Mapping[str, Any],
    join_on: Mapping[str, str],
    word_lists: Mapping[str, Mapping[str, str]],
    titles: Mapping[str, Words],
) -> Dataset:
    marts = mart_columns()
    mart = definition["mart"]
    columns = dict(marts[mart])
    select = ["m.*"]
    for other, added in definition.get("adds", {}).items():
        for column in added:
            columns[column] = marts[other][column]
            select.append(f"{other}.{column}")
    for column, words in definition.get("words", {}).items():
        label = f"{column}_label"
        columns[label] = Column(label, "string", columns[column].title, columns[column].description)
        select.append(f"{_in_words(columns[column], word_lists[words])} as {label}")
    for column, computed in definition.get("computed", {}).items():
        title = Words.of(computed["title"])
        columns[column] = Column(column, "string", title, str(title))
        select.append(f"{computed['sql']} as {column}")
    joins = [f"left join {MARTS}.{other} on {join_on[other]}" for other in definition.get("adds", {})]
    lines = ["select " + ",\n    ".join(select), f"from {MARTS}.{mart} as m", *joins]
    if "where" in definition:
        lines.append(f"where {definition['where']}")
    columns = {
        name: replace(column, title=titles[name]) if name in titles else column
        for name, column in columns.items()
    }
    metrics = {
        metric: Metric(metric, Words.of(told["title"]), told["sql"], told["format"])
        for metric, told in definition["metrics"].items()
    }
    if both := set(metrics) & set(columns):
        raise BundleError(f"dataset {name}: {', '.join(sorted(both))} is a column and a metric")
    return Dataset(
        name,
        Words.of(definition["title"]),
        mart,
        columns,
        metrics,
        "\n".join(lines),
        (mart, *definition.get("adds", {})),
    )


_OF_EVERY_CHART = {"name", "title", "kind", "dataset", "width", "where", "description", "empty"}
# x: the axis, a day is cut to its month; by: what splits the figures; bounds: of the axis; goal: a line across;
# order: [[name, ascending]]; colour: cells to mark; bars: cells drawn as bars; page: rows of a page; empty: why
# there may be no rows.
KINDS: Mapping[str, set[str]] = {
    "number": {"metrics", "subtitle"},
    "line": {"x", "by", "metrics", "goal", "bounds"},
    "bar": {"x", "by", "metrics", "order", "limit", "horizontal", "stack", "bounds", "values"},
    "pie": {"by", "metrics"},
    "heatmap": {"x", "by", "metrics", "bounds"},
    "table": {"columns", "by", "metrics", "order", "limit", "page", "search", "bars", "colour", "formats"},
}


def _chart(
    definition: Mapping[str, Any], dashboard: str, height: int, datasets: Mapping[str, Dataset]
) -> Chart:
    name = f"{dashboard}.{definition['name']}"
    if definition["kind"] not in KINDS:
        raise BundleError(f"{name}: {definition['kind']!r} is no kind of chart: {', '.join(KINDS)}")
    if strange := sorted(set(definition) - _OF_EVERY_CHART - KINDS[definition["kind"]]):
        raise BundleError(f"{name}: a {definition['kind']} knows no {strange} (a comma without quotes?)")
    return Chart(
        name,
        Words.of(definition["title"]),
        definition["kind"],
        datasets[definition["dataset"]],
        definition["width"],
        height,
        definition.get("where", {}),
        {
            key: value
            for key, value in definition.items()
            if key in KINDS[definition["kind"]] | {"empty", "description"}
        },
    )


def _dashboard(path: Path, datasets: Mapping[str, Dataset]) -> Dashboard:
    definition = read_yaml(path)
    name = path.stem.partition("_")[2]
    return Dashboard(
        name,
        Words.of(definition["title"]),
        f"par-index-{name.replace('_', '-')}",
        definition["description"],
        definition.get("note"),
        tuple(
            Filter(
                Words.of(told["title"]),
                datasets[told["dataset"]],
                told["column"],
                told.get("required", False),
            )
            for told in definition.get("filters", [])
        ),
        tuple(
            tuple(_chart(chart, name, row["height"], datasets) for chart in row["charts"])
            for row in definition["rows"]
        ),
    )


@cache
def load_bundle() -> Bundle:
    common = read_yaml(HERE / "datasets.yaml")
    words = {name: _word_list(told) for name, told in common["words"].items()}
    titles = {name: Words.of(text) for name, text in common["titles"].items()}
    datasets = {
        name: _dataset(name, told, common["joins"], words, titles)
        for name, told in common["datasets"].items()
    }
    paths = sorted((HERE / "dashboards").glob("*.yaml"))
    bundle = Bundle(words, datasets, tuple(_dashboard(path, datasets) for path in paths))
    twice = [name for name, count in Counter(chart.name for chart in bundle.charts).items() if count > 1]
    if twice:
        raise BundleError(f"two charts of one name: {', '.join(twice)}")
    return bundle
