"""The register of criteria: reported results, surveys, and yearly numbers of other offices.

`register_targets.csv` says which agencies report a target, in which form, and what they stand at by the
year's end.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from .chance import stream
from .province import LEVELS, Province

_TARGETS = Path(__file__).parent / "register_targets.csv"
_REPORT_DAYS = ((3, 28), (6, 27), (9, 27), (11, 25))
_INDICATORS = {  # code -> (2021, last year, this year, agency that supplies it)
    "fdi_capital_usd": (980e6, 640e6, 712.5e6, "H62.05"),
    "new_enterprises": (1_150, 1_482, 1_534, "H62.05"),
    "registered_capital_vnd": (14.2e12, 17.85e12, 16.9e12, "H62.05"),
    "socio_targets_met": (14, 15, 16, "H62.05"),
    "socio_targets_total": (17, 17, 17, "H62.05"),
    "lgsp_apps_connected": (8, 21, 26, "H62.06"),
    "lgsp_apps_total": (20, 26, 27, "H62.06"),
    "ndxp_services_used": (3, 11, 14, "H62.06"),
    "ndxp_services_total": (9, 14, 14, "H62.06"),
    "payroll_used": (1_842, 1_801, 1_788, "H62.02"),
    "payroll_assigned": (1_850, 1_818, 1_800, "H62.02"),
    "service_staff_used": (21_900, 21_480, 21_455, "H62.02"),
    "service_staff_assigned": (22_050, 21_500, 21_440, "H62.02"),
    "service_units_count": (612, 571, 556, "H62.02"),
    "commune_cadres_qualified": (1_280, 1_402, 1_410, "H62.02"),
    "commune_cadres_total": (1_430, 1_428, 1_421, "H62.02"),
    "commune_officials_qualified": (1_350, 1_398, 1_402, "H62.02"),
    "commune_officials_total": (1_420, 1_405, 1_402, "H62.02"),
}
_SURVEYS = [  # survey, field, maximum, last year, this year
    ("leaders", "2", 4, 3.39, 3.52),
    ("leaders", "4", 4, 3.5, 3.58),
    ("leaders", "5", 9, 7.55, 8.21),
    ("leaders", "6", 4, 3.23, 3.41),
    ("leaders", "7", 1, 0.86, 0.88),
    ("sipas", "8", 10, 8.32, 8.47),
]


def criteria_results(province: Province, seed: int, as_of: date) -> pd.DataFrame:
    """Reports of each target by its agencies, quarter by quarter up to `as_of`."""
    rng = stream(seed, "criteria_results")
    targets = pd.read_csv(_TARGETS, dtype={"target_id": str, "agencies": str})
    existing = set(province.codes_on(as_of, *LEVELS))
    days = [date(as_of.year, month, day) for month, day in _REPORT_DAYS]
    rows = []
    for target in targets.itertuples():
        for agency in (code for code in target.agencies.split() if code in existing):
            short = int(target.kind == "share" and agency in ("H62.247", "H62.08"))
            for quarter, day in enumerate(days, 1):
                done = target.numerator - short
                row = {
                    "target_id": target.target_id,
                    "agency_code": agency,
                    "reported_on": pd.Timestamp(day),
                    "evidence_ref": f"{int(rng.integers(100, 2000))}/BC-{agency[4:]}",
                    "self_score": round(float(rng.uniform(0.5, 1)), 2),
                    "note": f"Báo cáo kỳ {quarter}",
                }
                if target.kind == "text":
                    row["achieved"] = bool(done) and quarter >= 2
                else:
                    row["numerator"] = int(done * quarter / 4) if target.numerator > 1 else done
                    row["denominator"] = target.denominator
                rows.append(row)
    results = pd.DataFrame(rows).sort_values(["target_id", "agency_code", "reported_on"], ignore_index=True)
    results["achieved"] = results.achieved.astype("boolean")
    # The register is a workbook kept by hand: a cell that begins with "=" must stay text wherever it goes.
    results.loc[0, "note"] = '=HYPERLINK("http://vi-du.invalid","xem tài liệu")'
    return results[results.reported_on < pd.Timestamp(as_of)].reset_index(drop=True)


def survey_scores(as_of: date) -> pd.DataFrame:
    """Surveys of leaders by field and of citizens (SIPAS), last year and this year."""
    rows = [
        (year, survey, field, scores[place], maximum, round(100 * scores[place] / maximum, 2))
        for place, year in enumerate((as_of.year - 1, as_of.year))
        for survey, field, maximum, *scores in _SURVEYS
    ]
    return pd.DataFrame(
        rows, columns=["year", "survey", "field_id", "score", "max_score", "satisfaction_pct"]
    )


def indicators(as_of: date) -> pd.DataFrame:
    """Yearly numbers for the base year 2021, last year and this year."""
    years = (2021, as_of.year - 1, as_of.year)
    rows = [
        (year, code, values[place], values[3])
        for place, year in enumerate(years)
        for code, values in _INDICATORS.items()
    ]
    numbers = pd.DataFrame(rows, columns=["year", "indicator_code", "value", "agency_code"])
    numbers["value"] = numbers.value.astype(np.int64)
    return numbers.drop_duplicates(["year", "indicator_code"])
