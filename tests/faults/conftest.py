"""Two nights of a small province, made once: where the faults of nights start from, and what they are compared with."""

from __future__ import annotations

import pytest

from orchestration import dbt
from tests.faults.kills import (
    TONIGHT,
    YESTERDAY,
    World,
    copy_home,
    fault_points,
    leftovers,
    run_night,
    sink,
    small_inbox,
    state_of,
)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory):
    dbt.manifest_path()  # nights in a fork see dagster-dbt without dbt, which would have to write it
    folder = tmp_path_factory.mktemp("kills")
    yesterday, tonight = small_inbox(folder)
    with sink() as taken:
        before = folder / "before"  # without addresses for its alerts: tonight has all of them to tell
        assert run_night(before, yesterday, YESTERDAY) == 0
        undisturbed = copy_home(before, folder / "undisturbed", taken)
        log = folder / "acts"
        assert run_night(undisturbed, tonight, TONIGHT, log=str(log), sink_port=taken.port) == 0
        assert leftovers(undisturbed) == []
        acts = [tuple(line.split("\t")) for line in log.read_text().splitlines()]
        yield World(
            tonight,
            before,
            undisturbed,
            state_of(before),
            state_of(undisturbed),
            fault_points(acts),
            taken.messages["undisturbed"],
            taken,
        )
