"""The figures of the index computed a second time, slowly and obviously, from the rows as delivered.

Nothing here is shared with the warehouse: no SQL, no seed but the plan's list of targets, only the standard
library. Where the warehouse and this file disagree, one of the two has misread the rules.

    tables    {"<source>__<table>": [row, ...]}; a row holds typed values (date, datetime, bool, int, Decimal,
              str or None; codes are text) and says where it came from: `_delivered_on` (date), `_file_name`,
              `_sheet_no`, `_row_number`
    plan      read_plan("dbt_project/seeds/plan152_criteria.csv")
    figures   indicators(tables, as_of, plan)
              -> {(target_id, variant, agency_code, period_kind, period_start): Figure}
    waiting   waiting_overdue(tables, as_of)
              -> {(target_id, agency_code): dossiers}

A figure with nothing to count (no numerator, or 0/0) is left out here; so is a count of catalogue rows that
is zero. `compare` does not care which side leaves such figures out.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Tables = Mapping[str, list[Row]]
Number = int | Decimal | None
FigureKey = tuple[str, str, str, str, date]
Period = tuple[str, date]

PROVINCE = "H62"
LOCAL_TIME = timezone(timedelta(hours=7))  # Asia/Ho_Chi_Minh keeps no summer time

# What identifies a row across deliveries.
KEYS: dict[str, tuple[str, ...]] = {
    "tthc__agencies": ("agency_code", "valid_from"),
    "tthc__procedures": ("procedure_code",),
    "tthc__agency_procedures": ("agency_code", "procedure_code", "valid_from"),
    "tthc__dossiers": ("dossier_code",),
    "tthc__feedback": ("feedback_code",),
    "tthc__service_quality": ("agency_code", "period"),
    "document_office__documents": ("document_code", "agency_code", "direction"),
    "document_office__assigned_tasks": ("task_code",),
    "document_office__periodic_reports": ("report_code",),
    "finance__capital_plans": ("budget_year", "project_code", "capital_source"),
    "finance__disbursements": ("voucher_code",),
    "finance__audit_findings": ("finding_code",),
    "finance__budget_compliance": ("budget_year", "agency_code"),
    "finance__service_units": ("budget_year", "unit_code"),
    "finance__revenue": ("month", "sector"),
    "register__criteria_results": ("target_id", "agency_code", "reported_on"),
    "register__survey_scores": ("year", "survey", "field_id"),
    "register__indicators": ("year", "indicator_code"),
}

ON_TIME_TARGETS = {"3.4.1": "tinh", "3.4.2": "huyen", "3.4.3": "xa"}
NO_VERDICT = {"1.2", "8.1"}
# Numbers of the whole province: no agency rows, whatever the variant.
PROVINCE_ONLY = {
    "4.1.3", "4.2.1", "4.2.2", "5.6a", "5.6b", "7.1.3", "7.1.4", "8.1", "8.2", "8.3.1", "8.3.2", "8.3.3",
    "8.4",
}  # fmt: skip
# Targets that have a rule of their own; everything else is what the register of criteria says.
MEASURED = PROVINCE_ONLY | {
    "1.1", "1.2", "1.7", "3.1", "3.2.3a", "3.2.3b", "3.3.1a", "3.3.1b", "3.3.1c", "3.3.2", "3.3.3", "3.3.4",
    "3.4.1", "3.4.2", "3.4.3", "3.4.4", "3.4.5", "3.5.1", "3.5.2", "5.5", "6.1.1", "6.1.2", "6.1.3", "6.2.1",
    "6.2.3", "6.3.1", "6.3.2a", "6.3.2b", "6.3.2c", "6.3.3", "6.3.4", "7.2.1a", "7.2.1b", "7.2.2", "7.3.3a",
    "7.3.3b", "7.3.3c", "7.3.4", "7.3.5", "7.3.6a", "7.3.6b", "7.3.6c",
}  # fmt: skip
# Counts of catalogue rows: a zero may be a row or no row.
CATALOGUE_COUNTS = {"3.3.3", "3.3.4"}


# --- the plan ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Target:
    target_id: str
    operator: str  # >=, >, =, <= or text
    target_value: Decimal | None
    unit: str

    @property
    def is_text(self) -> bool:
        return self.operator == "text"

    @property
    def is_percent(self) -> bool:
        return self.is_text or self.unit.startswith("%")


def read_plan(path: str | Path) -> dict[str, Target]:
    """The targets of the plan's criteria list; group headings have no operator and are no targets."""
    plan: dict[str, Target] = {}
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            if not row["target_operator"]:
                continue
            if row["target_id"] in plan:
                raise ValueError(f"{path}: target {row['target_id']} stands there twice")
            value = row["target_value"]
            plan[row["target_id"]] = Target(
                target_id=row["target_id"],
                operator=row["target_operator"],
                target_value=Decimal(value) if value else None,
                unit=row["target_unit"] or "",
            )
    return plan


