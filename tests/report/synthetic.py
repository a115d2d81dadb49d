"""A published DuckDB file made up for the tests: the real plan and agencies, invented figures."""

from __future__ import annotations

import csv
import json
import random
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from tests.plan import targets_in_force

ROOT = Path(__file__).resolve().parents[2]
SEEDS = ROOT / "dbt_project" / "seeds"
AS_OF = date(2024, 9, 30)
PLAN_NOTES = {
    "1.1": "Phần lời: kế hoạch 2023; phụ lục: kế hoạch 2024 | Body: plan of 2023; annex: plan of 2024",
    "3.4.1": "Phần lời: từ 95%; phụ lục: trên 99% | Body: at least 95 %; annex: over 99 %",
    "3.4.2": "Tên và nội dung ghi hai cơ quan khác nhau | Title and text name different agencies",
}


def _csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def agencies() -> list[tuple[str, str, str, str]]:
    sample = ROOT / "sources" / "sample"
    rows = [(r["agency_code"], r["agency_name"], "tinh", "H62") for r in _csv(sample / "departments.csv")]
    communes = _csv(sample / "communes.csv")
    districts = {r["district_code"]: r["district_name"] for r in communes}
    rows += [(f"H62.{code}", f"UBND {name}", "huyen", "H62") for code, name in sorted(districts.items())]
    rows += [
        (f"H62.{r['district_code']}.{r['code']}", f"UBND {r['name_2024']}", "xa", "H62." + r["district_code"])
        for r in communes
    ]
    return rows


def tables() -> dict[str, pd.DataFrame]:
    """All marts, as copies that a test may change."""
    return {name: frame.copy() for name, frame in _tables().items()}


