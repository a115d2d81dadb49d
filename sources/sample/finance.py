"""Finance: capital plans and payments, audit findings, compliance, service units, revenue."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from .calendar import WorkCalendar, day_number
from .chance import ladder, stream
from .province import LEVELS, Province

MILLION = 1_000_000
_SOURCES = ("Ngân sách tỉnh", "Ngân sách trung ương", "Ngân sách huyện", "Vốn ODA")
_WORKS = (
    "Cải tạo, nâng cấp đường",
    "Xây dựng trường học",
    "Xây dựng trụ sở làm việc",
    "Kiên cố hóa kênh mương",
    "Trạm y tế",
)
_INVESTORS = ("H62.08", "H62.11", "H62.12", "H62.13", "H62.15", "H62.16", "H62.17", "H62.19")
_UNIT_KINDS = (
    "Trường Trung học phổ thông",
    "Trung tâm Y tế",
    "Bệnh viện đa khoa",
    "Trung tâm Dịch vụ việc làm",
    "Ban Quản lý dự án",
)
_SECTORS = {
    "state_enterprise": 180,
    "fdi_enterprise": 1450,
    "private_enterprise": 320,
    "other": 610,
}  # billions a month


def capital_plans(province: Province, seed: int, as_of: date, projects: int = 120) -> pd.DataFrame:
    """Plans of this and last year: projects of departments, districts and communes, some with two sources."""
    rng = stream(seed, "capital_plans")
    investors = list(_INVESTORS) + province.codes_on(as_of, "huyen") + province.codes_on(as_of, "xa")[:20]
    owner = rng.choice(investors, projects)
    rows = []
    for year in (as_of.year - 1, as_of.year):
        for number in range(projects):
            sources = rng.choice(_SOURCES, 1 + (rng.random() < 0.25), replace=False, p=[0.5, 0.15, 0.3, 0.05])
            for source in sources:
                planned = int(rng.lognormal(9.6, 0.9)) * MILLION
                name = f"{_WORKS[number % len(_WORKS)]} - dự án số {number + 1}"
                rows.append((year, f"7{600_000 + number * 37}", name, owner[number], source, planned))
    columns = ["budget_year", "project_code", "project_name", "agency_code", "capital_source", "planned_vnd"]
    return pd.DataFrame(rows, columns=columns)


def disbursements(plans: pd.DataFrame, calendar: WorkCalendar, seed: int, as_of: date) -> pd.DataFrame:
    """Vouchers of each plan up to the eve of `as_of`; investors differ in how much of the plan they pay."""
    rng = stream(seed, "disbursements")
    owners = plans.agency_code.unique()
    pace = dict(zip(owners, np.minimum(0.86 * ladder(rng, 0.45, 1.15, len(owners)), 1.0), strict=True))
    parts = []
    for plan in plans.itertuples():
        count = rng.integers(3, 9)
        days = calendar.between(
            day_number(date(plan.budget_year, 1, 15)), day_number(date(plan.budget_year, 12, 31))
        )
        share = rng.dirichlet(np.full(count, 2.0)) * pace[plan.agency_code]
        parts.append(
            pd.DataFrame(
                {
                    "budget_year": plan.budget_year,
                    "project_code": plan.project_code,
                    "capital_source": plan.capital_source,
                    "paid_on": rng.choice(days, count),
                    "amount_vnd": (share * plan.planned_vnd).astype("int64") // 1000 * 1000,
                }
            )
        )
    payments = pd.concat(parts).sort_values(["paid_on", "project_code"], kind="stable", ignore_index=True)
    payments = payments[payments.paid_on < day_number(as_of)].reset_index(drop=True)
    # A few advances are paid back.
    back = rng.random(len(payments)) < 0.012
    payments["amount_vnd"] = np.where(back, -(payments.amount_vnd // 10), payments.amount_vnd)
    payments["paid_on"] = payments.paid_on.to_numpy().astype("datetime64[D]")
    payments["voucher_code"] = [f"CT{year}-{n:06d}" for n, year in enumerate(payments.budget_year, 1)]
    return payments


def audit_findings(province: Province, seed: int, as_of: date, count: int = 96) -> pd.DataFrame:
    """Recommendations of the last two years; a fifth carry no amount, most are carried out."""
    rng = stream(seed, "audit_findings")
    issued = np.sort(np.datetime64(date(as_of.year - 1, 1, 20)) + rng.integers(0, 600, count))
    issued = np.minimum(issued, np.datetime64(as_of) - np.timedelta64(40, "D"))
    amount = pd.Series(rng.integers(20, 4_000, count) * MILLION, dtype="Int64").mask(rng.random(count) < 0.2)
    share = np.where(rng.random(count) < 0.78, 1.0, np.round(rng.random(count) * 0.8, 2))
    done = issued + rng.integers(20, 160, count)
    return pd.DataFrame(
        {
            "finding_code": [f"KN-{number:04d}" for number in range(1, count + 1)],
            "agency_code": rng.choice(province.codes_on(as_of, *LEVELS), count),
            "issued_on": issued.astype("datetime64[D]"),
            "amount_vnd": amount,
            "recovered_vnd": (amount.astype("Float64") * share).round().astype("Int64"),
            "completed_on": pd.Series(done.astype("datetime64[D]")).mask(share < 1),
        }
    )


def budget_compliance(province: Province, seed: int, as_of: date) -> pd.DataFrame:
    """One row per agency for this and last year."""
    rng = stream(seed, "budget_compliance")
    agencies = province.codes_on(as_of, *LEVELS)
    parts = []
    for year in (as_of.year - 1, as_of.year):
        count = len(agencies)
        premises = rng.integers(1, 9, count)
        parts.append(
            pd.DataFrame(
                {
                    "budget_year": year,
                    "agency_code": agencies,
                    "spending_compliant": rng.random(count) < 0.985,
                    "asset_regulation_issued": rng.random(count) < 0.99,
                    "asset_database_updated": rng.random(count) < 0.97,
                    "asset_inspected": rng.random(count) < 0.6,
                    "premises_total": premises,
                    "premises_approved": rng.binomial(premises, 0.87),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def service_units(province: Province, seed: int, as_of: date, units: int = 150) -> pd.DataFrame:
    """Units of 2021, last year and this year: fewer each time, and a few more that pay for themselves."""
    rng = stream(seed, "service_units")
    number = np.arange(1, units + 1)
    owners = rng.choice(["H62.14", "H62.15", "H62.16", "H62.17", *province.codes_on(as_of, "huyen")], units)
    kind = rng.integers(0, len(_UNIT_KINDS), units)
    covered = rng.choice(
        [0, 5, 14.5, 22, 45, 60.25, 78, 92.5, 100, 118],
        units,
        p=[0.25, 0.2, 0.12, 0.1, 0.1, 0.08, 0.05, 0.03, 0.05, 0.02],
    )
    budget = rng.integers(2_000, 40_000, units) * MILLION
    # This year some units cover more of their spending than before: group -> (how many, new share).
    climbs = {92.5: (2, 101.5), 60.25: (3, 72.5), 22: (2, 31)}
    raised = covered.copy()
    for group, (many, share) in climbs.items():
        raised[np.flatnonzero(covered == group)[:many]] = share
    years = [  # year, units left, share of regular spending, budget against 2021
        (2021, units, covered, 1.0),
        (as_of.year - 1, units - 9, covered, 0.98),
        (as_of.year, units - 11, raised, 0.965),
    ]
    parts = []
    for year, kept, percent, cut in years:
        part = pd.DataFrame(
            {
                "budget_year": year,
                "unit_code": [f"DV{n:04d}" for n in number],
                "unit_name": [f"{_UNIT_KINDS[k]} số {n}" for n, k in zip(number, kind, strict=True)],
                "agency_code": owners,
                "self_financing_pct": percent,
                "direct_budget_vnd": (budget * cut).astype("int64") // MILLION * MILLION,
                "distribution_compliant": rng.random(units) < 0.99,
            }
        )
        parts.append(part.iloc[:kept])
    return pd.concat(parts, ignore_index=True)


def revenue(seed: int, as_of: date) -> pd.DataFrame:
    """Revenue by month and sector: all of last year, this year up to the running month, not yet full."""
    rng = stream(seed, "revenue")
    rows = []
    for year, growth in ((as_of.year - 1, 1.0), (as_of.year, 1.06)):
        for month in range(1, 13 if year < as_of.year else as_of.month + 1):
            part = 0.92 if (year, month) == (as_of.year, as_of.month) else 1.0
            for sector, billions in _SECTORS.items():
                amount = int(billions * growth * part * rng.uniform(0.85, 1.15) * 1000) * MILLION
                rows.append((f"{year}-{month:02d}", sector, amount))
    return pd.DataFrame(rows, columns=["month", "sector", "amount_vnd"])
