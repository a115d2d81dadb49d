"""The life of alerts through random nights, against what a patient observer would write down.

The observer knows the truth of each night and reads every message that arrives. Through problems that come
and go, failed nights, stale sources, nights run again or out of order, crashes before, between and after
storing and sending, addresses that do not answer, and mutes: no breach is missed, nothing is repeated, and a
problem is resolved exactly when it is over.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.alerting import night as nights
from orchestration.alerting import store as store_module
from orchestration.alerting.config import Rules
from orchestration.alerting.life import live
from orchestration.alerting.model import (
    FAILED_NIGHT,
    KINDS,
    Findings,
    Mute,
    Problem,
    State,
    severity_rank,
)
from orchestration.alerting.send import send_pending
from orchestration.alerting.store import Store, event
from warehouse.settings import Settings

START = date(2024, 3, 1)
RULES = Rules()
# Two figures, one of them fed by the source that goes stale, and a problem of a delivery.
FRESH, STALE, FILE = "3.4.1", "7.3.5", "finance.revenue"


def problem(name: str, gap: float) -> Problem:
    figure = name != FILE
    return Problem(
        kind="target_missed" if figure else "quarantine_above_limit",
        target_id=name if figure else None,
        agency_code="H62" if figure else None,
        source=None if figure else name,
        severity="medium",
        value=99 - gap,
        threshold=99.0,
        message_vi=f"{name} sai",
        message_en=f"{name} is wrong",
        owner="Sở Nội vụ",
        gap=gap,
    )


FAILURE = Problem(
    FAILED_NIGHT, None, None, None, "high", None, None, "đêm hỏng", "night failed", "Nhóm dữ liệu"
)
IDS = {name: problem(name, 0).alert_id for name in (FRESH, STALE, FILE)}
IDS[FAILED_NIGHT] = FAILURE.alert_id


@dataclass(frozen=True)
class Step:
    """One run. `days` since the last night: 0 is the same night again, below 0 the clock went back."""

    days: int
    wrong: dict[str, float]  # name -> gap
    failed: bool = False
    stale: bool = False
    mute: tuple[str, int] | None = None
    crash: str | None = None  # before_commit, before_send, in_send, after_taken
    refused: bool = False


STEPS = st.lists(
    st.builds(
        Step,
        days=st.sampled_from([1, 1, 1, 1, 1, 2, 5, 0, 0, -1]),
        wrong=st.dictionaries(st.sampled_from([FRESH, STALE, FILE]), st.sampled_from([1.0, 2.0, 7.0, 15.0])),
        failed=st.sampled_from([False] * 6 + [True]),
        stale=st.sampled_from([False] * 4 + [True]),
        mute=st.one_of(
            st.none(),
            st.none(),
            st.none(),
            st.tuples(st.sampled_from([FRESH, STALE, FILE]), st.integers(0, 9)),
        ),
        crash=st.sampled_from([None] * 8 + ["before_commit", "before_send", "in_send", "after_taken"]),
        refused=st.sampled_from([False] * 6 + [True]),
    ),
    min_size=1,
    max_size=40,
)


class Killed(BaseException):
    """The process dies here."""


@dataclass
class Observer:
    """What is true, what was muted, and every message that arrived: (night, alert, kind of event)."""

    is_wrong: dict[str, bool] = field(default_factory=lambda: defaultdict(bool))
    muted_until: dict[str, date] = field(default_factory=dict)
    messages: list[tuple[date, str, str]] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)

    def judge(self, step: Step) -> None:
        """The truth after a night, as far as that night could see it."""
        if step.failed:
            self.is_wrong[FAILED_NIGHT] = True
            return
        self.is_wrong[FAILED_NIGHT] = False
        self.is_wrong[FRESH] = FRESH in step.wrong
        self.is_wrong[FILE] = FILE in step.wrong
        if not step.stale:
            self.is_wrong[STALE] = STALE in step.wrong

    def is_muted(self, name: str, day: date) -> bool:
        return name in self.muted_until and day <= self.muted_until[name]

    def last_word(self, name: str) -> str | None:
        said = [kind for _, alert, kind in self.messages if alert == IDS[name]]
        return None if not said else "over" if said[-1] == "resolved" else "open"


def findings(step: Step) -> Findings:
    if step.failed:
        return Findings((FAILURE,), blind_kinds=frozenset(KINDS) - {FAILED_NIGHT})
    return Findings(
        tuple(problem(name, gap) for name, gap in step.wrong.items()),
        unjudged_targets=frozenset({STALE}) if step.stale else frozenset(),
    )


class Province:
    """The real store and the real outbox, with the seeing and the post office played by the test."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=home, inbox=home / "inbox")
        self.seen = Observer()
        (home / "alerts.yaml").write_text("routes: [{to: json://team}]", encoding="utf-8")

    def run(self, step: Step, day: date, now: datetime) -> None:
        with Store(self.settings) as store:
            if step.crash == "before_commit":
                try:
                    with store.transaction() as transaction:
                        state = transaction.state(day)
                        after, events = live(state, findings(step), day, now, transaction.mutes(), RULES)
                        transaction.save(state, after, events, now)
                        raise Killed
                except Killed:
                    return
            nights.advance(store, lambda _: findings(step), day, now, RULES)

    def send(self, step: Step, now: datetime) -> None:
        if step.crash == "before_send":
            return

        def deliver(url, subject, text, worst, seconds):
            if step.crash == "in_send":
                raise Killed
            if step.refused:
                return False
            self._arrives(text)
            if step.crash == "after_taken":
                raise Killed
            return True

        with suppress(Killed):
            send_pending(self.settings, now, deliver)

    def _arrives(self, text: str) -> None:
        number = next(line for line in text.splitlines() if line.startswith("Digest: "))
        if number in self.seen.digests:
            assert "may have been sent once before" in text
            return
        self.seen.digests.append(number)
        with Store(self.settings) as store, store.transaction() as transaction:
            keys = transaction.connection.exec_driver_sql(
                "select as_of, alert_id, kind from outbox join event using (alert_id, as_of, kind)"
                " where status = 'sending' order by as_of, event.rowid"
            ).all()
        for as_of, alert, kind in keys:
            self.seen.messages.append((date.fromisoformat(as_of), alert, kind))

    def threads(self):
        with Store(self.settings) as store, store.transaction() as transaction:
            return {t.alert_id: t for t in transaction.threads()}

    def events(self):
        with Store(self.settings) as store, store.transaction() as transaction:
            return transaction.connection.execute(event.select()).all()