@cache
def _tables(seed: int = 152) -> dict[str, pd.DataFrame]:
    rng = random.Random(seed)
    measures = {r["target_id"]: r for r in _csv(SEEDS / "target_measure.csv")}
    plan = [r for r in _csv(SEEDS / "plan152_criteria.csv") if r["target_id"] in targets_in_force(AS_OF)]
    of_field: dict[str, int] = {}
    for row in plan:
        of_field[row["field_id"]] = of_field.get(row["field_id"], 0) + 1
    self_max = {"1": 9.5, "2": 6, "3": 13, "4": 6.5, "5": 6, "6": 8, "7": 12.5, "8": 6.5}
    bodies = agencies()
    targets, indicators, scores = [], [], []
    for row in plan:
        m, tid = measures[row["target_id"]], row["target_id"]
        kind, op = m["measure_kind"], row["target_operator"]
        goal = float(row["target_value"]) if row["target_value"] else None
        most = 10.0 if tid == "8.1" else self_max[row["field_id"]] / of_field[row["field_id"]]
        unit = "%" if kind != "count" else "đơn vị"
        targets.append(
            {
                "target_id": tid,
                "criterion_id": row["criterion_id"],
                "field_id": row["field_id"],
                "target_name": row["name_vi"],
                "target_text": row["task_target_vi"],
                "operator": op,
                "target_value": goal,
                "unit": unit,
                "measure_kind": kind,
                "family": m["family"],
                "measure": m["measure"],
                "source_system": m["source_system"],
                "is_stock": m["is_stock"] == "true",
                "is_part_of_whole": m["is_part_of_whole"] == "true",
                "agencies_add_up": m["agencies_add_up"] == "true",
                "period_scope": m["period_scope"],
                "agency_scope": m["agency_scope"],
                "level": m["level"] or None,
                "headline_variant": m["headline_variant"],
                "has_verdict": m["has_verdict"] == "true",
                "alarm_floor": 95.0 if m["family"] == "on_time" else None,
                "max_points": most,
                "max_points_label": "ước tính, chưa nạp thang điểm chính thức",
                "max_points_confidence": "estimate",
                "rule_kind": "achieved" if kind == "text" else "proportional",
                "scoring_steps": None,
                "lead_agency": row["lead_agency_vi"] or None,
                "lead_agency_short": row["lead_agency_vi"].split(";")[0].split(" (")[0] or None,
                "coordinating_agency": row["coordinating_agency_vi"] or None,
                "deadline": date(2024, 12, 31),
                "deadline_text": row["deadline_vi"] or None,
                "valid_from": date(2024, 1, 1),
                "valid_to": None,
                "is_in_force": True,
            }
        )
        value, meets = _measure(rng, m, tid, op, goal, bodies, indicators)
        if tid == "8.1":
            status = "no_data"
        elif m["has_verdict"] == "false":
            status = "not_applicable"
        else:
            status = "no_data" if meets is None else "met" if meets else "missed"
        if status == "met" and rng.random() < 0.12:
            status = "at_risk"
        reason = {
            "met": "Đạt yêu cầu | The target is met",
            "at_risk": "Đang đạt, dự báo cuối năm không đạt | Met now, projected to miss by year end",
            "missed": "Thấp hơn yêu cầu | Below what is required",
            "no_data": "Nguồn chưa giao số liệu | The source has delivered nothing",
            "not_applicable": "Chỉ tiêu không kết luận | The target gives no verdict",
        }[status]
        points = {"met": most, "at_risk": most, "no_data": 0.0, "not_applicable": most * 0.9}.get(status)
        if points is None:
            points = most * min(1, max(0, (value or 0) / goal)) if goal else 0.0
        scores.append(
            {
                "as_of_date": AS_OF,
                "target_id": tid,
                "sort_order": len(scores) + 1,
                "target_name": row["name_vi"],
                "field_id": row["field_id"],
                "value": value,
                "target_value": goal,
                "unit": unit,
                "operator": op,
                "meets_target": meets,
                "points_estimated": points,
                "max_points": most,
                "status": status,
                "status_reason": reason.split(" | ")[0],
                "status_reason_en": reason.split(" | ")[1],
                "lead_agency": row["lead_agency_vi"] or None,
                "deadline": date(2024, 12, 31),
                "plan_note": PLAN_NOTES.get(tid, " | ").split(" | ")[0] or None,
                "plan_note_en": PLAN_NOTES.get(tid, " | ").split(" | ")[1] or None,
            }
        )
    people = [
        {"agency_code": "H62", "agency_name": "Tỉnh Vĩnh Phúc", "level": "toan_tinh", "parent_code": None}
    ]
    people += [
        dict(zip(("agency_code", "agency_name", "level", "parent_code"), b, strict=True)) for b in bodies
    ]
    for person in people:
        person |= {"valid_from": date(2021, 1, 1), "valid_to": None, "is_current": True, "is_latest": True}
        person |= {"successor_code": None}
    late = _late_budget(rng, indicators)
    risk = _at_risk(rng, bodies)
    return {
        "dim_agency": _frame(people),
        "dim_target": _frame(targets),
        "dim_procedure": _frame(
            [{"procedure_code": f"1.00{n:04d}", "procedure_name": _procedure(n)} for n in range(40)]
        ),
        "fct_indicator": _frame(indicators),
        "rpt_scorecard": _frame(scores),
        "rpt_field_score": _frame(_field_scores(scores)),
        "rpt_agency_ranking": _frame(_ranking(rng, bodies)),
        "rpt_late_budget": _frame(late),
        "rpt_dossier_at_risk": _frame(risk),
        "rpt_points_to_regain": _frame(_regain(scores)),
        "fct_integrity_signal": _frame(_signals(rng, bodies)),
        "fct_alert": _frame(_alerts(scores)),
        "fct_delivery": _frame(_deliveries(rng)),
        "fct_check_result": _frame(_checks()),
    }


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows).astype(object).where(lambda d: d.notna(), None)


