"""Conditions of routes that nothing can ever meet: a typing error there loses alerts without a word.

Not wrong by themselves (an agency may be still to come), so they stop no night: they are told by those who look.
"""

from __future__ import annotations

import duckdb

from orchestration.alerting.config import Config
from orchestration.alerting.wording import DATA_TEAM
from orchestration.nearest import nearest_codes, nearest_name
from sources.contract import all_tables
from sources.text import match_key
from warehouse.damaged import DamagedFile
from warehouse.publish import MARTS, current
from warehouse.settings import Settings


def doubts(settings: Settings, config: Config) -> list[str]:
    """One line for each agency and owner of a route that the published night does not know; none before the first night."""
    if not any(route.agency or route.owner for route in config.routes):
        return []
    known = _published(settings)
    if known is None:
        return []
    agencies, owners = known
    keys = [match_key(owner) for owner in owners]
    told = []
    for route in config.routes:
        for code in route.agency:
            if code not in agencies:
                near = ", ".join(nearest_codes(code, agencies)) or "–"
                told.append(f"route {route.name}: no agency has the code {code!r}; nearest: {near}")
        for name in route.owner:
            if not any(match_key(name) in key for key in keys):
                near = nearest_name(name, owners) or "–"
                told.append(
                    f"route {route.name}: nobody who answers for alerts is named {name!r}; nearest: {near}"
                )
    return told


def _published(settings: Settings) -> tuple[set[str], set[str]] | None:
    """Codes of agencies, and names of those who answer for something; None where that cannot be known."""
    try:
        version = current(settings)
        if version is None:
            return None
        with duckdb.connect(str(version.database), read_only=True, config=settings.duckdb()) as night:
            agencies = night.execute(f"select distinct agency_code from {MARTS}.dim_agency").fetchall()
            leads = night.execute(
                f"select distinct lead_agency_short from {MARTS}.dim_target where lead_agency_short is not null"
            ).fetchall()
    except (DamagedFile, duckdb.Error):  # told elsewhere; of an earlier release
        return None
    return (
        {code for (code,) in agencies},
        {DATA_TEAM, *(table.owner for table in all_tables()), *(lead for (lead,) in leads)},
    )
