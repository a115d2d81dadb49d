"""One night: its day, its settings, its ledger and its lock, as the Dagster resource that every asset asks."""

import logging
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path

import dagster as dg
from pydantic import PrivateAttr

from orchestration import clock, failure
from orchestration.beginning import check_beginning, check_clock
from orchestration.drafting import Drafting
from orchestration.night_log import logging_to_file
from warehouse import publish as publishing
from warehouse.ledger import Ledger
from warehouse.lock import NightRunning, patient_lock
from warehouse.settings import Settings, load_settings, write_for_the_team_only

log = logging.getLogger("parindex")


class Night(dg.ConfigurableResource):
    """`as_of` YYYY-MM-DD (blank: today in the province), `inbox` another folder than the home's.

    `by_the_clock`: nobody said which day is meant, the schedule took today; a clock that was set back ends such a night.
    `full_refresh` lands everything again, `whole_build` builds everything again from what has landed.
    """

    as_of: str = ""
    inbox: str = ""
    by_the_clock: bool = False
    full_refresh: bool = False
    whole_build: bool = False

    _settings: Settings = PrivateAttr()
    _ledger: Ledger = PrivateAttr()
    _day: date = PrivateAttr()
    _drafting: Drafting | None = PrivateAttr(default=None)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["Night"]:
        """Dagster calls no hook where this fails: what keeps a night from its first step is told from here."""
        write_for_the_team_only()
        self._day = clock.read_day(self.as_of) if self.as_of else clock.today()
        self._settings = load_settings(Path(self.inbox) if self.inbox else None).create()
        with ExitStack() as night:
            night.enter_context(logging_to_file(self._settings))
            try:
                night.enter_context(patient_lock(self._settings))
            except NightRunning as busy:
                log.warning("not run: %s", busy)
                if not busy.by_a_night:
                    failure.not_begun(self._settings, _run_id(context), self._day, busy)
                raise  # where it is a night nothing failed: that one does the work
            try:
                if self.by_the_clock or not self.as_of:
                    check_clock(self._settings)
                check_beginning(self._settings, self._day, rotating=self.full_refresh)
                self._ledger = Ledger(self._settings.ledger)
            except Exception as error:
                failure.not_begun(self._settings, _run_id(context), self._day, error)
                raise
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


def _run_id(context: dg.InitResourceContext | None) -> str:
    """Dagster's name of the run, under which the ledger knows the night; outside of a run, one of its own."""
    run = context.run if context is not None else None
    return run.run_id if run is not None else str(uuid.uuid4())