def _measure(rng, m, tid, op, goal, bodies, out) -> tuple[float | None, bool | None]:
    """Rows of one target for every agency and the province; returns the province's value and verdict."""

    def verdict(num, den, value):
        if value is None or goal is None or m["has_verdict"] == "false":
            return None
        return {"=": num == den, ">": value > goal, ">=": value >= goal, "<=": value <= goal}[op]

    def add(agency, level, kind, start, num, den, variant=None):
        value = None if num is None else (100 * num / den if den else None) if den is not None else num
        out.append(
            {
                "as_of_date": AS_OF,
                "target_id": tid,
                "variant": variant or m["headline_variant"],
                "is_headline": variant is None,
                "agency_code": agency,
                "level": level,
                "period_kind": kind,
                "period_start": start,
                "period_end": AS_OF,
                "numerator": num,
                "denominator": den,
                "value": value,
                "meets_target": verdict(num, den, value),
            }
        )
        return value

    if tid in ("8.1", "7.1.2", "4.1.2", "6.3.4"):
        add("H62", "toan_tinh", "ytd", date(2024, 1, 1), None, None)
        return None, None
    if m["measure_kind"] == "text":
        num, den = (1, 1) if rng.random() < 0.9 else (0, 1)
        value = add("H62", "toan_tinh", "ytd", date(2024, 1, 1), num, den)
        return value, (num == den) if m["has_verdict"] == "true" else None
    if m["measure_kind"] == "count":
        num = int(goal + rng.choice([-1, 0, 2, 5])) if tid != "1.5" else 2
        return add("H62", "toan_tinh", "ytd", date(2024, 1, 1), num, None), num >= goal
    base = (goal or 50) / 100
    quality = {"=": 0.985, ">": 0.1, ">=": 0.15, "<=": -0.03}[op] if op != "text" else 0.9
    months = m["period_scope"] == "all"
    if m["agency_scope"] == "province":
        den = rng.randint(40, 900)
        num = (
            den
            if op == "=" and rng.random() < 0.6
            else round(den * min(1, base * (1 + rng.uniform(-0.05, 0.1))))
        )
        value = add("H62", "toan_tinh", "ytd", date(2024, 1, 1), num, den)
        return value, verdict(num, den, value)
    sums: dict[int, list[int]] = {}
    total = [0, 0]
    perfect = op == "=" and m["family"] in ("publicity", "one_stop") and rng.random() < 0.4
    for code, _name, level, _parent in bodies:
        if (m["level"] and level != m["level"]) or (m["source_system"] != "tthc" and rng.random() < 0.5):
            continue
        size = (
            {"tinh": 260, "huyen": 420, "xa": 110}[level]
            if months
            else {"tinh": 60, "huyen": 90, "xa": 40}[level]
        )
        rate = (
            1
            if perfect
            else min(1, max(0.3, rng.gauss(base * quality if op == "=" else base + quality, 0.03)))
        )
        if m["family"] == "on_time":
            rate = min(1, rng.gauss({"3.4.1": 0.995, "3.4.2": 0.988, "3.4.3": 0.9945}[tid], 0.006))
        year = [0, 0]
        for month in range(1, 10 if months else 2):
            den = max(1, int(rng.gauss(size, size / 4)))
            num = sum(rng.random() < rate for _ in range(den)) if rate < 1 else den
            if months:
                add(code, level, "month", date(2024, month, 1), num, den)
                both = sums.setdefault(month, [0, 0])
                both[0] += num
                both[1] += den
            year[0] += num
            year[1] += den
        add(code, level, "ytd", date(2024, 1, 1), *year)
        total[0] += year[0]
        total[1] += year[1]
    for month, (num, den) in sums.items():
        add("H62", "toan_tinh", "month", date(2024, month, 1), num, den)
    value = add("H62", "toan_tinh", "ytd", date(2024, 1, 1), *total)
    if m["family"] == "on_time":
        for variant, by in (("B", 1.04), ("S", 1.0), ("N", 1.09)):
            add("H62", "toan_tinh", "ytd", date(2024, 1, 1), total[0], round(total[1] * by), variant)
    return value, verdict(*total, value)


