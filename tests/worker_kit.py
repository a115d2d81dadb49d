"""What workers are told to do in tests: in a module that a process of its own can import."""

from __future__ import annotations

import os
from pathlib import Path

from orchestration.aside import tell_parent
from warehouse.damaged import DamagedFile


def begin() -> None: ...


def fail_to_begin() -> None:
    raise LookupError("this model does not parse")


def square(number: int) -> int:
    tell_parent("squaring")
    return number * number


def divide(number: int) -> float:
    return number / 0


def find_damage() -> None:
    raise DamagedFile(Path("x.duckdb"), "IOException")


def die() -> None:
    os._exit(137)


def hold_a_semaphore() -> int:
    """As dbt does. The id of the process that clears it away when this one is ended by force."""
    from multiprocessing import get_context, resource_tracker

    global _held
    _held = get_context("spawn").Lock()
    return resource_tracker._resource_tracker._pid
