"""One night: its day, its settings, its ledger and its lock, as the Dagster resource that every asset asks."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import dagster as dg
from filelock import FileLock, Timeout
from pydantic import PrivateAttr

from orchestration import clock
from warehouse.ledger import Ledger
from warehouse.settings import Settings, load_settings


class NightRunning(Exception):
    """Another night holds the lock."""


@contextmanager
def night_lock(settings: Settings) -> Iterator[None]:
    """One night at a time. The lock is the operating system's: a crash frees it. Raises NightRunning."""
    lock = FileLock(settings.lock_file, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise NightRunning(
            f"another night is running in {settings.home} (lock {settings.lock_file.name}): wait for it to end"
        ) from error
    try:
        yield
    finally:
        lock.release()


class Night(dg.ConfigurableResource):
    """`as_of` YYYY-MM-DD (blank: today in the province), `inbox` another folder than the home's."""

    as_of: str = ""
    inbox: str = ""
    full_refresh: bool = False

    _settings: Settings = PrivateAttr()
    _ledger: Ledger = PrivateAttr()
    _day: date = PrivateAttr()

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["Night"]:
        os.umask(0o027)  # what a night writes is for the data team, not for every user of the machine
        self._settings = load_settings(Path(self.inbox) if self.inbox else None).create()
        self._day = date.fromisoformat(self.as_of) if self.as_of else clock.today()
        with night_lock(self._settings):
            self._ledger = Ledger(self._settings.ledger)
            try:
                yield self
            finally:
                self._ledger.close()

    @property
    def settings(self) -> Settings:
        return self._settings

    @property
    def ledger(self) -> Ledger:
        return self._ledger

    @property
    def day(self) -> date:
        return self._day