def _field_scores(scores) -> list[dict[str, Any]]:
    names = {
        r["field_id"]: r["name_vi"] for r in _csv(SEEDS / "plan152_fields.csv") if r["row_type"] == "field"
    }
    before = {"1": 8.82, "2": 8.53, "3": 12.07, "4": 9.64, "5": 12.54, "6": 10.37, "7": 11.66, "8": 12.82}
    goals = {"1": 9.5, "2": 9.39, "3": 13, "4": 9.1, "5": 14.05, "6": 10.85, "7": 13.4, "8": None}
    most = {"1": 9.5, "2": 10, "3": 13, "4": 10.5, "5": 15, "6": 12, "7": 13.5, "8": 16.5}
    survey = {"2": 3.39, "4": 3.5, "5": 7.55, "6": 3.23, "7": 0.86, "8": 8.32}
    rows = []
    for field, name in names.items():
        points = sum(s["points_estimated"] for s in scores if s["field_id"] == field) + survey.get(field, 0)
        points = min(points, most[field])
        goal = goals[field]
        rows.append(
            {
                "as_of_date": AS_OF,
                "field_id": field,
                "field_name": name,
                "points_estimated": points,
                "max_points": most[field],
                "points_2023": before[field],
                "goal_2024": goal,
                "gap_to_goal": None if goal is None else points - goal,
                "is_estimate": True,
                "self_points": points - survey.get(field, 0),
                "survey_points": survey.get(field),
                "points_without_data": sum(
                    s["max_points"] for s in scores if s["field_id"] == field and s["status"] == "no_data"
                ),
                "note": "Kế hoạch in 98,60%; đúng là 92,85%." if field == "3" else None,
                "note_en": "The plan prints 98.60 %; it is 92.85 %." if field == "3" else None,
            }
        )
    total = {
        "as_of_date": AS_OF,
        "field_id": "total",
        "points_estimated": sum(r["points_estimated"] for r in rows),
        "max_points": 100.0,
        "points_2023": 86.44,
        "is_estimate": True,
        "points_without_data": sum(r["points_without_data"] for r in rows),
    }
    return [*rows, total]


def _ranking(rng, bodies) -> list[dict[str, Any]]:
    rows = []
    for kind, start in (("ytd", date(2024, 1, 1)), ("month", date(2024, 9, 1))):
        for level in ("tinh", "huyen", "xa"):
            scored = sorted(
                (
                    (round(min(100, rng.gauss(91, 5)), 2), code, name)
                    for code, name, lv, _ in bodies
                    if lv == level
                ),
                reverse=True,
            )
            before = list(range(1, len(scored) + 1))
            for place in range(len(before) - 1):
                if rng.random() < 0.6:
                    before[place], before[place + 1] = before[place + 1], before[place]
            for rank, (score, code, name) in enumerate(scored, 1):
                parts = [
                    {
                        "target_id": t,
                        "value": round(min(100, rng.gauss(score, 3)), 2),
                        "target_value": 90,
                        "denominator": w,
                        "attainment": score,
                    }
                    for t, w in (("3.4.1", 30), ("7.3.5", 25), ("7.3.6c", 20), ("3.2.3a", 25))
                ]
                rows.append(
                    {
                        "as_of_date": AS_OF,
                        "level": level,
                        "period_kind": kind,
                        "period_start": start,
                        "agency_code": code,
                        "agency_name": name,
                        "rank": rank,
                        "previous_rank": before[rank - 1],
                        "score": score,
                        "indicators_counted": rng.randint(9, 16),
                        "small_denominator": rng.random() < 0.07,
                        "few_indicators": rng.random() < 0.05,
                        "parts": json.dumps(parts),
                    }
                )
    return rows


def _late_budget(rng, indicators) -> list[dict[str, Any]]:
    rows = []
    for row in indicators:
        if (
            row["target_id"] not in ("3.4.1", "3.4.2", "3.4.3")
            or row["period_kind"] != "ytd"
            or not row["is_headline"]
        ):
            continue
        late, den = row["denominator"] - row["numerator"], row["denominator"]
        allowed = int(den * 4 / 3 * 0.01)
        rows.append(
            {
                "as_of_date": AS_OF,
                "target_id": row["target_id"],
                "agency_code": row["agency_code"],
                "resolved": den,
                "late": late,
                "late_allowed_at_target": allowed,
                "late_left": allowed - late,
                "burn_rate": round(late / max(1, allowed), 4),
                "due_next_7_days": rng.randint(0, 60),
                "projected_year_end_value": row["value"],
                "runs_out_on": AS_OF + timedelta(days=rng.randint(3, 80))
                if 0 < allowed - late < late / 3
                else AS_OF + timedelta(days=1)
                if allowed < late
                else None,
                "waiting_overdue": late // 3,
            }
        )
    return rows