# --- rows as of a day -------------------------------------------------------------------------------------


def day(moment: date | datetime | None) -> date | None:
    """The calendar date in local time."""
    if isinstance(moment, datetime):
        return (moment.astimezone(LOCAL_TIME) if moment.tzinfo else moment).date()
    return moment


def delivery_order(row: Row) -> tuple:
    """Later deliveries win; within one, the later file by code points of its name, then sheet, then row."""
    return (
        row["_delivered_on"],
        unicodedata.normalize("NFC", row["_file_name"]),
        row["_sheet_no"] or 0,
        row["_row_number"] or 0,
    )


def latest(tables: Tables, key: str, as_of: date) -> list[Row]:
    """The newest version of each row of table `key`, as delivered up to `as_of`."""
    newest: dict[tuple, Row] = {}
    for row in tables.get(key, []):
        if row["_delivered_on"] > as_of:
            continue
        identity = tuple(row[column] for column in KEYS[key])
        if identity not in newest or delivery_order(row) > delivery_order(newest[identity]):
            newest[identity] = row
    return list(newest.values())


def valid_version(versions: Iterable[Row], on: date) -> Row | None:
    """The version that holds on a day: of several the newest valid_from; valid_to is inclusive."""
    valid = [v for v in versions if v["valid_from"] <= on and (v["valid_to"] is None or on <= v["valid_to"])]
    return max(valid, key=lambda version: version["valid_from"], default=None)


class Catalogue:
    """Agencies, procedures and their pairs as known from the deliveries up to a day."""

    def __init__(self, tables: Tables, as_of: date):
        self.as_of = as_of
        self.procedures = {row["procedure_code"]: row for row in latest(tables, "tthc__procedures", as_of)}
        self.agencies: dict[str, list[Row]] = {}
        for row in latest(tables, "tthc__agencies", as_of):
            self.agencies.setdefault(row["agency_code"], []).append(row)
        self.pairs: dict[tuple[str, str], list[Row]] = {}
        for row in latest(tables, "tthc__agency_procedures", as_of):
            self.pairs.setdefault((row["agency_code"], row["procedure_code"]), []).append(row)

    def level(self, agency_code: str) -> str | None:
        """The agency's level on the day, else its last one; None for an agency that no catalogue row has."""
        versions = self.agencies.get(agency_code, [])
        version = valid_version(versions, self.as_of)
        if version is None:
            version = max(versions, key=lambda row: row["valid_from"], default=None)
        return version["level"] if version else None

    def agencies_valid(self) -> list[str]:
        return [code for code, versions in self.agencies.items() if valid_version(versions, self.as_of)]

    def pairs_valid(self) -> list[Row]:
        versions = (valid_version(versions, self.as_of) for versions in self.pairs.values())
        return [version for version in versions if version]

    def pair(self, dossier: Row) -> Row | None:
        """The dossier's pair of agency and procedure as it was on the day of receipt."""
        received = day(dossier["received_at"])
        versions = self.pairs.get((dossier["agency_code"], dossier["procedure_code"]), [])
        return valid_version(versions, received) if received else None

    def procedure(self, row: Row) -> Row | None:
        return self.procedures.get(row["procedure_code"])

    def has_fee(self, row: Row) -> bool:
        procedure = self.procedure(row)
        return procedure is not None and procedure["fee_required"] is True


# --- one dossier ------------------------------------------------------------------------------------------


def state(dossier: Row, as_of: date) -> str:
    """not_accepted, in_process, paused, withdrawn or resolved, as seen on a day."""
    if dossier["status"] in ("1", "3"):
        return "not_accepted"
    finished = day(dossier["finished_at"])
    if finished is not None and finished > as_of:
        return "in_process"
    if dossier["status"] in ("9", "10"):
        return "resolved"
    if dossier["status"] == "7":
        return "withdrawn"
    if dossier["status"] in ("5", "6", "8"):
        return "paused"
    return "in_process"


def resolved_on_time(dossier: Row, as_of: date) -> bool:
    if state(dossier, as_of) != "resolved":
        return False
    due = day(dossier["due_at"])
    return due is None or day(dossier["finished_at"]) <= due


def overdue_open(dossier: Row, as_of: date) -> bool:
    due = day(dossier["due_at"])
    return state(dossier, as_of) == "in_process" and due is not None and due < as_of


def waits_past_due(dossier: Row, as_of: date) -> bool:
    due = day(dossier["due_at"])
    return state(dossier, as_of) == "paused" and due is not None and due < as_of


def original_due(dossier: Row) -> date | None:
    return day(dossier["due_at_original"]) or day(dossier["due_at"])


