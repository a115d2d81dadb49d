"""The night as the operator starts it, with its worker processes: killed, interrupted, started twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conftest import PROJECT, parindex
from tests.faults.kills import TONIGHT, World, copy_home, nights_of, read
from warehouse.lock import night_lock
from warehouse.settings import Settings

COMMAND = "from orchestration.entry import main; main()"
PATIENCE = 300  # seconds until a test gives up; nothing here takes long on an idle machine


class Started:
    """`parindex run` in a session of its own."""

    def __init__(self, world: World, home: Path) -> None:
        self.home = copy_home(world.before, home, world.sink)
        self.log_before = len((self.home / "logs" / "night.log").read_text())
        self.process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, "run", "--inbox", str(world.inbox), "--as-of", str(TONIGHT)],
            cwd=PROJECT,
            env={**os.environ, "PARINDEX_HOME": str(self.home), "COLUMNS": "200"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def wait_for(self, found, what: str):
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            answer = found()
            if answer:
                return answer
            assert self.process.poll() is None, self.process.stdout.read()
            time.sleep(0.02)
        raise AssertionError(f"no {what} within {PATIENCE} s")

    def worker(self, beginning: str) -> int:
        """The process id of a worker, once it is there."""
        return self.wait_for(lambda: self._workers().get(beginning), f"worker {beginning}")

    def _workers(self) -> dict[str, int]:
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                try:
                    session = int((entry / "stat").read_text().rpartition(")")[2].split()[3])
                    words = (entry / "cmdline").read_bytes().decode().split("\0")
                except OSError:  # gone meanwhile
                    continue
                if session == self.process.pid and "orchestration.aside" in words:
                    found[words[-2]] = int(entry.name)
        return found

    def reached(self, step: str) -> None:
        """Wait until the log of this night has a step."""
        log = self.home / "logs" / "night.log"
        self.wait_for(lambda: step in log.read_text()[self.log_before :], step)

    def ended(self) -> tuple[int, str]:
        out, _ = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out

    def survivors(self) -> dict[str, int]:
        """Workers that are still there after a moment in which they can notice."""
        ends = time.monotonic() + PATIENCE
        while self._workers() and time.monotonic() < ends:
            time.sleep(0.1)
        return self._workers()


@pytest.fixture
def start(world: World, tmp_path: Path):
    started = []

    def begin() -> Started:
        started.append(Started(world, tmp_path / f"home{len(started)}"))
        return started[-1]

    yield begin
    for night in started:
        for process in [night.process.pid, *night._workers().values()]:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        night.process.wait()
        night.process.stdout.close()


@pytest.mark.parametrize("beginning", ["orchestration.dbt:begin", "orchestration.checking:begin"])
def test_a_worker_that_the_system_kills_for_want_of_memory(world: World, start, beginning: str) -> None:
    night = start()
    worker = night.worker(beginning)
    os.kill(worker, signal.SIGSTOP)  # so that it is in the middle of its work for sure
    night.reached("parindex check" if "checking" in beginning else "parindex build as of")
    time.sleep(
        3
    )  # until the night has given it work: one that dies before is started again, and nobody notices
    os.kill(worker, signal.SIGKILL)
    code, out = night.ended()
    assert code == 1, out
    assert "want of memory" in out and "PARINDEX_MEMORY_LIMIT" in out
    assert "Traceback" not in out
    assert _seen(night.home) == world.old.seen
    assert night.survivors() == {}


def test_a_killed_night_leaves_neither_lock_nor_workers(world: World, start) -> None:
    """Two nights at once: the second one is told. The lock goes with the process that held it."""
    night = start()
    worker = night.worker("orchestration.dbt:begin")
    os.kill(worker, signal.SIGSTOP)
    night.reached("build as of")
    second = parindex("run", "--inbox", str(world.inbox), home=night.home, check=False)
    assert second.returncode == 1
    assert "another night is running" in second.stderr
    rolled_back = parindex("rollback", home=night.home, check=False)
    assert rolled_back.returncode != 0
    night.process.kill()
    night.process.wait()
    os.kill(worker, signal.SIGCONT)
    assert night.survivors() == {}
    with night_lock(Settings(home=night.home, inbox=world.inbox)):
        pass
    assert _seen(night.home) == world.old.seen
    # The next one, as an operator starts it.
    parindex("run", "--inbox", str(world.inbox), "--as-of", TONIGHT.isoformat(), home=night.home)
    assert _seen(night.home) == world.new.seen
    assert nights_of(night.home)[TONIGHT.isoformat(), "failed"] == 1


def test_ctrl_c(world: World, start) -> None:
    night = start()
    night.worker("orchestration.checking:begin")
    night.reached("build as of")
    os.killpg(night.process.pid, signal.SIGINT)
    code, out = night.ended()
    assert code == 1, out
    assert "Interrupted: readers have a whole night" in out, out
    assert "Traceback" not in out and "Warning" not in out
    assert _seen(night.home) == world.old.seen
    assert night.survivors() == {}
    with night_lock(Settings(home=night.home, inbox=world.inbox)):
        pass


def test_ctrl_c_in_the_first_second(world: World, start) -> None:
    """While the process and its worker are still importing."""
    night = start()
    night.worker("orchestration.dbt:begin")
    os.killpg(night.process.pid, signal.SIGINT)
    code, out = night.ended()
    assert code == 1 and "nterrupted" in out and "Traceback" not in out, out
    assert _seen(night.home) == world.old.seen
    assert night.survivors() == {}


def _seen(home: Path) -> tuple:
    seen = read(home)
    assert len(seen.names) == 1
    return (seen.file, seen.parquet, seen.as_of)