def _at_risk(rng, bodies) -> list[dict[str, Any]]:
    rows, number = [], 0
    for code, _name, level, _parent in bodies:
        for _ in range(max(0, int(rng.gauss({"tinh": 12, "huyen": 26, "xa": 3}[level], 6)))):
            number += 1
            days = rng.choice([-30, -12, -6, -3, -1, 0, 1, 1, 2, 3, 3])
            rows.append(
                {
                    "as_of_date": AS_OF,
                    "dossier_code": f"{code}-240{rng.randint(7, 9)}{rng.randint(10, 28)}-{number:04d}",
                    "procedure_code": f"1.00{rng.randrange(40):04d}",
                    "agency_code": code,
                    "level": level,
                    "due_on": AS_OF + timedelta(days=days),
                    "working_days_left": days if days >= 0 else int(days * 5 / 7) or -1,
                    "urgency": "overdue" if days < 0 else "due_soon",
                }
            )
    return rows


def _regain(scores) -> list[dict[str, Any]]:
    lost = [(s["max_points"] - s["points_estimated"], s) for s in scores if s["status"] == "missed"]
    lost = sorted(lost, key=lambda pair: -pair[0])
    return [
        {
            "as_of_date": AS_OF,
            "target_id": s["target_id"],
            "points_lost": points,
            "units_needed": 20 * place + 7,
            "unit_vi": "hồ sơ đúng hạn",
            "unit_en": "dossiers on time",
            "points_per_unit": points / (20 * place + 7),
            "rank": place,
        }
        for place, (points, s) in enumerate(lost, 1)
    ]


def _signals(rng, bodies) -> list[dict[str, Any]]:
    kinds = (
        "due_moved_after_due",
        "second_reappointment",
        "dossier_vanished",
        "apology_too_late",
        "finished_outside_working_days",
    )
    return [
        {
            "kind": rng.choice(kinds),
            "record_key": f"{rng.choice(bodies)[0]}-240915-{n:04d}",
            "agency_code": rng.choice(bodies[:60])[0],
            "before": "2024-09-10",
            "after": "2024-09-20",
            "first_seen": AS_OF - timedelta(days=rng.randint(0, 40)),
            "detail": "...",
        }
        for n in range(70)
    ]


def _alerts(scores) -> list[dict[str, Any]]:
    rows = []
    for n, s in enumerate([s for s in scores if s["status"] in ("missed", "at_risk")], 1):
        missed = s["status"] == "missed"
        rows.append(
            {
                "alert_id": f"a{n:03d}",
                "kind": "target_missed" if missed else "at_risk",
                "target_id": s["target_id"],
                "agency_code": "H62",
                "source": None,
                "severity": "critical" if missed and n % 4 == 0 else "high" if missed else "warning",
                "status": "muted" if n == 5 else "open",
                "opened_at": datetime(2024, 9, 1 + n % 28, 1, 12),
                "last_seen_at": datetime(2024, 9, 30, 1, 12),
                "resolved_at": None,
                "value": s["value"],
                "threshold": s["target_value"],
                "message": f"Chỉ tiêu {s['target_id']} {'chưa đạt' if missed else 'có nguy cơ không đạt'}",
                "message_en": f"Target {s['target_id']} {'is missed' if missed else 'is at risk'}",
                "muted_until": date(2024, 10, 4) if n == 5 else None,
            }
        )
    rows.append(
        {
            "alert_id": "stale",
            "kind": "stale_source",
            "target_id": None,
            "agency_code": None,
            "source": "finance.revenue",
            "severity": "high",
            "status": "open",
            "opened_at": datetime(2024, 9, 28, 1, 12),
            "last_seen_at": datetime(2024, 9, 30, 1, 12),
            "resolved_at": None,
            "value": None,
            "threshold": None,
            "message": "Nguồn finance chưa giao số liệu tháng 8",
            "message_en": "Source finance has not delivered August",
        }
    )
    return rows


