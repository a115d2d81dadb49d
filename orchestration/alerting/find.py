"""What is wrong tonight: SQL over the marts of one DuckDB file and the rows of the ledger.

A mart that is not there makes its kind blind, which is not the same as "nothing wrong". The file is opened read-only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import sqlalchemy as sa

from orchestration.alerting import wording
from orchestration.alerting.config import Rules
from orchestration.alerting.feeds import AGENCY_FAMILIES, FEEDS
from orchestration.alerting.model import (
    AT_RISK,
    FIGURE_KINDS,
    QUARANTINE,
    STALE_SOURCE,
    SUDDEN_DROP,
    TARGET_MISSED,
    Findings,
    Problem,
    alert_id,
)
from orchestration.alerting.wording import PROVINCE
from sources.contract import all_tables
from sources.text import sql_string
from warehouse.ledger import ACCEPTED, HELD_BACK, REFUSED, Ledger
from warehouse.ledger import delivery as delivery_table
from warehouse.settings import Settings

# Who answers for a field (section III.3 of the plan), where its annex prints no single agency.
_FIELD_OWNER = {
    "1": "Sở Nội vụ",
    "2": "Sở Tư pháp",
    "3": "Văn phòng UBND tỉnh",
    "4": "Sở Nội vụ",
    "5": "Sở Nội vụ",
    "6": "Sở Tài chính",
    "7": "Sở Thông tin và Truyền thông",
    "8": "Sở Kế hoạch và Đầu tư",
}
_STALE_AFTER_CADENCES = 2
_HISTORY_NIGHTS = 7


@dataclass(frozen=True)
class Memory:
    """What finding needs of earlier nights: headline values, and the lines of what is open now."""

    history: tuple[tuple[str, date, float], ...] = ()  # target, as_of, value
    drop_lines: Mapping[str, float] | None = None  # target -> line below which an open drop goes on
    rolled_up: frozenset[tuple[str, str]] = frozenset()  # (kind, target) told as one problem now


def find(
    settings: Settings, database: Path, ledger: Ledger, as_of: date, memory: Memory, rules: Rules
) -> Findings:
    """Everything that can be seen on a night that did not fail."""
    with _opened(database) as db:
        _load_ledger(db, settings, ledger, as_of)
        stale = _stale_sources(db, as_of)
        problems = [*stale, *_quarantine(db)]
        if not _has(db, "fct_indicator", "dim_target", "dim_agency") or not _is_of(db, as_of):
            return Findings(tuple(problems), blind_kinds=FIGURE_KINDS)
        _load_headlines(db, as_of, rules)
        stale_targets = _stale_targets(db, {problem.source for problem in stale})
        problems += _missed(db, memory, rules)
        problems += _drops(db, as_of, memory, rules)
        sees_risk = _load_risks(db)
        if sees_risk:
            problems += _risks(db, memory, rules)
        return Findings(
            problems=tuple(problems),
            blind_kinds=frozenset() if sees_risk else frozenset({AT_RISK}),
            stale_targets=stale_targets,
            silent=_silent(db),
            figures=_figures(db, stale_targets),
        )


@contextmanager
def _opened(database: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as db:
        db.execute(f"attach {sql_string(str(database))} as night (read_only)")
        yield db


def _rows(db: duckdb.DuckDBPyConnection, query: str, *values: Any) -> list[dict[str, Any]]:
    cursor = db.execute(query, values)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _has(db: duckdb.DuckDBPyConnection, *tables: str) -> bool:
    return all(_columns(db, table) for table in tables)


def _columns(db: duckdb.DuckDBPyConnection, table: str) -> set[str]:
    query = (
        "select column_name from information_schema.columns"
        " where table_catalog = 'night' and table_schema = 'marts' and table_name = ?"
    )
    return {name for (name,) in db.execute(query, [table]).fetchall()}


def _is_of(db: duckdb.DuckDBPyConnection, as_of: date) -> bool:
    """Whether the marts are this night's; figures of another day would be judged under the wrong date."""
    return db.execute("select max(as_of_date) = ? from night.marts.fct_indicator", [as_of]).fetchone()[0] is True


# --- sources and deliveries


