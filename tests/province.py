"""Small random provinces, always valid by the contracts, and the ways to feed them to the warehouse.

    random_province(rng, size, as_of)    tables as `oracle.indicators` reads them
    provinces(max_size)                  the same as a hypothesis strategy; shrinks by size, then by seed
    write_inbox(tables, inbox, fmt=...)  the tables as export files
    to_landing_duckdb(tables, path, as_of)   the tables as a landing schema that dbt can run on

`reorder_rows`, `split_files`, `repeat_files`, `redeliver` and `shift_times` change how the same facts arrive.
No figure may change by any of them.

Every table is built the same way: a list of histories, each the versions of one key in the order of their
delivery. `lay_out` spreads them over deliveries, files, sheets and rows, so that corrections by a later
delivery, by a later file and by a later row of the same file all occur, and so do deliveries after `as_of`.
"""

from __future__ import annotations

import csv
import functools
import html
import itertools
import json
import random
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import xlsxwriter
import yaml
from hypothesis import strategies as st

from tests import oracle
from tests.oracle import Row
from warehouse.build import show_ledger

Tables = dict[str, list[Row]]

CONTRACTS = Path(__file__).resolve().parents[1] / "sources" / "contracts"
LEVELS = ("tinh", "huyen", "xa")
UNKNOWN_AGENCY = "000.99.99.H62"
UNKNOWN_PROCEDURE = "9.999999.000.00.00.H62"

# Days that a year's figures hinge on: its ends, a leap day, the ends of quarters, the end of the districts.
AS_OF_DAYS = (
    date(2024, 6, 18),
    date(2024, 1, 1),
    date(2024, 2, 29),
    date(2024, 3, 31),
    date(2024, 4, 1),
    date(2024, 12, 31),
    date(2025, 1, 1),
    date(2025, 7, 1),
)


# --- contracts --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Column:
    name: str
    header: str
    type: str
    personal: bool
    labels: dict[str, str] = field(default_factory=dict)


@functools.cache
def contracts(folder: Path = CONTRACTS) -> dict[str, list[Column]]:
    """The columns of each table, in the order of the contract."""
    tables = {}
    for path in sorted(folder.glob("*.yaml")):
        contract = yaml.safe_load(path.read_text(encoding="utf-8"))
        for table in contract["schema"]:
            tables[f"{contract['name']}__{table['name']}"] = [
                Column(
                    name=column["name"],
                    header=column["businessName"],
                    type=column["physicalType"],
                    personal=column.get("classification") == "personal",
                    labels={str(code["value"]): code["label"] for code in column.get("enum", [])},
                )
                for column in table["properties"]
            ]
    return tables


# --- a random province ------------------------------------------------------------------------------------


class Dice:
    """Random draws that like the edges."""

    def __init__(self, rng: random.Random, as_of: date):
        self.rng = rng
        self.as_of = as_of
        # How often things go well; at 1 every target of 100 % is met.
        self.luck = rng.choice((0.5, 0.85, 1.0))
        year = as_of.year
        self.edges = [
            as_of - timedelta(days=1),
            as_of,
            as_of + timedelta(days=1),
            as_of.replace(day=1),
            as_of.replace(day=1) - timedelta(days=1),
            date(year - 1, 12, 31),
            date(year, 1, 1),
            date(year, 3, 31),
            date(year, 4, 1),
            date(year, 12, 31),
            date(year + 1, 1, 1),
        ]

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def good(self) -> bool:
        return self.chance(self.luck)

    def pick(self, *choices: Any) -> Any:
        return self.rng.choice(choices)

    def maybe(self, value: Any, probability: float = 0.5) -> Any:
        return value if self.chance(probability) else None

    def flag(self) -> bool | None:
        """A boolean that may be blank."""
        return None if self.chance(0.15) else self.good()

    def whole(self, low: int, high: int) -> Decimal:
        return Decimal(self.rng.randint(low, high))

    def amount(self) -> Decimal:
        """Đồng; few different values, so that sums meet each other."""
        return Decimal(self.pick(0, 1, 500_000, 1_000_000, 250_000_000, 1_234_567_890))

    def day(self) -> date:
        if self.chance(0.35):
            return self.rng.choice(self.edges)
        year_start = date(self.as_of.year, 1, 1)
        return year_start + timedelta(days=self.rng.randint(-40, (self.as_of - year_start).days + 20))

    def day_from(self, first: date) -> date:
        """A day not before `first`, often the same, the next, or one around the day of the figures."""
        later = [first, first + timedelta(days=1), first + timedelta(days=self.rng.randint(0, 60))]
        around = [day for day in self.edges[:3] if day >= first]
        return self.rng.choice(later + around)

    def day_near(self, middle: date) -> date:
        return middle + timedelta(days=self.pick(-7, -1, -1, 0, 0, 1, 1, 5))

    def at(self, day: date) -> datetime:
        clock = self.pick(
            time(0, 0), time(7, 30), time(12, 0), time(17, 0), time(23, 10), time(23, 59, 59)
        )  # fmt: skip
        return datetime.combine(day, clock)


