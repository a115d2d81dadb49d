"""kill -9 between every two steps of a night: readers keep a whole night, and the next run ends as if nothing had been.

The steps are not written down here: an undisturbed night tells them (night_process.py), so a new step is a new fault
point by itself. Of steps that repeat for each file, model or mart the first, the middle and the last are taken. Kills that
leave the same behind share one recovery.
"""

from __future__ import annotations

import re
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.faults.kills import (
    TONIGHT,
    World,
    alerts_of,
    checks_of,
    copy_home,
    landed,
    ledger_of,
    leftovers,
    nights_of,
    read,
    run_night,
    state_of,
    texts_of,
)

SIGKILL = -9
_recovered: set[str] = set()  # what kills left behind that a next run was tried on
_lock = threading.Lock()
# Parts of the night, by the names that Dagster has for their steps.
STAGES = {
    "landing": r"start|landing",
    "build": r"build_file|dbt",
    "draft": r"draft",
    "gate": r"marts_gate",
    "alerts": r"marts__fct_alert",
    "publishing": r"published__par_index",
    "sending": r"alerts__sent",
    "report": r"reports__morning_page|published__postgres",
}


def test_the_night_has_fault_points_in_every_part(world: World) -> None:
    """What the others rely on: that the steps are seen at all."""
    of = {part: [a for a in world.acts if re.fullmatch(stage, a[0])] for part, stage in STAGES.items()}
    assert sum(map(len, of.values())) == len(world.acts)
    assert all(of.values()), of
    told = " ".join(what for _, what, _ in world.acts)
    for act in (
        "current.new -> published/current",
        "DELIVERY.parquet",
        "DELIVERY.rejected.parquet",
        "send a message",
        "commit alerts.sqlite",
    ):
        assert act in told
    assert world.old.seen != world.new.seen and world.messages


@pytest.mark.parametrize("part", STAGES)
def test_killed_at_every_step(world: World, part: str, tmp_path: Path, subtests) -> None:
    points = [act for act in world.acts if re.fullmatch(STAGES[part], act[0])]

    def try_one(number: int) -> str | None:
        home = copy_home(world.before, tmp_path / f"{part}{number}", world.sink)
        try:
            return _kill_and_recover(world, home, points[number])
        finally:
            shutil.rmtree(home)

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(try_one, range(len(points))))
    for point, outcome in zip(points, outcomes, strict=True):
        with subtests.test(stage=point[0], before=point[1], which=point[2]):
            assert outcome is None, outcome


def _kill_and_recover(world: World, home: Path, point) -> str | None:
    """None when all holds, else what does not."""
    port = world.sink.port
    code = run_night(home, world.inbox, TONIGHT, at=point, sink_port=port)
    if code != SIGKILL:
        return f"was not killed there (exit code {code}): {home.with_suffix('.out').read_text()[-2000:]}"
    seen = read(home)
    now = (seen.file, seen.parquet, seen.as_of)
    if now not in (world.old.seen, world.new.seen):
        return "readers see neither yesterday's night nor tonight's"
    if len(seen.names) != 1:
        return f"SQL, Parquet and manifest belong to several nights: {sorted(seen.names)}"
    behind = _behind(world, home)
    with _lock:
        if behind in _recovered:
            return None
        _recovered.add(behind)
    code = run_night(home, world.inbox, TONIGHT)
    if code != 0:
        return f"the next run is not published ({code}): {home.with_suffix('.out').read_text()[-2000:]}"
    after = state_of(home)
    for name in ("seen", "ledger", "checks", "alerts", "landed"):
        if getattr(after, name) != getattr(world.new, name):
            return f"{name} differ from an undisturbed night: {_difference(getattr(world.new, name), getattr(after, name))}"
    if left := leftovers(home):
        return f"left behind: {left}"
    nights = nights_of(home)
    if nights[TONIGHT.isoformat(), "published"] < 1 or any(outcome == "running" for _, outcome in nights):
        return f"nights in the ledger: {nights}"
    return _messages(world, home, point)


def _behind(world: World, home: Path) -> str:
    """All that the next run can meet, but for the clock."""
    odd = {re.sub(r"\d[\dT.]{3,}(-\d+)?", "N", name) for name in leftovers(home)}
    sent = len(world.sink.messages.get(home.name, []))
    ledger = ledger_of(home), checks_of(home), sorted(nights_of(home).items())
    return repr((read(home).as_of, ledger, sorted(landed(home)), alerts_of(home), sorted(odd), sent))


def _difference(one, other) -> str:
    if isinstance(one, list):
        return (
            f"missing {[x for x in one if x not in other][:3]}, new {[x for x in other if x not in one][:3]}"
        )
    if isinstance(one, tuple):
        changed = [
            k for a, b in zip(one, other, strict=True) if isinstance(a, dict) for k in a if a[k] != b.get(k)
        ]
        return f"{changed} {one[-1]} {other[-1]}"
    return str(set(one) ^ set(other))


_MAYBE_AGAIN = (
    "Bản tin này có thể đã được gửi một lần trước đó.",
    "This digest may have been sent once before.",
)


def _messages(world: World, home: Path, point) -> str | None:
    """One message as on an undisturbed night. Only one that was just leaving may come twice, and says so itself.

    The process died between the delivery and the note of it: nobody can know whether it had arrived.
    """
    got = texts_of(world.sink.messages.get(home.name, []))
    (expected,) = texts_of(world.messages)
    if got == [expected]:
        return None
    if point[0] == "alerts__sent" and all(note in got[-1] for note in _MAYBE_AGAIN):
        words = {" ".join(re.sub("|".join(_MAYBE_AGAIN), "", text).split()) for text in got}
        if len(got) <= 2 and words == {" ".join(expected.split())}:
            return None
    return f"{len(got)} messages, of which {got.count(expected)} are what an undisturbed night tells"