def _load_ledger(db: duckdb.DuckDBPyConnection, settings: Settings, ledger: Ledger, as_of: date) -> None:
    c = delivery_table.c
    query = sa.select(
        c.source,
        c.table_name,
        c.file_name,
        c.delivered_on,
        c.outcome,
        c.rows_in_file,
        c.rows_quarantined,
        c.loaded_at,
    ).where(c.replaced_by.is_(None), sa.or_(c.delivered_on.is_(None), c.delivered_on <= as_of))
    with ledger.engine.connect() as connection:
        rows = connection.execute(query).all()
    types = [pa.string(), pa.string(), pa.string(), pa.date32(), pa.string(), pa.int64(), pa.int64(), pa.timestamp("us")]
    columns = zip(*rows, strict=True) if rows else ([] for _ in types)
    arrays = [pa.array(values, kind) for values, kind in zip(columns, types, strict=True)]
    db.register("ledger_rows", pa.table(arrays, names=[column.key for column in query.selected_columns]))
    limit = settings.rejected_share_limit_pct
    contract = [
        {
            "source": table.source,
            "table_name": table.name,
            "vi": table.vi,
            "owner": table.owner,
            "cadence_days": table.cadence_days,
            "limit_pct": float(table.rejected_share_limit_pct if limit is None else limit),
        }
        for table in all_tables()
    ]
    db.register("contract", pa.Table.from_pylist(contract))
    accepted = ", ".join(sql_string(outcome) for outcome in ACCEPTED)
    db.execute(f"""
        create temp table delivered as
        select
            ledger_rows.*,
            cast(loaded_at as date) as loaded_on,
            outcome in ({accepted}) as is_accepted,
            case when rows_in_file > 0 then 100.0 * rows_quarantined / rows_in_file end as share,
            contract.limit_pct
        from ledger_rows
        left join contract using (source, table_name)
    """)


def freshness(db: duckdb.DuckDBPyConnection, as_of: date) -> list[dict[str, Any]]:
    """Each table of the contracts with its last accepted delivery; one never delivered ages since the first of all."""
    return _rows(
        db,
        """
        with first_of_all as (select min(delivered_on) as day from delivered where is_accepted),
        last_of_each as (
            select source, table_name, max(delivered_on) as last_on
            from delivered
            where is_accepted
            group by source, table_name
        )
        select
            contract.source,
            contract.table_name,
            contract.source || '.' || contract.table_name as relation,
            contract.vi,
            contract.owner,
            last_of_each.last_on,
            date_diff('day', coalesce(last_of_each.last_on, first_of_all.day), cast(? as date)) as age_days,
            ? * contract.cadence_days as limit_days
        from contract
        cross join first_of_all
        left join last_of_each using (source, table_name)
        order by relation
        """,
        as_of,
        _STALE_AFTER_CADENCES,
    )


def _stale_sources(db: duckdb.DuckDBPyConnection, as_of: date) -> list[Problem]:
    return [
        _problem(
            STALE_SOURCE,
            wording.stale_source(row),
            source=row["relation"],
            severity="high",
            value=float(row["age_days"]),
            threshold=float(row["limit_days"]),
            owner=row["owner"],
        )
        for row in freshness(db, as_of)
        if row["age_days"] is not None and row["age_days"] > row["limit_days"]
    ]


def _quarantine(db: duckdb.DuckDBPyConnection) -> list[Problem]:
    """Deliveries held back, refused or over the limit, until a good one of the same table comes after them."""
    rows = _rows(
        db,
        """
        with judged as (
            select
                *,
                outcome in (?, ?) or coalesce(share > limit_pct, false) as is_bad
            from delivered
        ),
        bad as (
            select
                judged.*,
                source || coalesce('.' || table_name, '') as relation
            from judged
            where
                is_bad
                and not exists (
                    select 1
                    from judged as good
                    where
                        not good.is_bad
                        and good.is_accepted
                        and good.source = judged.source
                        and (judged.table_name is null or good.table_name = judged.table_name)
                        and (
                            good.delivered_on > judged.delivered_on
                            or (
                                good.loaded_on > judged.loaded_on
                                and coalesce(good.delivered_on >= judged.delivered_on, true)
                            )
                        )
                )
        )
        select
            bad.*,
            contract.owner,
            count(*) over (partition by relation) as files
        from bad
        left join contract using (source, table_name)
        qualify row_number() over (
            partition by relation
            order by coalesce(delivered_on, loaded_on) desc, share desc nulls last, file_name
        ) = 1
        order by relation
        """,
        HELD_BACK,
        REFUSED,
    )
    return [
        _problem(
            QUARANTINE,
            wording.quarantine(row),
            source=row["relation"],
            severity="low" if row["table_name"] is None else "medium",
            value=row["share"],
            threshold=row["limit_pct"],
            owner=row["owner"] or wording.DATA_TEAM,
        )
        for row in rows
    ]


