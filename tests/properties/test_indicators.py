"""The marts against the oracle: on random provinces every figure of every target is the one plain Python finds.

dbt builds on tables made directly from the province, so a province takes seconds, not a night. The manifest is
parsed once for all of them.
"""

from __future__ import annotations

import random
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from orchestration import dbt
from sources.casting import LARGEST_NUMBER
from sources.contract import all_tables
from tests import evidence_sums, oracle
from tests.conftest import PROJECT
from tests.province import (
    make_province,
    redeliver,
    reorder_rows,
    repeat_files,
    shift_times,
    split_files,
    to_landing_duckdb,
)
from warehouse.build import create_first_night
from warehouse.settings import Settings

PLAN = oracle.read_plan(PROJECT / "dbt_project" / "seeds" / "plan152_criteria.csv")
# Ordinary days, the last day of the year, a leap day, days around the reorganisations.
DAYS = [date(2024, 12, 31), date(2024, 2, 29), date(2025, 1, 15), date(2025, 7, 20)]


def built(folder: Path, tables, as_of: date, *, data_tests: bool = False) -> tuple[dict, dict]:
    """Figures of fct_indicator, and waiting dossiers of rpt_late_budget, after a build over `tables`.

    With `data_tests` those hold as well, as they have to at night.
    """
    settings = Settings(home=folder, inbox=folder / "inbox").create()
    settings.building.unlink(missing_ok=True)
    to_landing_duckdb(tables, settings.building, as_of)
    with duckdb.connect(str(settings.building)) as connection:
        create_first_night(connection)
    results = list(dbt.build(settings, as_of, data_tests=data_tests))
    failed = [(r["name"], r["message"]) for r in results if r["status"] in ("error", "fail")]
    assert failed == []
    with duckdb.connect(str(settings.building)) as connection:
        relation = connection.sql("select * from marts.fct_indicator")
        rows = [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
        waiting = connection.execute(
            "select target_id, agency_code, waiting_overdue from marts.rpt_late_budget where waiting_overdue <> 0"
        ).fetchall()
    return oracle.from_rows(rows), {(target, agency): count for target, agency, count in waiting}


def equals_the_oracle(folder: Path, tables, as_of: date, facts) -> None:
    """A build over `tables` finds what the oracle finds in `facts`."""
    figures, waiting = built(folder, tables, as_of)
    differences = oracle.compare(oracle.indicators(facts, as_of, PLAN), figures)
    assert differences == [], "\n".join(differences[:40])
    assert waiting == oracle.waiting_overdue(facts, as_of)


@pytest.mark.parametrize(("seed", "as_of"), [(seed, day) for seed, day in enumerate(DAYS, start=1)])
def test_marts_equal_the_oracle_and_their_evidence(tmp_path: Path, seed: int, as_of: date) -> None:
    province = make_province(size=60, seed=seed, as_of=as_of)
    equals_the_oracle(tmp_path, province.tables, as_of, province.tables)
    settings = Settings(home=tmp_path, inbox=tmp_path / "inbox")
    dbt.run_models(settings, as_of, ["par_index.evidence"])
    with duckdb.connect(str(settings.building)) as connection:
        assert evidence_sums.differences(connection) == []


def test_how_the_facts_arrive_does_not_matter(tmp_path: Path) -> None:
    """Other files, another order, everything twice, other times of the day, and a delivery more: the same figures."""
    day = date(2024, 11, 30)
    province = make_province(size=40, seed=152, as_of=day)
    chance = random.Random(7)
    changed = redeliver(province.tables, chance, day)
    for change in (split_files, repeat_files, shift_times, reorder_rows):
        changed = change(changed, chance)
    equals_the_oracle(tmp_path, changed, day, province.tables)
    assert oracle.waiting_overdue(province.tables, day) != {}


def test_the_largest_numbers_that_are_read_make_marts(tmp_path: Path) -> None:
    """And the smallest as denominators: no figure is too large for its text. Rules of rows are left out, which is worse."""
    day = date(2024, 11, 30)
    chance = random.Random(152)
    tables = dict(make_province(size=60, seed=152, as_of=day).tables)
    for table in all_tables():
        for column in table.columns:
            if column.type not in ("int", "decimal") or column.name.endswith("year"):
                continue
            kind, least = (int, 1) if column.type == "int" else (Decimal, Decimal("0.000001"))
            values = [LARGEST_NUMBER, -LARGEST_NUMBER, 0, least]
            tables[table.relation] = [
                row if row[column.name] is None else row | {column.name: kind(chance.choice(values))}
                for row in tables[table.relation]
            ]
    figures, _ = built(tmp_path, tables, day)
    assert len(figures) > 1000


def test_money_of_a_province_adds_up(tmp_path: Path) -> None:
    """20 to 400 billion dong with fractions in each of 300 plans: sums of trillions differ by how they are added up.

    And ten thousand reports of the largest number: more than a bigint holds.
    """
    day = date(2024, 11, 30)
    chance = random.Random(152)
    tables = dict(make_province(size=60, seed=152, as_of=day).tables)
    agencies = sorted({row["agency_code"] for row in tables["tthc__agencies"]})

    def amount() -> Decimal:
        return Decimal(chance.randrange(20 * 10**15, 400 * 10**15)) / 10**6

    plan, payment = tables["finance__capital_plans"][0], tables["finance__disbursements"][0]
    projects = [f"P{number:03}" for number in range(300)]
    tables["finance__capital_plans"] = [
        plan
        | {"budget_year": day.year, "project_code": code, "agency_code": chance.choice(agencies)}
        | {"planned_vnd": amount()}
        for code in projects
    ]
    tables["finance__disbursements"] = [
        payment
        | {"voucher_code": code, "budget_year": day.year, "project_code": code, "paid_on": day}
        | {"capital_source": plan["capital_source"], "amount_vnd": amount()}
        for code in projects
    ]
    tables["register__criteria_results"] += [
        tables["register__criteria_results"][0]
        | {
            "target_id": "1.3.2",
            "agency_code": code,
            "reported_on": day,
            "achieved": None,
            "self_score": None,
        }
        | {"numerator": Decimal(0), "denominator": Decimal(LARGEST_NUMBER)}
        for code in ["H62", *(f"X{number:05}" for number in range(10_000))]
    ]
    built(tmp_path, tables, day, data_tests=True)
    with duckdb.connect(str(Settings(home=tmp_path, inbox=tmp_path / "inbox").building)) as connection:
        largest = connection.sql(
            "select target_id, max(denominator) from marts.fct_indicator where agency_code = 'H62' group by 1"
        ).fetchall()
    assert dict(largest)["6.1.1"] > 5e13
    assert dict(largest)["1.3.2"] > 1e19
