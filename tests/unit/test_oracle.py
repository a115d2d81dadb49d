"""The oracle against cases worked by hand, and the random provinces against their own promises."""

from __future__ import annotations

import csv
import random
import unicodedata
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import openpyxl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import oracle, province
from tests.oracle import PROVINCE, Figure

ROOT = Path(__file__).resolve().parents[2]
PLAN = oracle.read_plan(ROOT / "dbt_project" / "seeds" / "plan152_criteria.csv")

YEAR = date(2024, 1, 1)
JUNE_18 = date(2024, 6, 18)
JUNE_19 = date(2024, 6, 19)

DEPARTMENT, DISTRICT, COMMUNE = "000.00.01.H62", "000.00.02.H62", "000.00.03.H62"


def row(key: str, delivered_on: date = YEAR, file_name: str = "a.csv", row_number: int = 2, **values):
    """A row of a table: the columns not given are blank."""
    blank = {column.name: None for column in province.contracts()[key]}
    assert values.keys() <= blank.keys()
    origin = {
        "_delivered_on": delivered_on,
        "_file_name": file_name,
        "_sheet_no": 1,
        "_row_number": row_number,
    }
    return blank | values | origin


def agency(code: str, level: str, valid_from: date = date(2020, 1, 1), valid_to: date | None = None):
    return row("tthc__agencies", agency_code=code, level=level, valid_from=valid_from, valid_to=valid_to)


AGENCIES = [agency(DEPARTMENT, "tinh"), agency(DISTRICT, "huyen"), agency(COMMUNE, "xa")]


def dossier(code: str = "1", **values):
    usual = {
        "agency_code": DEPARTMENT,
        "procedure_code": "P",
        "status": "4",
        "channel": "1",
        "received_at": datetime(2024, 6, 3, 8),
    }
    return row("tthc__dossiers", dossier_code=code, **(usual | values))


def figures(as_of: date = JUNE_18, **tables):
    """Figures of the tables given by key; the three agencies are there unless others are given."""
    return oracle.indicators({"tthc__agencies": AGENCIES} | tables, as_of, PLAN)


def fraction(found, target, variant="headline", who=PROVINCE, period=("ytd", YEAR)):
    figure = found.get((target, variant, who, *period))
    return figure and (figure.numerator, figure.denominator)


def on_time(dossier_row, as_of: date) -> dict[str, tuple | None]:
    found = figures(as_of, tthc__dossiers=[dossier_row])
    return {variant: fraction(found, "3.4.1", variant) for variant in "ABSN"}


# --- on time ----------------------------------------------------------------------------------------------

DUE = datetime(2024, 6, 18, 17)


@pytest.mark.parametrize(
    ("facts", "as_of", "a", "b", "s", "n"),
    [
        pytest.param(
            {"status": "9", "due_at": DUE, "finished_at": datetime(2024, 6, 18, 23, 10)},
            JUNE_19, (1, 1), (1, 1), (1, 1), (1, 1), id="1-late-in-the-evening-of-the-due-day",
        ),
        pytest.param(
            {"status": "10", "due_at": DUE, "finished_at": datetime(2024, 6, 17, 9)},
            JUNE_19, (1, 1), (1, 1), (1, 1), (1, 1), id="2-early",
        ),
        pytest.param(
            {"status": "9", "due_at": DUE, "finished_at": datetime(2024, 6, 19)},
            JUNE_19, (0, 1), (0, 1), (0, 1), (0, 1), id="3-late",
        ),
        pytest.param({"due_at": DUE}, JUNE_18, None, (1, 1), None, (0, 1), id="4-open-on-the-due-day"),
        pytest.param({"due_at": DUE}, JUNE_19, (0, 1), (0, 1), None, (0, 1), id="5-open-and-overdue"),
        pytest.param(
            {"status": "9", "finished_at": datetime(2024, 6, 14)},
            JUNE_19, (1, 1), (1, 1), (1, 1), (1, 1), id="6-no-due-date",
        ),
        pytest.param(
            {"status": "7", "due_at": DUE, "finished_at": datetime(2024, 6, 10)},
            JUNE_19, (1, 1), (1, 1), None, (0, 1), id="7-withdrawn",
        ),
        pytest.param({"status": "3", "due_at": DUE}, JUNE_19, None, None, None, None, id="8-not-accepted"),
        pytest.param(
            {"status": "9", "due_at": DUE, "finished_at": datetime(2024, 6, 14)},
            JUNE_19, (1, 1), (1, 1), (1, 1), (1, 1), id="9-refused-as-resolved",
        ),
        pytest.param(
            {"status": "8", "due_at": DUE, "finished_at": datetime(2024, 6, 14)},
            JUNE_19, None, (1, 1), None, (0, 1), id="9-refused-as-stopped",
        ),
        pytest.param(
            {"status": "5", "due_at": DUE, "supplement_requested_at": datetime(2024, 6, 5)},
            date(2024, 7, 15), None, (1, 1), None, (0, 1), id="13-waiting-for-forty-days",
        ),
        pytest.param(
            {"status": "10", "due_at": DUE, "finished_at": datetime(2024, 6, 19)},
            JUNE_18, None, (1, 1), None, (0, 1), id="finished-after-the-day-is-in-process",
        ),
        pytest.param(
            {"status": "7", "due_at": DUE, "finished_at": datetime(2024, 6, 20)},
            JUNE_19, (0, 1), (0, 1), None, (0, 1), id="withdrawn-after-the-day-is-overdue",
        ),
    ],
)  # fmt: skip
def test_on_time_variants(facts, as_of, a, b, s, n):
    assert on_time(dossier(**facts), as_of) == {"A": a, "B": b, "S": s, "N": n}


