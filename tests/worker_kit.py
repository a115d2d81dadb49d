"""What workers are told to do in tests: in a module that a process of its own can import."""

from __future__ import annotations

import os

from orchestration.aside import tell_parent


def begin() -> None: ...


def fail_to_begin() -> None:
    raise LookupError("this model does not parse")


def square(number: int) -> int:
    tell_parent("squaring")
    return number * number


def divide(number: int) -> float:
    return number / 0


def die() -> None:
    os._exit(137)