class Builder:
    """Draws the histories of every table; first agencies, procedures and pairs, to which the rest refers."""

    def __init__(self, rng: random.Random, size: int, as_of: date):
        self.rng, self.size, self.as_of, self.year = rng, size, as_of, as_of.year
        self.dice = Dice(rng, as_of)
        self.histories: dict[str, list[list[Row]]] = {key: [] for key in oracle.KEYS}
        self.agencies = [f"000.00.{number:02d}.H62" for number in range(1, 2 + min(7, size // 4))]
        self.procedures = [f"1.{number:06d}.000.00.00.H62" for number in range(1, 2 + min(6, size // 5))]
        self.pairs: list[tuple[str, str]] = []

    def build(self) -> Tables:
        self.draw_agencies()
        self.draw_procedures()
        self.draw_pairs()
        self.draw_many("tthc__dossiers", self.size, self.dossier)
        self.draw_many("tthc__feedback", self.size // 2, self.feedback)
        self.draw_many("tthc__service_quality", self.size // 3, self.service_quality)
        self.draw_many("document_office__documents", self.size, self.document)
        self.draw_many("document_office__assigned_tasks", self.size, self.task)
        self.draw_many("document_office__periodic_reports", self.size // 3, self.report)
        self.draw_many("finance__capital_plans", self.size // 3, self.capital_plan)
        self.draw_many("finance__disbursements", self.size // 2, self.disbursement)
        self.draw_many("finance__audit_findings", self.size // 3, self.audit_finding)
        self.draw_many("finance__budget_compliance", self.size // 3, self.budget_compliance)
        self.draw_service_units()
        self.draw_many("finance__revenue", self.size, self.revenue)
        self.draw_criteria_results()
        self.draw_many("register__survey_scores", self.size // 4, self.survey_score)
        self.draw_indicators()
        for key, rows in self.histories.items():
            name_what_is_missing(key, itertools.chain.from_iterable(rows))
        return {key: lay_out(self.rng, key, rows, self.as_of) for key, rows in self.histories.items()}

    def draw_many(self, table: str, most: int, make: Callable[[int], Row]) -> None:
        for number in range(self.rng.randint(most // 2, most)):
            self.put(table, functools.partial(make, number))

    def put(self, table: str, make: Callable[[], Row]) -> None:
        """One key with its first version and, now and then, corrections of it."""
        first = make()
        identity = {column: first[column] for column in oracle.KEYS[table]}
        if any(
            all(versions[0][column] == identity[column] for column in identity)
            for versions in self.histories[table]
        ):
            return
        corrections = self.rng.choice((0, 0, 0, 0, 1, 1, 2))
        self.histories[table].append([first] + [make() | identity for _ in range(corrections)])

    def agency(self) -> str:
        return UNKNOWN_AGENCY if self.dice.chance(0.04) else self.rng.choice(self.agencies)

    # --- catalogues

    def draw_agencies(self) -> None:
        for number, code in enumerate(self.agencies):
            usual_level = LEVELS[number % 3]
            for valid_from, valid_to, level in self.agency_versions(usual_level):
                self.put(
                    "tthc__agencies",
                    functools.partial(self.agency_row, code, valid_from, valid_to, level),
                )

    def agency_versions(self, level: str) -> list[tuple[date, date | None, str]]:
        start, turn = date(2020, 1, 1), self.dice.day()
        other = self.rng.choice(LEVELS)
        before_turn = turn - timedelta(days=1)
        if self.dice.chance(0.6):
            return [(start, None, level)]
        return self.dice.pick(
            [(start, before_turn, level), (turn, None, other)],  # changed its level
            [(start, None, level), (turn, None, other)],  # two open versions: the newer counts
            [(start, turn, level)],  # ended
            [(self.as_of + timedelta(days=10), None, level)],  # not yet begun
            [
                (start, self.as_of - timedelta(days=9), level),
                (self.as_of + timedelta(days=5), None, other),
            ],  # gap
        )

    def agency_row(self, code: str, valid_from: date, valid_to: date | None, level: str) -> Row:
        return {
            "agency_code": code,
            "agency_name": f"Cơ quan {code}",
            # A correction may give the version another level.
            "level": level if self.dice.chance(0.9) else self.rng.choice(LEVELS),
            "parent_code": self.dice.maybe(self.rng.choice(self.agencies), 0.3),
            "valid_from": valid_from,
            "valid_to": valid_to,
            "successor_code": self.rng.choice(self.agencies) if valid_to else None,
        }

    def draw_procedures(self) -> None:
        for code in self.procedures:
            self.put("tthc__procedures", functools.partial(self.procedure, code))

    def procedure(self, code: str) -> Row:
        return {
            "procedure_code": code,
            "procedure_name": f"Thủ tục {code}",
            "field_name": self.dice.pick("Đất đai", "Hộ tịch"),
            "authority_level": self.rng.choice(LEVELS),
            "owner_code": self.agency(),
            "fee_required": self.dice.chance(0.7),
            "has_result": self.dice.chance(0.7),
            "central_vertical": self.dice.chance(0.3),
            "interlinked": self.dice.pick("none", "same_level", "cross_level"),
            "beyond_authority": not self.dice.good(),
            "processing_days": Decimal(self.dice.pick("0.5", "1", "3", "15")),
            "promulgation_due_on": self.dice.maybe(self.dice.day()),
            "promulgated_on": self.dice.maybe(self.dice.day()),
            "published_national": self.dice.good(),
            "published_provincial": self.dice.good(),
        }

    def draw_pairs(self) -> None:
        for agency, procedure in itertools.product([*self.agencies, UNKNOWN_AGENCY], self.procedures):
            if not self.dice.chance(0.1 if agency == UNKNOWN_AGENCY else 0.5):
                continue
            self.pairs.append((agency, procedure))
            for valid_from, valid_to in self.pair_versions():
                self.put(
                    "tthc__agency_procedures",
                    functools.partial(self.pair, agency, procedure, valid_from, valid_to),
                )
        if self.dice.chance(0.2):  # a pair of a procedure that no catalogue row has
            self.put(
                "tthc__agency_procedures",
                functools.partial(self.pair, self.agency(), UNKNOWN_PROCEDURE, date(2021, 1, 1), None),
            )

    def pair_versions(self) -> list[tuple[date, date | None]]:
        start, turn = date(2021, 1, 1), self.dice.day()
        if self.dice.chance(0.5):
            return [(start, None)]
        return self.dice.pick(
            [(start, turn), (turn + timedelta(days=1), None)],
            [(start, None), (turn, None)],
            [(start, None), (turn, turn + timedelta(days=30))],
            [(turn, None)],
            [(start, turn)],
        )

    def pair(self, agency: str, procedure: str, valid_from: date, valid_to: date | None) -> Row:
        return {
            "agency_code": agency,
            "procedure_code": procedure,
            "online_level": self.dice.pick("4", "4", "3", "2"),
            "full_online_eligible": self.dice.chance(0.7),
            "online_payment_eligible": self.dice.chance(0.7),
            "online_payment_enabled": self.dice.good(),
            "one_stop_required": self.dice.chance(0.8),
            "one_stop_served": self.dice.good(),
            "posted_at_one_stop": self.dice.good(),
            "valid_from": valid_from,
            "valid_to": valid_to,
        }

    # --- procedures at work

    def dossier(self, number: int) -> Row:
        dice = self.dice
        agency, procedure = self.agency(), self.rng.choice([*self.procedures, UNKNOWN_PROCEDURE])
        if self.pairs and dice.chance(0.8):
            agency, procedure = self.rng.choice(self.pairs)
        status = dice.pick(
            "1", "2", "2", "3", "4", "4", "5", "6", "7", "7", "8", "9", "9", "9", "10", "10", "10"
        )
        received = dice.day()
        due = None if dice.chance(0.12) else dice.day_from(received)
        finished = self.finish_day(status, received, due)
        original = self.original_due(received, due)
        received_is_blank = status in ("1", "3") and dice.chance(0.5)
        components = dice.maybe(self.rng.randint(0, 4), 0.9)
        most = 3 if components is None else components
        return {
            "dossier_code": f"000.00.00.H62-240101-{number:04d}",
            "procedure_code": procedure,
            "agency_code": agency,
            "channel": dice.pick("1", "2", "2", "3"),
            "applicant_name": dice.maybe(f"Nguyễn Văn {number}"),
            "applicant_id": dice.maybe(f"{number:012d}"),
            "applicant_kind": dice.pick("1", "2", "3", "4", None),
            "phone": dice.maybe(f"09{number:08d}"),
            "address": dice.maybe(f"Số {number}, thành phố Vĩnh Yên"),
            "submitted_at": dice.maybe(dice.at(dice.day_near(received))),
            "received_at": None if received_is_blank else dice.at(received),
            "due_at": due and dice.at(due),
            "due_at_original": original and dice.at(original),
            "supplement_requested_at": dice.maybe(dice.at(received), 0.2),
            "supplement_received_at": dice.maybe(dice.at(dice.day_from(received)), 0.2),
            "supplement_count": dice.pick(None, 0, 1, 2),
            "finished_at": finished and dice.at(finished),
            "returned_at": dice.at(finished) if finished and status == "10" else None,
            "status": status,
            "fee_amount": dice.pick(None, Decimal(0), Decimal(20_000), Decimal(150_000)),
            "fee_exempt": dice.pick(None, False, False, True),
            "paid_online": dice.flag(),
            "components_total": components,
            "components_digitised": dice.maybe(self.rng.randint(0, most), 0.8),
            "components_reused": dice.maybe(self.rng.randint(0, most), 0.5),
            "components_from_national": dice.maybe(self.rng.randint(0, most), 0.3),
            "result_attached": dice.flag(),
            "synced_national": dice.flag(),
            "published_provincial": dice.flag(),
            "apology_sent_at": dice.maybe(dice.at(dice.day_near(original or due or received)), 0.5),
            "satisfaction": dice.pick(None, 1, 5),
            "updated_at": dice.maybe(dice.at(dice.day())),
        }

    def finish_day(self, status: str, received: date, due: date | None) -> date | None:
        must_be_known = status in ("9", "10")
        if not must_be_known and not self.dice.chance(0.6 if status == "7" else 0.15):
            return None
        if due is not None and self.dice.chance(0.6):
            day_before, day_after = due - timedelta(days=1), due + timedelta(days=1)
            return max(received, self.dice.pick(day_before, due, due, day_after))
        return self.dice.day_from(received)

    def original_due(self, received: date, due: date | None) -> date | None:
        if self.dice.chance(0.65):
            return None
        return self.dice.day_near(due) if due else self.dice.day_from(received)

    def feedback(self, number: int) -> Row:
        dice = self.dice
        received = dice.day()
        due = dice.day_from(received)
        answered = dice.maybe(dice.pick(due, due + timedelta(days=1), dice.day_from(received)), 0.7)
        moments = sorted((dice.at(received), dice.at(due)))
        return {
            "feedback_code": f"PA{number:04d}",
            "kind": dice.pick("regulation", "conduct"),
            "agency_code": self.agency(),
            "received_at": moments[0],
            "due_at": moments[1],
            "answered_at": answered and dice.at(answered),
            "published_at": dice.maybe(dice.at(dice.day_from(received)), 0.7),
        }

    def service_quality(self, _: int) -> Row:
        year = self.dice.pick(self.year, self.year, self.year, self.year - 1)
        return {
            "agency_code": self.agency(),
            "period": self.dice.pick(
                f"{year}", *(f"{year}-{self.rng.randint(1, self.as_of.month):02d}",) * 3
            ),
            "grade": self.dice.pick("excellent", "good", "good", "fair", "average", "poor"),
        }

    # --- document office

    def document(self, number: int) -> Row:
        registered = self.dice.day()
        return {
            "document_code": f"VB{number // 2:04d}",  # the same document may come in here and go out there
            "agency_code": self.agency(),
            "direction": self.dice.pick("in", "out"),
            "number": self.dice.maybe(f"{number}/UBND-NC"),
            "issued_on": registered - timedelta(days=self.rng.randint(0, 3)),
            "registered_at": self.dice.at(registered),
            "secrecy": self.dice.pick("none", "none", "none", "none", "confidential", "secret", "top_secret"),
            "exchanged_electronically": self.dice.chance(0.8),
            "digitally_signed": self.dice.flag(),
            "processed_online": self.dice.good(),
        }

    def task(self, number: int) -> Row:
        due = self.dice.maybe(self.dice.day(), 0.95)
        return {
            "task_code": f"NV{number:04d}",
            "task_name": f"Nhiệm vụ {number}",
            "assigner": self.dice.pick(
                "government", "prime_minister", "province", "par_plan", "training_plan"
            ),
            "agency_code": self.agency(),
            "assigned_on": date(self.year, 1, 1),
            "due_on": due,
            "completed_on": self.dice.day_near(due or self.as_of) if self.dice.good() else None,
            "evidence_ref": self.dice.maybe(f"Báo cáo số {number}"),
        }

    def report(self, number: int) -> Row:
        due = self.dice.day()
        return {
            "report_code": f"BC{number:04d}",
            "report_name": f"Báo cáo {number}",
            "agency_code": self.agency(),
            "due_on": due,
            "sent_on": self.dice.maybe(self.dice.day_near(due), 0.85),
            "complete": self.dice.flag(),
        }

    # --- finance

    def project(self) -> dict[str, Any]:
        return {
            "budget_year": self.dice.pick(self.year, self.year, self.year, self.year - 1),
            "project_code": f"DA{self.rng.randint(1, 4)}",
            "capital_source": self.dice.pick("Ngân sách trung ương", "Ngân sách tỉnh"),
        }

    def capital_plan(self, _: int) -> Row:
        project = self.project()
        return project | {
            "project_name": self.dice.maybe(f"Dự án {project['project_code']}"),
            "agency_code": self.agency(),
            "planned_vnd": self.dice.amount(),
        }

    def disbursement(self, number: int) -> Row:
        return {"voucher_code": f"CT{number:04d}"} | self.project() | {
            "paid_on": self.dice.day(),
            "amount_vnd": self.dice.amount() * self.dice.pick(1, 1, 1, 1, -1),
        }  # fmt: skip

    def audit_finding(self, number: int) -> Row:
        issued = self.dice.pick(self.dice.day(), date(2019, 5, 6))
        amount = self.dice.maybe(self.dice.amount(), 0.8)
        return {
            "finding_code": f"KN{number:04d}",
            "agency_code": self.agency(),
            "issued_on": issued,
            "amount_vnd": amount,
            "recovered_vnd": self.dice.pick(None, amount, self.dice.amount()),
            "completed_on": self.dice.maybe(self.dice.day_from(issued), 0.7),
        }

    def budget_compliance(self, _: int) -> Row:
        premises = self.rng.randint(0, 5)
        return {
            "budget_year": self.dice.pick(self.year, self.year, self.year - 1),
            "agency_code": self.agency(),
            "spending_compliant": self.dice.good(),
            "asset_regulation_issued": self.dice.good(),
            "asset_database_updated": self.dice.good(),
            "asset_inspected": self.dice.good(),
            "premises_total": premises,
            "premises_approved": self.rng.randint(premises // 2, premises),
        }

    def draw_service_units(self) -> None:
        for number in range(self.rng.randint(0, 1 + self.size // 4)):
            agency = self.agency()
            for year in sorted({2021, self.year - 1, self.year}):
                if self.dice.chance(0.85):
                    self.put(
                        "finance__service_units", functools.partial(self.service_unit, year, number, agency)
                    )

    def service_unit(self, year: int, number: int, agency: str) -> Row:
        pct = self.dice.pick("0", "9.99", "10", "29.99", "30", "69.5", "70", "99.99", "100", "120.5")
        return {
            "budget_year": year,
            "unit_code": f"DV{number:03d}",
            "unit_name": f"Đơn vị sự nghiệp {number}",
            "agency_code": agency if self.dice.chance(0.9) else self.agency(),
            "self_financing_pct": Decimal(pct),
            "direct_budget_vnd": self.dice.amount(),
            "distribution_compliant": self.dice.good(),
        }

    def revenue(self, _: int) -> Row:
        year = self.dice.pick(self.year, self.year - 1, self.year - 1)
        month = self.dice.pick(self.rng.randint(1, 12), self.as_of.month)
        return {
            "month": f"{year}-{month:02d}",
            "sector": self.dice.pick("state_enterprise", "fdi_enterprise", "private_enterprise", "other"),
            "amount_vnd": self.dice.amount(),
        }

    # --- register

    # Results that only the register has (text, percent, count), results beside a measured figure, results of
    # the whole province, a group heading and an id that the plan does not have.
    COUNTED = ("1.5", "6.3.1")
    REPORTED = (
        "1.3.1", "1.3.2", "1.4", "1.6", "2.1.1", "2.1.2", "2.3", "5.4", "6.2.2", "7.2.3", "7.3.1",
        "1.1", "1.2", "3.4.1", "7.2.1a", "8.2", "1.3", "9.9",
    )  # fmt: skip

    def draw_criteria_results(self) -> None:
        for _ in range(self.rng.randint(self.size // 2, self.size)):
            target = self.rng.choice(self.REPORTED + self.COUNTED)
            self.put("register__criteria_results", functools.partial(self.criteria_result, target))

    def criteria_result(self, target: str) -> Row:
        denominator = self.dice.maybe(self.whole_or_half(1, 8), 0.8)
        numerator = None if denominator is None else min(denominator, self.whole_or_half(0, 8))
        if target in self.COUNTED and self.dice.chance(0.8):
            numerator, denominator = self.dice.whole(0, 4), None
        return {
            "target_id": target,
            "agency_code": self.agency(),
            "reported_on": self.dice.day(),
            "numerator": numerator,
            "denominator": denominator,
            "achieved": self.dice.flag(),
            "self_score": self.dice.maybe(Decimal("0.5")),
            "evidence_ref": self.dice.maybe("Tài liệu kiểm chứng"),
            "note": self.dice.maybe("Ghi chú"),
        }

    def whole_or_half(self, low: int, high: int) -> Decimal:
        return self.dice.whole(low, high) + self.dice.pick(Decimal(0), Decimal(0), Decimal("0.5"))

    def survey_score(self, _: int) -> Row:
        most = self.dice.pick(Decimal(1), Decimal("2.5"), Decimal(10))
        return {
            "year": self.dice.pick(self.year, self.year, self.year - 1),
            "survey": self.dice.pick("sipas", "leaders"),
            "field_id": str(self.rng.randint(1, 8)),
            "score": most * self.dice.pick(Decimal(1), Decimal("0.75"), Decimal("0.5")),
            "max_score": most,
            "satisfaction_pct": self.dice.maybe(self.dice.whole(0, 100)),
        }

    NUMBERS = (
        "fdi_capital_usd", "new_enterprises", "registered_capital_vnd", "socio_targets_met",
        "socio_targets_total", "lgsp_apps_connected", "lgsp_apps_total", "ndxp_services_used",
        "ndxp_services_total", "payroll_used", "payroll_assigned", "service_staff_used",
        "service_staff_assigned", "service_units_count", "commune_cadres_qualified", "commune_cadres_total",
        "commune_officials_qualified", "commune_officials_total",
    )  # fmt: skip

    def draw_indicators(self) -> None:
        for code, year in itertools.product(self.NUMBERS, sorted({2021, self.year - 1, self.year})):
            if self.dice.chance(0.7):
                self.put("register__indicators", functools.partial(self.number, code, year))

    def number(self, code: str, year: int) -> Row:
        return {
            "year": year,
            "indicator_code": code,
            "value": Decimal(self.dice.pick(0, 90, 99, 100, 100, 101)),
            "agency_code": self.agency(),
        }


def lay_out(rng: random.Random, key: str, histories: list[list[Row]], as_of: date) -> list[Row]:
    """Spread the versions over deliveries, files, sheets and rows, each key's versions in their order."""
    days = [as_of - timedelta(days=back) for back in (40, 7, 1, 0, -1)]
    deliveries: dict[date, list[Row]] = {}
    for versions in histories:
        for delivered_on, version in zip(
            sorted(rng.choices(days, weights=(3, 3, 2, 3, 1), k=len(versions))), versions, strict=True
        ):
            deliveries.setdefault(delivered_on, []).append(version)
    rows = []
    for delivered_on in sorted(deliveries):
        ordered = reordered(rng, key, deliveries[delivered_on])
        parts = cut(rng, ordered, most=2)
        for file_name, part in zip(file_names(rng, key, len(parts)), parts, strict=True):
            for sheet_no, sheet in enumerate(cut(rng, part, most=2 if rng.random() < 0.15 else 1), start=1):
                rows += placed(sheet, delivered_on, file_name, sheet_no)
    return rows


def placed(
    rows: Iterable[Row], delivered_on: date, file_name: str, sheet_no: int = 1, first: int = 2
) -> list[Row]:
    """Rows with their place of origin; row 1 is the header."""
    return [
        row
        | {
            "_delivered_on": delivered_on,
            "_file_name": file_name,
            "_sheet_no": sheet_no,
            "_row_number": number,
        }
        for number, row in enumerate(rows, start=first)
    ]


def file_names(rng: random.Random, key: str, count: int) -> list[str]:
    """Names in the order in which files count. None begins with another, so parts of a file stay together."""
    table = key.split("__")[1]
    # Composed, ể comes after every plain letter; decomposed it would come before z.
    endings = sorted(rng.sample(["01", "02", "A", "z", "ể", "tháng 6"], count))
    form = rng.choice(("NFC", "NFC", "NFD"))
    return [unicodedata.normalize(form, f"{table}_{ending}.csv") for ending in endings]


def reordered(rng: random.Random, key: str, rows: Sequence[Row]) -> list[Row]:
    """The rows in random order; rows of the same key stay in theirs."""
    identities = [tuple(row[column] for column in oracle.KEYS[key]) for row in rows]
    waiting: dict[tuple, Iterator[Row]] = {
        identity: iter([row for row, its in zip(rows, identities, strict=True) if its == identity])
        for identity in set(identities)
    }
    rng.shuffle(identities)
    return [next(waiting[identity]) for identity in identities]


def cut(rng: random.Random, rows: list[Row], most: int) -> list[list[Row]]:
    """The rows in one to `most` consecutive parts, none of them empty."""
    count = rng.randint(1, max(1, min(most, len(rows))))
    bounds = [0, *sorted(rng.sample(range(1, len(rows)), count - 1)), len(rows)]
    return [rows[start:end] for start, end in itertools.pairwise(bounds)]


def name_what_is_missing(key: str, rows: Iterable[Row]) -> None:
    """A column that is new in a contract needs a value here too."""
    for row in rows:
        if missing := {column.name for column in contracts()[key]} - row.keys():
            raise LookupError(
                f"{key}: tests/province.py makes no value for {', '.join(sorted(missing))};"
                " give the rows of this table one in class Builder"
            )


def random_province(rng: random.Random, size: int = 20, as_of: date = AS_OF_DAYS[0]) -> Tables:
    """Tables of a province with up to `size` dossiers, whose dates lie around `as_of` and its year."""
    return Builder(rng, size, as_of).build()


@dataclass(frozen=True)
class Province:
    size: int
    seed: int
    as_of: date
    tables: Tables = field(repr=False)


def make_province(size: int, seed: int, as_of: date) -> Province:
    """`make_province(size=.., seed=.., as_of=..)` builds again what a failing test has printed."""
    return Province(size, seed, as_of, random_province(random.Random(seed), size, as_of))


def provinces(max_size: int = 30) -> st.SearchStrategy[Province]:
    return st.builds(
        make_province,
        size=st.integers(1, max_size),
        seed=st.integers(0, 2**32 - 1),
        as_of=st.sampled_from(AS_OF_DAYS),
    )


# --- the same facts, delivered otherwise ------------------------------------------------------------------


def by_file(rows: Iterable[Row]) -> dict[tuple[date, str], list[Row]]:
    """Rows of one table by delivery and file, in the order in which they count."""
    files: dict[tuple[date, str], list[Row]] = {}
    for row in sorted(rows, key=oracle.delivery_order):
        files.setdefault((row["_delivered_on"], row["_file_name"]), []).append(row)
    return files


def with_suffix(file_name: str, suffix: str) -> str:
    stem, _, extension = file_name.rpartition(".")
    return f"{stem}{suffix}.{extension}"


def reorder_rows(tables: Tables, rng: random.Random) -> Tables:
    """Other rows in other files of the same delivery; rows of the same key keep their order."""
    changed = {}
    for key, rows in tables.items():
        changed[key] = []
        in_order = sorted(rows, key=oracle.delivery_order)
        for _, delivery in itertools.groupby(in_order, key=lambda row: row["_delivered_on"]):
            slots = list(delivery)
            for slot, row in zip(slots, reordered(rng, key, slots), strict=True):
                origin = {name: value for name, value in slot.items() if name.startswith("_")}
                changed[key].append(row | origin)
    return changed


def split_files(tables: Tables, rng: random.Random, most: int = 3) -> Tables:
    """Each file in several, in the same order."""
    changed = {}
    for key, rows in tables.items():
        changed[key] = []
        for (delivered_on, file_name), part in by_file(rows).items():
            for number, piece in enumerate(cut(rng, part, most), start=1):
                changed[key] += placed(piece, delivered_on, with_suffix(file_name, f"_p{number:02d}"))
    return changed


def repeat_files(tables: Tables, rng: random.Random) -> Tables:
    """Some files a second time in their delivery, right after themselves."""
    changed = {}
    for key, rows in tables.items():
        changed[key] = list(rows)
        for (delivered_on, file_name), part in by_file(rows).items():
            if rng.random() < 0.5:
                changed[key] += placed(part, delivered_on, with_suffix(file_name, "_again"))
    return changed


def redeliver(tables: Tables, rng: random.Random, as_of: date) -> Tables:
    """On the day of the figures, some rows once more as they are."""
    changed = {}
    for key, rows in tables.items():
        known = [row for row in oracle.latest(tables, key, as_of) if rng.random() < 0.5]
        changed[key] = rows + placed(known, as_of, f"{key.split('__')[1]}_unchanged.csv")
    return changed


def shift_times(tables: Tables, rng: random.Random) -> Tables:
    """Another time of day in every date with a time; only the calendar date counts."""

    def shifted(value: Any) -> Any:
        if not isinstance(value, datetime):
            return value
        return datetime.combine(
            value.date(), time(rng.randint(0, 23), rng.randint(0, 59), rng.randint(0, 59))
        )

    changed = {
        key: [{name: shifted(value) for name, value in row.items()} for row in rows]
        for key, rows in tables.items()
    }
    for row in changed.get("tthc__feedback", []):  # due not before received, to the second
        row["received_at"], row["due_at"] = sorted((row["received_at"], row["due_at"]))
    return changed


# --- files ------------------------------------------------------------------------------------------------


def write_inbox(
    tables: Tables,
    inbox: Path,
    *,
    fmt: str | Sequence[str] = "csv",
    split: int | None = None,
    headers: str = "name",
) -> list[Path]:
    """Write the tables as export files in inbox/<source>/<delivery date>/; gives the files written.

    fmt      csv, xlsx, xls (an HTML table), json or jsonl; of several, each file takes the next
    split    at most so many rows per file: a longer file becomes several, in the same order
    headers  for csv `name` (comma, codes) or `vi` (byte order mark, semicolon, labels); each of the other
             formats has one kind of header

    Files and rows are in the order of `_file_name`, `_sheet_no` and `_row_number`; a file's extension is that
    of its format. Sheets are sheets in xlsx and one after the other elsewhere.
    """
    formats = itertools.cycle([fmt] if isinstance(fmt, str) else fmt)
    written = []
    for key, rows in tables.items():
        source = key.split("__")[0]
        columns = contracts()[key]
        for (delivered_on, file_name), part in by_file(rows).items():
            folder = inbox / source / delivered_on.isoformat()
            folder.mkdir(parents=True, exist_ok=True)
            stem = file_name.rpartition(".")[0]
            pieces = [part[at : at + split] for at in range(0, len(part), split)] if split else [part]
            for number, piece in enumerate(pieces, start=1):
                extension = next(formats)
                suffix = f"_p{number:03d}" if len(pieces) > 1 else ""
                path = folder / f"{stem}{suffix}.{extension}"
                write_file(path, columns, piece, headers)
                written.append(path)
    return written


def write_file(path: Path, columns: list[Column], rows: list[Row], headers: str = "name") -> None:
    if path.suffix == ".csv":
        write_csv(path, columns, rows, headers)
    elif path.suffix == ".xlsx":
        write_xlsx(path, columns, rows)
    elif path.suffix == ".xls":
        write_html(path, columns, rows)
    elif path.suffix == ".json":
        objects = [json_object(columns, row) for row in rows]
        path.write_text(json.dumps(objects, ensure_ascii=False, indent=1), encoding="utf-8")
    elif path.suffix == ".jsonl":
        lines = [json.dumps(json_object(columns, row), ensure_ascii=False) for row in rows]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    else:
        raise ValueError(f"no such format: {path.suffix}")


def as_text(column: Column, value: Any, *, labels: bool) -> str:
    """A value as a Vietnamese office writes it."""
    if value is None:
        return ""
    if labels and column.labels:
        return column.labels[value]
    if isinstance(value, bool):
        return "Có" if value else "Không"
    if isinstance(value, datetime):
        return value.strftime("%d/%m/%Y %H:%M:%S")
    if isinstance(value, date):
        return value.strftime("%d/%m/%Y")
    if isinstance(value, Decimal):
        return f"{value:f}".replace(".", ",")
    return str(value)


def write_csv(path: Path, columns: list[Column], rows: list[Row], headers: str) -> None:
    vietnamese = headers == "vi"
    with path.open("w", encoding="utf-8-sig" if vietnamese else "utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";" if vietnamese else ",")
        writer.writerow([column.header if vietnamese else column.name for column in columns])
        for row in rows:
            writer.writerow([as_text(column, row[column.name], labels=vietnamese) for column in columns])


def write_xlsx(path: Path, columns: list[Column], rows: list[Row]) -> None:
    """A title, a header in capitals, a column STT, true numbers and dates, a blank row and a signature."""
    workbook = xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False})
    as_date = workbook.add_format({"num_format": "dd/mm/yyyy"})
    for _, sheet_rows in itertools.groupby(rows, key=lambda row: row["_sheet_no"]):
        sheet = workbook.add_worksheet()
        sheet.merge_range(0, 0, 0, len(columns), "DANH SÁCH KẾT XUẤT")
        sheet.write_row(2, 0, ["STT", *(column.header.upper() for column in columns)])
        line = 2
        for number, row in enumerate(sheet_rows, start=1):
            line += 1
            sheet.write_number(line, 0, number)
            for at, column in enumerate(columns, start=1):
                value = row[column.name]
                if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
                    sheet.write_number(line, at, value)
                elif isinstance(value, date) and not isinstance(value, datetime):
                    sheet.write_datetime(line, at, value, as_date)
                elif value is not None:
                    sheet.write_string(line, at, as_text(column, value, labels=True))
        sheet.write_string(line + 2, 1, "NGƯỜI LẬP BIỂU")
    workbook.close()


def write_html(path: Path, columns: list[Column], rows: list[Row]) -> None:
    """What list pages call an Excel export: an HTML table in a file named .xls."""

    def line(tag: str, cells: Iterable[str]) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    lines = [line("th", ["STT", *(column.header for column in columns)])]
    for number, row in enumerate(rows, start=1):
        lines.append(line("td", [str(number), *(as_text(c, row[c.name], labels=True) for c in columns)]))
    path.write_text("<table>\n" + "\n".join(lines) + "\n</table>\n", encoding="utf-8")


def json_object(columns: list[Column], row: Row) -> dict[str, Any]:
    def plain(value: Any) -> Any:
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, Decimal):
            return int(value) if value == int(value) else float(value)
        return value

    return {column.name: plain(row[column.name]) for column in columns}


# --- landing ----------------------------------------------------------------------------------------------

PROVENANCE = {
    "_delivered_on": "date",
    "_file_id": "varchar",
    "_file_name": "varchar",
    "_sheet_no": "integer",
    "_row_number": "bigint",
}

ARROW_TYPES = {
    "varchar": pa.string(),
    "boolean": pa.bool_(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "decimal(24,6)": pa.decimal128(24, 6),
}


def to_landing_duckdb(tables: Tables, path: str | Path, as_of: date) -> None:
    """A DuckDB file with the schema `landing` as of a day: what dbt reads, without reading any export.

    Do not call the file landing.duckdb: to DuckDB the name of the file is that of the database, and
    `landing.deliveries` would then be ambiguous.
    """
    path = Path(path)
    if path.stem in ("landing", "marts"):
        raise ValueError(f"{path.name}: a database of the name of a schema makes names ambiguous")
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema landing")
        show_ledger(connection, [], [])
        for key, columns in contracts().items():
            types = {column.name: column.type for column in columns if not column.personal} | PROVENANCE
            rows = [row for row in tables.get(key, []) if row["_delivered_on"] <= as_of]
            # Landing keeps names in NFC; that is also how files of one delivery are ordered.
            rows = [
                row
                | {
                    "_file_id": file_id(key, row),
                    "_file_name": unicodedata.normalize("NFC", row["_file_name"]),
                }
                for row in rows
            ]
            create_table(connection, f'landing."{key}"', types, rows)


def create_table(
    connection: duckdb.DuckDBPyConnection, name: str, types: dict[str, str], rows: Sequence[Row]
) -> None:
    listed = ", ".join(f'"{column}" {type_}' for column, type_ in types.items())
    connection.execute(f"create table {name} ({listed})")
    batch = pa.table(
        {
            column: pa.array([row[column] for row in rows], type=ARROW_TYPES[type_])
            for column, type_ in types.items()
        }
    )
    connection.register("batch", batch)
    connection.execute(f"insert into {name} select * from batch")
    connection.unregister("batch")


def file_id(key: str, row: Row) -> str:
    return f"{key.split('__')[0]}/{row['_delivered_on']:%Y-%m-%d}/{row['_file_name']}"