@pytest.fixture(scope="module", autouse=True)
def _without_waiting_for_the_disk():
    """The crashes here kill a function, not the machine, so nothing has to reach the disk."""

    def quick(connection, _record):
        connection.isolation_level = None
        connection.execute("pragma synchronous = off")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store_module, "_durable", quick)
        yield


@given(steps=STEPS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_breach_is_missed_nothing_is_repeated_and_what_is_over_is_resolved(steps):
    with tempfile.TemporaryDirectory() as folder:
        province, day, last = Province(Path(folder)), START, None
        for step in steps:
            today = day + timedelta(days=step.days)
            now = datetime.combine(max(day, today), time(1))
            if step.mute and IDS[step.mute[0]] in province.threads() and last is not None:
                name, length = step.mute
                nights.mute(province.settings, IDS[name], "đang xử lý", last + timedelta(days=length), now)
                province.seen.muted_until[name] = last + timedelta(days=length)
            goes_back = last is not None and today < last
            before = province.threads()
            province.run(step, today, now)
            if step.crash == "before_commit":
                assert province.threads() == before
                continue
            if goes_back:
                assert province.threads() == before
            else:
                day = last = today
                province.seen.judge(step)
            province.send(step, now)
            _state_is_the_truth(province)
            if not step.crash and not step.refused:
                _readers_know_the_truth(province, day, frozen=step.failed or goes_back, stale=step.stale)
        _everything_was_said_once(province)


def _state_is_the_truth(province: Province) -> None:
    threads = province.threads()
    for name, alert in IDS.items():
        is_open = alert in threads and threads[alert].is_open
        assert is_open == province.seen.is_wrong[name], name


def _readers_know_the_truth(province: Province, day: date, frozen: bool, stale: bool) -> None:
    """After a round of sending that worked, the last word on every alert is the truth.

    But for what a mute keeps back, for what a blind night may not speak of, and for a night run again and
    again that has used up its words: the next night says it.
    """
    spent = {(row.alert_id, row.kind) for row in province.events() if row.as_of == day}
    for name, alert in IDS.items():
        if province.seen.is_muted(name, day):
            continue
        if (frozen and name != FAILED_NIGHT) or (stale and name == STALE):
            continue
        said, is_wrong = province.seen.last_word(name), province.seen.is_wrong[name]
        if is_wrong:
            assert said == "open" or {(alert, "repeated"), (alert, "resolved")} <= spent, name
        else:
            assert said in (None, "over") or (alert, "resolved") in spent, name


def _everything_was_said_once(province: Province) -> None:
    messages = province.seen.messages
    assert len(messages) == len(set(messages)), "one event arrived twice"
    for alert in IDS.values():
        said = [(night, kind) for night, other, kind in messages if other == alert]
        for (before, first), (night, kind) in pairwise(said):
            if kind == "repeated" and first != "resolved":
                spare = night == before  # a night run again that had seemed over in between
                assert spare or night - before >= timedelta(days=RULES.repeat_days)
            if kind == "resolved" and night != before:
                assert first != "resolved"
            if kind == "opened" and night != before:
                assert first == "resolved"


@given(steps=STEPS)
@settings(max_examples=150, deadline=None)
def test_the_same_night_again_changes_nothing(steps):
    state, day = State(), START
    for step in steps:
        day += timedelta(days=max(step.days, 0))
        now = datetime.combine(day, time(1))
        mutes = (
            {IDS[step.mute[0]]: Mute(day + timedelta(days=step.mute[1]), "đang xử lý")} if step.mute else {}
        )
        state, _ = live(state, findings(step), day, now, mutes, RULES)
        again, events = live(state, findings(step), day, now, mutes, RULES)
        assert again.threads == state.threads
        assert events == ()


@given(steps=STEPS)
@settings(max_examples=150, deadline=None)
def test_a_blind_night_says_nothing_of_what_it_cannot_see_and_severity_only_rises_within_a_life(steps):
    state, day = State(), START
    for step in steps:
        day += timedelta(days=max(step.days, 0))
        before = state
        state, events = live(state, findings(step), day, datetime.combine(day, time(1)), {}, RULES)
        about = {e.alert_id for e in events}
        if step.failed:
            assert about <= {FAILURE.alert_id}
        if step.stale:
            assert IDS[STALE] not in about
        for alert, thread in state.threads.items():
            earlier = before.threads.get(alert)
            if earlier and earlier.is_open and thread.is_open and earlier.opened_on == thread.opened_on:
                assert severity_rank(thread.severity) >= severity_rank(earlier.severity)
