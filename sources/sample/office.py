"""The electronic document office: documents in and out, assigned tasks, periodic reports."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .calendar import WorkCalendar, day_number
from .chance import stream
from .province import LEVELS, Province

CHUNK = 250_000
_LEVEL_SHARE = {"tinh": 0.34, "huyen": 0.22, "xa": 0.44}
_SECRECY = ("none", "confidential", "secret", "top_secret")
_TASKS = {  # assigner -> (how many, share done in time, what they are about)
    "government": (
        40,
        0.96,
        ["Nghị quyết phiên họp Chính phủ thường kỳ", "Chương trình phục hồi và phát triển kinh tế"],
    ),
    "prime_minister": (
        60,
        0.95,
        ["Chỉ thị về đẩy mạnh giải ngân vốn đầu tư công", "Công điện về chấn chỉnh kỷ cương hành chính"],
    ),
    "province": (70, 0.9, ["Kết luận giao ban UBND tỉnh", "Văn bản chỉ đạo về an toàn thực phẩm"]),
    "par_plan": (
        90,
        0.97,
        ["Rà soát, đơn giản hóa thủ tục hành chính", "Kiểm tra công tác cải cách hành chính"],
    ),
    "training_plan": (
        36,
        0.97,
        ["Lớp bồi dưỡng kỹ năng số cho công chức cấp xã", "Lớp bồi dưỡng lãnh đạo, quản lý cấp phòng"],
    ),
}
_VERBS = ("Báo cáo kết quả thực hiện", "Tham mưu triển khai", "Hoàn thành")
_REPORTS = [  # (suffix, name, month due)
    ("Q1", "Báo cáo cải cách hành chính quý I", 3),
    ("6T", "Báo cáo cải cách hành chính 6 tháng đầu năm", 6),
    ("Q3", "Báo cáo cải cách hành chính quý III", 9),
    ("NAM", "Báo cáo cải cách hành chính năm", 12),
]


def documents(
    province: Province, calendar: WorkCalendar, seed: int, as_of: date, count: int
) -> Iterator[pa.Table]:
    """`count` documents registered from December of last year to the eve of `as_of`, by day, in parts."""
    days = calendar.between(day_number(date(as_of.year - 1, 12, 1)), day_number(as_of) - 1)
    day = np.repeat(days, stream(seed, "document days").multinomial(count, np.full(len(days), 1 / len(days))))
    for start in range(0, count, CHUNK):
        yield _documents(province, stream(seed, "documents", start), day[start : start + CHUNK], start, as_of)


def _documents(
    province: Province, rng: np.random.Generator, day: np.ndarray, start: int, as_of: date
) -> pa.Table:
    count = len(day)
    offices = province.offices
    alive = offices.agency_code.isin(province.codes_on(as_of, *LEVELS)).to_numpy()
    weight = np.where(alive, offices.activity, 0.0)
    for level, share in _LEVEL_SHARE.items():
        here = (offices.level == level).to_numpy()
        weight[here] *= share / max(weight[here].sum(), 1e-9)
    # The two smallest communes still work on paper only.
    on_paper = np.where(alive & (offices.level == "xa"), offices.activity, np.inf).argsort()[:2]
    office = np.searchsorted(np.cumsum(weight / weight.sum()), rng.random(count), side="right")

    incoming = rng.random(count) < 0.6
    # An incoming document right after an outgoing one is the same document, registered at its receiver.
    copied = incoming & np.concatenate([[False], ~incoming[:-1]]) & (rng.random(count) < 0.5)
    number = np.arange(start, start + count) + 1 - copied
    sender = np.where(copied, np.roll(office, 1), office)
    issued = day - np.where(copied, 0, rng.integers(0, 4, count))
    issued = np.where(copied, np.minimum(np.roll(issued, 1), day), issued)
    symbol = pa.array([f"/UBND-{code.rpartition('.')[2]}" for code in offices.agency_code])
    digits = pa.array(number).cast(pa.string())
    electronic = (rng.random(count) < 0.97) & ~np.isin(office, on_paper)
    moments = day * 86_400 + rng.integers(27_000, 61_200, count)
    return pa.table(
        {
            "document_code": pc.binary_join_element_wise(f"VB{as_of.year}.", digits, ""),
            "agency_code": pa.array(offices.agency_code).take(pa.array(office)),
            "direction": pc.if_else(pa.array(incoming), "in", "out"),
            "number": pc.binary_join_element_wise(digits, symbol.take(pa.array(sender)), ""),
            "issued_on": pa.array(issued.astype("datetime64[D]")),
            "registered_at": pa.array(moments.astype("datetime64[s]")),
            "secrecy": pa.array(_SECRECY).take(
                pa.array(rng.choice(4, count, p=[0.985, 0.012, 0.0025, 0.0005]))
            ),
            "exchanged_electronically": pa.array(electronic),
            "digitally_signed": pa.array(electronic & (rng.random(count) < 0.93)),
            "processed_online": pa.array(rng.random(count) < offices.paperless.to_numpy()[office]),
        }
    )


def assigned_tasks(province: Province, calendar: WorkCalendar, seed: int, as_of: date) -> pd.DataFrame:
    """Tasks of the year by who assigned them; most are done in time, some late, some not at all."""
    rng = stream(seed, "assigned_tasks")
    year = as_of.year
    departments = province.codes_on(as_of, "tinh")
    all_agencies = departments + province.codes_on(as_of, "huyen")
    parts = []
    for assigner, (count, share, topics) in _TASKS.items():
        assigned = calendar.add(
            day_number(date(year, 1, 8)) + rng.integers(0, 290, count), np.zeros(count, int)
        )
        due = calendar.add(assigned, rng.integers(8, 45, count))
        done = calendar.add(
            due, np.where(rng.random(count) < share, -rng.integers(0, 7, count), rng.integers(1, 12, count))
        )
        never = rng.random(count) < (1 - share) / 2
        agencies = departments if assigner in ("government", "prime_minister") else all_agencies
        number = np.arange(1, count + 1)
        parts.append(
            pd.DataFrame(
                {
                    "task_code": [f"NV-{year}-{assigner[:3].upper()}-{n:03d}" for n in number],
                    "task_name": [f"{_VERBS[n % 3]}: {topics[n % 2]} (nhiệm vụ số {n})" for n in number],
                    "assigner": assigner,
                    "agency_code": rng.choice(agencies, count),
                    "assigned_on": assigned.astype("datetime64[D]"),
                    "due_on": due.astype("datetime64[D]"),
                    "completed_on": pd.Series(np.maximum(done, assigned).astype("datetime64[D]")).mask(never),
                    "evidence_ref": [f"BC-{n:03d}/{year}" for n in number],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def periodic_reports(seed: int, as_of: date) -> pd.DataFrame:
    """Reports to the Ministry of this and last year: one in the four is joined by a thematic one."""
    rng = stream(seed, "periodic_reports")
    rows = []
    for year in (as_of.year - 1, as_of.year):
        for suffix, name, month in _REPORTS:
            due = date(year, month, 15)
            sent = np.datetime64(due) - rng.integers(0, 4)
            rows.append((f"BC-{year}-{suffix}", f"{name} {year}", "H62.02", due, sent, True))
        due = date(year, 12, 10)
        rows.append(
            (
                f"BC-{year}-SIPAS",
                f"Báo cáo chỉ số hài lòng năm {year}",
                "H62.02",
                due,
                np.datetime64(due),
                True,
            )
        )
        due = date(year, 7, 20)
        late = np.datetime64(due) + np.timedelta64(2 * (year == as_of.year), "D")
        rows.append(
            (f"BC-{year}-CĐS", f"Báo cáo chuyển đổi số 6 tháng đầu năm {year}", "H62.06", due, late, True)
        )
    names = ["report_code", "report_name", "agency_code", "due_on", "sent_on", "complete"]
    reports = pd.DataFrame(rows, columns=names)
    for name in ("due_on", "sent_on"):
        reports[name] = pd.to_datetime(reports[name])
    # A report is on the list from the beginning of its year; when it was sent shows later.
    reports["listed_on"] = reports.due_on.dt.to_period("Y").dt.start_time
    return reports.astype({"complete": "boolean"})