@pytest.mark.parametrize("status", ["5", "6", "8"])
def test_what_waits_past_its_due_day(status):
    rows = [
        dossier("department", status=status, due_at=DUE),
        dossier("district", status=status, due_at=DUE, agency_code=DISTRICT),
        dossier("another", status=status, due_at=DUE - timedelta(days=30), agency_code=DISTRICT),
        dossier("no level", status=status, due_at=DUE, agency_code="nobody"),
        dossier("no due date", status=status),
        dossier("last year's", status=status, due_at=DUE, received_at=datetime(2023, 12, 31, 8)),
        dossier("open", due_at=DUE),
        dossier("withdrawn", status="7", due_at=DUE),
        dossier("in process on the day", status=status, due_at=DUE, finished_at=datetime(2024, 6, 20)),
    ]
    tables = {"tthc__agencies": AGENCIES, "tthc__dossiers": rows}
    of_may = {("3.4.2", DISTRICT): 1, ("3.4.2", PROVINCE): 1}
    assert oracle.waiting_overdue(tables, JUNE_18) == of_may  # due on the day is not past it
    assert oracle.waiting_overdue(tables, JUNE_19) == {
        ("3.4.1", DEPARTMENT): 1,
        ("3.4.1", PROVINCE): 1,
        ("3.4.2", DISTRICT): 2,
        ("3.4.2", PROVINCE): 2,
    }


@pytest.mark.parametrize(
    ("due", "finished", "apology", "a", "any_apology", "timely"),
    [
        pytest.param(21, 20, 17, (1, 1), (1, 1), (1, 1), id="10-apology-before-the-due-date"),
        pytest.param(21, 20, 19, (1, 1), (1, 1), (0, 1), id="11-apology-after-it"),
        pytest.param(21, 20, 18, (1, 1), (1, 1), (0, 1), id="apology-on-the-due-day"),
        pytest.param(25, 24, 17, (1, 1), (1, 1), (1, 1), id="12-the-first-due-date-counts"),
        pytest.param(21, 22, None, (0, 1), (0, 1), (0, 1), id="late-against-both-dates"),
        pytest.param(18, 18, None, (1, 1), None, None, id="not-moved-and-in-time"),
        pytest.param(17, 17, None, (1, 1), None, None, id="moved-forward-and-in-time"),
    ],
)
def test_moved_due_date_and_apology(due, finished, apology, a, any_apology, timely):
    moved = dossier(
        status="9",
        due_at=datetime(2024, 6, due, 7),
        due_at_original=datetime(2024, 6, 18, 17),
        finished_at=datetime(2024, 6, finished, 9),
        apology_sent_at=apology and datetime(2024, 6, apology, 23),
    )
    found = figures(date(2024, 6, 30), tthc__dossiers=[moved])
    assert fraction(found, "3.4.1", "A") == a
    assert fraction(found, "3.4.4") == any_apology
    assert fraction(found, "3.4.4", "timely") == timely
    assert fraction(found, "3.4.4", "without_supplement") == any_apology


def test_a_dossier_that_was_supplemented_is_left_out_of_one_reading_of_the_apology():
    late = dossier(due_at=DUE, supplement_received_at=datetime(2024, 6, 12))
    assert fraction(figures(JUNE_18, tthc__dossiers=[late]), "3.4.4") is None  # due today, not yet missed
    found = figures(JUNE_19, tthc__dossiers=[late])
    assert fraction(found, "3.4.4") == (0, 1)
    assert fraction(found, "3.4.4", "without_supplement") is None


