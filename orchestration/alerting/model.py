"""The words of alerting as plain data: a problem seen tonight, its thread over the nights, what was said
about it.

No database, no Apprise in here, so that the life cycle stays a pure function over these.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

TARGET_MISSED = "target_missed"
AT_RISK = "at_risk"
SUDDEN_DROP = "sudden_drop"
STALE_SOURCE = "stale_source"
QUARANTINE = "quarantine_above_limit"
FAILED_NIGHT = "failed_night"
# Of what comes after publishing, and so after all others: known only when a night has ended.
UNFINISHED_NIGHT = "unfinished_night"
KINDS = (TARGET_MISSED, AT_RISK, SUDDEN_DROP, STALE_SOURCE, QUARANTINE, FAILED_NIGHT, UNFINISHED_NIGHT)

# Kinds that speak about figures: never judged from a failed night or from a stale source.
FIGURE_KINDS = frozenset({TARGET_MISSED, AT_RISK, SUDDEN_DROP})

SEVERITIES = ("low", "medium", "high", "critical")

# What can happen to a thread on a night.
OPENED = "opened"
REPEATED = "repeated"
ESCALATED = "escalated"
AGED = "aged"  # more severe for its age alone: the figure itself need not be worse
RESOLVED = "resolved"
EVENT_KINDS = (OPENED, ESCALATED, AGED, REPEATED, RESOLVED)

# How a thread stands after a night. Open threads may be silent for a reason that readers should see.
OPEN = "open"
MUTED = "muted"
COVERED = "covered"
FROZEN = "frozen"


class AlertError(Exception):
    """Something the operator asked of the alerts cannot be done; the message says why."""


def alert_id(kind: str, target_id: str | None, agency_code: str | None, source: str | None) -> str:
    """The same problem has the same id on every night, so it stays one thread."""
    text = "\x1f".join((kind, target_id or "", agency_code or "", source or ""))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def severity_rank(severity: str) -> int:
    return SEVERITIES.index(severity)


def raised(severity: str, steps: int) -> str:
    return SEVERITIES[min(severity_rank(severity) + steps, len(SEVERITIES) - 1)]


@dataclass(frozen=True)
class Problem:
    """What is wrong tonight.

    `gap` says how far beyond the threshold, in points; null where "worse" has no meaning beyond age.
    `covers` are ids of narrower problems that this one stands for, so that one cause is told once.
    `members` is how many agencies a rolled-up problem stands for.
    """

    kind: str
    target_id: str | None
    agency_code: str | None
    source: str | None
    severity: str
    value: float | None
    threshold: float | None
    message_vi: str
    message_en: str
    owner: str
    gap: float | None = None
    covers: frozenset[str] = frozenset()
    members: int | None = None

    @property
    def alert_id(self) -> str:
        return alert_id(self.kind, self.target_id, self.agency_code, self.source)


def problem_of(kind: str, message: tuple[str, str], **values: Any) -> Problem:
    """A problem of a kind with its two messages; what it is about is null unless given."""
    about = {"target_id": None, "agency_code": None, "source": None, **values}
    return Problem(kind=kind, message_vi=message[0], message_en=message[1], **about)


@dataclass(frozen=True)
class Findings:
    """Everything a night saw, and what it could not see.

    Not seeing a problem ends it only where the night could have seen it: `blind_kinds` were not looked at,
    `unjudged_targets` are fed by a stale source or compare other months than their own, `silent` figures (target, agency) have no verdict.
    `figures` are the headline values of the province to be remembered.
    """

    problems: tuple[Problem, ...] = ()
    blind_kinds: frozenset[str] = frozenset()
    unjudged_targets: frozenset[str] = frozenset()
    silent: frozenset[tuple[str, str]] = frozenset()
    figures: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Thread:
    """One problem over the nights. `told*` is what its readers have been told last, which may lag behind."""

    alert_id: str
    kind: str
    target_id: str | None
    agency_code: str | None
    source: str | None
    owner: str
    is_open: bool
    standing: str  # open, muted, covered, frozen, resolved
    severity: str
    opened_on: date
    opened_at: datetime
    last_seen_on: date
    last_seen_at: datetime
    resolved_on: date | None
    resolved_at: datetime | None
    value: float | None
    threshold: float | None
    message_vi: str
    message_en: str
    members: int | None = None
    steps: int = 0  # how often the severity was raised
    aged: bool = False  # whether age has raised it already
    gap_base: float | None = None  # the gap from which "clearly worse" is counted
    told: str | None = None  # null, open, resolved
    told_on: date | None = None
    told_severity: str | None = None


@dataclass(frozen=True)
class Event:
    """Something to tell about a thread; one of its kind per thread and night."""

    alert_id: str
    as_of: date
    kind: str
    at: datetime
    severity: str
    value: float | None
    threshold: float | None
    message_vi: str
    message_en: str


@dataclass(frozen=True)
class State:
    """All threads after the last night, and which events (alert, night, kind) are spent for tonight."""

    threads: Mapping[str, Thread] = field(default_factory=lambda: MappingProxyType({}))
    last_as_of: date | None = None
    spent: frozenset[tuple[str, date, str]] = frozenset()


@dataclass(frozen=True)
class Alert:
    """A thread as readers see it: a row of `fct_alert`."""

    alert_id: str
    kind: str
    target_id: str | None
    agency_code: str | None
    source: str | None
    severity: str
    status: str
    opened_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None
    value: float | None
    threshold: float | None
    message: str
    message_en: str
    owner: str
    muted_until: date | None


@dataclass(frozen=True)
class Mute:
    """Silence that somebody asked for: up to and including a day, and why."""

    until: date
    reason: str

    def holds(self, night: date | None) -> bool:
        """Whether it keeps that night silent; any night where there was none yet."""
        return night is None or night <= self.until


def as_alert(thread: Thread, mute: Mute | None = None) -> Alert:
    """`mute`: the one that holds."""
    return Alert(
        alert_id=thread.alert_id,
        kind=thread.kind,
        target_id=thread.target_id,
        agency_code=thread.agency_code,
        source=thread.source,
        severity=thread.severity,
        status=thread.standing,
        opened_at=thread.opened_at,
        last_seen_at=thread.last_seen_at,
        resolved_at=thread.resolved_at,
        value=thread.value,
        threshold=thread.threshold,
        message=thread.message_vi,
        message_en=thread.message_en,
        owner=thread.owner,
        muted_until=mute.until if mute and thread.is_open else None,
    )
