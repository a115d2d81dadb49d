"""The life cycle of a problem, as a pure function.

Two ideas carry it. A thread is open exactly while its problem is seen, and what a night could not see it
leaves as it was. And what readers were told is kept beside what is true: an event is whatever brings the
two together, so a mute that ends, a night that was run again or a day that was skipped need no cases of
their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from types import MappingProxyType

from orchestration.alerting.config import Rules
from orchestration.alerting.model import (
    AGED,
    COVERED,
    ESCALATED,
    FIGURE_KINDS,
    FROZEN,
    MUTED,
    OPEN,
    OPENED,
    REPEATED,
    RESOLVED,
    TARGET_MISSED,
    Event,
    Findings,
    Mute,
    Problem,
    State,
    Thread,
    raised,
    severity_rank,
)
from orchestration.alerting.wording import YEAR_OVER_EN, YEAR_OVER_VI


def live(
    state: State,
    findings: Findings,
    as_of: date,
    now: datetime,
    mutes: Mapping[str, Mute],
    rules: Rules,
) -> tuple[State, tuple[Event, ...]]:
    """The state after a night, and what is to be told.

    `mutes` are by alert id. The same night again tells only what it has not told yet.
    A night before the last one changes nothing, unless the last one lies in the future of `now`: then it
    was a slip of the clock, and waiting for that day to come would miss every breach until then.
    """
    if state.last_as_of is not None and as_of < state.last_as_of:
        if state.last_as_of <= now.date():
            return state, ()
        state = _pulled_back(state, as_of)
    spent = {(alert, kind) for alert, night, kind in state.spent if night == as_of}
    problems = {p.alert_id: p for p in findings.problems if not _unjudged(p, findings)}
    covered = frozenset().union(*(p.covers for p in problems.values()))
    threads, events = {}, []
    for alert in sorted(state.threads.keys() | problems.keys()):
        thread, problem = state.threads.get(alert), problems.get(alert)
        if thread is None and alert in covered:
            continue
        muted = alert in mutes and mutes[alert].holds(as_of)
        thread = _stands(thread, problem, alert in covered, findings, as_of, now, rules)
        silent = muted or thread.standing in (FROZEN, COVERED) or _unjudged(thread, findings)
        kind = None if silent else _to_tell(thread, problem, as_of, spent, rules)
        if kind is not None:
            spent.add((alert, kind))
            thread = replace(
                thread,
                told=RESOLVED if kind == RESOLVED else OPEN,
                told_on=as_of,
                told_severity=thread.severity,
            )
            events.append(_event(thread, kind, as_of, now))
        if muted and thread.standing in (OPEN, FROZEN):  # also on a night that judges nothing
            thread = replace(thread, standing=MUTED)
        threads[alert] = thread
    told = frozenset((alert, as_of, kind) for alert, kind in spent)
    return State(MappingProxyType(threads), as_of, told), tuple(events)


def _unjudged(item: Problem | Thread, findings: Findings) -> bool:
    """Whether this night can say nothing about it."""
    return item.kind in findings.blind_kinds or (
        item.kind in FIGURE_KINDS and item.target_id in findings.unjudged_targets
    )


def _stands(
    thread: Thread | None,
    problem: Problem | None,
    is_covered: bool,
    findings: Findings,
    as_of: date,
    now: datetime,
    rules: Rules,
) -> Thread:
    """The thread as it stands after tonight, nothing told yet."""
    if problem is not None and not is_covered:
        return _seen(thread, problem, as_of, now, rules)
    assert thread is not None
    if not thread.is_open:
        return thread
    if _unjudged(thread, findings) or _without_verdict(thread, findings, as_of):
        return replace(thread, standing=COVERED if _stays_covered(thread, findings) else FROZEN)
    if is_covered:
        return replace(thread, standing=COVERED, last_seen_on=as_of, last_seen_at=now)
    over = replace(thread, is_open=False, standing=RESOLVED, resolved_on=as_of, resolved_at=now)
    if thread.kind in FIGURE_KINDS and thread.last_seen_on.year < as_of.year:
        # Nobody is to read that it was put right.
        over = replace(
            over,
            message_vi=f"{thread.message_vi} {YEAR_OVER_VI}",
            message_en=f"{thread.message_en} {YEAR_OVER_EN}",
        )
    return over


def _stays_covered(thread: Thread, findings: Findings) -> bool:
    """Whether what speaks for it is on hold with it; else nobody might speak for it any more."""
    return thread.standing == COVERED and _unjudged(replace(thread, kind=TARGET_MISSED), findings)


def _without_verdict(thread: Thread, findings: Findings, as_of: date) -> bool:
    """No verdict is no end, but for last year's: figures of the year start again on 1 January."""
    return (
        thread.kind in FIGURE_KINDS
        and (thread.target_id, thread.agency_code) in findings.silent
        and thread.last_seen_on.year == as_of.year
    )


