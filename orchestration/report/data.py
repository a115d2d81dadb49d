"""What the page shows, read from the published marts as plain rows.

Every figure is a column of a mart; the only arithmetic is SQL that adds up published points and
counts rows. A mart or a column that is not there yet is empty, and the page says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from sources.text import sql_name, sql_string
from warehouse.ledger import ACCEPTED
from warehouse.settings import province_code

PROVINCE = province_code()
DOSSIERS_SHOWN_PER_AGENCY = 30
DELIVERIES_SHOWN = 100
CHECKS_SHOWN = 100
ALERTS_SHOWN = 300
_MOST_MERGERS = 20  # of one agency; a catalogue that names successors in a circle ends there

# The marts and columns that are read, and no others. No column here identifies a citizen.
COLUMNS: dict[str, dict[str, str]] = {
    "dim_agency": {
        "agency_code": "varchar",
        "agency_name": "varchar",
        "level": "varchar",
        "parent_code": "varchar",
        "successor_code": "varchar",
        "valid_to": "date",
        "is_current": "boolean",
        "is_latest": "boolean",
    },
    "dim_procedure": {"procedure_code": "varchar", "procedure_name": "varchar"},
    "dim_target": {
        "target_id": "varchar",
        "field_id": "varchar",
        "target_name": "varchar",
        "target_text": "varchar",
        "operator": "varchar",
        "target_value": "double",
        "unit": "varchar",
        "measure_kind": "varchar",
        "family": "varchar",
        "measure": "varchar",
        "source_system": "varchar",
        "is_stock": "boolean",
        "agency_scope": "varchar",
        "level": "varchar",
        "headline_variant": "varchar",
        "max_points": "double",
        "rule_kind": "varchar",
        "scoring_steps": "varchar",
        "lead_agency": "varchar",
        "lead_agency_short": "varchar",
        "coordinating_agency": "varchar",
        "deadline": "date",
        "deadline_text": "varchar",
        "alarm_floor": "double",
        "is_in_force": "boolean",
    },
    "fct_indicator": {
        "as_of_date": "date",
        "target_id": "varchar",
        "variant": "varchar",
        "is_headline": "boolean",
        "agency_code": "varchar",
        "period_kind": "varchar",
        "period_start": "date",
        "period_end": "date",
        "numerator": "double",
        "denominator": "double",
        "value": "double",
        "meets_target": "boolean",
    },
    "rpt_scorecard": {
        "as_of_date": "date",
        "target_id": "varchar",
        "sort_order": "bigint",
        "target_name": "varchar",
        "field_id": "varchar",
        "value": "double",
        "target_value": "double",
        "unit": "varchar",
        "operator": "varchar",
        "meets_target": "boolean",
        "points_estimated": "double",
        "max_points": "double",
        "status": "varchar",
        "status_reason": "varchar",
        "status_reason_en": "varchar",
        "lead_agency": "varchar",
        "deadline": "date",
        "plan_note": "varchar",
        "plan_note_en": "varchar",
    },
    "rpt_field_score": {
        "as_of_date": "date",
        "field_id": "varchar",
        "field_name": "varchar",
        "points_estimated": "double",
        "max_points": "double",
        "points_2023": "double",
        "goal_2024": "double",
        "gap_to_goal": "double",
        "is_estimate": "boolean",
        "self_points": "double",
        "survey_points": "double",
        "points_without_data": "double",
        "note": "varchar",
        "note_en": "varchar",
    },
    "rpt_agency_ranking": {
        "as_of_date": "date",
        "level": "varchar",
        "period_kind": "varchar",
        "period_start": "date",
        "agency_code": "varchar",
        "agency_name": "varchar",
        "rank": "bigint",
        "previous_rank": "bigint",
        "score": "double",
        "indicators_counted": "bigint",
        "small_denominator": "boolean",
        "few_indicators": "boolean",
        "parts": "varchar",
    },
    "rpt_late_budget": {
        "as_of_date": "date",
        "target_id": "varchar",
        "agency_code": "varchar",
        "resolved": "double",
        "late": "double",
        "late_allowed_at_target": "double",
        "late_left": "double",
        "burn_rate": "double",
        "due_next_7_days": "double",
        "projected_year_end_value": "double",
        "runs_out_on": "date",
        "waiting_overdue": "double",
    },
    "rpt_dossier_at_risk": {
        "as_of_date": "date",
        "dossier_code": "varchar",
        "procedure_code": "varchar",
        "agency_code": "varchar",
        "level": "varchar",
        "due_on": "date",
        "working_days_left": "bigint",
    },
    "rpt_points_to_regain": {
        "as_of_date": "date",
        "target_id": "varchar",
        "points_lost": "double",
        "units_needed": "double",
        "unit_vi": "varchar",
        "unit_en": "varchar",
        "points_per_unit": "double",
        "rank": "bigint",
        "status_text": "varchar",
        "status_text_en": "varchar",
    },
    "fct_integrity_signal": {"kind": "varchar", "agency_code": "varchar", "first_seen": "date"},
    "fct_alert": {
        "alert_id": "varchar",
        "kind": "varchar",
        "target_id": "varchar",
        "agency_code": "varchar",
        "source": "varchar",
        "severity": "varchar",
        "status": "varchar",
        "opened_at": "timestamp",
        "last_seen_at": "timestamp",
        "resolved_at": "timestamp",
        "value": "double",
        "threshold": "double",
        "message": "varchar",
        "message_en": "varchar",
        "muted_until": "date",
    },
    "fct_delivery": {
        "source": "varchar",
        "table_name": "varchar",
        "file_name": "varchar",
        "delivered_on": "date",
        "outcome": "varchar",
        "reason": "varchar",
        "rows_in_file": "bigint",
        "rows_loaded": "bigint",
        "rows_quarantined": "bigint",
        "loaded_at": "timestamp",
        "replaced_by": "varchar",
    },
    "fct_check_result": {
        "suite": "varchar",
        "dataset": "varchar",
        "expectation": "varchar",
        "column_name": "varchar",
        "severity": "varchar",
        "passed": "boolean",
        "unexpected_count": "bigint",
        "element_count": "bigint",
        "checked_at": "timestamp",
        "description": "varchar",
        "description_en": "varchar",
    },
}

# Where an agency is no more: its last day, and who has by now what it left open, whoever took over in between.
_AGENCIES = f"""
with recursive latest as (
    select *
    from dim_agency
    where coalesce(is_latest, is_current, true) and agency_code <> '{PROVINCE}'
),
heirs as (
    select agency_code, successor_code, 1 as step
    from latest
    where not is_current and successor_code is not null
    union all
    select heirs.agency_code, latest.successor_code, heirs.step + 1
    from heirs
    inner join latest on heirs.successor_code = latest.agency_code
    where not latest.is_current and latest.successor_code is not null and heirs.step < {_MOST_MERGERS}
)
select agency_code, agency_name, level, parent_code,
    case when not is_current then valid_to end as ended_on,
    (select arg_max(heirs.successor_code, step) from heirs where heirs.agency_code = latest.agency_code) as heir_code
