"""What citizens say and how agencies are graded: `feedback` and `service_quality`."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from .calendar import WorkCalendar, day_number
from .chance import stream
from .province import LEVELS, Province

_GRADES = ("excellent", "good", "fair", "average", "poor")


def feedback(
    province: Province, calendar: WorkCalendar, seed: int, as_of: date, count: int = 420
) -> pd.DataFrame:
    """Complaints of the year: answered in 15 working days, published 2 later, some late or never."""
    rng = stream(seed, "feedback")
    days = calendar.between(day_number(date(as_of.year - 1, 12, 1)), day_number(as_of) - 1)
    received = np.sort(rng.choice(days, count))
    due = calendar.add(received, np.full(count, 15))
    late = rng.random(count) < 0.03
    answered = calendar.add(
        received, np.where(late, 15 + rng.geometric(0.4, count), rng.integers(1, 16, count))
    )
    published = calendar.add(answered, rng.integers(0, 3, count))
    silent = rng.random(count) < 0.01
    agencies = np.array(province.codes_on(as_of, *LEVELS))
    clock = rng.integers(8 * 3600, 17 * 3600, count).astype("timedelta64[s]")
    return pd.DataFrame(
        {
            "feedback_code": [f"PAKN-{as_of.year}-{number:05d}" for number in range(1, count + 1)],
            "kind": np.where(rng.random(count) < 0.35, "regulation", "conduct"),
            "agency_code": rng.choice(agencies, count),
            "received_at": received.astype("datetime64[D]") + clock,
            "due_at": due.astype("datetime64[D]") + np.timedelta64(17, "h"),
            "answered_at": pd.Series(answered.astype("datetime64[D]") + clock).mask(silent),
            "published_at": pd.Series(published.astype("datetime64[D]") + clock).mask(
                silent | (rng.random(count) < 0.04)
            ),
        }
    )


def service_quality(province: Province, seed: int, as_of: date) -> pd.DataFrame:
    """Grades of last year, of each finished month of this year, and a whole-year grade for a few agencies."""
    rng = stream(seed, "service_quality")
    offices = province.offices
    served = offices.agency_code.isin(province.pair_rows.agency_code) & offices.agency_code.isin(
        province.codes_on(as_of, *LEVELS)
    )
    agencies = offices[served]
    # The later the dossiers of an agency, the worse its grade.
    merit = agencies.late.rank(pct=True).to_numpy()
    periods = [f"{as_of.year - 1}"] + [f"{as_of.year}-{month:02d}" for month in range(1, as_of.month)]
    parts = []
    for period in periods:
        grade = np.digitize(merit + rng.normal(0, 0.08, len(agencies)), [0.35, 0.84, 0.95, 0.99])
        parts.append(pd.DataFrame({"agency_code": agencies.agency_code, "period": period, "grade": grade}))
    early = parts[-1].iloc[:5].assign(period=f"{as_of.year}")
    grades = pd.concat([*parts, early], ignore_index=True)
    grades["grade"] = np.array(_GRADES)[grades.grade]
    return grades
