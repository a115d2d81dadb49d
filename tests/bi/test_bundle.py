"""The bundle by itself: sound as Superset's import reads it, and true to the contracts of the marts."""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from orchestration.bi import model, superset
from orchestration.bi.model import KINDS, WIDTH, BundleError, Words, load_bundle, mart_columns, short
from orchestration.bi.query import conditions, query_of
from orchestration.bi.superset import files, write_bundle
from orchestration.cli import app
from warehouse.settings import DBT_PROJECT

BUNDLE = load_bundle()
FILES = files("duckdb:////srv/par_index/published/par_index.duckdb")
CHARTS = {chart.name: chart for chart in BUNDLE.charts}


def of(folder: str) -> list[dict]:
    return [content for path, content in FILES.items() if path.startswith(f"{folder}/")]


def test_identifiers_are_unique_and_lead_somewhere() -> None:
    every = [
        part["uuid"] for folder in ("databases", "datasets", "charts", "dashboards") for part in of(folder)
    ]
    assert [name for name, count in Counter(every).items() if count > 1] == []
    (database,) = of("databases")
    datasets = {dataset["uuid"] for dataset in of("datasets")}
    charts = {chart["uuid"] for chart in of("charts")}
    assert {dataset["database_uuid"] for dataset in of("datasets")} == {database["uuid"]}
    assert {chart["dataset_uuid"] for chart in of("charts")} == datasets, "a dataset is asked by no chart"
    shown = Counter()
    for dashboard in of("dashboards"):
        parts = dashboard["position"]
        for name, part in parts.items():
            if isinstance(part, dict):
                assert part["id"] == name
                assert set(part.get("children", [])) <= set(parts)
                if part["type"] == "CHART":
                    shown[part["meta"]["uuid"]] += 1
        for told in dashboard["metadata"]["native_filter_configuration"]:
            assert {target["datasetUuid"] for target in told["targets"]} <= datasets
    assert set(shown) == charts
    assert set(shown.values()) == {1}
    assert len({dashboard["slug"] for dashboard in of("dashboards")}) == len(of("dashboards")) == 7


def test_identifiers_stay() -> None:
    """Another identifier would add everything again beside what an earlier release imported."""
    assert of("databases")[0]["uuid"] == "48126c22-a4ea-5d06-abf5-9137ee458498"


def test_rows_fill_the_grid() -> None:
    for dashboard in BUNDLE.dashboards:
        for row in dashboard.rows:
            assert sum(chart.width for chart in row) == WIDTH, [chart.name for chart in row]


def test_titles_are_in_both_languages() -> None:
    named = [*BUNDLE.datasets.values(), *BUNDLE.charts, *BUNDLE.dashboards]
    metrics = [metric for dataset in BUNDLE.datasets.values() for metric in dataset.metrics.values()]
    for part in [*named, *metrics]:
        assert part.title.vi and part.title.en, part
    vietnamese = re.compile("[À-ỹ]")
    assert sum(bool(vietnamese.search(part.title.vi)) for part in named) > 0.9 * len(named)


def test_every_rate_is_a_ratio_of_sums() -> None:
    """Nothing is averaged, and what is divided are sums, whatever rows a chart puts together."""
    seen = 0
    for dataset in BUNDLE.datasets.values():
        for metric in dataset.metrics.values():
            assert "avg(" not in metric.sql
            if "/" in metric.sql and "1000000000" not in metric.sql:
                above, below = metric.sql.split(" * 100.0 / ")
                assert above.lstrip("(").startswith("sum("), metric
                assert re.fullmatch(r"nullif\((sum|count)\(.*\), 0\)", below), metric
                seen += 1
    assert seen >= 10


@pytest.mark.parametrize(
    "name", [name for name, chart in CHARTS.items() if chart.dataset.mart == "fct_indicator"]
)
def test_no_chart_adds_periods_or_targets_together(name: str) -> None:
    """One case stands in a month, a quarter and the year, and in several targets."""
    chart = CHARTS[name]
    assert "is_headline" in chart.dataset.sql
    period = chart.where["period_kind"]
    assert period in ("month", "ytd")
    query = query_of(chart)
    if period == "month":
        assert query.month == "period_start"
    targets = chart.where.get("target_id")
    apart = {"target_id", "target_label"} & set(query.dimensions)
    # An agency is of one level, so its dossiers stand in one of these targets.
    of_one_agency = chart.dataset.name == "indicator_agency" and set(targets or ()) <= {
        "3.4.1",
        "3.4.2",
        "3.4.3",
    }
    assert isinstance(targets, str) or apart or of_one_agency, name


def test_columns_are_those_of_the_contracts() -> None:
    marts = mart_columns()
    for dataset in BUNDLE.datasets.values():
        assert set(marts[dataset.mart]) <= set(dataset.columns)
        assert set(dataset.reads) <= set(marts)
        for mart in re.findall(r"(?:from|join) marts\.(\w+)", dataset.sql):
            assert mart in marts
        for column, told in dataset.columns.items():
            assert told.title.vi, (dataset.name, column)