from latest
where
    coalesce(is_current, true)
    or agency_code in (select agency_code from fct_indicator where is_headline)
    or agency_code in (select agency_code from rpt_agency_ranking)
    or agency_code in (select agency_code from rpt_dossier_at_risk)
order by case level when 'tinh' then 1 when 'huyen' then 2 when 'xa' then 3 else 4 end, agency_code
"""

# The province's own figure of the year to date, beside what the plan and the scorecard say.
_TARGETS = f"""
with plan as (select * from dim_target where coalesce(is_in_force, true)),
province as (
    select target_id, value, numerator, denominator, period_end, meets_target
    from fct_indicator
    where is_headline and agency_code = '{PROVINCE}' and period_kind = 'ytd'
)
select
    coalesce(s.target_id, p.target_id) as id,
    coalesce(s.field_id, p.field_id) as field,
    coalesce(s.target_name, p.target_name) as name,
    p.target_text as text,
    coalesce(s.operator, p.operator) as op,
    coalesce(s.target_value, p.target_value) as goal,
    coalesce(s.unit, p.unit) as unit,
    p.measure_kind as kind,
    p.family,
    p.measure,
    p.source_system as source,
    p.is_stock as stock,
    p.agency_scope as scope,
    p.level,
    p.headline_variant as variant,
    p.alarm_floor as floor,
    p.rule_kind as rule,
    p.scoring_steps as steps,
    coalesce(s.lead_agency, p.lead_agency) as lead,
    p.coordinating_agency as coord,
    coalesce(s.deadline, p.deadline) as deadline,
    p.deadline_text,
    coalesce(s.value, v.value) as value,
    v.numerator as num,
    v.denominator as den,
    coalesce(s.meets_target, v.meets_target) as meets,
    s.points_estimated as points,
    coalesce(s.max_points, p.max_points) as max,
    s.status,
    s.status_reason as reason,
    s.status_reason_en as reason_en,
    s.plan_note as note,
    s.plan_note_en as note_en
