"""What is asked before a night begins, from the command line and by the schedule: is there any use in it?"""

from __future__ import annotations

from datetime import date, timedelta

from orchestration import clock
from orchestration.alerting import load_config, open_alerts
from orchestration.plan import check_plan
from warehouse import publish
from warehouse.ledger import Ledger
from warehouse.personal_key import check_key
from warehouse.settings import Settings, SettingsError


def check_clock(settings: Settings) -> None:
    """Raises SettingsError where the clock cannot be right: it shows less than when the published night was made.

    Asked where nobody said which day is meant (DECISIONS, D50).
    """
    version = publish.current(settings)
    if version is not None and clock.now() < version.published_at - timedelta(hours=1):
        raise SettingsError(
            f"the clock shows {clock.now():%Y-%m-%d %H:%M}, but the published night was made at"
            f" {version.published_at:%Y-%m-%d %H:%M}: it was set back, or was ahead then. Set the clock, or say which"
            " day is meant: --as-of"
        )


def check_beginning(settings: Settings, day: date, *, rotating: bool = False) -> None:
    """The plan, the key, the alerts, and the files that a night reads before it writes to them.

    Raises NoPlanInForce, SettingsError, AlertConfigError and DamagedFile, or what a database says of a file.
    """
    check_plan(day)
    check_key(settings, rotating=rotating)
    load_config(settings)  # not after the whole build, when its alerts are to be told
    Ledger.to_look_at(settings.ledger).close()
    open_alerts(settings)
    publish.current(settings)