def test_dossier_facts():
    rows = [
        dossier("late", status="9", due_at=DUE, finished_at=datetime(2024, 6, 19)),
        dossier("overdue", due_at=DUE, agency_code="nobody"),
        dossier("refused", status="3", received_at=None),
    ]
    facts = oracle.dossier_facts({"tthc__agencies": AGENCIES, "tthc__dossiers": rows}, JUNE_19)
    told = {
        code: (f["is_resolved"], f["is_on_time"], f["is_overdue_open"], f["level"])
        for code, f in facts.items()
    }
    assert told == {
        "late": (True, False, False, "tinh"),
        "overdue": (False, None, True, None),
        "refused": (False, None, False, "tinh"),
    }


# --- periods, levels, versions ----------------------------------------------------------------------------


def test_periods_are_cut_at_the_day():
    rows = [
        dossier("before", received_at=datetime(2023, 12, 31, 23, 59, 59), synced_national=True),
        dossier("first", received_at=datetime(2024, 1, 1), synced_national=True),
        dossier("spring", received_at=datetime(2024, 4, 30), synced_national=False),
        dossier("today", received_at=datetime(2024, 6, 18, 23, 59, 59), synced_national=True),
        dossier("tomorrow", received_at=datetime(2024, 6, 19), synced_national=True),
    ]
    found = figures(JUNE_18, tthc__dossiers=rows)
    assert {key[3:]: fraction(found, "3.2.3a", period=key[3:]) for key in found if key[0] == "3.2.3a"} == {
        ("ytd", YEAR): (2, 3),
        ("quarter", YEAR): (1, 1),
        ("quarter", date(2024, 4, 1)): (1, 2),
        ("month", YEAR): (1, 1),
        ("month", date(2024, 4, 1)): (0, 1),
        ("month", date(2024, 6, 1)): (1, 1),
    }


def test_unknown_agency_counts_at_the_province_and_at_its_own_code_but_in_no_level():
    resolved = {"status": "9", "finished_at": datetime(2024, 6, 10), "synced_national": True}
    rows = [dossier("1", **resolved), dossier("2", agency_code="nobody", **resolved)]
    found = figures(tthc__dossiers=rows)
    assert fraction(found, "3.2.3a") == (2, 2)
    assert fraction(found, "3.2.3a", who="nobody") == (1, 1)
    assert [fraction(found, target, "A") for target in ("3.4.1", "3.4.2", "3.4.3")] == [(1, 1), None, None]


@pytest.mark.parametrize(
    ("versions", "level"),
    [
        ([("tinh", date(2020, 1, 1), None)], "tinh"),
        ([("huyen", date(2020, 1, 1), JUNE_18), ("xa", JUNE_19, None)], "huyen"),
        ([("huyen", date(2020, 1, 1), date(2024, 6, 17)), ("xa", JUNE_18, None)], "xa"),
        ([("huyen", date(2020, 1, 1), None), ("xa", date(2024, 1, 1), None)], "xa"),
        ([("huyen", date(2020, 1, 1), date(2023, 12, 31))], "huyen"),
        ([("huyen", date(2020, 1, 1), date(2023, 12, 31)), ("xa", date(2024, 7, 1), None)], "xa"),
        ([], None),
    ],
)
def test_level_on_the_day_else_the_last_one(versions, level):
    rows = [agency("X", its_level, valid_from, valid_to) for its_level, valid_from, valid_to in versions]
    assert oracle.Catalogue({"tthc__agencies": rows}, JUNE_18).level("X") == level


def test_the_latest_version_of_a_key():
    def version(delivered_on, file_name, row_number, status):
        origin = {"_delivered_on": delivered_on, "_file_name": file_name, "_row_number": row_number}
        return dossier(status=status) | origin

    decomposed = unicodedata.normalize("NFD", "ể.csv")  # as bytes before z, composed after it
    rows = [
        version(JUNE_18, "z.csv", 9, "4"),
        version(JUNE_18, decomposed, 3, "9"),
        version(JUNE_18, decomposed, 2, "5"),
        version(date(2024, 6, 17), "ỹ.csv", 99, "6"),
        version(JUNE_19, "a.csv", 2, "10"),
    ]
    tables = {"tthc__dossiers": rows}
    assert [found["status"] for found in oracle.latest(tables, "tthc__dossiers", JUNE_18)] == ["9"]
    assert [found["status"] for found in oracle.latest(tables, "tthc__dossiers", JUNE_19)] == ["10"]
    assert oracle.latest(tables, "tthc__dossiers", YEAR) == []


# --- procedures online ------------------------------------------------------------------------------------