from rpt_scorecard as s
full join plan as p on s.target_id = p.target_id
left join province as v on v.target_id = coalesce(s.target_id, p.target_id)
order by s.sort_order nulls last, id
"""

_FIELDS = """
with of_plan as (select field_id from dim_target where coalesce(is_in_force, true) group by field_id)
select
    coalesce(f.field_id, p.field_id) as id,
    f.field_name as name,
    f.points_estimated as points,
    f.max_points as max,
    f.points_2023 as before,
    f.goal_2024 as goal,
    f.gap_to_goal as gap,
    f.self_points as self,
    f.survey_points as survey,
    f.points_without_data as without_data,
    f.note,
    f.note_en
from (select * from rpt_field_score where field_id <> 'total') as f
full join of_plan as p on f.field_id = p.field_id
order by try_cast(id as int), id
"""

# The mart's own row of the total where it has one, else the sum of its fields. Goals are by field only.
_TOTAL = """
with of_fields as (select * from rpt_field_score where field_id <> 'total'),
whole as (select * from rpt_field_score where field_id = 'total')
select
    coalesce((select points_estimated from whole), sum(points_estimated)) as points,
    coalesce((select max_points from whole), sum(max_points)) as max,
    coalesce((select points_2023 from whole), sum(points_2023)) as before,
    (select note from whole) as note,
    (select note_en from whole) as note_en,
    sum(goal_2024) as goal,
    sum(points_estimated) filter (where goal_2024 is not null) as points_with_goal,
    count(goal_2024) as fields_with_goal,
    count(*) as fields,
    coalesce(bool_or(coalesce(is_estimate, true)), true) as estimate,
    coalesce((select points_without_data from whole), sum(points_without_data)) as without_data
from of_fields
"""

_PROVINCE_VARIANTS = f"""
select target_id, variant, numerator, denominator, value, meets_target
from fct_indicator
where agency_code = '{PROVINCE}' and period_kind = 'ytd' and not is_headline
order by target_id, variant
"""

_PROVINCE_MONTHS = f"""
select target_id, strftime(period_start, '%Y-%m') as month, numerator, denominator, value, meets_target
from fct_indicator
where agency_code = '{PROVINCE}' and period_kind = 'month' and is_headline
order by target_id, period_start
"""

_AGENCY_YEAR = f"""
select target_id, agency_code, numerator, denominator, value, meets_target
from fct_indicator
where agency_code <> '{PROVINCE}' and period_kind = 'ytd' and is_headline
    and (coalesce(numerator, 0) <> 0 or coalesce(denominator, 0) <> 0)
order by target_id, agency_code
"""

_AGENCY_MONTHS = f"""
select target_id, agency_code, strftime(period_start, '%Y-%m') as month, numerator, denominator, value
from fct_indicator
where agency_code <> '{PROVINCE}' and period_kind = 'month' and is_headline
    and (coalesce(numerator, 0) <> 0 or coalesce(denominator, 0) <> 0)
order by target_id, agency_code, period_start
"""

# The year so far, and the latest month that is over (or the one that runs, where none is): places of a few days mean nothing.
_RANKING = """
with latest as (
    select
        level, period_kind,
        coalesce(
            max(period_start) filter (where period_kind <> 'month' or last_day(period_start) <= as_of_date),
            max(period_start)
        ) as period_start
    from rpt_agency_ranking
    group by level, period_kind
)
select r.level, r.period_kind, r.period_start, r.agency_code, r.rank, r.previous_rank, r.score,
    r.indicators_counted, r.small_denominator, r.parts, r.few_indicators,
    r.period_kind = 'month' and last_day(r.period_start) > r.as_of_date as still_runs