def missed_original_due(dossier: Row, as_of: date) -> bool:
    original = original_due(dossier)
    if original is None:
        return False
    due_was_moved_back = (
        dossier["due_at_original"] is not None
        and dossier["due_at"] is not None
        and day(dossier["due_at"]) > day(dossier["due_at_original"])
    )
    finished_late = state(dossier, as_of) == "resolved" and day(dossier["finished_at"]) > original
    open_late = state(dossier, as_of) == "in_process" and original < as_of
    return finished_late or open_late or due_was_moved_back


def apologised_in_time(dossier: Row) -> bool:
    return dossier["apology_sent_at"] is not None and day(dossier["apology_sent_at"]) < original_due(dossier)


def input_digitised(dossier: Row) -> bool:
    return (dossier["components_digitised"] or 0) + (dossier["components_reused"] or 0) >= 1


def result_electronic(dossier: Row, procedure: Row | None) -> bool:
    return dossier["result_attached"] is True or (procedure is not None and procedure["has_result"] is False)


def dossier_facts(tables: Tables, as_of: date) -> dict[str, dict[str, Any]]:
    """What is known of each dossier on a day; is_on_time is None while it is not resolved."""
    catalogue = Catalogue(tables, as_of)
    facts = {}
    for dossier in latest(tables, "tthc__dossiers", as_of):
        pair = catalogue.pair(dossier)
        is_resolved = state(dossier, as_of) == "resolved"
        facts[dossier["dossier_code"]] = {
            "agency_code": dossier["agency_code"],
            "procedure_code": dossier["procedure_code"],
            "level": catalogue.level(dossier["agency_code"]),
            "status": dossier["status"],
            "state": state(dossier, as_of),
            "is_accepted": state(dossier, as_of) != "not_accepted",
            "is_resolved": is_resolved,
            "is_on_time": resolved_on_time(dossier, as_of) if is_resolved else None,
            "is_overdue_open": overdue_open(dossier, as_of),
            "missed_original_due": state(dossier, as_of) != "not_accepted"
            and missed_original_due(dossier, as_of),
            "is_online": dossier["channel"] == "2",
            "is_full_online_procedure": pair is not None and pair["online_level"] == "4",
            "is_digitised": input_digitised(dossier),
            "has_e_result": result_electronic(dossier, catalogue.procedure(dossier)),
            "paid_online": dossier["paid_online"] is True,
            "apology_sent": dossier["apology_sent_at"] is not None,
        }
    return facts


# --- adding up --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Figure:
    numerator: Number
    denominator: Number
    value: float | None
    meets_target: bool | None
    is_headline: bool


def add(left: Number, right: Number) -> Number:
    """Sum in which None is nothing."""
    if left is None or right is None:
        return right if left is None else left
    return left + right