def test_the_pair_on_the_day_of_receipt_decides_about_online_dossiers():
    def pair(level, valid_from, enabled):
        return row(
            "tthc__agency_procedures", agency_code=DEPARTMENT, procedure_code="P", valid_from=valid_from,
            online_level=level, online_payment_enabled=enabled, full_online_eligible=True,
            online_payment_eligible=True, one_stop_required=True, one_stop_served=True,
        )  # fmt: skip

    procedure = row(
        "tthc__procedures", procedure_code="P", owner_code=DISTRICT, authority_level="xa", fee_required=True,
        has_result=False, central_vertical=False, interlinked="same_level", beyond_authority=False,
    )  # fmt: skip
    done = {"status": "9", "finished_at": datetime(2024, 6, 14), "fee_amount": Decimal(20_000)}
    rows = [
        dossier("before", received_at=datetime(2024, 5, 31, 23), channel="2", paid_online=True, **done),
        dossier("online", received_at=datetime(2024, 6, 1), channel="2", paid_online=True, **done),
        dossier("desk", channel="1", components_reused=1, **done),
        dossier("post", channel="3", fee_exempt=True, **done),
    ]
    pairs = [pair("3", date(2021, 1, 1), False), pair("4", date(2024, 6, 1), True)]
    found = figures(tthc__procedures=[procedure], tthc__agency_procedures=pairs, tthc__dossiers=rows)
    assert fraction(found, "7.3.5") == (1, 2)
    assert fraction(found, "7.3.5", "with_post") == (1, 3)
    assert fraction(found, "7.3.4") == (1, 1)
    assert fraction(found, "7.3.6c") == (1, 2)
    assert fraction(found, "7.3.6b") == (1, 1)
    assert fraction(found, "7.3.6b", period=("month", date(2024, 5, 1))) == (1, 1)
    assert [fraction(found, "7.3.3c", variant) for variant in ("headline", "input", "result")] == [
        (1, 4), (1, 4), (4, 4),
    ]  # fmt: skip
    assert fraction(found, "3.3.3", who=DISTRICT) == (1, None)
    assert fraction(found, "3.1", who=DISTRICT) == (1, 1)
    assert fraction(found, "3.3.1a") == (1, 1)
    assert found["3.3.3", "headline", PROVINCE, "ytd", YEAR] == Figure(1, None, 1.0, False, True)


def test_feedback_is_counted_when_answered_or_overdue():
    def feedback(code, due, answered=None, published=None):
        return row(
            "tthc__feedback", feedback_code=code, agency_code=COMMUNE, received_at=datetime(2024, 6, 1),
            due_at=due, answered_at=answered, published_at=published,
        )  # fmt: skip

    rows = [
        feedback("in time", DUE, datetime(2024, 6, 18, 23), datetime(2024, 6, 18, 23)),
        feedback("late", datetime(2024, 6, 10), datetime(2024, 6, 11)),
        feedback("overdue", datetime(2024, 6, 17)),
        feedback("open", DUE),
    ]
    found = figures(tthc__feedback=rows)
    assert fraction(found, "3.5.1") == (1, 3)
    assert fraction(found, "3.5.2") == (1, 2)


def test_the_grade_of_the_whole_year_is_the_latest():
    rows = [
        row("tthc__service_quality", agency_code=agency_code, period=period, grade=grade)
        for agency_code, period, grade in [
            (DEPARTMENT, "2024-05", "good"),
            (DEPARTMENT, "2024", "poor"),
            (DISTRICT, "2024-01", "poor"),
            (DISTRICT, "2024-02", "excellent"),
            (COMMUNE, "2023", "excellent"),
        ]
    ]
    assert fraction(figures(tthc__service_quality=rows), "3.4.5") == (1, 2)


# --- the other sources ------------------------------------------------------------------------------------


def test_documents_are_judged_per_agency():
    def document(number, online, agency_code=DEPARTMENT, direction="in", secrecy="none"):
        return row(
            "document_office__documents", document_code=str(number), agency_code=agency_code,
            direction=direction, registered_at=datetime(2024, 6, 18, 23, 59), secrecy=secrecy,
            exchanged_electronically=True, processed_online=online,
        )  # fmt: skip

    rows = [document(number, online=number < 4) for number in range(5)]  # 80 %
    rows.append(document(5, online=False, secrecy="secret", direction="out"))
    rows += [document(number, online=number < 7, agency_code=DISTRICT) for number in range(6, 9)]  # 33 %
    found = figures(document_office__documents=rows)
    june = ("month", date(2024, 6, 1))
    assert fraction(found, "7.2.1a", period=june) == (1, 1)
    assert fraction(found, "7.2.1a", "documents") == (4, 5)
    assert fraction(found, "7.2.1b", who=DISTRICT) == (0, 1)
    assert fraction(found, "7.2.1b", "documents") == (1, 3)
    assert fraction(found, "7.2.2") == (1, 3)
    assert fraction(found, "7.2.2", who=DEPARTMENT, period=june) == (1, 1)
    assert fraction(found, "7.2.2", who=DEPARTMENT, period=("month", YEAR)) == (0, 1)