from rpt_agency_ranking as r
join latest as l on r.level = l.level and r.period_kind = l.period_kind and r.period_start = l.period_start
order by r.level, r.period_kind, r.rank nulls last, r.agency_code
"""

_LATE_BUDGET = """
select target_id, agency_code, resolved, late, late_allowed_at_target, late_left, burn_rate, due_next_7_days,
    projected_year_end_value, runs_out_on, waiting_overdue
from rpt_late_budget
order by target_id, late_left nulls last, late desc nulls last, agency_code
"""

_AT_RISK_BY_AGENCY = """
select agency_code, any_value(level) as level,
    count(*) filter (where due_on < as_of_date) as overdue,
    count(*) filter (where due_on = as_of_date) as due_today,
    count(*) filter (where due_on > as_of_date) as due_soon,
    min(due_on) as oldest_due_on
from rpt_dossier_at_risk
group by agency_code
order by overdue desc, due_today desc, due_soon desc, agency_code
"""

_MOST_URGENT = f"""
qualify row_number() over (partition by agency_code order by due_on, dossier_code)
    <= {DOSSIERS_SHOWN_PER_AGENCY}
"""
_AT_RISK = f"""
select agency_code, dossier_code, procedure_code, due_on, working_days_left
from rpt_dossier_at_risk
{_MOST_URGENT}
order by agency_code, due_on, dossier_code
"""

_PROCEDURES = f"""
select procedure_code, any_value(procedure_name) as name
from dim_procedure
where procedure_code in (select procedure_code from rpt_dossier_at_risk {_MOST_URGENT})
group by procedure_code
order by procedure_code
"""

_REGAIN = """
select target_id, points_lost, units_needed, unit_vi, unit_en, points_per_unit, rank,
    status_text, status_text_en
from rpt_points_to_regain
order by rank nulls last, target_id
"""

# Who leads what is not met.
_LEADS = """
select coalesce(t.lead_agency_short, t.lead_agency) as lead, -- versions of earlier releases have the long one alone
    count(*) filter (where s.status = 'missed') as missed,
    count(*) filter (where s.status = 'at_risk') as at_risk,
    sum(r.points_lost) filter (where s.status = 'missed') as points_lost,
    string_agg(s.target_id, ' ' order by r.points_lost desc nulls last, s.target_id)
        filter (where s.status = 'missed') as targets
from rpt_scorecard as s
left join rpt_points_to_regain as r using (target_id)
left join dim_target as t on s.target_id = t.target_id and t.is_in_force
where s.status in ('missed', 'at_risk')
group by 1
order by points_lost desc nulls last, missed desc, at_risk desc, lead
"""

# What a corrected file of its name has replaced is no more (DECISIONS, D35).
_DELIVERED = "(select * from fct_delivery where replaced_by is null)"
# fct_delivery says `unchanged` of a file that was taken before.
_TAKEN = f"outcome in ({', '.join(map(sql_string, (*ACCEPTED, 'unchanged')))})"

_SOURCES = f"""
select source, table_name,
    max(delivered_on) filter (where {_TAKEN}) as last_on,
    date_diff('day', last_on, (select as_of_date from night)) as days_old,
    count(*) as files,
    count(*) filter (where not {_TAKEN}) as files_not_loaded,
    sum(rows_loaded)::bigint as rows_loaded,
    sum(rows_quarantined)::bigint as rows_rejected,
    max(loaded_at) filter (where {_TAKEN}) as handled_at -- a refused file brings nothing that is new
from {_DELIVERED}
group by source, table_name
order by source, table_name nulls last
"""

_DELIVERIES = f"""
select delivered_on, source, table_name, file_name, outcome, reason, rows_in_file, rows_loaded,
    rows_quarantined