# --- figures


def _load_headlines(db: duckdb.DuckDBPyConnection, as_of: date, rules: Rules) -> None:
    """One row per target and agency: the headline figure of the year, its target, and how far it is off."""
    db.register("field_owner", pa.table({"field_id": list(_FIELD_OWNER), "answers": list(_FIELD_OWNER.values())}))
    db.execute(
        """
        create temp table headline as
        select
            i.target_id,
            i.agency_code,
            a.agency_name,
            t.target_name,
            t.family,
            t.measure,
            i.value,
            i.numerator,
            i.denominator,
            i.operator,
            i.target_value,
            t.alarm_floor,
            i.meets_target,
            t.measure_kind,
            t.measure_kind = 'percent' as is_percent,
            -- A rate may fall, or rise where less is better: 1 or -1 turns both into "lower is worse".
            case when i.operator in ('<=', '<') then -1 else 1 end as good_way,
            case
                when nullif(trim(t.lead_agency), '') is null or t.lead_agency ilike 'các %' then o.answers
                else t.lead_agency
            end as lead,
            i.agency_code = $province as is_province,
            i.agency_code = $province or (
                t.agency_scope = 'agency'
                and t.measure_kind = 'percent'
                and list_contains($families, t.family)
                and i.denominator >= $least
            ) as is_judged
        from night.marts.fct_indicator as i
        inner join night.marts.dim_target as t on i.target_id = t.target_id and t.is_in_force
        left join night.marts.dim_agency as a on i.agency_code = a.agency_code and a.is_latest
        left join field_owner as o on t.field_id = o.field_id
        where i.is_headline and i.period_kind = 'ytd' and i.as_of_date = $as_of
        """,
        {
            "province": PROVINCE,
            "families": list(AGENCY_FAMILIES),
            "least": rules.min_denominator,
            "as_of": as_of,
        },
    )


def _gap(value: str) -> str:
    """Points between a figure and its target: of percent, or of the target's size for counts."""
    return f"""
        case
            when measure_kind = 'text' then 100 - 100 * numerator / nullif(denominator, 0)
            when is_percent then good_way * (target_value - {value})
            else good_way * 100 * (target_value - {value}) / greatest(abs(target_value), 1)
        end
    """


def _fails(value: str) -> str:
    """The same comparison as the marts', for a value that is not measured but projected."""
    return f"""
        case operator
            when '>=' then {value} < target_value
            when '>' then {value} <= target_value
            when '<=' then {value} > target_value
            when '<' then {value} >= target_value
            when '=' then {value} < target_value
        end
    """


def _counted_per_target(relation: str) -> str:
    """Rows of a problem with, per target, how many agencies have it and their order from the worst."""
    return f"""
        select
            *,
            count(*) filter (where not is_province) over (partition by target_id) as agencies,
            row_number() over (partition by target_id, is_province order by gap desc nulls last, agency_code) as place
        from {relation}
        order by target_id, is_province desc, place
    """


def _missed(db: duckdb.DuckDBPyConnection, memory: Memory, rules: Rules) -> Iterable[Problem]:
    rows = _rows(
        db,
        f"""
        with missed as (
            select
                *,
                cast(null as double) as projected,
                {_gap("value")} as gap,
                coalesce(value < alarm_floor, false) as is_alarming
            from headline
            where meets_target = false and is_judged
        )
        {_counted_per_target("missed")}
        """,
    )
    yield from _per_target(TARGET_MISSED, rows, memory, rules)


