"""A metric gives the figure that was published, and no night works for it."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from orchestration import dbt, semantic
from tests.conftest import SAMPLE_DAY, parindex

YEAR = {"first": SAMPLE_DAY.replace(month=1, day=1), "last": SAMPLE_DAY}
RATES = {metric.name: metric for metric in semantic.metrics() if metric.is_rate}
OF_DOSSIERS = [name for name, metric in RATES.items() if "family" in metric.meta]


@pytest.fixture(scope="module")
def file(night: Path) -> Path:
    return night / "published" / "par_index.duckdb"


def published(file: Path, where: str) -> dict[tuple, float]:
    """(target_id, measure, agency_code) -> value, of the headline figures with a value, year to date."""
    with duckdb.connect(str(file), read_only=True) as connection:
        rows = connection.execute(
            "select i.target_id, t.measure, i.agency_code, i.value from marts.fct_indicator as i"
            " inner join marts.dim_target as t on i.target_id = t.target_id and t.is_in_force"
            f" where i.is_headline and i.period_kind = 'ytd' and i.value is not null and {where}"
        ).fetchall()
    return {(target, measure, agency): value for target, measure, agency, value in rows}


def answers(file: Path, *metrics: str, by: list[str]) -> dict[tuple, float]:
    _, rows = semantic.ask(file, semantic.Question(metrics, by=by, **YEAR))
    groups = [[g.date() if isinstance(g, datetime) else g for g in row[: len(by)]] for row in rows]
    return {tuple(g): row[len(by)] for g, row in zip(groups, rows, strict=True) if row[len(by)] is not None}


@pytest.mark.parametrize("name", OF_DOSSIERS)
def test_a_rate_of_dossiers_is_the_published_figure(file: Path, name: str) -> None:
    """Of the province and of every agency, from the dossiers themselves."""
    meta = RATES[name].meta
    cut = [meta["measure_is"].partition("__")[2]] if "measure_is" in meta else []
    of_family = f"t.family = '{meta['family']}' and i.variant = '{meta['variant']}'"
    if not cut:
        of_family += f" and t.measure = '{meta['measure']}'"
    of_province = published(file, f"{of_family} and i.agency_code = 'H62'")
    assert of_province
    found = answers(file, name, by=cut)
    for (target, measure, _), value in of_province.items():
        assert 100 * found[(measure,) if cut else ()] == pytest.approx(value, abs=1e-9), target
    of_agencies = published(file, f"{of_family} and i.agency_code <> 'H62'")
    assert len(of_agencies) > 10
    found = answers(file, name, by=[*cut, "agency_code"])
    for (target, measure, agency), value in of_agencies.items():
        key = (measure, agency) if cut else (agency,)
        assert 100 * found[key] == pytest.approx(value, abs=1e-9), (target, agency)


def test_every_percentage_target_of_agencies_is_the_ratio_of_their_sums(file: Path) -> None:
    """6.3.4 compares years: the province's figure is of all units, not of its agencies (D10)."""
    of_province = published(
        file,
        "t.measure_kind = 'percent' and t.agency_scope = 'agency' and t.target_id <> '6.3.4'"
        " and i.agency_code = 'H62'",
    )
    assert len(of_province) > 30
    found = answers(file, "headline_rate", by=["target_id"])
    for (target, _, _), value in of_province.items():
        assert 100 * found[(target,)] == pytest.approx(value, abs=1e-6), target