from {_DELIVERED}
where not {_TAKEN} or coalesce(rows_quarantined, 0) > 0
order by delivered_on desc nulls last, source, table_name, file_name
limit {DELIVERIES_SHOWN}
"""

_DELIVERY_COUNTS = f"""
select outcome, count(*) as files, sum(rows_in_file)::bigint as rows_in_file,
    sum(rows_loaded)::bigint as rows_loaded, sum(rows_quarantined)::bigint as rows_rejected
from {_DELIVERED}
group by outcome
order by files desc, outcome
"""

# The last night's checks: everything handled within a day of the latest one.
_CHECKS = """
with last_night as (
    select * from fct_check_result
    where checked_at >= (select max(checked_at) from fct_check_result) - interval 1 day
)
"""
_CHECK_COUNTS = (
    _CHECKS
    + """
select count(*) as checks, count(*) filter (where not passed) as failed, max(checked_at) as last_at
from last_night
"""
)
_FAILED_CHECKS = (
    _CHECKS
    + f"""
select
    severity, suite, dataset, column_name, expectation, unexpected_count, element_count, description, description_en
from last_night
where not passed
order by case severity when 'block' then 1 when 'hold' then 2 else 3 end, dataset, column_name, expectation
limit {CHECKS_SHOWN}
"""
)

# One that another speaks for (covered) is no problem of its own.
_ALERTS = f"""
select kind, target_id, agency_code, severity, status, opened_at, last_seen_at, value, threshold,
    message, message_en, muted_until
from fct_alert
where resolved_at is null and coalesce(status, '') not in ('resolved', 'covered')
order by
    coalesce(status, '') = 'frozen',
    case lower(severity)
        when 'critical' then 1 when 'high' then 2 when 'medium' then 3 else 4
    end, opened_at, alert_id
limit {ALERTS_SHOWN}
"""

# Apart from the list above, whose end may be cut: what the figures lack is always told.
_STALE = """
select source, message, message_en
from fct_alert
where kind = 'stale_source' and resolved_at is null and coalesce(status, '') <> 'resolved'
order by source nulls last, alert_id
"""

_INTEGRITY = """
select kind, agency_code, count(*) as signals, max(first_seen) as last_seen
from fct_integrity_signal
group by kind, agency_code
order by kind, signals desc, agency_code
"""


def read(database: Path, config: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Everything that the page shows, as lists and numbers that JSON can hold. `config`: Settings.duckdb."""
    with duckdb.connect(config=dict(config or {})) as con:
        con.execute(f"attach {sql_string(str(database))} as published (read_only)")
        return _Night(con).collect()


