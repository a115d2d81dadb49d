"""The warehouse again from landing: no file of the inbox is read."""

from __future__ import annotations

from datetime import date

from orchestration import clock
from orchestration.instance import prepare_instance
from warehouse.ledger import Ledger
from warehouse.lock import night_lock
from warehouse.publish import Version, current
from warehouse.settings import Settings


class NotRebuilt(Exception):
    """The build or a gate failed; readers keep what they had."""


class NothingLanded(Exception):
    """Landing is empty: there is nothing to build from."""


def check_landed(settings: Settings) -> None:
    """Raises NothingLanded, and makes nothing."""
    ledger = Ledger.to_look_at(settings.ledger)
    landed = any(entry.accepted for entry in ledger.deliveries())
    ledger.close()
    if not landed:
        raise NothingLanded(f"no delivery has been landed in {settings.landing}: run `parindex run` first")


def rebuild(settings: Settings, as_of: date) -> Version:
    """Build, check and publish as of a day from landing alone.

    Raises NotRebuilt, NothingLanded and NightRunning.
    """
    from dataclasses import replace

    from orchestration.run import run_night

    check_landed(settings)
    with night_lock(settings):
        prepare_instance(settings)
        # A night over an inbox without files is just that: nothing to land, everything else as always.
        empty = settings.work / "no-inbox"
        empty.mkdir(parents=True, exist_ok=True)
        outcome = run_night(replace(settings, inbox=empty), as_of, whole_build=True)
        version = current(settings)
    if not outcome.published:
        raise NotRebuilt(outcome.message)
    assert version is not None, f"published at {clock.now()} but no version is current"
    return version