def test_tasks_and_reports_have_each_their_own_deadline():
    def task(code, assigner, completed_on):
        return row(
            "document_office__assigned_tasks", task_code=code, assigner=assigner, agency_code=DEPARTMENT,
            due_on=date(2024, 6, 10), completed_on=completed_on,
        )  # fmt: skip

    late, tomorrow = date(2024, 6, 11), JUNE_19
    tasks = [
        task(f"{assigner} {done}", assigner, done)
        for assigner in ("par_plan", "government", "prime_minister", "training_plan", "province")
        for done in (late, tomorrow, date(2024, 6, 10))
    ]
    report = {"agency_code": DEPARTMENT, "due_on": date(2024, 6, 10), "complete": True}
    reports = [
        row("document_office__periodic_reports", report_code="1", sent_on=date(2024, 6, 10), **report),
        row("document_office__periodic_reports", report_code="2", sent_on=late, **report),
    ]
    word = row(
        "register__criteria_results", target_id="1.2", agency_code=DEPARTMENT, reported_on=YEAR, achieved=True
    )
    found = figures(
        document_office__assigned_tasks=tasks,
        document_office__periodic_reports=reports,
        register__criteria_results=[word],
    )
    assert [fraction(found, target) for target in ("1.1", "1.7", "5.5")] == [(2, 3), (2, 6), (2, 3)]
    assert found["1.2", "headline", PROVINCE, "ytd", YEAR] == Figure(1, 2, 50.0, None, True)
    assert found["1.2", "register", PROVINCE, "ytd", YEAR] == Figure(1, 1, 100.0, None, False)


def test_disbursement_counts_only_what_was_planned_and_paid_by_the_day():
    plan = {"budget_year": 2024, "project_code": "A", "agency_code": DEPARTMENT, "planned_vnd": Decimal(100)}
    paid = {"budget_year": 2024, "project_code": "A", "capital_source": "tỉnh"}
    payments = [
        paid | {"paid_on": date(2023, 12, 30), "amount_vnd": Decimal(70)},
        paid | {"paid_on": JUNE_18, "amount_vnd": Decimal(40)},
        paid | {"paid_on": JUNE_18, "amount_vnd": Decimal(-10)},
        paid | {"paid_on": JUNE_19, "amount_vnd": Decimal(5)},
        paid | {"paid_on": JUNE_18, "amount_vnd": Decimal(5), "capital_source": "trung ương"},
        paid | {"paid_on": JUNE_18, "amount_vnd": Decimal(5), "budget_year": 2023},
    ]
    found = figures(
        finance__capital_plans=[row("finance__capital_plans", capital_source="tỉnh", **plan)],
        finance__disbursements=[
            row("finance__disbursements", voucher_code=str(number), **payment)
            for number, payment in enumerate(payments)
        ],
    )
    assert found["6.1.1", "headline", DEPARTMENT, "ytd", YEAR] == Figure(
        Decimal(100), Decimal(100), 100.0, True, True
    )


def test_service_units_are_compared_with_the_base_year_at_the_same_grain():
    def unit(year, code, agency_code, pct, budget):
        return row(
            "finance__service_units", budget_year=year, unit_code=code, agency_code=agency_code,
            self_financing_pct=Decimal(pct), direct_budget_vnd=Decimal(budget), distribution_compliant=True,
        )  # fmt: skip

    rows = [
        unit(2021, "1", DEPARTMENT, "10", 200),
        unit(2023, "1", DEPARTMENT, "99.99", 150),
        unit(2024, "1", DEPARTMENT, "100", 150),
        unit(2024, "2", DISTRICT, "100", 40),  # no base year here
    ]
    found = figures(finance__service_units=rows)
    assert [fraction(found, "6.3.1", who=who) for who in (DEPARTMENT, DISTRICT, PROVINCE)] == [
        (1, None), None, (2, None),
    ]  # fmt: skip
    assert fraction(found, "6.3.2a", who=DEPARTMENT) == (-1, None)
    assert fraction(found, "6.3.2b") == (0, None)
    assert [fraction(found, "6.3.4", who=who) for who in (DEPARTMENT, DISTRICT, PROVINCE)] == [
        (50, 200), None, (10, 200),
    ]  # fmt: skip
    assert fraction(found, "6.3.3") == (2, 2)


