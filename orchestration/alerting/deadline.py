"""A time for something altogether, whatever it waits for."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, wait
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


class TookTooLong(Exception):
    """Something was still going on when its time was over."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"not done after {seconds:g} seconds")


def within(seconds: float, act: Callable[[], T]) -> T:
    """What `act` returns or raises, in so many seconds altogether. Raises TookTooLong.

    A socket's timeout begins anew with every byte: whoever sends one a second would hold the night, and its lock, for ever. The
    thread that is left behind keeps no process from ending.
    """
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(act())
        except BaseException as error:  # raised where it is waited for
            outcome.set_exception(error)

    Thread(target=run, daemon=True).start()
    if not wait([outcome], timeout=seconds).done:
        raise TookTooLong(seconds)
    return outcome.result()