def test_filters_name_columns_of_their_datasets() -> None:
    for dashboard in BUNDLE.dashboards:
        for told in dashboard.filters:
            assert told.column in told.dataset.columns


def test_every_chart_of_one_agency_can_be_filtered() -> None:
    """A chart that lacks the column would show the whole province under an agency's name."""
    (dashboard,) = (d for d in BUNDLE.dashboards if d.name == "agency")
    (told,) = dashboard.filters
    assert told.required
    for chart in dashboard.charts:
        assert told.column in chart.dataset.columns, chart.name


def test_statuses_have_the_colours_of_the_morning_page() -> None:
    script = (Path(superset.__file__).parents[1] / "report" / "app.js").read_text(encoding="utf-8")
    for status, colour in superset._COLOURS.items():
        assert f'{status}: "{colour}"' in script, status


def test_the_same_zip_every_time(tmp_path: Path) -> None:
    for name in ("one.zip", "two.zip"):
        write_bundle(tmp_path / name, "duckdb:////x.duckdb")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert all(name.startswith("par_index/") for name in archive.namelist())
        for name in archive.namelist():
            assert yaml.safe_load(archive.read(name)), name
        assert yaml.safe_load(archive.read("par_index/metadata.yaml"))["version"] == "1.0.0"


@pytest.mark.parametrize(
    ("url", "secrets", "stays"),
    [
        (
            "postgresql+psycopg2://superset:T%C3%B4i@db/par_index",
            ("T%C3%B4i", "Tôi"),
            "superset:XXXXXXXXXX@db",
        ),
        (
            "postgresql+psycopg2://db/par_index?user=reader&password=SECRET77&sslmode=require",
            ("SECRET77",),
            "sslmode=require",
        ),
    ],
    ids=["before the host", "among the options"],
)
def test_the_command_writes_no_password(
    tmp_path: Path, url: str, secrets: tuple[str, ...], stays: str
) -> None:
    out = tmp_path / "bundle.zip"
    done = CliRunner().invoke(app, ["superset", "--out", str(out), "--database", url])
    assert done.exit_code == 0, done.output
    with zipfile.ZipFile(out) as archive:
        database = archive.read("par_index/databases/PAR_INDEX.yaml").decode()
    assert not any(secret in database for secret in secrets)
    assert stays in database
    assert "read_only" not in database
    assert "read_only: true" in yaml.safe_dump(of("databases")[0])


@pytest.mark.parametrize("url", ["mysql://x/y", "par_index.duckdb", "sqlite:///x"])
def test_the_command_refuses_other_databases(url: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["superset", "--out", str(tmp_path / "x.zip"), "--database", url])
    assert done.exit_code == 2
    assert not (tmp_path / "x.zip").exists()


def test_a_slip_in_a_definition_is_named() -> None:
    some = {"name": "x", "title": "A | B", "kind": "number", "dataset": "scorecard", "width": 2}
    with pytest.raises(BundleError, match=r"o\.x: 'gauge' is no kind"):
        model._chart(some | {"kind": "gauge"}, "o", 9, BUNDLE.datasets)
    with pytest.raises(BundleError, match=r"knows no \['nhận'\]"):
        model._chart(some | {"nhận": None}, "o", 9, BUNDLE.datasets)
    with pytest.raises(BundleError, match="scorecard has no nothing"):
        query_of(model._chart(some | {"metrics": "nothing"}, "o", 9, BUNDLE.datasets))
    with pytest.raises(BundleError, match="needs metrics"):
        query_of(model._chart(some, "o", 9, BUNDLE.datasets))
    with pytest.raises(BundleError, match="'~' is no comparison"):
        conditions({"a": {"~": 1}})


def test_titles_cut_from_descriptions() -> None:
    assert short("Mã đơn vị; H62 = toàn tỉnh | Agency; H62 = the province") == Words("Mã đơn vị", "Agency")
    assert short("Điểm (ước tính) | Points. An estimate.") == Words("Điểm", "Points")


def test_each_dashboard_is_an_exposure_of_dbt() -> None:
    """What dbt's lineage says a dashboard reads is what its charts read."""
    document = yaml.safe_load((DBT_PROJECT / "models" / "_exposures.yml").read_text("utf-8"))
    told = {exposure["name"]: exposure for exposure in document["exposures"]}
    written_aside = {"fct_alert"}  # by the night itself, not by dbt
    for dashboard in BUNDLE.dashboards:
        exposure = told[f"superset_{dashboard.name}"]
        datasets = [chart.dataset for chart in dashboard.charts] + [
            told.dataset for told in dashboard.filters
        ]
        reads = {mart for dataset in datasets for mart in dataset.reads} - written_aside
        assert set(exposure["depends_on"]) == {f"ref('{mart}')" for mart in reads}, dashboard.name
        assert exposure["label"] == str(dashboard.title)
        assert exposure["owner"]["name"]


def test_every_kind_is_in_use() -> None:
    assert {chart.kind for chart in BUNDLE.charts} == set(KINDS)