def test_audit_findings_by_money_and_by_number():
    findings = [
        row("finance__audit_findings", finding_code=str(number), agency_code=DEPARTMENT, issued_on=issued_on,
            amount_vnd=amount, recovered_vnd=recovered, completed_on=completed_on)
        for number, (issued_on, amount, recovered, completed_on) in enumerate([
            (date(2019, 1, 1), Decimal(100), Decimal(60), JUNE_18),
            (JUNE_18, Decimal(50), None, JUNE_19),
            (JUNE_18, None, Decimal(7), None),
            (JUNE_19, Decimal(9), Decimal(9), JUNE_19),
        ])
    ]  # fmt: skip
    found = figures(finance__audit_findings=findings)
    assert fraction(found, "6.1.3") == (60, 150)
    assert fraction(found, "6.1.3", "count") == (1, 3)


def test_enterprise_revenue_compares_the_same_months():
    def month(name, amount, sector="fdi_enterprise"):
        return row("finance__revenue", month=name, sector=sector, amount_vnd=Decimal(amount))

    rows = [
        month("2024-06", 110),
        month("2024-05", 30, "other"),
        month("2024-07", 1000),
        month("2023-01", 40, "state_enterprise"),
        month("2023-06", 60),
        month("2023-07", 1000),
    ]
    assert fraction(figures(finance__revenue=rows), "8.3.3") == (10, 100)
    assert fraction(figures(finance__revenue=rows[:3]), "8.3.3") is None


def test_numbers_of_the_register():
    numbers = {
        (2021, "service_units_count"): 400, (2024, "service_units_count"): 360,
        (2023, "fdi_capital_usd"): 0, (2024, "fdi_capital_usd"): 5,
        (2024, "new_enterprises"): 900,
        (2024, "payroll_used"): 101, (2024, "payroll_assigned"): 100,
        (2024, "socio_targets_total"): 15,
    }  # fmt: skip
    found = figures(
        register__indicators=[
            row(
                "register__indicators",
                year=year,
                indicator_code=code,
                value=Decimal(value),
                agency_code=DEPARTMENT,
            )
            for (year, code), value in numbers.items()
        ],
        register__survey_scores=[
            row(
                "register__survey_scores",
                year=2024,
                survey=survey,
                field_id=field_id,
                score=Decimal(score),
                max_score=Decimal(5),
            )
            for survey, field_id, score in [("sipas", "8", 4), ("sipas", "3", 3), ("leaders", "2", 1)]
        ],
    )

    def province_figure(target):
        return found.get((target, "headline", PROVINCE, "ytd", YEAR))

    assert province_figure("4.1.3") == Figure(40, 400, 10.0, True, True)
    assert province_figure("8.2") == Figure(5, 0, None, None, True)
    assert province_figure("8.3.1") is None
    assert province_figure("4.2.1") == Figure(101, 100, 101.0, False, True)
    assert province_figure("8.4") is None
    assert province_figure("8.1") == Figure(7, 10, 70.0, None, True)


def test_the_latest_report_of_each_agency_counts():
    def result(target, reported_on, agency_code=DEPARTMENT, **values):
        return row(
            "register__criteria_results",
            target_id=target,
            agency_code=agency_code,
            reported_on=reported_on,
            **values,
        )

    rows = [
        result("1.3.1", date(2024, 3, 1), numerator=Decimal(1), denominator=Decimal(10)),
        result("1.3.1", JUNE_18, numerator=Decimal(3), denominator=Decimal(10)),
        result("1.3.1", JUNE_19, numerator=Decimal(9), denominator=Decimal(10)),
        result("1.3.1", YEAR, DISTRICT, numerator=Decimal("0.5"), denominator=Decimal(2)),
        result("1.3.1", YEAR, COMMUNE, achieved=True),
        result("1.3.1", date(2023, 12, 31), COMMUNE, numerator=Decimal(1), denominator=Decimal(1)),
        result("1.4", YEAR, achieved=True),
        result("1.4", YEAR, DISTRICT, achieved=False),
        result("1.4", YEAR, COMMUNE),
        result("1.5", YEAR, numerator=Decimal(3)),
        result("3.4.1", YEAR, numerator=Decimal(9), denominator=Decimal(10)),
    ]
    found = figures(register__criteria_results=rows)
    assert found["1.3.1", "headline", PROVINCE, "ytd", YEAR] == Figure(
        Decimal("3.5"), Decimal(12), pytest.approx(29.1666666667), False, True
    )
    assert fraction(found, "1.3.1", who=COMMUNE) is None
    assert found["1.4", "headline", PROVINCE, "ytd", YEAR] == Figure(1, 2, 50.0, False, True)
    assert found["1.5", "headline", PROVINCE, "ytd", YEAR] == Figure(3, None, 3.0, True, True)
    assert found["3.4.1", "register", PROVINCE, "ytd", YEAR] == Figure(9, 10, 90.0, False, False)


