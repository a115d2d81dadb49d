"""Problems of the figures: targets missed, at risk, suddenly worse. Data by SQL, grouping in Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import groupby
from typing import Any

import pyarrow as pa

from orchestration.alerting import wording
from orchestration.alerting.config import Rules
from orchestration.alerting.marts import Marts
from orchestration.alerting.model import (
    AT_RISK,
    SUDDEN_DROP,
    TARGET_MISSED,
    Problem,
    alert_id,
    problem_of,
)
from orchestration.alerting.wording import PROVINCE
from orchestration.family_tables import COUNTED, tables_of

_HISTORY_NIGHTS = 7
# Status codes of the scorecard that conclude nothing yet; dbt's `waiting_codes`.
WAITING = ("months_differ", "agencies_to_come")


@dataclass(frozen=True)
class Memory:
    """What judging figures needs of earlier nights: their headline values, and the lines of what is open
    now.
    """

    history: tuple[tuple[str, date, float], ...] = ()  # target, as_of, value
    drop_lines: Mapping[str, float] = field(default_factory=dict)  # target -> line an open drop is below
    rolled_up: frozenset[tuple[str, str]] = frozenset()  # (kind, target) told as one problem now


def load_headlines(marts: Marts, as_of: date, rules: Rules) -> None:
    """One row per target and agency: the headline figure of the year, its target, and how far it is off."""
    # A scorecard of an earlier release may lack these.
    has = marts.columns("rpt_scorecard") if _has_scorecard(marts) else set()
    told = ", ".join(
        f"{column if column in has else 'null'} as {name}"
        for column, name in (
            ("target_id", "target_id"),
            ("status", "status"),
            ("status_code", "code"),
        )
    )
    scorecard = f"select {told} " + ("from night.marts.rpt_scorecard" if has else "where false")
    marts.db.execute(
        f"""
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
            t.lead_agency_short as lead,
            i.agency_code = $province as is_province,
            s.status as scorecard_status,
            s.code as scorecard_code,
            -- An agency that is no more, or a level, can win nothing back: its figures of the year stand, told no longer. A year
            -- that is not over is below a whole one, which is no miss yet.
            case
                when i.agency_code = $province
                    then s.status is distinct from 'not_applicable' and s.code is distinct from 'year_not_over'
                else
                    t.agency_scope = 'agency'
                    and t.measure_kind = 'percent'
                    and i.denominator >= $least
                    and coalesce(a.is_current, true)
            end as is_judged
        from night.marts.fct_indicator as i
        inner join night.marts.dim_target as t on i.target_id = t.target_id and t.is_in_force
        left join night.marts.dim_agency as a on i.agency_code = a.agency_code and a.is_latest
        left join ({scorecard}) as s on i.target_id = s.target_id
        where i.is_headline and i.period_kind = 'ytd' and i.as_of_date = $as_of
        """,
        {
            "province": PROVINCE,
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


def _counted_per_target(relation: str) -> str:
    """Rows of a problem with, per target, how many agencies have it and their order from the worst."""
    return f"""
        select
            *,
            count(*) filter (where not is_province) over (partition by target_id) as agencies,
            row_number() over (
                partition by target_id, is_province
                order by gap desc nulls last, agency_code
            ) as place
        from {relation}
        order by target_id, is_province desc, place
    """


def missed(marts: Marts, memory: Memory, rules: Rules) -> Iterable[Problem]:
    rows = marts.rows(
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


def load_risks(marts: Marts) -> bool:
    """What the late budget projects to miss, or the scorecard calls at risk; False without either mart."""
    needed = {"target_id", "agency_code", "projected_year_end_value", "is_projected_to_miss"}
    has_budget = needed <= marts.columns("rpt_late_budget")
    failing = "select null as target_id, null as agency_code, null as projected where false"
    if has_budget:
        failing = """
            select target_id, agency_code, cast(projected_year_end_value as double) as projected
            from night.marts.rpt_late_budget
            where is_projected_to_miss
        """
    marts.db.execute(f"""
        create temp table risk as
        with failing as ({failing})
        select headline.*, failing.projected
        from headline
        left join failing using (target_id, agency_code)
        where failing.projected is not null or (is_province and scorecard_status = 'at_risk')
    """)
    return has_budget or _has_scorecard(marts)


def _has_scorecard(marts: Marts) -> bool:
    return {"target_id", "status"} <= marts.columns("rpt_scorecard")


def risks(marts: Marts, memory: Memory, rules: Rules) -> Iterable[Problem]:
    rows = marts.rows(
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


def _per_target(kind: str, rows: list[dict[str, Any]], memory: Memory, rules: Rules) -> Iterable[Problem]:
    """One problem for the province and one per agency; where many agencies share it, one for all of them.

    Rolled up above the limit, single again at half of it, so that an agency more or less does not turn it
    each night.
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
    if kind == TARGET_MISSED and row["is_province"] and row["scorecard_status"] == "at_risk":
        severity = "medium"  # not met yet, but on pace for the end of the year
    if row["is_alarming"]:
        severity = "critical" if row["is_province"] else "high"
    return problem_of(
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
    """The province's problem with its agencies named; if the province has none, one for the target alone."""
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
    name = wording.one_line(worst["target_name"])
    return problem_of(
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


def drops(marts: Marts, as_of: date, memory: Memory, rules: Rules) -> Iterable[Problem]:
    """The province's rates against the middle of the last nights of the same year.

    Once open, the line stays where it was: a drop is over when it is made good, not when it has become usual.
    """
    history, lines = memory.history, memory.drop_lines
    marts.add(
        "history",
        {
            "target_id": (pa.string(), [target for target, _, _ in history]),
            "as_of": (pa.date32(), [night for _, night, _ in history]),
            "value": (pa.float64(), [value for _, _, value in history]),
        },
    )
    marts.add(
        "open_line",
        {"target_id": (pa.string(), list(lines)), "line": (pa.float64(), list(lines.values()))},
    )
    rows = marts.rows(
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
        yield problem_of(
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


def stale_targets(marts: Marts, stale: set[str]) -> frozenset[str]:
    """Targets that count rows of a stale table.

    Catalogues that only name, place or decide are left out on purpose: an unchanged catalogue that is not sent again must
    not silence the targets.
    """
    measures = marts.rows("select distinct target_id, family, measure from headline")
    return frozenset(
        row["target_id"]
        for row in measures
        if stale & {f"{t.source}.{t.name}" for t in tables_of(row["family"], row["measure"], COUNTED)}
    )


def incomparable(marts: Marts) -> frozenset[str]:
    """Targets whose figure compares what has come with more than that, which alone may explain what it says (DECISIONS, D10)."""
    found = marts.db.execute(
        "select target_id from headline where is_province and list_contains($1, scorecard_code)",
        [list(WAITING)],
    )
    return frozenset(target for (target,) in found.fetchall())


def silent(marts: Marts) -> frozenset[tuple[str, str]]:
    return frozenset(
        marts.db.execute(
            "select target_id, agency_code from headline where meets_target is null"
            # Of a level that has ended no verdict will come: it is over, not on hold.
            " and not (is_province and scorecard_status is not distinct from 'not_applicable')"
        ).fetchall()
    )


def headline_values(marts: Marts, unjudged: frozenset[str]) -> tuple[tuple[str, float], ...]:
    rows = marts.db.execute(
        "select target_id, value from headline where is_province and value is not null order by target_id"
    ).fetchall()
    return tuple(row for row in rows if row[0] not in unjudged)