def _deliveries(rng) -> list[dict[str, Any]]:
    by_source = {
        "tthc": ("dossiers", "feedback", "procedures", "agency_procedures", "agencies"),
        "document_office": ("documents", "assigned_tasks", "periodic_reports"),
        "finance": ("capital_plans", "disbursements", "audit_findings", "revenue"),
        "register": ("criteria_results", "indicators", "survey_scores"),
    }
    rows = []
    for source, names in by_source.items():
        for table in names:
            for back in range(0, 5 if table == "dossiers" else 2):
                day = AS_OF - timedelta(days=back * 7 + (40 if source == "finance" else 0))
                total = rng.randint(200, 60000)
                bad = rng.choice([0, 0, 0, 3, 41])
                outcome, reason = (
                    ("partly_quarantined", f"{bad} dòng sai kiểu dữ liệu") if bad else ("loaded", None)
                )
                if table == "feedback" and back == 1:
                    outcome, reason, bad = "refused", "không tìm thấy dòng tiêu đề", 0
                if table == "revenue" and back == 0:
                    outcome, reason, bad = "held_back", "tỷ lệ dòng bị loại 14,2% vượt 10%", total // 7
                rows.append(
                    {
                        "delivery_id": f"{source}-{table}-{back}",
                        "source": source,
                        "table_name": table,
                        "file_name": f"{table}_{day:%Y%m%d}.xlsx",
                        "format": "xlsx",
                        "delivered_on": day,
                        "outcome": outcome,
                        "reason": reason,
                        "rows_in_file": total,
                        "rows_loaded": 0 if outcome in ("refused", "held_back") else total - bad,
                        "rows_unchanged": 0,
                        "rows_quarantined": bad,
                        "content_hash": "0" * 64,
                        "loaded_at": datetime(2024, 9, 30, 1, 3) - timedelta(days=back * 7),
                        "replaced_by": None,
                    }
                )
    return rows


def _checks() -> list[dict[str, Any]]:
    rows = [
        {
            "check_id": f"c{n}",
            "suite": "marts",
            "dataset": "fct_dossier",
            "delivery_id": None,
            "expectation": f"rule_{n}",
            "column_name": None,
            "severity": "block",
            "passed": True,
            "observed": None,
            "unexpected_count": 0,
            "element_count": 410000,
            "checked_at": datetime(2024, 9, 30, 1, 9),
            "description": f"Hồ sơ TTHC: quy tắc {n}",
            "description_en": f"tthc__dossiers: rule {n}",
        }
        for n in range(46)
    ]
    bad = rows[0] | {
        "check_id": "x",
        "expectation": "expect_column_values_to_be_between",
        "column_name": "due_on",
        "dataset": "dossiers",
        "severity": "warn",
        "passed": False,
        "unexpected_count": 17,
        "description": "Hồ sơ TTHC: ngày hẹn trả từ năm 2000",
        "description_en": "tthc__dossiers: due dates from 2000",
    }
    return [*rows, bad]


def _procedure(n: int) -> str:
    names = (
        "Cấp giấy phép xây dựng",
        "Đăng ký khai sinh",
        "Đăng ký thành lập doanh nghiệp tư nhân",
        "Cấp đổi giấy chứng nhận quyền sử dụng đất",
        "Cấp giấy phép lao động",
    )
    return f"{names[n % 5]} ({n})"


TYPES = {
    "numerator": "double",
    "denominator": "double",
    "value": "double",
    "target_value": "double",
    "rank": "bigint",
    "meets_target": "boolean",
    "plan_note": "varchar",
    "plan_note_en": "varchar",
    "note": "varchar",
    "note_en": "varchar",
    "field_name": "varchar",
    "survey_points": "double",
    "self_points": "double",
    "level": "varchar",
    "goal_2024": "double",
    "gap_to_goal": "double",
    "runs_out_on": "date",
    "resolved_at": "timestamp",
    "valid_to": "date",
    "column_name": "varchar",
    "delivery_id": "varchar",
    "observed": "varchar",
    "alarm_floor": "double",
}


def write(database: Path, **changes: pd.DataFrame | None) -> Path:
    """The made-up marts as a DuckDB file; `changes` replaces a table, or leaves it out with None."""
    frames: dict[str, pd.DataFrame | None] = {**tables(), **changes}
    with duckdb.connect(str(database)) as con:
        con.execute("create schema marts")
        for name, frame in frames.items():
            if frame is None:
                continue
            con.register("frame", frame)
            columns = ", ".join(
                f'"{c}"::{TYPES[c]} as "{c}"' if c in TYPES else f'"{c}"' for c in frame.columns
            )
            con.execute(f"create table marts.{name} as select {columns} from frame")
            con.unregister("frame")
    return database


if __name__ == "__main__":
    import sys

    Path(sys.argv[1]).unlink(missing_ok=True)
    print(write(Path(sys.argv[1])))