@pytest.mark.parametrize(
    ("target", "numerator", "denominator", "met"),
    [
        ("3.4.1", 99, 100, False),  # more than 99 %
        ("3.4.1", 9901, 10000, True),
        ("7.3.3a", 30, 100, True),  # at least 30 %
        ("7.3.3a", 29999, 100000, False),
        ("1.1", 10**9 - 1, 10**9, False),  # every case, whatever the rounding
        ("1.1", 7, 7, True),
        ("1.1", 0, 0, None),
        ("4.2.1", 100, 100, True),  # at most 100 %
        ("6.3.1", 1, None, True),
        ("6.3.1", 0, None, False),
        ("8.1", 9, 10, None),
        ("1.4", 1, 1, True),
    ],
)
def test_verdict(target, numerator, denominator, met):
    assert oracle.make_figure(PLAN[target], "headline", numerator, denominator).meets_target is met


# --- comparing --------------------------------------------------------------------------------------------


def test_compare():
    key = ("3.1", "headline", PROVINCE, "ytd", YEAR)
    two_thirds = Figure(2, 3, 200 / 3, False, True)
    nothing = Figure(0, 0, None, None, True)
    assert (
        oracle.compare(
            {key: two_thirds}, {key: Figure(Decimal("2.000000"), 3.0, 66.66666666668, False, True)}
        )
        == []
    )
    assert oracle.compare({key: nothing}, {}) == []
    assert oracle.compare({}, {key: Figure(None, None, None, None, True)}) == []
    assert oracle.compare({}, {key: nothing}) == []
    assert oracle.compare({}, {key: Figure(0, 0, None, False, True)}) == [
        "3.1 [headline] H62 ytd 2024-01-01: nothing to count, yet 0/0 = None met=False headline"
    ]
    assert oracle.compare({key: two_thirds}, {}) == [
        f"3.1 [headline] H62 ytd 2024-01-01: missing, expected 2/3 = {200 / 3} met=False headline"
    ]
    assert oracle.compare({key: two_thirds}, {key: Figure(3, 3, 100.0, True, True)}) == [
        "3.1 [headline] H62 ytd 2024-01-01: numerator, value, meets_target: "
        f"expected 2/3 = {200 / 3} met=False headline, got 3/3 = 100.0 met=True headline"
    ]


# --- the random provinces ---------------------------------------------------------------------------------

few = settings(max_examples=15, deadline=None, database=None)


def test_the_oracle_knows_the_keys_of_the_contracts():
    keys = {}
    for path in province.CONTRACTS.glob("*.yaml"):
        contract = yaml.safe_load(path.read_text(encoding="utf-8"))
        for table in contract["schema"]:
            key = sorted(
                (c["primaryKeyPosition"], c["name"]) for c in table["properties"] if c.get("primaryKey")
            )
            keys[f"{contract['name']}__{table['name']}"] = tuple(name for _, name in key)
    assert keys == oracle.KEYS


@few
@given(made=province.provinces(), seed=st.integers(0, 2**32 - 1))
def test_how_the_facts_arrive_changes_no_figure(made, seed):
    expected = oracle.indicators(made.tables, made.as_of, PLAN)
    rng = random.Random(seed)
    tables = province.reorder_rows(made.tables, rng)
    tables = province.split_files(tables, rng)
    tables = province.repeat_files(tables, rng)
    tables = province.redeliver(tables, rng, made.as_of)
    tables = province.shift_times(tables, rng)
    assert tables != made.tables
    assert oracle.indicators(tables, made.as_of, PLAN) == expected


@few
@given(made=province.provinces())
def test_agencies_add_up_to_the_province(made):
    found = oracle.indicators(made.tables, made.as_of, PLAN)
    compared_with_a_base_year = {"6.3.1", "6.3.2a", "6.3.2b", "6.3.2c", "6.3.4"}
    for (target, variant, who, *period), figure in found.items():
        if who == PROVINCE and target not in oracle.PROVINCE_ONLY | compared_with_a_base_year:
            parts = [
                part
                for key, part in found.items()
                if key[:2] == (target, variant) and key[2] != PROVINCE and list(key[3:]) == period
            ]
            assert figure.numerator == sum(part.numerator for part in parts), (target, variant, period)
            if figure.denominator is not None:
                assert figure.denominator == sum(part.denominator or 0 for part in parts), (
                    target,
                    variant,
                    period,
                )


