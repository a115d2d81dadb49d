"""One night: its day, its settings, its ledger and its lock, as the Dagster resource that every asset asks."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import dagster as dg
from pydantic import PrivateAttr

from orchestration import clock
from orchestration.alerting import load_config
from orchestration.drafting import Drafting
from orchestration.plan import check_plan
from warehouse import publish as publishing
from warehouse.ledger import Ledger
from warehouse.lock import night_lock
from warehouse.personal_key import check_key
from warehouse.settings import Settings, load_settings, write_for_the_team_only


class Night(dg.ConfigurableResource):
    """`as_of` YYYY-MM-DD (blank: today in the province), `inbox` another folder than the home's.

    `full_refresh` lands everything again, `whole_build` builds everything again from what has landed.
    """

    as_of: str = ""
    inbox: str = ""
    full_refresh: bool = False
    whole_build: bool = False

    _settings: Settings = PrivateAttr()
    _ledger: Ledger = PrivateAttr()
    _day: date = PrivateAttr()
    _drafting: Drafting | None = PrivateAttr(default=None)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["Night"]:
        write_for_the_team_only()
        self._day = clock.read_day(self.as_of) if self.as_of else clock.today()
        check_plan(self._day)
        self._settings = load_settings(Path(self.inbox) if self.inbox else None).create()
        check_key(self._settings, rotating=self.full_refresh)
        load_config(self._settings)  # of the alerts: a wrong one would end the night after the whole build
        with night_lock(self._settings):
            self._ledger = Ledger(self._settings.ledger)
            try:
                yield self
            finally:
                if self._drafting is not None:
                    self._drafting.abandon()
                self._ledger.close()

    def draft_ahead(self, run_id: str) -> None:
        """Begin to write the version of the build that dbt has left, where little of it is new."""
        build = publishing.settle(self._settings, self._settings.building)
        if build is not None and build.carried_from is not None:
            now = clock.now()
            version = publishing.version_name(self._settings, self._day, now)
            self._ledger.announce(run_id, version)
            self._drafting = Drafting(self._settings, version, self._day, now)

    @property
    def drafting(self) -> Drafting | None:
        """The version that is being written ahead, if there is one."""
        return self._drafting

    @property
    def settings(self) -> Settings:
        return self._settings

    @property
    def ledger(self) -> Ledger:
        return self._ledger

    @property
    def day(self) -> date:
        return self._day