def _seen(thread: Thread | None, problem: Problem, as_of: date, now: datetime, rules: Rules) -> Thread:
    if thread is None or not thread.is_open:
        thread = _opened(thread, problem, as_of, now)
    elif thread.kind in FIGURE_KINDS and thread.last_seen_on.year < as_of.year:
        # Figures of the year start again on 1 January: another year's problem, told as new.
        thread = replace(_opened(thread, problem, as_of, now), told=None, told_on=None, told_severity=None)
    steps, aged, base = thread.steps, thread.aged, thread.gap_base
    if base is None:
        base = problem.gap
    if not aged and as_of - thread.opened_on >= timedelta(days=rules.escalate_days):
        steps, aged = steps + 1, True
    if problem.gap is not None and problem.gap - base >= rules.worse_points:
        steps, base = steps + 1, problem.gap
    return replace(
        thread,
        owner=problem.owner,
        standing=OPEN,
        severity=raised(problem.severity, steps),
        last_seen_on=as_of,
        last_seen_at=now,
        value=problem.value,
        threshold=problem.threshold,
        message_vi=problem.message_vi,
        message_en=problem.message_en,
        members=problem.members,
        steps=steps,
        aged=aged,
        gap_base=base,
    )


def _opened(before: Thread | None, problem: Problem, as_of: date, now: datetime) -> Thread:
    """A new thread, or a new episode of an old one: what readers were told last stays known."""
    return Thread(
        alert_id=problem.alert_id,
        kind=problem.kind,
        target_id=problem.target_id,
        agency_code=problem.agency_code,
        source=problem.source,
        owner=problem.owner,
        is_open=True,
        standing=OPEN,
        severity=problem.severity,
        opened_on=as_of,
        opened_at=now,
        last_seen_on=as_of,
        last_seen_at=now,
        resolved_on=None,
        resolved_at=None,
        value=problem.value,
        threshold=problem.threshold,
        message_vi=problem.message_vi,
        message_en=problem.message_en,
        gap_base=problem.gap,
        told=before.told if before else None,
        told_on=before.told_on if before else None,
        told_severity=before.told_severity if before else None,
    )


def _to_tell(
    thread: Thread, problem: Problem | None, as_of: date, spent: set[tuple[str, str]], rules: Rules
) -> str | None:
    """The one event that brings readers up to date; none when they are, or when tonight has spent it."""
    if not thread.is_open:
        wanted = (RESOLVED,) if thread.told == OPEN else ()
    elif thread.told != OPEN:
        # Seen for the first time tonight, or silent until now (muted, covered, run again after it seemed
        # over).
        wanted = (OPENED, REPEATED) if thread.opened_on == as_of else (REPEATED,)
    elif severity_rank(thread.severity) > severity_rank(thread.told_severity):
        wanted = (AGED,) if _has_only_aged(thread, problem, rules) else (ESCALATED,)
    elif as_of - thread.told_on >= timedelta(days=rules.repeat_after(thread.kind)):
        wanted = (REPEATED,)
    else:
        wanted = ()
    return next((kind for kind in wanted if (thread.alert_id, kind) not in spent), None)


def _has_only_aged(thread: Thread, problem: Problem, rules: Rules) -> bool:
    """Whether all that readers have not been told of its severity is the step that its age made."""
    is_news = thread.aged and thread.told_on - thread.opened_on < timedelta(days=rules.escalate_days)
    without = raised(problem.severity, thread.steps - 1)
    return is_news and severity_rank(without) <= severity_rank(thread.told_severity)


def _event(thread: Thread, kind: str, as_of: date, now: datetime) -> Event:
    return Event(
        alert_id=thread.alert_id,
        as_of=as_of,
        kind=kind,
        at=now,
        severity=thread.severity,
        value=thread.value,
        threshold=thread.threshold,
        message_vi=thread.message_vi,
        message_en=thread.message_en,
    )


def _pulled_back(state: State, as_of: date) -> State:
    """The state with no day after `as_of`."""

    def clamp(day: date | None) -> date | None:
        return None if day is None else min(day, as_of)

    threads = {
        alert: replace(
            thread,
            opened_on=clamp(thread.opened_on),
            last_seen_on=clamp(thread.last_seen_on),
            resolved_on=clamp(thread.resolved_on),
            told_on=clamp(thread.told_on),
        )
        for alert, thread in state.threads.items()
    }
    return State(MappingProxyType(threads), None, state.spent)
