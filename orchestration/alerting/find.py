"""What is wrong tonight. A mart that is not there makes its kind blind, which is not the same as nothing
wrong.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from orchestration.alerting import deliveries, figures
from orchestration.alerting.config import Rules
from orchestration.alerting.figures import Memory
from orchestration.alerting.marts import Marts, open_marts
from orchestration.alerting.model import AT_RISK, FIGURE_KINDS, Findings
from warehouse.ledger import Ledger
from warehouse.settings import Settings


def find(
    settings: Settings, database: Path, ledger: Ledger, as_of: date, memory: Memory, rules: Rules
) -> Findings:
    """Everything that can be seen on a night that did not fail."""
    with open_marts(settings, database, ledger, as_of) as marts:
        stale = deliveries.stale_sources(marts, as_of)
        problems = [*stale, *deliveries.bad_deliveries(marts)]
        if not marts.has("fct_indicator", "dim_target", "dim_agency") or not _is_of(marts, as_of):
            return Findings(tuple(problems), blind_kinds=FIGURE_KINDS)
        figures.load_headlines(marts, as_of, rules)
        unjudged = figures.stale_targets(marts, {problem.source for problem in stale})
        unjudged |= figures.incomparable(marts)
        problems += figures.missed(marts, memory, rules)
        problems += figures.drops(marts, as_of, memory, rules)
        sees_risk = figures.load_risks(marts)
        if sees_risk:
            problems += figures.risks(marts, memory, rules)
        return Findings(
            problems=tuple(problems),
            blind_kinds=frozenset() if sees_risk else frozenset({AT_RISK}),
            unjudged_targets=unjudged,
            silent=figures.silent(marts),
            figures=figures.headline_values(marts, unjudged),
        )


def _is_of(marts: Marts, as_of: date) -> bool:
    """Whether the marts are this night's; figures of another day would be judged under the wrong date."""
    return marts.rows("select max(as_of_date) as day from night.marts.fct_indicator")[0]["day"] == as_of