def broken_rules(tables) -> list[str]:
    """What the contracts would reject, in every delivered version of every row."""
    broken = []
    with duckdb.connect() as connection:
        for path in sorted(province.CONTRACTS.glob("*.yaml")):
            contract = yaml.safe_load(path.read_text(encoding="utf-8"))
            for table in contract["schema"]:
                key = f"{contract['name']}__{table['name']}"
                types = {column["name"]: column["physicalType"] for column in table["properties"]}
                province.create_table(connection, f'"{key}"', types, tables[key])
                rules = {}
                for column in table["properties"]:
                    name = column["name"]
                    if column.get("required") or column.get("primaryKey"):
                        rules[f"{name} is required"] = f'"{name}" is not null'
                    if codes := [str(code["value"]) for code in column.get("enum", [])]:
                        listed = ", ".join(f"'{code}'" for code in codes)
                        rules[f"{name} is a code"] = f'"{name}" in ({listed})'
                    rules |= {rule["name"]: rule["implementation"] for rule in column.get("quality", [])}
                rules |= {rule["name"]: rule["implementation"] for rule in table.get("quality", [])}
                for name, rule in rules.items():
                    (count,) = connection.execute(
                        f'select count(*) from "{key}" where not ({rule})'
                    ).fetchone()
                    if count:
                        broken.append(f"{key}: {name}: {count} rows")
    return broken


@settings(few, max_examples=5)
@given(made=province.provinces(max_size=60), seed=st.integers(0, 2**32 - 1))
def test_every_row_passes_the_contracts(made, seed):
    assert broken_rules(made.tables) == []
    assert broken_rules(province.shift_times(made.tables, random.Random(seed))) == []


def test_landing_holds_what_was_delivered_by_the_day_and_nothing_personal(tmp_path):
    made = province.make_province(size=40, seed=1, as_of=JUNE_18)
    province.to_landing_duckdb(made.tables, tmp_path / "night.duckdb", made.as_of)
    with duckdb.connect(str(tmp_path / "night.duckdb"), read_only=True) as connection:
        tables = {
            name
            for (name,) in connection.execute("select table_name from information_schema.tables").fetchall()
        }
        assert tables == {*oracle.KEYS, "deliveries", "check_results"}
        for key, rows in made.tables.items():
            expected = sum(r["_delivered_on"] <= made.as_of for r in rows)
            assert connection.execute(f'select count(*) from landing."{key}"').fetchone() == (expected,)
        columns = [
            c
            for (c,) in connection.execute(
                "select column_name from (describe landing.tthc__dossiers)"
            ).fetchall()
        ]
        assert not {"applicant_name", "applicant_id", "phone", "address"} & set(columns)
        assert columns[-5:] == ["_delivered_on", "_file_id", "_file_name", "_sheet_no", "_row_number"]
        # The same rule of the latest version, in SQL.
        found = connection.execute(
            "select dossier_code, status, received_at from landing.tthc__dossiers "
            "qualify row_number() over (partition by dossier_code order by _delivered_on desc, "
            "nfc_normalize(_file_name) desc, _sheet_no desc, _row_number desc) = 1"
        ).fetchall()
    latest = oracle.latest(made.tables, "tthc__dossiers", made.as_of)
    assert sorted(found) == sorted((r["dossier_code"], r["status"], r["received_at"]) for r in latest)


@pytest.mark.parametrize("split", [None, 2])
@pytest.mark.parametrize("fmt", ["csv", "xlsx", ("csv", "xlsx", "xls", "json", "jsonl")])
def test_files_come_in_the_order_of_the_rows(tmp_path, fmt, split):
    made = province.make_province(size=12, seed=3, as_of=JUNE_18)
    written = province.write_inbox(made.tables, tmp_path, fmt=fmt, split=split)
    assert len(written) == len(set(written)) and all(path.stat().st_size for path in written)
    for key, rows in made.tables.items():
        source, table = key.split("__")
        files = [
            path
            for path in written
            if path.parent.parent.name == source and path.name.startswith(table + "_")
        ]
        assert files == sorted(
            files, key=lambda path: (path.parent.name, unicodedata.normalize("NFC", path.name))
        )
        if isinstance(fmt, str):
            read = [code for path in files for code in first_column(path)]
            column = province.contracts()[key][0]
            expected = [r[column.name] for r in sorted(rows, key=oracle.delivery_order)]
            assert read == [province.as_text(column, value, labels=False) for value in expected]


def first_column(path: Path) -> list[str]:
    """What stands in the first column of the table, below its header."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            return [line[0] for line in csv.reader(file)][1:]
    codes = []
    for sheet in openpyxl.load_workbook(path).worksheets:
        for number, code in sheet.iter_rows(min_row=4, max_col=2, values_only=True):
            if number is None:
                break
            codes.append(str(code))
    return codes


def test_size_and_seed_build_the_same_province_again():
    first, again = (province.make_province(size=30, seed=7, as_of=JUNE_18) for _ in range(2))
    assert first == again
    assert first.as_of + timedelta(days=1) in {
        r["_delivered_on"] for rows in first.tables.values() for r in rows
    }