class Ledger:
    """Numerators and denominators by target, variant, agency and period."""

    def __init__(self, as_of: date):
        self.as_of = as_of
        self.year_to_date: Period = ("ytd", date(as_of.year, 1, 1))
        self.sums: dict[FigureKey, tuple[Number, Number]] = {}

    def periods(self, event: date | None) -> list[Period]:
        """The periods that a day falls into; a day after `as_of`, or of another year, is in none."""
        if event is None or event.year != self.as_of.year or event > self.as_of:
            return []
        first_of_quarter = 3 * ((event.month - 1) // 3) + 1
        return [
            ("month", date(event.year, event.month, 1)),
            ("quarter", date(event.year, first_of_quarter, 1)),
            self.year_to_date,
        ]

    def all_periods(self) -> list[Period]:
        """Every month and quarter begun by `as_of`, and the year to date."""
        months = [date(self.as_of.year, month, 1) for month in range(1, self.as_of.month + 1)]
        return (
            [("month", first) for first in months]
            + [("quarter", first) for first in months if first.month in (1, 4, 7, 10)]
            + [self.year_to_date]
        )

    def book(
        self, target: str, variant: str, agency: str, period: Period, numerator: Number, denominator: Number
    ):
        """Set down one sum of one agency (or of the province itself)."""
        key = (target, variant, agency, *period)
        old_numerator, old_denominator = self.sums.get(key, (None, None))
        self.sums[key] = (add(old_numerator, numerator), add(old_denominator, denominator))

    def book_both(
        self, target: str, variant: str, agency: str, period: Period, numerator: Number, denominator: Number
    ):
        """Set down one sum of an agency, which is also a part of the province's."""
        self.book(target, variant, agency, period, numerator, denominator)
        self.book(target, variant, PROVINCE, period, numerator, denominator)

    def share(
        self,
        target: str,
        rows: Iterable[Row],
        hit: Callable[[Row], bool],
        *,
        variant: str = "headline",
        agency: str = "agency_code",
        event: str | None = None,
    ):
        """How many of the rows hit; by the date of column `event`, or as a stock without one."""
        for row in rows:
            periods = self.periods(day(row[event])) if event else [self.year_to_date]
            for period in periods:
                self.book_both(target, variant, row[agency], period, 1 if hit(row) else 0, 1)

    def ratio(
        self, target: str, rows: Iterable[Row], numerator: str, denominator: str, *, variant: str = "headline"
    ):
        """Sum of one column over the sum of another, as a stock; a blank numerator adds nothing."""
        for row in rows:
            self.book_both(
                target, variant, row["agency_code"], self.year_to_date, row[numerator] or 0, row[denominator]
            )


# --- the four sources -------------------------------------------------------------------------------------


def procedures_and_pairs(ledger: Ledger, catalogue: Catalogue) -> None:
    procedures = list(catalogue.procedures.values())
    pairs = catalogue.pairs_valid()

    def served(pair: Row) -> bool:
        return pair["one_stop_served"] is True

    ledger.share("3.1", procedures, lambda row: row["beyond_authority"] is False, agency="owner_code")

    for target, level in {"3.3.1a": "tinh", "3.3.1b": "huyen", "3.3.1c": "xa"}.items():
        required = [p for p in pairs if p["one_stop_required"] and catalogue.level(p["agency_code"]) == level]
        ledger.share(target, required, served)

    vertical = [p for p in pairs if catalogue.procedure(p) and catalogue.procedure(p)["central_vertical"]]
    ledger.share("3.3.2", vertical, served)

    served_codes = {pair["procedure_code"] for pair in pairs if served(pair)}
    for target, kind in {"3.3.3": "same_level", "3.3.4": "cross_level"}.items():
        for procedure in procedures:
            if procedure["interlinked"] == kind and procedure["procedure_code"] in served_codes:
                ledger.book_both(target, "headline", procedure["owner_code"], ledger.year_to_date, 1, None)

    eligible = [pair for pair in pairs if pair["full_online_eligible"]]
    ledger.share("7.3.4", eligible, lambda pair: pair["online_level"] == "4")

    payable = [pair for pair in pairs if catalogue.has_fee(pair) and pair["online_payment_eligible"]]
    ledger.share("7.3.6a", payable, lambda pair: pair["online_payment_enabled"] is True)


def dossiers(ledger: Ledger, catalogue: Catalogue, rows: list[Row]) -> None:
    as_of = ledger.as_of
    accepted = [row for row in rows if state(row, as_of) != "not_accepted"]
    resolved = [row for row in rows if state(row, as_of) == "resolved"]

    ledger.share("3.2.3a", accepted, lambda row: row["synced_national"] is True, event="received_at")
    ledger.share("3.2.3b", accepted, lambda row: row["published_provincial"] is True, event="received_at")

    for target, level in ON_TIME_TARGETS.items():
        of_level = [row for row in accepted if catalogue.level(row["agency_code"]) == level]
        on_time_variants(ledger, target, of_level)

    missed = [row for row in accepted if missed_original_due(row, as_of)]
    not_supplemented = [row for row in missed if row["supplement_received_at"] is None]

    def apologised(row: Row) -> bool:
        return row["apology_sent_at"] is not None

    ledger.share("3.4.4", missed, apologised, event="received_at")
    ledger.share("3.4.4", missed, apologised_in_time, event="received_at", variant="timely")
    ledger.share("3.4.4", not_supplemented, apologised, event="received_at", variant="without_supplement")

    def with_result(row: Row) -> bool:
        return result_electronic(row, catalogue.procedure(row))

    def wholly_digital(row: Row) -> bool:
        return input_digitised(row) and with_result(row)

    for target, level in {"7.3.3a": "tinh", "7.3.3b": "huyen", "7.3.3c": "xa"}.items():
        of_level = [
            row
            for row in resolved
            if catalogue.procedure(row) and catalogue.procedure(row)["authority_level"] == level
        ]
        ledger.share(target, of_level, wholly_digital, event="finished_at")
        ledger.share(target, of_level, input_digitised, event="finished_at", variant="input")
        ledger.share(target, of_level, with_result, event="finished_at", variant="result")

    full_online = [
        row for row in accepted if catalogue.pair(row) and catalogue.pair(row)["online_level"] == "4"
    ]
    not_by_post = [row for row in full_online if row["channel"] in ("1", "2")]

    def online(row: Row) -> bool:
        return row["channel"] == "2"

    ledger.share("7.3.5", not_by_post, online, event="received_at")
    ledger.share("7.3.5", full_online, online, event="received_at", variant="with_post")

    pairs_paid_online(ledger, catalogue, accepted)

    to_be_paid = [
        row
        for row in resolved
        if catalogue.has_fee(row)
        and catalogue.pair(row)
        and catalogue.pair(row)["online_payment_enabled"]
        and row["fee_exempt"] is not True
        and (row["fee_amount"] or 0) > 0
    ]
    ledger.share("7.3.6c", to_be_paid, lambda row: row["paid_online"] is True, event="finished_at")


def on_time_variants(ledger: Ledger, target: str, accepted: list[Row]) -> None:
    as_of = ledger.as_of
    for row in accepted:
        is_state = state(row, as_of)
        on_time = resolved_on_time(row, as_of)
        good_in_a = on_time or is_state == "withdrawn"
        bad_in_a = (is_state == "resolved" and not on_time) or overdue_open(row, as_of)
        good_in_b = (
            good_in_a or is_state == "paused" or (is_state == "in_process" and not overdue_open(row, as_of))
        )
        for period in ledger.periods(day(row["received_at"])):
            agency = row["agency_code"]
            ledger.book_both(target, "A", agency, period, int(good_in_a), int(good_in_a or bad_in_a))
            ledger.book_both(target, "B", agency, period, int(good_in_b), 1)
            ledger.book_both(target, "S", agency, period, int(on_time), int(is_state == "resolved"))
            ledger.book_both(target, "N", agency, period, int(on_time), 1)


def pairs_paid_online(ledger: Ledger, catalogue: Catalogue, accepted: list[Row]) -> None:
    """7.3.6b: of the pairs with online payment and a dossier in the period, those with one paid online."""
    for pair in catalogue.pairs_valid():
        if not (catalogue.has_fee(pair) and pair["online_payment_enabled"]):
            continue
        for period in ledger.all_periods():
            received = [
                row
                for row in accepted
                if row["agency_code"] == pair["agency_code"]
                and row["procedure_code"] == pair["procedure_code"]
                and period in ledger.periods(day(row["received_at"]))
            ]
            if received:
                paid = any(row["paid_online"] is True for row in received)
                ledger.book_both("7.3.6b", "headline", pair["agency_code"], period, int(paid), 1)


def feedback_and_quality(ledger: Ledger, tables: Tables) -> None:
    as_of = ledger.as_of
    feedback = latest(tables, "tthc__feedback", as_of)
    answered = [row for row in feedback if row["answered_at"] is not None]
    answered_or_due = [
        row for row in feedback if row["answered_at"] is not None or day(row["due_at"]) < as_of
    ]

    def answered_in_time(row: Row) -> bool:
        return row["answered_at"] is not None and day(row["answered_at"]) <= day(row["due_at"])

    ledger.share("3.5.1", answered_or_due, answered_in_time, event="received_at")
    ledger.share("3.5.2", answered, lambda row: row["published_at"] is not None, event="received_at")

    last_grade: dict[str, Row] = {}
    for row in latest(tables, "tthc__service_quality", as_of):
        if int(row["period"][:4]) != as_of.year:
            continue
        old = last_grade.get(row["agency_code"])
        if old is None or quality_period_order(row["period"]) > quality_period_order(old["period"]):
            last_grade[row["agency_code"]] = row
    ledger.share("3.4.5", last_grade.values(), lambda row: row["grade"] in ("good", "excellent"))


def quality_period_order(period: str) -> int:
    """Months in their order; the period of the whole year comes after them."""
    return 13 if len(period) == 4 else int(period[5:7])


def document_office(ledger: Ledger, catalogue: Catalogue, tables: Tables) -> None:
    as_of = ledger.as_of
    tasks = latest(tables, "document_office__assigned_tasks", as_of)

    def assigned_by(*assigners: str) -> list[Row]:
        return [task for task in tasks if task["assigner"] in assigners]

    def done(task: Row) -> bool:
        return task["completed_on"] is not None and task["completed_on"] <= as_of

    def done_by_due_date(task: Row) -> bool:
        return task["completed_on"] is not None and task["completed_on"] <= task["due_on"]

    ledger.share("1.1", assigned_by("par_plan"), done, event="due_on")
    ledger.share("1.7", assigned_by("government", "prime_minister"), done_by_due_date, event="due_on")
    ledger.share("5.5", assigned_by("training_plan"), done, event="due_on")

    def good_report(row: Row) -> bool:
        return row["sent_on"] is not None and row["sent_on"] <= row["due_on"] and row["complete"] is True

    ledger.share(
        "1.2", latest(tables, "document_office__periodic_reports", as_of), good_report, event="due_on"
    )

    def processed_online(row: Row) -> bool:
        return row["processed_online"] is True

    documents = latest(tables, "document_office__documents", as_of)
    for target, level, threshold in [("7.2.1a", "tinh", 80), ("7.2.1b", "huyen", 50)]:
        open_documents = [
            row
            for row in documents
            if row["secrecy"] == "none" and catalogue.level(row["agency_code"]) == level
        ]
        ledger.share(target, open_documents, processed_online, event="registered_at", variant="documents")
        by_agency = {key: sums for key, sums in ledger.sums.items() if key[:2] == (target, "documents")}
        for (_, _, agency, kind, start), (online, count) in by_agency.items():
            if agency != PROVINCE:
                reached = 100 * online >= threshold * count
                ledger.book_both(target, "headline", agency, (kind, start), int(reached), 1)

    for agency in catalogue.agencies_valid():
        own = [row for row in documents if row["agency_code"] == agency and row["exchanged_electronically"]]
        for period in ledger.all_periods():
            directions = {
                row["direction"] for row in own if period in ledger.periods(day(row["registered_at"]))
            }
            ledger.book_both("7.2.2", "headline", agency, period, int(directions == {"in", "out"}), 1)


def finance(ledger: Ledger, tables: Tables) -> None:
    as_of, year = ledger.as_of, ledger.as_of.year

    plans = [row for row in latest(tables, "finance__capital_plans", as_of) if row["budget_year"] == year]
    delivered = latest(tables, "finance__disbursements", as_of)
    payments = [row for row in delivered if row["budget_year"] == year and row["paid_on"] <= as_of]
    for plan in plans if delivered else ():
        paid = sum(
            payment["amount_vnd"]
            for payment in payments
            if payment["project_code"] == plan["project_code"]
            and payment["capital_source"] == plan["capital_source"]
        )
        ledger.book_both(
            "6.1.1", "headline", plan["agency_code"], ledger.year_to_date, paid, plan["planned_vnd"]
        )

    compliance = [
        row for row in latest(tables, "finance__budget_compliance", as_of) if row["budget_year"] == year
    ]
    ledger.share("6.1.2", compliance, lambda row: row["spending_compliant"] is True)
    ledger.share("6.2.1", compliance, lambda row: row["asset_regulation_issued"] is True)
    ledger.ratio("6.2.3", compliance, "premises_approved", "premises_total")

    findings = [row for row in latest(tables, "finance__audit_findings", as_of) if row["issued_on"] <= as_of]
    with_amount = [row for row in findings if row["amount_vnd"] is not None]

    def completed(row: Row) -> bool:
        return row["completed_on"] is not None and row["completed_on"] <= as_of

    ledger.ratio("6.1.3", with_amount, "recovered_vnd", "amount_vnd")
    ledger.share("6.1.3", findings, completed, variant="count")

    service_units(ledger, latest(tables, "finance__service_units", as_of))
    enterprise_revenue(ledger, latest(tables, "finance__revenue", as_of))


def service_units(ledger: Ledger, units: list[Row]) -> None:
    year = ledger.as_of.year
    of_this_year = [row for row in units if row["budget_year"] == year]
    ledger.share("6.3.3", of_this_year, lambda row: row["distribution_compliant"] is True)

    for agency in [*sorted({row["agency_code"] for row in units}), PROVINCE]:
        own = [row for row in units if agency in (row["agency_code"], PROVINCE)]
        now = [row for row in own if row["budget_year"] == year]
        last_year = [row for row in own if row["budget_year"] == year - 1]
        in_2021 = [row for row in own if row["budget_year"] == 2021]

        # A year that nobody has reported gives no figure; an agency whose units are gone has none of them left.
        if of_this_year and last_year:
            for target, low, high in [
                ("6.3.1", 100, None),
                ("6.3.2a", 70, 100),
                ("6.3.2b", 30, 70),
                ("6.3.2c", 10, 30),
            ]:
                more = units_between(now, low, high) - units_between(last_year, low, high)
                ledger.book(target, "headline", agency, ledger.year_to_date, more, None)

        if of_this_year and in_2021:
            base = sum(row["direct_budget_vnd"] for row in in_2021)
            spent = sum(row["direct_budget_vnd"] for row in now)
            ledger.book("6.3.4", "headline", agency, ledger.year_to_date, base - spent, base)


def units_between(units: list[Row], low: int, high: int | None) -> int:
    return sum(
        1
        for row in units
        if low <= row["self_financing_pct"] and (high is None or row["self_financing_pct"] < high)
    )


def enterprise_revenue(ledger: Ledger, revenue: list[Row]) -> None:
    """8.3.3: January to the month of the day, against the same whole months of the year before."""

    def amounts(year: int) -> list[Decimal]:
        months = {f"{year:04d}-{month:02d}" for month in range(1, ledger.as_of.month + 1)}
        return [
            row["amount_vnd"]
            for row in revenue
            if row["sector"].endswith("_enterprise") and row["month"] in months
        ]

    now, before = amounts(ledger.as_of.year), amounts(ledger.as_of.year - 1)
    if now and before:
        growth = sum(now) - sum(before)
        ledger.book("8.3.3", "headline", PROVINCE, ledger.year_to_date, growth, sum(before))


def register(ledger: Ledger, tables: Tables, plan: Mapping[str, Target]) -> None:
    as_of, year = ledger.as_of, ledger.as_of.year

    def province(target: str, numerator: Number, denominator: Number) -> None:
        ledger.book(target, "headline", PROVINCE, ledger.year_to_date, numerator, denominator)

    numbers = {
        (row["indicator_code"], row["year"]): row["value"]
        for row in latest(tables, "register__indicators", as_of)
    }
    for target, part, whole in [
        ("4.2.1", "payroll_used", "payroll_assigned"),
        ("4.2.2", "service_staff_used", "service_staff_assigned"),
        ("5.6a", "commune_cadres_qualified", "commune_cadres_total"),
        ("5.6b", "commune_officials_qualified", "commune_officials_total"),
        ("7.1.3", "lgsp_apps_connected", "lgsp_apps_total"),
        ("7.1.4", "ndxp_services_used", "ndxp_services_total"),
        ("8.4", "socio_targets_met", "socio_targets_total"),
    ]:
        province(target, numbers.get((part, year)), numbers.get((whole, year)))

    for target, code, base_year, sign in [
        ("4.1.3", "service_units_count", 2021, -1),  # a reduction
        ("8.2", "fdi_capital_usd", year - 1, 1),
        ("8.3.1", "new_enterprises", year - 1, 1),
        ("8.3.2", "registered_capital_vnd", year - 1, 1),
    ]:
        now, base = numbers.get((code, year)), numbers.get((code, base_year))
        if now is not None and base is not None:
            province(target, sign * (now - base), base)

    for row in latest(tables, "register__survey_scores", as_of):
        if row["survey"] == "sipas" and row["year"] == year:
            province("8.1", row["score"], row["max_score"])

    newest: dict[tuple[str, str], Row] = {}
    for row in latest(tables, "register__criteria_results", as_of):
        if row["target_id"] not in plan or row["reported_on"].year != year or row["reported_on"] > as_of:
            continue
        key = (row["target_id"], row["agency_code"])
        if key not in newest or row["reported_on"] > newest[key]["reported_on"]:
            newest[key] = row
    for (target, agency), row in newest.items():
        if plan[target].is_text:
            if row["achieved"] is None:
                continue
            numerator, denominator = int(row["achieved"]), 1
        else:
            if row["numerator"] is None:
                continue
            numerator, denominator = row["numerator"], row["denominator"] if plan[target].is_percent else None
        variant = "register" if target in MEASURED else "headline"
        if target not in PROVINCE_ONLY:
            ledger.book(target, variant, agency, ledger.year_to_date, numerator, denominator)
        ledger.book(target, variant, PROVINCE, ledger.year_to_date, numerator, denominator)


# --- figures ----------------------------------------------------------------------------------------------


def indicators(tables: Tables, as_of: date, plan: Mapping[str, Target]) -> dict[FigureKey, Figure]:
    """Every figure of every target of the plan, as of a day."""
    catalogue = Catalogue(tables, as_of)
    ledger = Ledger(as_of)
    procedures_and_pairs(ledger, catalogue)
    dossiers(ledger, catalogue, latest(tables, "tthc__dossiers", as_of))
    feedback_and_quality(ledger, tables)
    document_office(ledger, catalogue, tables)
    finance(ledger, tables)
    register(ledger, tables, plan)

    figures = {}
    for key, (numerator, denominator) in ledger.sums.items():
        target_id, variant = key[:2]
        if target_id in plan:
            figure = make_figure(plan[target_id], variant, numerator, denominator)
            if not is_empty(target_id, figure):
                figures[key] = figure
    return figures


def waiting_overdue(tables: Tables, as_of: date) -> dict[tuple[str, str], int]:
    """Dossiers received this year that wait past their due day, by on-time target and agency; no zeros."""
    catalogue = Catalogue(tables, as_of)
    ledger = Ledger(as_of)
    for target, level in ON_TIME_TARGETS.items():
        for row in latest(tables, "tthc__dossiers", as_of):
            is_of_year = ledger.year_to_date in ledger.periods(day(row["received_at"]))
            if is_of_year and waits_past_due(row, as_of) and catalogue.level(row["agency_code"]) == level:
                ledger.book_both(target, "waiting", row["agency_code"], ledger.year_to_date, 1, None)
    return {(target, agency): count for (target, _, agency, *_), (count, _) in ledger.sums.items()}


def make_figure(target: Target, variant: str, numerator: Number, denominator: Number) -> Figure:
    value = exact_value(target, numerator, denominator)
    headline = "A" if target.target_id in ON_TIME_TARGETS else "headline"
    return Figure(
        numerator=numerator,
        denominator=denominator,
        value=None if value is None else float(value),
        meets_target=verdict(target, numerator, denominator, value),
        is_headline=variant == headline,
    )


def exact_value(target: Target, numerator: Number, denominator: Number) -> Fraction | None:
    if numerator is None:
        return None
    if not target.is_percent:
        return Fraction(numerator)
    if not denominator:
        return None
    return 100 * Fraction(numerator) / Fraction(denominator)


def verdict(target: Target, numerator: Number, denominator: Number, value: Fraction | None) -> bool | None:
    if value is None or target.target_id in NO_VERDICT:
        return None
    if target.is_text:
        return numerator == denominator
    goal = Fraction(target.target_value)
    if target.operator == "=":
        return numerator == denominator if goal == 100 else value == goal
    if target.operator == ">=":
        return value >= goal
    if target.operator == ">":
        return value > goal
    if target.operator == "<=":
        return value <= goal
    raise ValueError(f"{target.target_id}: unknown operator {target.operator!r}")


# --- comparing --------------------------------------------------------------------------------------------


def is_empty(target_id: str, figure: Figure | None) -> bool:
    """Nothing to count: no figure, no numerator, or 0/0 (for counts of catalogue rows also a plain zero)."""
    if figure is None or figure.numerator is None:
        return True
    if figure.numerator != 0:
        return False
    return figure.denominator == 0 or (figure.denominator is None and target_id in CATALOGUE_COUNTS)


def from_rows(rows: Iterable[Mapping[str, Any]]) -> dict[FigureKey, Figure]:
    """Rows of fct_indicator (mappings by column name) of one as_of_date, as `indicators` gives them."""
    figures: dict[FigureKey, Figure] = {}
    for row in rows:
        key = (
            row["target_id"],
            row["variant"],
            row["agency_code"],
            row["period_kind"],
            day(row["period_start"]),
        )
        if key in figures:
            raise ValueError(f"two rows for {key}")
        figures[key] = Figure(
            numerator=row["numerator"],
            denominator=row["denominator"],
            value=row["value"],
            meets_target=row["meets_target"],
            is_headline=row["is_headline"],
        )
    return figures


def compare(expected: Mapping[FigureKey, Figure], actual: Mapping[FigureKey, Figure]) -> list[str]:
    """What differs, one readable line per figure; an empty list when the two say the same.

    0/0, null/null and no row at all are the same. Otherwise numerators and denominators must be equal, values
    equal to 1e-9 of their size, verdict and headline the same.
    """
    differences = []
    for key in sorted(expected.keys() | actual.keys()):
        want, have = expected.get(key), actual.get(key)
        if is_empty(key[0], want) and is_empty(key[0], have):
            if (
                have is not None
                and key[0] not in CATALOGUE_COUNTS
                and (have.value, have.meets_target) != (None, None)
            ):
                differences.append(f"{describe(key)}: nothing to count, yet {show(have)}")
            continue
        if want is None:
            differences.append(f"{describe(key)}: not expected, got {show(have)}")
        elif have is None:
            differences.append(f"{describe(key)}: missing, expected {show(want)}")
        elif unlike := unlike_parts(want, have):
            differences.append(
                f"{describe(key)}: {', '.join(unlike)}: expected {show(want)}, got {show(have)}"
            )
    return differences


def unlike_parts(want: Figure, have: Figure) -> list[str]:
    unlike = [
        part
        for part in ("numerator", "denominator")
        if plain(getattr(want, part)) != plain(getattr(have, part))
    ]
    if not close(want.value, have.value):
        unlike.append("value")
    return unlike + [
        part for part in ("meets_target", "is_headline") if getattr(want, part) != getattr(have, part)
    ]


def plain(number: Any) -> Decimal | None:
    """A number whatever its type; a float stands for the shortest decimal that reads back as it."""
    if number is None or number != number:
        return None
    return Decimal(repr(float(number))) if isinstance(number, float) else Decimal(number)


def close(left: Any, right: Any) -> bool:
    left, right = plain(left), plain(right)
    if left is None or right is None:
        return left is right
    return abs(left - right) <= Decimal("1e-9") * max(abs(left), abs(right))


def describe(key: FigureKey) -> str:
    target, variant, agency, kind, start = key
    return f"{target} [{variant}] {agency} {kind} {start:%Y-%m-%d}"


def show(figure: Figure) -> str:
    headline = " headline" if figure.is_headline else ""
    return f"{figure.numerator}/{figure.denominator} = {figure.value} met={figure.meets_target}{headline}"
