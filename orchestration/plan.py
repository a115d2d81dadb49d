"""Whether the plan says anything of a day: asked before a night begins, and again by a data test of what it built."""

from __future__ import annotations

from datetime import date

from orchestration.seeds import read_seed


class NoPlanInForce(Exception):
    """No target was in force on the day: there is nothing to measure it by."""


def check_plan(day: date) -> None:
    """Raises NoPlanInForce."""
    spans = [(row["valid_from"], row["valid_to"] or str(date.max)) for row in read_seed("target_measure")]
    if not any(first <= str(day) <= last for first, last in spans):
        raise NoPlanInForce(
            f"ngày {day} không có kế hoạch nào đang có hiệu lực – no plan was in force on {day}: the targets begin on"
            f" {min(first for first, _ in spans)} (docs/runbook/new_year.md)"
        )
