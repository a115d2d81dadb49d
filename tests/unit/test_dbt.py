"""dbt's own unit tests and data tests, run by dbt over a random province."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest

from orchestration import dbt
from orchestration.plan import NoPlanInForce, check_plan
from tests.province import make_province, to_landing_duckdb
from warehouse import fingerprint
from warehouse.build import open_build_file
from warehouse.ledger import ACCEPTED, PARTLY_QUARANTINED
from warehouse.settings import DBT_PROJECT, Settings

DAY = date(2024, 11, 30)


def test_unit_tests_of_the_models_and_data_tests_hold(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, inbox=tmp_path / "inbox").create()
    to_landing_duckdb(make_province(size=50, seed=3, as_of=DAY).tables, settings.building, DAY)
    with open_build_file(settings, settings.building) as connection:
        _without_an_earlier_night(connection)
    arguments = ["build", *dbt.options(tmp_path / "dbt", DAY)]
    result = dbt._invoke(arguments, settings.building, settings)
    by_status: dict[str, list[str]] = {}
    for node in result.result.results:
        by_status.setdefault(str(node.status), []).append(f"{node.node.name}: {node.message}")
    assert not by_status.get("fail") and not by_status.get("error"), by_status
    assert sum(str(node.node.resource_type) == "unit_test" for node in result.result.results) > 40


def _without_an_earlier_night(connection: duckdb.DuckDBPyConnection) -> None:
    from warehouse.build import create_first_night

    create_first_night(connection)


def test_a_day_before_the_plan_is_no_day_of_figures(tmp_path: Path) -> None:
    """Told before the night, and by the data test; the due dates of known cases are those of any day."""
    settings = Settings(home=tmp_path, inbox=tmp_path / "inbox").create()
    selected = ["+assert_a_plan_is_in_force", "+assert_due_dates_of_known_cases"]
    for day, outcome in (
        (date(1900, 1, 1), "fail"),
        (date(2023, 12, 31), "fail"),
        (date(2024, 1, 1), "pass"),
    ):
        arguments = ["build", *dbt.options(tmp_path / "dbt", day), "--select", *selected]
        result = dbt._invoke(arguments, settings.building, settings)
        found = {node.node.name: str(node.status) for node in result.result.results}
        assert found["assert_a_plan_is_in_force"] == outcome
        assert found["assert_due_dates_of_known_cases"] == "pass"
        if outcome == "pass":
            check_plan(day)
        else:
            with pytest.raises(NoPlanInForce, match=f"no plan was in force on {day}"):
                check_plan(day)


def test_a_mistyped_word_of_a_seed_is_found_at_night_and_named(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, inbox=tmp_path / "inbox").create()
    test = "assert_seeds_say_only_words_that_the_models_know"
    options = dbt.options(settings.work / "dbt", DAY)
    night = [*options, *dbt.of_a_night(), "--select", f"+{test}"]

    def outcome(command: str) -> str:
        result = dbt._invoke([command, *night], settings.building, settings)
        return {node.node.name: str(node.status) for node in result.result.results}[test]

    assert outcome("build") == "pass"
    with duckdb.connect(str(settings.building)) as connection:
        connection.execute(
            "update seeds.scoring_scale set rule_kind = 'Proportional' where criterion_id = '2.3'"
        )
        connection.execute("update seeds.field_points set confidence = null where field_id = '4'")
    assert outcome("test") == "fail"
    assert sorted(dbt.rows_found(settings, test).split("; ")) == [
        "file field_points.csv, row_key 4, column_name confidence, word , known_words derived, verified",
        "file scoring_scale.csv, row_key 2.3, column_name rule_kind, word Proportional,"
        " known_words proportional, all_or_nothing, steps, achieved, survey",
    ]
    assert dbt.rows_found(settings, "assert_nothing_of_this_name") == ""


@pytest.fixture(scope="module")
def scale(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, str]]:
    """What the data tests say of a made-up scale, changed by SQL: by test, the rows found. Whatever scale is shipped."""
    home = tmp_path_factory.mktemp("scale")
    settings = Settings(home=home, inbox=home / "inbox").create()
    tests = (
        "assert_every_target_is_measured_and_scored",
        "assert_points_add_up_to_the_criterion",
        "assert_points_add_up_to_the_field",
        "assert_steps_lead_to_the_maximum",
        "assert_the_index_has_100_points",
        "assert_the_scale_fits_its_targets",
    )
    dbt.run_models(settings, DAY, ["+dim_target"])
    command = ["test", *dbt.options(settings.work / "dbt", DAY), "--select", *tests]
    outcome = dbt._invoke(command, settings.building, settings)
    assert [str(node.status) for node in outcome.result.results] == ["pass"] * len(tests)
    models = settings.work / "dbt" / "compiled" / "par_index" / "models"
    with duckdb.connect(str(settings.building)) as connection:
        connection.execute("create table shipped as from seeds.scoring_scale")
        connection.execute("create table fields as from seeds.field_points")

    def found(*changes: str) -> dict[str, str]:
        with duckdb.connect(str(settings.building)) as connection:
            connection.execute("use seeds")
            for change in (*MADE_UP, *changes):
                connection.execute(change)
            for schema, file in (("intermediate", "intermediate/int_target"), ("marts", "marts/dim_target")):
                query = (models / f"{file}.sql").read_text("utf-8")
                connection.execute(f"create or replace table {schema}.{Path(file).name} as {query}")
        return {test: rows for test in tests if (rows := dbt.rows_found(settings, test))}

    return found


ROW = "insert into scoring_scale by name select"
STEP = "insert into scoring_step by name select"
# Of 3.2.3 a earns 1 in proportion, b 0.5 by steps; 4.2.1 ("at most 100 %") by steps, too. All others as if nothing were loaded.
MADE_UP = (
    "delete from scoring_scale",
    "delete from scoring_step",
    "create or replace table field_points as from main.fields",
    f"{ROW} criterion_id, if(rule_kind = 'survey', max_points, null) as max_points,"
    " if(rule_kind = 'survey', 'survey', 'proportional') as rule_kind, 'estimate' as confidence"
    " from main.shipped where target_id is null",
    "update scoring_scale set max_points = 1.5 where criterion_id = '3.2.3'",
    "update scoring_scale set max_points = 0.9, rule_kind = 'steps' where criterion_id = '4.2.1'",
    f"{ROW} '3.2.3' as criterion_id, '3.2.3a' as target_id, 1 as max_points, 'proportional' as rule_kind",
    f"{ROW} '3.2.3' as criterion_id, '3.2.3b' as target_id, 0.5 as max_points, 'steps' as rule_kind",
    f"{STEP} '3.2.3b' as target_id, 80 as reached_at, 0.25 as points",
    f"{STEP} '3.2.3b' as target_id, 100 as reached_at, 0.5 as points",
    f"{STEP} '4.2.1' as target_id, 100 as reached_at, 0.9 as points",
    f"{STEP} '4.2.1' as target_id, 105 as reached_at, 0.4 as points",
)
FITS, STEPS = "assert_the_scale_fits_its_targets", "assert_steps_lead_to_the_maximum"
CRITERION, FIELD = "assert_points_add_up_to_the_criterion", "assert_points_add_up_to_the_field"
KNOWN, WHOLE = "assert_every_target_is_measured_and_scored", "assert_the_index_has_100_points"


def _of(target: str, **values: str | float) -> str:
    said = ", ".join(f"{column} = {value}" for column, value in values.items())
    return f"update scoring_scale set {said} where coalesce(target_id, criterion_id) = '{target}'"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        pytest.param([], {}, id="as it should be"),
        pytest.param(
            [_of("3.2.3a", max_points=0.75)],
            {
                CRITERION: "criterion_id 3.2.3, points 1.25, max_points 1.5",
                FIELD: "field_id 3, points 12.75, least_points 0.27381, self_max_points 13.0",
            },
            id="parts that are less than the criterion",
        ),
        pytest.param(
            [_of("3.2.3", max_points=1.0), "delete from scoring_scale where target_id = '3.2.3b'",
             "delete from scoring_step where target_id = '3.2.3b'"],
            {FIELD: "field_id 3, points 13.0, least_points 0.0, self_max_points 13.0"},
            id="nothing left for a part",
        ),
        pytest.param(
            [_of("3.4.1", max_points=12)],
            {FIELD: "field_id 3, points 13.0, least_points -0.038462, self_max_points 13.0"},
            id="nothing left for the other criteria",
        ),
        pytest.param(
            ["update field_points set self_max_points = 31 where field_id = '3'"],
            {WHOLE: "field_id all, points 118.0, max_points 100.0"},
            id="a field with another maximum",
        ),
        pytest.param(
            [_of("8.1", max_points=1)],
            {WHOLE: "field_id 8, points 1.0, max_points 10.0"},
            id="a survey with another maximum",
        ),
        pytest.param(
            ["delete from scoring_step where target_id = '3.2.3b'"],
            {STEPS: "target_id 3.2.3b, problem scored by steps, but scoring_step.csv has none"},
            id="no steps",
        ),
        pytest.param(
            [_of("3.2.3b", rule_kind="'proportional'")],
            {STEPS: "target_id 3.2.3b, problem has steps, but scoring_scale.csv says proportional"},
            id="steps of another rule",
        ),
        pytest.param(
            ["update scoring_step set points = 0.4 where target_id = '3.2.3b' and reached_at = 100"],
            {STEPS: "target_id 3.2.3b, problem its steps earn 0.4, its maximum is 0.5"},
            id="a last step that earns less",
        ),
        pytest.param(
            ["update scoring_step set reached_at = 120 where target_id = '3.2.3b' and reached_at = 80"],
            {STEPS: "target_id 3.2.3b, problem the step that earns 0.25 is no higher than one that earns 0.5"},
            id="a high step that earns less",
        ),
        pytest.param(
            ["update scoring_step set reached_at = 100 where target_id = '3.2.3b'"],
            {STEPS: "target_id 3.2.3b, problem the step that earns 0.5 is no higher than one that earns 0.25"},
            id="two steps at one value",
        ),
        pytest.param(
            ["update scoring_step set reached_at = 95 where target_id = '4.2.1' and reached_at = 105"],
            {STEPS: "target_id 4.2.1, problem the step that earns 0.4 is no higher than one that earns 0.9"},
            id="of an at-most target the higher value is the lower step",
        ),
        pytest.param(
            ["update scoring_step set reached_at = null where target_id = '3.2.3b' and reached_at = 80"],
            {FITS: "target_id 3.2.3b, problem a step without a value, or without points"},
            id="a step without a value",
        ),
        pytest.param(
            ["update scoring_step set points = null where target_id = '3.2.3b' and reached_at = 80"],
            {FITS: "target_id 3.2.3b, problem a step without a value, or without points"},
            id="a step without points",
        ),
        pytest.param(
            ["update scoring_step set points = -0.25 where target_id = '3.2.3b' and reached_at = 80"],
            {FITS: "target_id 3.2.3b, problem a step of -0.25 points"},
            id="a step that costs points",
        ),
        pytest.param(
            ["update scoring_step set reached_at = 0.8 where target_id = '3.2.3b' and reached_at = 80"],
            {FITS: "target_id 3.2.3b, problem percent are 0 to 100, its step 0.8 is a fraction"},
            id="a step as a fraction",
        ),
        pytest.param(
            [_of("3.4.1", floor=0.95)],
            {FITS: "target_id 3.4.1, problem percent are 0 to 100, its floor or ceiling is a fraction"},
            id="a floor as a fraction",
        ),
        pytest.param(
            [_of("3.4.1", ceiling=0.99)],
            {FITS: "target_id 3.4.1, problem percent are 0 to 100, its floor or ceiling is a fraction"},
            id="a ceiling as a fraction",
        ),
        pytest.param(
            [_of("3.4.1", floor=99, ceiling=95)],
            {FITS: "target_id 3.4.1, problem its floor 99.0 is above what earns all points, 95.0"},
            id="floor and ceiling changed over",
        ),
        pytest.param(
            [_of("3.2.3b", floor=50)],
            {FITS: "target_id 3.2.3b, problem a floor or ceiling says nothing of the rule steps"},
            id="a floor of steps",
        ),
        pytest.param(
            [_of("2.1.1", rule_kind="'achieved'", ceiling=80)],
            {FITS: "target_id 2.1.1, problem a floor or ceiling says nothing of the rule achieved"},
            id="a ceiling of words",
        ),
        pytest.param(
            [_of("4.2.2", floor=95)],
            {FITS: 'target_id 4.2.2, problem a floor or ceiling says nothing of a target that is met by "<="'},
            id="a floor of an at-most target",
        ),
        pytest.param(
            [_of("1.2", rule_kind="'all_or_nothing'")],
            {FITS: "target_id 1.2, problem all_or_nothing, but the plan gives nothing to meet: achieved, or a ceiling"},
            id="all or nothing of what has nothing to meet",
        ),
        pytest.param([_of("1.2", rule_kind="'all_or_nothing'", ceiling=90)], {}, id="but for a ceiling"),
        pytest.param([_of("1.5", floor=1)], {}, id="one is one where things are counted"),
        pytest.param([_of("8.2", ceiling=0.5)], {}, id="half a percent of growth is one"),
        pytest.param(
            [_of("3.2.3b", criterion_id="'3.2.2'")],
            {KNOWN: "id 3.2.3b, seed scoring_scale"},
            id="a part of another criterion",
        ),
        pytest.param(
            [f"{STEP} '3.2.3' as target_id, 80 as reached_at, 1 as points"],
            {KNOWN: "id 3.2.3, seed scoring_step"},
            id="steps of a criterion with parts",
        ),
        pytest.param(
            ["delete from scoring_scale where criterion_id = '3.2.3' and target_id is null"],
            {KNOWN: "id 3.2.3, seed scoring_scale"},
            id="parts without their criterion",
        ),
    ],
)  # fmt: skip
def test_a_mistyped_scale_is_told_row_by_row(
    scale: Callable[..., dict[str, str]], changes: list[str], told: dict[str, str]
) -> None:
    found = scale(*changes)
    if told.keys() == {KNOWN}:  # whatever is scored by a row that is not there does not add up, too
        found = {test: rows for test, rows in found.items() if test in told}
    assert found == told


def test_the_models_count_what_the_ledger_says_was_accepted() -> None:
    macro = (DBT_PROJECT / "macros" / "is_accepted.sql").read_text("utf-8")
    assert tuple(re.findall(r"'(\w+)'", macro)) == ACCEPTED
    models = [file.read_text("utf-8") for file in (DBT_PROJECT / "models").rglob("*.sql")]
    assert sum("is_accepted(" in model for model in models) >= 3
    assert not [model for model in models if f"'{PARTLY_QUARANTINED}'" in model]


@pytest.fixture
def parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The project, copied; of its parses, which dbt is spared, what they were made from."""
    project, parses = tmp_path / "dbt_project", []
    shutil.copytree(DBT_PROJECT, project, ignore=shutil.ignore_patterns("target", "logs"))
    (project / "target").mkdir()
    (tmp_path / "dbt.py").write_text("", "utf-8")
    monkeypatch.setattr(fingerprint, "PROJECT", tmp_path)
    monkeypatch.setattr(dbt, "__file__", str(tmp_path / "dbt.py"))
    monkeypatch.setattr(dbt, "DBT_PROJECT", project)
    for name in ("MANIFEST", "MANIFEST_AT_NIGHT", "SEMANTIC_MANIFEST", "MADE_FROM"):
        monkeypatch.setattr(dbt, name, project / "target" / getattr(dbt, name).name)

    def parse(write, made_from: str) -> None:
        assert write is dbt._write_manifests
        parses.append(made_from)
        for path in (dbt.SEMANTIC_MANIFEST, dbt.MANIFEST_AT_NIGHT, dbt.MANIFEST):
            path.write_text(f"parse {len(parses)}", "utf-8")
        dbt.MADE_FROM.write_text(dbt._as_made(made_from), "utf-8")

    monkeypatch.setattr(dbt.aside.building, "run", parse)
    dbt.manifest_path()
    dbt.manifest_path()
    assert len(parses) == 1
    return parses


