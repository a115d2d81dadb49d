"""kill -9 between every two steps of a night: readers keep a whole night, and the next run ends as if nothing had been.

The steps are not written down here: an undisturbed night tells them (night_process.py), so a new step is a new fault
point by itself. Of steps that repeat for each file, model or mart the first, the middle and the last are taken. Nights are
stopped there, and what they hold at that moment is taken for what a kill leaves, which a few real ones prove.
"""

from __future__ import annotations

import re
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
    hold_night,
    landed,
    ledger_of,
    leftovers,
    nights_of,
    read,
    run_night,
    said,
    state_of,
    texts_of,
)

SIGKILL = -9
Point = tuple[str, str, int]  # stage, act, which of its kind
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


@pytest.fixture(scope="module")
def outcomes(world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[Point, str | None]:
    """Of every fault point None when all holds there, else what does not. Points that are never reached are missing.

    A kill leaves what a night holds at that moment, so two nights are held at half of the points each instead of one killed
    at each.
    """
    folder = tmp_path_factory.mktemp("held")
    recovered: set[str] = set()  # what kills left behind that a next run was tried on
    lock = threading.Lock()
    found: dict[Point, str | None] = {}

    def hold(lane: int) -> None:
        home = copy_home(world.before, folder / f"lane{lane}", world.sink)

        def look(point: Point) -> None:
            found[point] = _recover(world, home, point, recovered, lock)

        code = hold_night(home, world.inbox, TONIGHT, world.acts[lane::2], look, sink_port=world.sink.port)
        assert code == 0, said(home)
        assert state_of(home) == world.new, "a night that was held is not as an undisturbed one"

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(hold, range(2)))
    return found


@pytest.mark.parametrize("part", STAGES)
def test_killed_at_every_step(world: World, outcomes: dict[Point, str | None], part: str, subtests) -> None:
    for point in world.acts:
        if re.fullmatch(STAGES[part], point[0]):
            with subtests.test(stage=point[0], before=point[1], which=point[2]):
                assert point in outcomes, "the night never came there"
                assert outcomes[point] is None, outcomes[point]


@pytest.mark.parametrize("part", ["landing", "build", "publishing", "sending"])
def test_a_held_night_shows_what_a_kill_leaves(world: World, part: str, tmp_path: Path) -> None:
    """What the outcomes rely on."""
    point = [act for act in world.acts if re.fullmatch(STAGES[part], act[0])][-1]
    held, killed = (
        copy_home(world.before, tmp_path / f"{part}_{how}", world.sink) for how in ("held", "killed")
    )
    seen: list[str] = []
    options = {"sink_port": world.sink.port}
    assert (
        hold_night(
            held, world.inbox, TONIGHT, [point], lambda _: seen.append(_behind(world, held)), **options
        )
        == 0
    )
    assert run_night(killed, world.inbox, TONIGHT, at=point, **options) == SIGKILL, said(killed)
    assert [_behind(world, killed)] == seen
    assert _recover(world, killed, point, set(), threading.Lock()) is None


def _recover(world: World, home: Path, point: Point, recovered: set[str], lock: threading.Lock) -> str | None:
    """None when readers have a whole night and the next run ends like an undisturbed one, else what is not so.

    Points that leave the same behind share one next run. Leaves the messages of the home as it found them.
    """
    seen = read(home)
    now = (seen.file, seen.parquet, seen.as_of)
    if now not in (world.old.seen, world.new.seen):
        return "readers see neither yesterday's night nor tonight's"
    if len(seen.names) != 1:
        return f"SQL, Parquet and manifest belong to several nights: {sorted(seen.names)}"
    behind = _behind(world, home)
    with lock:
        if behind in recovered:
            return None
        recovered.add(behind)
    sent = list(world.sink.messages.get(home.name, []))
    try:
        code = run_night(home, world.inbox, TONIGHT)
        if code != 0:
            return f"the next run is not published ({code}): {said(home)[-2000:]}"
        return _unlike_undisturbed(world, home, point)
    finally:
        world.sink.messages[home.name] = sent


def _unlike_undisturbed(world: World, home: Path, point: Point) -> str | None:
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


def _messages(world: World, home: Path, point: Point) -> str | None:
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