@pytest.mark.parametrize(
    ("metric", "period"), [("headline_monthly_rate", "month"), ("headline_quarterly_rate", "quarter")]
)
def test_every_period_of_every_target_is_the_published_one(file: Path, metric: str, period: str) -> None:
    """Among them those whose periods do not add up: one agency or pair seen in two months is one (7.2.x, 7.3.6b)."""
    found = answers(file, metric, by=["target_id", period])
    with duckdb.connect(str(file), read_only=True) as connection:
        rows = connection.execute(
            "select i.target_id, i.period_start, i.value from marts.fct_indicator as i"
            " inner join marts.dim_target as t on i.target_id = t.target_id and t.is_in_force"
            " where i.is_headline and i.period_kind = $1 and i.agency_code = 'H62' and i.value is not null"
            " and t.measure_kind <> 'count' and t.agency_scope <> 'province'",
            [period],
        ).fetchall()
    assert {"3.4.1", "7.2.1a", "7.2.1b", "7.2.2", "7.3.6b"} <= {target for target, _, _ in rows}
    for target, start, value in rows:
        assert 100 * found[(target, start)] == pytest.approx(value, abs=1e-6), (target, start)
    assert set(found) == {(target, start) for target, start, _ in rows}


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({"metrics": ["rate"]}, "no metric rate; there are "),
        ({"metrics": []}, "no metric named"),
        ({"metrics": ["on_time_rate"], "by": ["commune"]}, "possible: agency_code"),
        ({"metrics": ["on_time_rate", "headline_rate"], "by": ["level"]}, "possible: day"),
        ({"metrics": ["headline_rate"]}, "cut it by target_id"),
        ({"metrics": ["headline_monthly_rate"], "by": ["target_id", "quarter"]}, "cut it by month"),
        ({"metrics": ["headline_amount"], "by": ["target_id"]}, "cut it by period_kind and month"),
        ({"metrics": ["on_time_rate"], "where": {"level": "{{ 1 }}"}}, "no brace"),
        ({"metrics": ["on_time_rate"], "where": {"received_on": "today'"}}, "kind"),
        (
            {"metrics": ["due_dossiers"], "where": {"level": "province"}},
            "nowhere 'province'.*there is huyen, tinh, xa",
        ),
        ({"metrics": ["due_dossiers"], "where": {"agency_code": "H62.0Z"}}, "nowhere 'H62.0Z'.*H62.0"),
        ({"metrics": ["due_dossiers"], "where": {"agency_code": "x' or 'a' = 'a"}}, "nowhere"),
    ],
)
def test_a_question_that_makes_no_sense_is_told(file: Path, question: dict, message: str) -> None:
    with pytest.raises(semantic.QuestionError, match=message):
        semantic.ask(file, semantic.Question(**question, **YEAR))


def test_days_the_wrong_way_round_are_told(file: Path) -> None:
    with pytest.raises(semantic.QuestionError, match="is after the last one"):
        semantic.ask(file, semantic.Question(["due_dossiers"], first=YEAR["last"], last=YEAR["first"]))


def test_values_that_are_there_but_not_together_have_no_answer(file: Path) -> None:
    by_agency = semantic.Question(["due_dossiers"], by=["agency_code"], where={"level": "tinh"}, **YEAR)
    department = semantic.ask(file, by_agency)[1][0][0]
    question = semantic.Question(["due_dossiers"], where={"level": "xa", "agency_code": department}, **YEAR)
    assert semantic.ask(file, question)[1] in ([], [(None,)])


def test_the_command_writes_what_it_shows(night: Path, tmp_path: Path) -> None:
    out = tmp_path / "rates.csv"
    arguments = ("metrics", "query", "on_time_rate", "due_dossiers", "--by", "level", "--where", "level=xa")
    shown = parindex(*arguments, home=night).stdout
    parindex(*arguments, "--out", str(out), home=night)
    with out.open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["level"] == "xa"
    assert f"{float(row['on_time_rate']):.6f}" in shown
    text = parindex(*arguments, "--sql", "--dialect", "postgres", home=night).stdout
    assert "double precision" in text.lower() and '"marts"."fct_dossier"' in text
    wrong = parindex("metrics", "query", "on_time_rate", "--by", "nonsense", home=night, check=False)
    assert wrong.returncode == 2 and "Traceback" not in wrong.stderr


def test_a_night_builds_nothing_for_metrics(night: Path) -> None:
    """They are in the manifest, and in no table of the warehouse."""
    manifest = dbt.manifest()
    assert manifest["metrics"] and manifest["semantic_models"]
    names = {metric["name"] for metric in manifest["metrics"].values()}
    with duckdb.connect(str(night / "warehouse.duckdb"), read_only=True) as connection:
        built = {name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()}
        built |= {name for (name,) in connection.execute("select view_name from duckdb_views()").fetchall()}
    assert not names & built