def _write_as_of_old(path: Path) -> None:
    """As a release is unpacked: the moment of a file is that of its making."""
    path.write_text(path.read_text("utf-8") + "\n-- another\n", "utf-8")
    os.utime(path, (1, 1))


CHANGES: dict[str, Callable[[], object]] = {
    "deleted model": lambda: (dbt.DBT_PROJECT / "models" / "marts" / "dim_date.sql").unlink(),
    "renamed macro": lambda: (dbt.DBT_PROJECT / "macros" / "dialect.sql").rename(
        dbt.DBT_PROJECT / "macros" / "d.sql"
    ),
    "older model": lambda: _write_as_of_old(dbt.DBT_PROJECT / "models" / "marts" / "dim_date.sql"),
    "older profile": lambda: _write_as_of_old(dbt.DBT_PROJECT / "profiles.yml"),
    "older selection": lambda: _write_as_of_old(Path(dbt.__file__)),
    "dbt by hand": lambda: dbt.MANIFEST.write_text("of dbt by hand", "utf-8"),
    "lost manifest": lambda: dbt.MANIFEST_AT_NIGHT.unlink(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_project_is_parsed_again_when_it_is_another(
    parsed: list[str], change: Callable[[], object]
) -> None:
    change()
    dbt.manifest_path()
    dbt.manifest_path()
    assert len(parsed) == 2


def test_another_dbt_parses_again(parsed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dbt, "version", lambda package: f"{package} 99")
    dbt.manifest_path()
    assert len(set(parsed)) == 2


def test_an_unpacked_release_is_not_parsed_for_its_moments(parsed: list[str]) -> None:
    for path in dbt.DBT_PROJECT.rglob("*"):
        os.utime(path)
    dbt.manifest_path()
    assert len(parsed) == 1


def answered(monkeypatch: pytest.MonkeyPatch, **result) -> None:
    """dbt's runner answers so, whatever it is asked for."""
    answer = SimpleNamespace(**{"exception": None, "success": False, "result": None, **result})
    monkeypatch.setattr("dbt.cli.main.dbtRunner.invoke", lambda *_: answer)


def test_ctrl_c_while_dbt_builds_is_no_failure_of_dbt(tmp_path: Path, monkeypatch) -> None:
    """Its runner hands out whatever ended it, without a word."""
    answered(monkeypatch, exception=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        dbt.run_models(Settings(home=tmp_path, inbox=tmp_path), DAY, ["dim_date"])
    answered(monkeypatch, exception=ValueError())
    with pytest.raises(dbt.DbtFailed, match=r"^ValueError$"):
        dbt.run_models(Settings(home=tmp_path, inbox=tmp_path), DAY, ["dim_date"])


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (
            "Out of Memory Error: could not allocate block",
            r"models failed: int_target \(Out of Memory Error\)$",
        ),
        ("Conversion Error: Nguyễn Văn A", "models failed: int_target$"),
    ],
)
def test_models_that_fail_for_want_of_memory_say_so_and_quote_no_row(
    message: str, told: str, tmp_path: Path, monkeypatch
) -> None:
    node = SimpleNamespace(node=SimpleNamespace(name="int_target"), status="error", message=message)
    answered(monkeypatch, result=SimpleNamespace(results=[node]))
    with pytest.raises(dbt.DbtFailed, match=f"^{told}"):
        dbt.run_models(Settings(home=tmp_path, inbox=tmp_path), DAY, ["int_target"])