class _Night:
    """The marts as views of exactly the columns in COLUMNS, cut to the latest as-of date."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.con = con
        self.state: dict[str, str] = {}
        present = self._present()
        as_of = self._as_of(present)
        con.execute("create temp table night as select $1::date as as_of_date", [as_of])
        for table, columns in COLUMNS.items():
            self._view(table, columns, present.get(table))
            rows = con.execute(f"select count(*) from {table}").fetchone()
            assert rows is not None
            self.state[table] = "missing" if table not in present else "ok" if rows[0] else "empty"

    def _present(self) -> dict[str, set[str]]:
        rows = self.con.execute(
            "select table_name, column_name from duckdb_columns()"
            " where database_name = 'published' and schema_name = 'marts'"
        ).fetchall()
        tables: dict[str, set[str]] = {}
        for table, column in rows:
            tables.setdefault(table, set()).add(column)
        return tables

    def _as_of(self, present: dict[str, set[str]]) -> date | None:
        asked = ("fct_indicator", "rpt_scorecard", "rpt_field_score", "rpt_agency_ranking")
        days = [
            self.con.execute(f"select max(as_of_date)::date from published.marts.{table}").fetchone()
            for table in asked
            if "as_of_date" in present.get(table, ())
        ]
        return max((day[0] for day in days if day and day[0]), default=None)

    def _view(self, table: str, columns: dict[str, str], present: set[str] | None) -> None:
        have = present or set()
        select = ", ".join(
            f"{f't.{sql_name(c)}' if c in have else 'null'}::{kind} as {sql_name(c)}"
            for c, kind in columns.items()
        )
        if present is None:
            source = "(select 1) as t where false"
        elif "as_of_date" in columns and "as_of_date" in have:
            source = f"published.marts.{table} as t where t.as_of_date = (select as_of_date from night)"
        else:
            source = f"published.marts.{table} as t"
        self.con.execute(f"create temp view {table} as select {select} from {source}")

    def collect(self) -> dict[str, Any]:
        agencies = self._rows(_AGENCIES)
        place = {row[0]: i for i, row in enumerate(agencies)}

        def index(code: str | None) -> int | None:
            """The agency's position in the list; the province is -1; an unknown one joins with its code."""
            if code is None:
                return None
            if code == PROVINCE:
                return -1
            if code not in place:
                place[code] = len(agencies)
                agencies.append([code, code, None, None, None, None])
            return place[code]

        months = sorted(
            {row[1] for row in self._rows(_PROVINCE_MONTHS)} | {row[2] for row in self._rows(_AGENCY_MONTHS)}
        )
        month_index = {month: i for i, month in enumerate(months)}
        agency_months: dict[str, dict[int | None, list[list[Any]]]] = {}
        for target, agency, month, *figures in self._rows(_AGENCY_MONTHS):
            agency_months.setdefault(target, {}).setdefault(index(agency), []).append(
                [month_index[month], *figures]
            )

        def indexed(sql: str, at: int = 0) -> list[list[Any]]:
            return [[*row[:at], index(row[at]), *row[at + 1 :]] for row in self._rows(sql)]

        as_of = self._rows("select as_of_date from night")[0][0]
        province = self._rows(f"select agency_name from dim_agency where agency_code = '{PROVINCE}' limit 1")
        data = {
            "as_of": as_of,
            "province": province[0][0] if province else None,
            "state": self.state,
            "total": self._dicts(_TOTAL)[0] if self.state["rpt_field_score"] == "ok" else None,
            "fields": self._dicts(_FIELDS),
            "targets": self._dicts(_TARGETS),
            "leads": self._rows(_LEADS),
            "variants": _grouped(self._rows(_PROVINCE_VARIANTS)),
            "months": months,
            "province_months": _grouped(
                [[r[0], month_index[r[1]], *r[2:]] for r in self._rows(_PROVINCE_MONTHS)]
            ),
            "agency_year": _grouped(indexed(_AGENCY_YEAR, 1)),
            "agency_months": agency_months,
            "ranking": indexed(_RANKING, 3),
            "late_budget": indexed(_LATE_BUDGET, 1),
            "at_risk_by_agency": indexed(_AT_RISK_BY_AGENCY),
            "at_risk": _grouped(indexed(_AT_RISK)),
            "procedures": dict(self._rows(_PROCEDURES)),
            "regain": self._rows(_REGAIN),
            "sources": self._rows(_SOURCES),
            "deliveries": self._rows(_DELIVERIES),
            "delivery_counts": self._rows(_DELIVERY_COUNTS),
            "checks": self._rows(_CHECK_COUNTS)[0],
            "failed_checks": self._rows(_FAILED_CHECKS),
            "alerts": indexed(_ALERTS, 2),
            "stale": self._rows(_STALE),
            "integrity": indexed(_INTEGRITY, 1),
        }
        data["agencies"] = agencies  # last: `index` may have added to it
        return data

    def _rows(self, sql: str) -> list[list[Any]]:
        return [[_plain(value) for value in row] for row in self.con.execute(sql).fetchall()]

    def _dicts(self, sql: str) -> list[dict[str, Any]]:
        cursor = self.con.execute(sql)
        names = [column[0] for column in cursor.description or ()]
        return [
            {name: _plain(value) for name, value in zip(names, row, strict=True) if value is not None}
            for row in cursor.fetchall()
        ]


def _grouped(rows: Iterable[list[Any]]) -> dict[Any, list[list[Any]]]:
    groups: dict[Any, list[list[Any]]] = {}
    for key, *rest in rows:
        groups.setdefault(key, []).append(rest)
    return groups


def _plain(value: Any) -> Any:
    """Short and exact enough: whole numbers without a point, six decimals, ISO dates, 1 and 0 for truth."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return int(value) if value.is_integer() else round(value, 6)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="minutes")
    if isinstance(value, date):
        return value.isoformat()
    return value