def _load_risks(db: duckdb.DuckDBPyConnection) -> bool:
    """Projections where the late budget has them, else the scorecard's word; False when neither mart is there."""
    parts = []
    budget = {"target_id", "agency_code", "projected_year_end_value"} <= _columns(db, "rpt_late_budget")
    scorecard = {"target_id", "status"} <= _columns(db, "rpt_scorecard")
    if budget:
        parts.append(f"""
            select *
            from (
                select headline.*, cast(budget.projected_year_end_value as double) as projected
                from headline
                inner join night.marts.rpt_late_budget as budget using (target_id, agency_code)
            )
            where {_fails("projected")}
        """)
    if scorecard:
        projected = "select target_id from night.marts.rpt_late_budget" if budget else "select null where false"
        parts.append(f"""
            select headline.*, cast(null as double) as projected
            from headline
            inner join night.marts.rpt_scorecard as scorecard using (target_id)
            where scorecard.status = 'at_risk' and is_province and target_id not in ({projected})
        """)
    if parts:
        db.execute(f"create temp table risk as {' union all '.join(parts)}")
    return bool(parts)


def _risks(db: duckdb.DuckDBPyConnection, memory: Memory, rules: Rules) -> Iterable[Problem]:
    rows = _rows(
        db,
        f"""
        with risky as (
            select
                *,
                {_gap("coalesce(projected, value)")} as gap,
                false as is_alarming
            from risk
            where meets_target is distinct from false and is_judged
        )
        {_counted_per_target("risky")}
        """,
    )
    yield from _per_target(AT_RISK, rows, memory, rules)


_WORDS = {
    TARGET_MISSED: (wording.target_missed, "chưa đạt", "miss it"),
    AT_RISK: (wording.at_risk, "có nguy cơ không đạt", "are at risk"),
}
# By kind: severity of the province, of a rolled-up problem, of one agency.
_SEVERITY = {TARGET_MISSED: ("high", "high", "medium"), AT_RISK: ("medium", "medium", "low")}


def _per_target(
    kind: str, rows: list[dict[str, Any]], memory: Memory, rules: Rules
) -> Iterable[Problem]:
    """One problem for the province and one per agency; where many agencies share it, one for all of them.

    Rolled up above the limit, single again at half of it, so that an agency more or less does not turn it each night.
    """
    for target_id, group in groupby(rows, key=lambda row: row["target_id"]):
        members = list(group)
        agencies = [row for row in members if not row["is_province"]]
        limit = rules.roll_up_over // 2 if (kind, target_id) in memory.rolled_up else rules.roll_up_over
        if len(agencies) > limit:
            yield _rolled_up(kind, members, agencies)
        else:
            yield from (_of_one(kind, row) for row in members)


def _of_one(kind: str, row: dict[str, Any]) -> Problem:
    severity = _SEVERITY[kind][0 if row["is_province"] else 2]
    if row["is_alarming"]:
        severity = "critical" if row["is_province"] else "high"
    return _problem(
        kind,
        _WORDS[kind][0](row),
        target_id=row["target_id"],
        agency_code=row["agency_code"],
        severity=severity,
        value=row["value"] if row["projected"] is None else row["projected"],
        threshold=row["target_value"],
        owner=wording.one_line(row["lead"]) or wording.DATA_TEAM,
        gap=row["gap"],
        covers=_at_risk_of(kind, row["target_id"], [row["agency_code"]]),
    )


def _rolled_up(kind: str, members: list[dict[str, Any]], agencies: list[dict[str, Any]]) -> Problem:
    """The province's problem with its agencies named; where the province has none, one for the target alone."""
    _, vi, en = _WORDS[kind]
    target_id, worst = agencies[0]["target_id"], agencies[0]
    many_vi, many_en = wording.many_agencies(worst, worst["agencies"], vi, en)
    codes = [row["agency_code"] for row in agencies]
    covers = frozenset(alert_id(kind, target_id, code, None) for code in codes) | _at_risk_of(
        kind, target_id, [None, *codes]
    )
    if members[0]["is_province"]:
        whole = _of_one(kind, members[0])
        return replace(
            whole,
            message_vi=f"{whole.message_vi} {many_vi}",
            message_en=f"{whole.message_en} {many_en}",
            # The target's own thread, from nights when the province was well, goes on under this one.
            covers=whole.covers | covers | {alert_id(kind, target_id, None, None)},
            members=len(agencies),
        )
    name = wording.one_line(worst["target_name"], 140)
    return _problem(
        kind,
        (f"Chỉ tiêu {target_id} ({name}): {many_vi}", f"Target {target_id}: {many_en}"),
        target_id=target_id,
        severity=_SEVERITY[kind][1],
        value=worst["value"] if worst["projected"] is None else worst["projected"],
        threshold=worst["target_value"],
        owner=wording.one_line(worst["lead"]) or wording.DATA_TEAM,
        covers=covers,
        members=len(agencies),
    )


