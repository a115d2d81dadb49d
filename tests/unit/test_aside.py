"""Processes beside the night: what they raise is raised here, and a beginning that failed is told as what it was."""

from __future__ import annotations

import subprocess
import threading
import time
from pathlib import Path

import pytest

from orchestration.aside import Worker, WorkerDied
from tests import worker_kit
from warehouse.damaged import DamagedFile


@pytest.fixture
def worker():
    worker = Worker("tests.worker_kit:begin")
    yield worker
    worker.stop()


def test_results_errors_and_deaths_come_back(worker: Worker) -> None:
    assert worker.run(worker_kit.square, 7) == 49
    assert list(worker.stream(worker_kit.square, 7)) == ["squaring"]
    with pytest.raises(ZeroDivisionError):
        worker.run(worker_kit.divide, 7)
    with pytest.raises(WorkerDied, match="PARINDEX_MEMORY_LIMIT"):
        worker.run(worker_kit.die)
    assert worker.run(worker_kit.square, 3) == 9, "the next call starts another process"


def test_a_failed_beginning_is_told_as_what_it_was() -> None:
    worker = Worker("tests.worker_kit:fail_to_begin")
    with pytest.raises(LookupError, match="does not parse"):
        worker.run(worker_kit.square, 7)
    worker.stop()


def test_two_that_start_a_worker_at_once_start_one(worker: Worker, monkeypatch) -> None:
    started = []

    def slowly(*arguments, popen=subprocess.Popen, **options):
        time.sleep(0.2)
        started.append(popen(*arguments, **options))
        return started[-1]

    monkeypatch.setattr("orchestration.aside.subprocess.Popen", slowly)
    threads = [threading.Thread(target=worker.warm_up) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert worker.run(worker_kit.square, 7) == 49 and len(started) == 1


def test_a_damaged_file_that_a_worker_finds_is_named_as_one(worker: Worker) -> None:
    with pytest.raises(DamagedFile, match=r"x\.duckdb bị hỏng – is damaged \(IOException\)") as found:
        worker.run(worker_kit.find_damage)
    assert found.value.path.name == "x.duckdb"


def test_a_worker_ended_by_force_leaves_no_word_about_semaphores(worker: Worker, capfd) -> None:
    tracker = worker.run(worker_kit.hold_a_semaphore)
    worker.stop()
    deadline = time.monotonic() + 20
    while _is_alive(tracker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert capfd.readouterr().err == ""


def _is_alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
