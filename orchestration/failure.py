"""A night that failed: why, in words, and everybody who is to know of it.

The words are the same on the screen, in `parindex status` and in the alert, whoever began the night: one line, which says
what to do where that is known. Of an error whose message can quote the cells of a row, only the name of its class.
"""

from __future__ import annotations

import errno
import logging
import os
import traceback
from collections.abc import Callable
from datetime import date
from functools import partial

from orchestration import clock, dbt
from orchestration.aside import WorkerDied
from orchestration.plan import NoPlanInForce
from warehouse import landed_damage, machine_error
from warehouse.damaged import DamagedFile
from warehouse.ledger import Ledger
from warehouse.lock import NightRunning
from warehouse.settings import Settings, SettingsError

log = logging.getLogger("parindex")

Act = tuple[str, Callable[[], object]]  # what it is called in the log, and what to do

_LONGEST = 2000  # letters of a reason
# Our own errors, whose messages hold no value of a row.
_PLAIN = (
    WorkerDied.__name__, SettingsError.__name__, NightRunning.__name__, NoPlanInForce.__name__, DamagedFile.__name__,
    "AlertConfigError",
)  # fmt: skip


def is_interruption(kind: str, message: str) -> bool:
    """Whether an error is Ctrl-C, as Python, Dagster or DuckDB (in the middle of a query) tell it."""
    told_so = kind in ("KeyboardInterrupt", "DagsterExecutionInterruptedError")
    return told_so or (kind == "RuntimeError" and message.strip().endswith("Query interrupted"))


def of_memory(settings: Settings, kind: str, message: str) -> str | None:
    """Of an error that is about too little memory: what to do."""
    if kind in ("OutOfMemoryException", "MemoryError") or dbt.OUT_OF_MEMORY in message:
        return f"it needs more memory than PARINDEX_MEMORY_LIMIT={settings.memory_limit} allows: raise it, then run again"
    return None


def in_words(settings: Settings, kind: str, message: str) -> str:
    """An error by the name of its class and its message (without that name)."""
    told = machine_error.said_of_writing(message)
    if machine_error.is_full(settings) or told == os.strerror(errno.ENOSPC):
        return f"the disk of {settings.home} is full: free some space, then run again"
    if told is not None:
        return machine_error.cannot_be_written(settings, told)
    if told := of_memory(settings, kind, message):
        return told
    if damaged := landed_damage.behind(settings, kind):
        return str(damaged)
    # What an asset says of its own failure (dg.Failure) is in words already.
    plain = message if kind in (*_PLAIN, "Failure") else f"{kind} (see the log)"
    return " ".join(plain.split())[:_LONGEST]


def reason(settings: Settings, error: BaseException) -> str:
    """The same of an error that was caught."""
    description = getattr(error, "description", None)  # of dg.Failure
    return in_words(settings, "Failure" if description else type(error).__name__, description or str(error))


def write_down(where: str, error: BaseException) -> None:
    """Into the log, with its frames. Frames only: a message can quote a row.

    A failure that is told in words (dg.Failure) was raised on purpose, and its frames say nothing.
    """
    if not getattr(error, "description", None):
        frames = "".join(traceback.format_tb(error.__traceback__))
        log.error("%s failed with %s\n%s", where, type(error).__name__, frames)


def not_begun(settings: Settings, night_id: str, day: date, error: Exception) -> None:
    """A night that failed before its first step: known and told as any other that failed."""
    told = f"not begun: {reason(settings, error)}"
    write_down("the beginning of the night", error)
    try:
        ledger = Ledger(settings.ledger)
        ledger.record_failed_night(night_id, day, clock.now(), told)
    except Exception:  # it is what is damaged: who listens is to know all the more
        ledger = Ledger(None)
        ledger.record_failed_night(night_id, day, clock.now(), told)
    try:
        make_known(settings, ledger, day, told)
    finally:
        ledger.close()


def make_known(
    settings: Settings, ledger: Ledger, day: date, told: str | None, *, published: bool = False
) -> None:
    """The alert, unless `told` is None, and the metrics, which `ledger` gives the outcome.

    `published`: what failed comes after that, and readers have the night.
    """
    from orchestration.alerting import failed_night, unfinished_night

    acts: list[Act] = []
    if told is not None:
        log.error("the night of %s %s: %s", day, "is published, but" if published else "failed", told)
        open_it = unfinished_night if published else failed_night
        acts = [
            ("the alert", partial(open_it, settings, day, clock.now(), told)),
            _sending(settings),
        ]
    _do_all(settings, [*acts, _metrics(settings, ledger, day)])


def come_to_its_end(settings: Settings, ledger: Ledger, night_id: str, day: date) -> None:
    """Where nothing failed that follows publishing, as an earlier night's did, everybody learns that this is over."""
    from orchestration.alerting import finished_night

    failed = ledger.night(night_id).get("message")
    if failed is None and finished_night(settings, day, clock.now()):
        _do_all(settings, [_sending(settings), _metrics(settings, ledger, day)])


def _sending(settings: Settings) -> Act:
    from orchestration.alerting import send_pending

    return "sending the alert", partial(send_pending, settings, clock.now())


def _metrics(settings: Settings, ledger: Ledger, day: date) -> Act:
    from orchestration.alerting import write_metrics

    return "the metrics", partial(write_metrics, settings, settings.published_file, ledger, day)


def _do_all(settings: Settings, acts: list[Act]) -> None:
    """Each whatever becomes of the others: what fails of it is logged, for the night has failed of something else."""
    for what, act in acts:
        try:
            act()
        except Exception as error:
            log.error("%s: %s", what, reason(settings, error))