def _at_risk_of(kind: str, target_id: str, codes: Iterable[str | None]) -> frozenset[str]:
    """A missed target stands for its own "at risk": that thread stays open, silent, until both are over."""
    if kind != TARGET_MISSED:
        return frozenset()
    return frozenset(alert_id(AT_RISK, target_id, code, None) for code in codes)


def _drops(db: duckdb.DuckDBPyConnection, as_of: date, memory: Memory, rules: Rules) -> Iterable[Problem]:
    """The province's rates against the middle of the last nights of the same year.

    Once open, the line stays where it was: a drop is over when it is made good, not when it has become usual.
    """
    history, lines = list(memory.history), dict(memory.drop_lines or {})
    db.register(
        "history",
        pa.table(
            {
                "target_id": pa.array([row[0] for row in history], pa.string()),
                "as_of": pa.array([row[1] for row in history], pa.date32()),
                "value": pa.array([row[2] for row in history], pa.float64()),
            }
        ),
    )
    db.register(
        "open_line",
        pa.table(
            {
                "target_id": pa.array(list(lines), pa.string()),
                "line": pa.array(list(lines.values()), pa.float64()),
            }
        ),
    )
    rows = _rows(
        db,
        """
        with recent as (
            select target_id, value
            from history
            where as_of < $as_of and year(as_of) = year($as_of)
            qualify row_number() over (partition by target_id order by as_of desc) <= $nights
        ),
        usual as (select target_id, median(value) as usual from recent group by target_id),
        lined as (
            select
                headline.*,
                coalesce(open_line.line, usual.usual - good_way * $points) as line
            from headline
            left join usual using (target_id)
            left join open_line using (target_id)
            where is_province and is_percent and denominator >= $least
        )
        select
            *,
            line + good_way * $points as usual,
            good_way * (line - value) as gap
        from lined
        where good_way * (line - value) > 0
        order by target_id
        """,
        {
            "as_of": as_of,
            "nights": _HISTORY_NIGHTS,
            "points": rules.drop_points,
            "least": rules.min_denominator,
        },
    )
    for row in rows:
        yield _problem(
            SUDDEN_DROP,
            wording.sudden_drop(row),
            target_id=row["target_id"],
            agency_code=PROVINCE,
            severity="medium",
            value=row["value"],
            threshold=row["line"],
            owner=wording.one_line(row["lead"]) or wording.DATA_TEAM,
            gap=row["gap"],
        )


def _stale_targets(db: duckdb.DuckDBPyConnection, stale: set[str]) -> frozenset[str]:
    measures = _rows(db, "select distinct target_id, family, measure from headline")
    return frozenset(
        row["target_id"]
        for row in measures
        if stale.intersection(
            FEEDS.get((row["family"], row["measure"])) or FEEDS.get((row["family"], None)) or ()
        )
    )


def _silent(db: duckdb.DuckDBPyConnection) -> frozenset[tuple[str, str]]:
    return frozenset(
        db.execute("select target_id, agency_code from headline where meets_target is null").fetchall()
    )


def _figures(db: duckdb.DuckDBPyConnection, stale_targets: frozenset[str]) -> tuple[tuple[str, float], ...]:
    rows = db.execute(
        "select target_id, value from headline where is_province and value is not null order by target_id"
    ).fetchall()
    return tuple(row for row in rows if row[0] not in stale_targets)


def _problem(kind: str, message: tuple[str, str], **values: Any) -> Problem:
    given = {"target_id": None, "agency_code": None, "source": None, **values}
    return Problem(kind=kind, message_vi=message[0], message_en=message[1], **given)
