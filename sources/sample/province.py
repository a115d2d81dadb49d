"""The catalogues of the province: agencies with their history, procedures, and who offers what.

`communes.csv` lists the 136 communes of 2024 with what became of them on 2025-01-01 and 2025-07-01; its
column `merged_into` is an assumption where no public package names the unit that took a commune over.
`procedures.csv` holds invented codes in the real shape, with names and time limits as they are common.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from .calendar import day_number
from .chance import ladder, stream

PROVINCE = "H62"
LEVELS = ("tinh", "huyen", "xa")
LEVEL_SHARE = {"tinh": 0.25, "huyen": 0.27, "xa": 0.48}  # of all dossiers

_START = date(2020, 1, 1)  # the 136 communes exist since then
_MERGER = date(2025, 1, 1)
_NO_DISTRICTS = date(2025, 7, 1)
_OPEN_END = day_number(date(9999, 12, 31))
_FILES = Path(__file__).parent


@dataclass(frozen=True)
class Province:
    """What all other tables refer to.

    agencies    catalogue rows, one per version of an agency
    offices     one row per agency code: agency_code, agency_name, level, parent_code, unit (its part of a
                dossier code), first_day, last_day, and how well it works (late, apologises, online, ...)
    procedures  catalogue rows, with fee_vnd, weight and components beside the contract's columns
    pairs       one row per office x procedure (positions in the two tables), with its online level now, which
                is lower before `changed_day`
    pair_rows   catalogue rows of `agency_procedures`, one per version of a pair
    """

    agencies: pd.DataFrame
    offices: pd.DataFrame
    procedures: pd.DataFrame
    pairs: pd.DataFrame
    pair_rows: pd.DataFrame

    def codes_on(self, day: date, *levels: str) -> list[str]:
        """Codes of the agencies of `levels` that exist on `day`."""
        number = day_number(day)
        here = self.offices
        alive = (here.first_day <= number) & (here.last_day >= number) & here.level.isin(levels)
        return here.agency_code[alive].tolist()


def build_province(seed: int, as_of: date) -> Province:
    """The province as its catalogues show it on `as_of`."""
    agencies = _agencies()
    offices = _offices(agencies, stream(seed, "offices"))
    procedures = _procedures(stream(seed, "procedures"), as_of)
    pairs = _pairs(offices, procedures, stream(seed, "pairs"), as_of)
    return Province(agencies, offices, procedures, pairs, _pair_rows(pairs, offices, procedures, as_of))


def _agencies() -> pd.DataFrame:
    """All versions of all agencies: departments, districts, the communes before and after both reforms."""
    text = {"dtype": str, "keep_default_na": False}
    rows = [
        (row.agency_code, row.agency_name, "tinh", PROVINCE, _START, None, None)
        for row in pd.read_csv(_FILES / "departments.csv", **text).itertuples()
    ]
    communes = pd.read_csv(_FILES / "communes.csv", **text)
    eve, last = date(2024, 12, 31), date(2025, 6, 30)
    for row in communes.drop_duplicates("district_code").itertuples():
        rows.append(
            (f"H62.{row.district_code}", f"UBND {row.district_name}", "huyen", PROVINCE, _START, last, None)
        )
    for row in communes.itertuples():
        district = f"H62.{row.district_code}"
        code, new = f"{district}.{row.code}", f"{PROVINCE}.{row.code_2025h2}"
        name, renamed = f"UBND {row.name_2024}", f"UBND {row.name_2025}"
        if row.merged_into:
            rows.append((code, name, "xa", district, _START, eve, f"{district}.{row.merged_into}"))
        elif row.name_2025 == row.name_2024:
            rows.append((code, name, "xa", district, _START, last, new))
        else:  # took over a neighbour: the same code means another unit from then on
            rows.append((code, name, "xa", district, _START, eve, code))
            rows.append((code, renamed, "xa", district, _MERGER, last, new))
    for row in communes[communes.code_2025h2 != ""].drop_duplicates("code_2025h2").itertuples():
        code = f"{PROVINCE}.{row.code_2025h2}"
        rows.append((code, f"UBND {row.name_2025h2}", "xa", PROVINCE, _NO_DISTRICTS, None, None))
    columns = [
        "agency_code",
        "agency_name",
        "level",
        "parent_code",
        "valid_from",
        "valid_to",
        "successor_code",
    ]
    return pd.DataFrame(rows, columns=columns)


def _offices(agencies: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """One row per agency code, with the habits that its dossiers will show."""
    offices = agencies.groupby("agency_code", sort=False).agg(
        agency_name=("agency_name", "first"),
        level=("level", "first"),
        parent_code=("parent_code", "first"),
        first_day=("valid_from", lambda days: day_number(days.iloc[0])),
        last_day=("valid_to", lambda days: day_number(days.iloc[-1]) if days.iloc[-1] else _OPEN_END),
    )
    offices = offices.reset_index()
    offices["unit"] = _units(offices)
    shape = {  # base rate and spread of each habit by level
        "activity": {"tinh": (1, 1, 1), "huyen": (1, 0.5, 1.6), "xa": (1, 0.4, 2)},
        "late": {"tinh": (0.007, 0.08, 3), "huyen": (0.017, 0.15, 3), "xa": (0.009, 0.05, 4)},
        "apologises": {"tinh": (0.85, 0.8, 1), "huyen": (0.75, 0.6, 1), "xa": (0.7, 0.4, 1)},
        "online": {"tinh": (0.72, 0.7, 1.2), "huyen": (0.66, 0.5, 1.2), "xa": (0.74, 0.4, 1.2)},
        "unsynced": {"tinh": (0.002, 0.01, 2), "huyen": (0.006, 0.1, 3), "xa": (0.005, 0.05, 5)},
        "digitises": {"tinh": (0.60, 0.5, 1.3), "huyen": (0.47, 0.4, 1.4), "xa": (0.42, 0.3, 1.6)},
        "attaches": {"tinh": (0.58, 0.6, 1.3), "huyen": (0.38, 0.5, 1.4), "xa": (0.36, 0.4, 1.5)},
        "cashless": {"tinh": (0.80, 0.7, 1.1), "huyen": (0.70, 0.6, 1.2), "xa": (0.66, 0.4, 1.3)},
        "paperless": {"tinh": (0.92, 0.8, 1.05), "huyen": (0.72, 0.6, 1.2), "xa": (0.70, 0.5, 1.2)},
    }
    for habit, levels in shape.items():
        values = pd.Series(0.0, index=offices.index)
        for level, (base, low, high) in levels.items():
            here = offices.level == level
            values[here] = np.minimum(base * ladder(rng, low, high, here.sum()), 0.99 if base < 1 else np.inf)
        offices[habit] = values
    return offices


def _units(offices: pd.DataFrame) -> list[str]:
    """The agency in a dossier code, groups from right to left: `000.<commune>.<district>.H62`."""
    units, districts, communes, late_communes = [], {}, {}, 0
    for code, level, parent in zip(offices.agency_code, offices.level, offices.parent_code, strict=True):
        if level == "tinh":
            units.append(f"000.00.{code[-2:]}.H62")
        elif level == "huyen":
            districts[code] = 41 + len(districts)
            units.append(f"000.00.{districts[code]}.H62")
        elif parent in districts:
            communes[parent] = communes.get(parent, 0) + 1
            units.append(f"000.{communes[parent]:02d}.{districts[parent]}.H62")
        else:
            late_communes += 1
            units.append(f"000.00.{60 + late_communes}.H62")
    return units


def _procedures(rng: np.random.Generator, as_of: date) -> pd.DataFrame:
    """The procedure catalogue; publication lags the deadline for a few."""
    procedures = pd.read_csv(_FILES / "procedures.csv", dtype={"procedure_code": str}, encoding="utf-8")
    for flag in ("has_result", "central_vertical"):
        procedures[flag] = procedures[flag] == "yes"
    count = len(procedures)
    procedures["fee_required"] = procedures.fee_vnd > 0
    procedures["components"] = rng.integers(2, 8, count)
    procedures["beyond_authority"] = np.isin(np.arange(count), [30, 77])
    due = np.datetime64(date(as_of.year - 1, 1, 15)) + rng.integers(0, 500, count)
    due = np.where(due > np.datetime64(as_of), due - np.timedelta64(365, "D"), due)
    lag = rng.choice([-6, -3, -1, 0, 4], count, p=[0.3, 0.35, 0.2, 0.1, 0.05])
    procedures["promulgation_due_on"] = due.astype("datetime64[D]")
    procedures["promulgated_on"] = (due + lag).astype("datetime64[D]")
    procedures["published_national"] = rng.random(count) < 0.99
    procedures["published_provincial"] = rng.random(count) < 0.985
    return procedures


def _pairs(
    offices: pd.DataFrame, procedures: pd.DataFrame, rng: np.random.Generator, as_of: date
) -> pd.DataFrame:
    """Every office with every procedure of its level; a department only with those that it owns."""
    left = offices[["agency_code", "level"]].assign(office=np.arange(len(offices)))
    right = procedures[["owner_code", "authority_level", "online_level", "fee_required", "central_vertical"]]
    right = right.assign(procedure=np.arange(len(procedures)))
    pairs = left.merge(right, left_on="level", right_on="authority_level")
    pairs = pairs[(pairs.level != "tinh") | (pairs.agency_code == pairs.owner_code)]
    alive = offices.first_day.to_numpy()[pairs.office] <= day_number(as_of)
    pairs = pairs[alive].reset_index(drop=True)

    count, full = len(pairs), pairs.online_level == 4
    pairs["full_online_eligible"] = full
    behind = full & (rng.random(count) < 0.07)
    pairs["online_level"] = np.where(behind, 3, pairs.online_level)
    # Decisions that raise procedures to full online take effect on the first of a month.
    month = rng.integers(2, 13, len(procedures))
    raised = (rng.random(len(procedures)) < 0.15) & (month <= as_of.month)
    changed = np.array([day_number(date(as_of.year, m, 1)) for m in month])
    pairs["changed_day"] = np.where(
        raised[pairs.procedure] & (pairs.online_level == 4), changed[pairs.procedure], np.iinfo(np.int64).min
    )
    pairs["online_payment_eligible"] = pairs.fee_required & (rng.random(count) < 0.93)
    pairs["online_payment_enabled"] = pairs.online_payment_eligible & (rng.random(count) < 0.95)
    pairs["one_stop_required"] = rng.random(count) < 0.98
    served = np.where(pairs.central_vertical, 0.91, np.where(pairs.level == "xa", 0.997, 0.99))
    pairs["one_stop_served"] = rng.random(count) < served
    pairs["posted_at_one_stop"] = pairs.one_stop_served & (rng.random(count) < 0.99)
    return pairs


def _pair_rows(
    pairs: pd.DataFrame, offices: pd.DataFrame, procedures: pd.DataFrame, as_of: date
) -> pd.DataFrame:
    """The versions of each pair: two where its online level rose this year, else one."""
    rows = pairs.copy()
    rows["procedure_code"] = procedures.procedure_code.to_numpy()[pairs.procedure]
    first, last = (offices[name].to_numpy()[pairs.office] for name in ("first_day", "last_day"))
    rows["valid_from"] = np.maximum(first, day_number(date(2021, 1, 1)))
    # The end of an office is entered in this catalogue only once it has come.
    rows["valid_to"] = np.where(last <= day_number(as_of), last, _OPEN_END)

    raised = (rows.changed_day > rows.valid_from) & (rows.changed_day <= rows.valid_to)
    before = rows[raised].assign(online_level=3, valid_to=rows.changed_day[raised] - 1)
    after = rows.assign(valid_from=rows.valid_from.where(~raised, rows.changed_day))
    both = pd.concat([before, after]).sort_values(
        ["agency_code", "procedure_code", "valid_from"], ignore_index=True
    )
    both["valid_from"] = both.valid_from.to_numpy().astype("datetime64[D]")
    both["valid_to"] = np.where(
        both.valid_to == _OPEN_END,
        np.datetime64("NaT", "D"),
        both.valid_to.to_numpy().astype("datetime64[D]"),
    )
    return both
