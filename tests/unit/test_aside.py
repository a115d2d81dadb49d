"""Processes beside the night: what they raise is raised here, and a beginning that failed is told as what it was."""

from __future__ import annotations

import pytest

from orchestration.aside import Worker, WorkerDied
from tests import worker_kit


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
