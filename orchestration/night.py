"""One night: its day, its settings, its ledger and its lock, as the Dagster resource that every asset asks."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import dagster as dg
from pydantic import PrivateAttr

from orchestration import clock
from warehouse.ledger import Ledger
from warehouse.lock import night_lock
from warehouse.personal_key import check_key
from warehouse.settings import Settings, load_settings, write_for_the_team_only


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
        write_for_the_team_only()
        self._day = clock.read_day(self.as_of) if self.as_of else clock.today()
        self._settings = load_settings(Path(self.inbox) if self.inbox else None).create()
        check_key(self._settings, rotating=self.full_refresh)
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
