"""`parindex serve`: two processes, of which none outlives the command."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration import serve

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"
)
DONE = "import sys; sys.stdin.readline()"


@pytest.fixture
def started(monkeypatch):
    """What `serve_dagster` starts, replaced by what is in `commands`; the processes that came of it."""
    processes: list[subprocess.Popen] = []
    commands: list[list[str]] = []
    usual, handler = subprocess.Popen, signal.getsignal(signal.SIGTERM)

    def start(command, **_):
        is_stubborn = commands[0][-1] == STUBBORN
        process = usual(commands.pop(0), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        processes.append(process)
        if is_stubborn:
            process.stdout.readline()  # from now on it does not listen
        return process

    monkeypatch.setattr(serve.subprocess, "Popen", start)
    monkeypatch.setattr(serve, "PATIENCE", 0.2)
    yield commands, processes
    signal.signal(signal.SIGTERM, handler)
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("order", [[STUBBORN, DONE], [DONE, STUBBORN]])
def test_a_process_that_does_not_end_is_killed_and_the_other_waited_for(started, order: list[str]) -> None:
    commands, processes = started
    commands += [[sys.executable, "-c", code] for code in order]
    assert serve.serve_dagster("127.0.0.1", 0) == 1
    assert {process.returncode for process in processes} <= {0, -signal.SIGTERM, -signal.SIGKILL}
    assert [process.returncode for process in processes].count(-signal.SIGKILL) == 1


def test_where_the_second_cannot_be_started_the_first_is_ended(started, tmp_path: Path) -> None:
    commands, processes = started
    commands += [[sys.executable, "-c", "import time; time.sleep(600)"], [str(tmp_path / "no-such-program")]]
    with pytest.raises(FileNotFoundError):
        serve.serve_dagster("127.0.0.1", 0)
    (first,) = processes
    assert first.returncode == -signal.SIGTERM
