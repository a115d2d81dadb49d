"""What an alert says, Vietnamese and English. Numbers as each language writes them; nothing of any citizen.

Texts from outside (names in deliveries, messages of errors) are made one line and cut; an error's quoted
values and long numbers, which may come from a row, are left out.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from orchestration.numbers import SIGNS, number_en, number_vi
from warehouse.settings import province_code

PROVINCE = province_code()

SEVERITY_VI = {"low": "Thấp", "medium": "Trung bình", "high": "Cao", "critical": "Nghiêm trọng"}
SEVERITY_EN = {"low": "Low", "medium": "Medium", "high": "High", "critical": "Critical"}
EVENT_VI = {
    "opened": "Mới",
    "escalated": "Nghiêm trọng hơn",
    "aged": "Kéo dài quá {days} ngày",
    "repeated": "Nhắc lại",
    "resolved": "Đã hết",
}
EVENT_EN = {
    "opened": "New",
    "escalated": "Worse",
    "aged": "Open for more than {days} days",
    "repeated": "Still open",
    "resolved": "Over",
}

# Behind what a message said last year, when it ends only because figures of the year start again on 1 January.
YEAR_OVER_VI = "Năm đã hết, số liệu tính lại từ đầu: không có nghĩa là đã khắc phục."
YEAR_OVER_EN = "That year is over and figures start again: it was not put right by that."

DATA_TEAM = "Nhóm dữ liệu của tỉnh"

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`|“[^”]*”")
_LONG_NUMBER = re.compile(r"\d[\d .\-]{7,}\d|\S+@\S+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


def one_line(text: str | None, length: int = 200) -> str:
    line = " ".join(_CONTROL.sub(" ", text or "").split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def safe_reason(text: str | None) -> str:
    """Why a night failed, without anything that could be a cell of a row."""
    first = (text or "").strip().split("\n", 1)[0]
    return one_line(_LONG_NUMBER.sub("…", _QUOTED.sub("…", first)), 300)


def day_vi(day: date) -> str:
    return day.strftime("%d/%m/%Y")


def _amount(value: float | None, row: dict[str, Any], write) -> str:
    """Neither a target nor 100 % that was not reached is shown as reached."""
    if row["is_percent"]:
        return write(value, row["target_value"], 100) + "%"
    return write(value, row["target_value"])


def _of(row: dict[str, Any], write) -> str:
    if row["numerator"] is None or row["denominator"] is None:
        return ""
    return f"{write(row['numerator'])}/{write(row['denominator'])}"


def _counts(row: dict[str, Any], write) -> str:
    counts = _of(row, write)
    return f" ({counts})" if counts else ""


def _now(row: dict[str, Any], write) -> str:
    """Today's value and its counts, inside brackets that say so."""
    return ", ".join(filter(None, (_amount(row["value"], row, write), _of(row, write))))


def _whose(row: dict[str, Any]) -> tuple[str, str]:
    if row["agency_code"] == PROVINCE:
        return "toàn tỉnh", "the province"
    name = one_line(row["agency_name"] or row["agency_code"], 120)
    return name, f"{name} ({row['agency_code']})"


def _target(row: dict[str, Any]) -> str:
    return f"{row['target_id']} ({one_line(row['target_name'])})"


def _required(row: dict[str, Any], write) -> str:
    return f"{SIGNS[row['operator']]}{_amount(row['target_value'], row, write)}"


def _judged(row: dict[str, Any]) -> bool:
    """A text target has no number to compare with."""
    return row["target_value"] is not None


def target_missed(row: dict[str, Any]) -> tuple[str, str]:
    vi, en = _whose(row)
    if not _judged(row):
        return (
            f"Chỉ tiêu {_target(row)} chưa đạt: {vi} mới có {_of(row, number_vi)} cơ quan xác nhận hoàn thành.",
            f"Target {row['target_id']} is missed: {en}, {_of(row, number_en)} agencies confirm it done.",
        )
    return (
        f"Chỉ tiêu {_target(row)} chưa đạt: {vi} {_amount(row['value'], row, number_vi)}"
        f"{_counts(row, number_vi)}, yêu cầu {_required(row, number_vi)}.",
        f"Target {row['target_id']} is missed: {en} {_amount(row['value'], row, number_en)}"
        f"{_counts(row, number_en)}, required {_required(row, number_en)}.",
    )


def at_risk(row: dict[str, Any]) -> tuple[str, str]:
    vi, en = _whose(row)
    if row["projected"] is None:
        return (
            f"Chỉ tiêu {_target(row)} có nguy cơ không đạt: {vi} {_amount(row['value'], row, number_vi)}"
            + (f", yêu cầu {_required(row, number_vi)}." if _judged(row) else "."),
            f"Target {row['target_id']} is at risk: {en} {_amount(row['value'], row, number_en)}"
            + (f", required {_required(row, number_en)}." if _judged(row) else "."),
        )
    return (
        f"Chỉ tiêu {_target(row)} có nguy cơ không đạt: với tiến độ hiện nay {vi} dự kiến cuối năm"
        f" {_amount(row['projected'], row, number_vi)}, yêu cầu {_required(row, number_vi)}"
        f" (hiện {_amount(row['value'], row, number_vi)}).",
        f"Target {row['target_id']} is at risk: at this pace {en} ends the year at"
        f" {_amount(row['projected'], row, number_en)}, required {_required(row, number_en)}"
        f" (now {_amount(row['value'], row, number_en)}).",
    )


def many_agencies(row: dict[str, Any], count: int, kind_vi: str, kind_en: str) -> tuple[str, str]:
    """For a rolled-up problem: how many, and which is the worst."""
    vi, en = _whose(row)
    now_vi = f"{_amount(row['value'], row, number_vi)}{_counts(row, number_vi)}"
    now_en = f"{_amount(row['value'], row, number_en)}{_counts(row, number_en)}"
    if row.get("projected") is not None:  # the counts are those of today
        ahead_vi, ahead_en = (_amount(row["projected"], row, write) for write in (number_vi, number_en))
        now_vi = f"dự kiến cuối năm {ahead_vi} (hiện {_now(row, number_vi)})"
        now_en = f"at this pace {ahead_en} at the end of the year (now {_now(row, number_en)})"
    return (
        f"{count} đơn vị {kind_vi}; kém nhất: {vi} {now_vi}.",
        f"{count} agencies {kind_en}; the worst: {en} {now_en}.",
    )


def sudden_drop(row: dict[str, Any]) -> tuple[str, str]:
    return (
        f"Chỉ tiêu {_target(row)} thay đổi xấu đột ngột: toàn tỉnh {_amount(row['value'], row, number_vi)},"
        f" các đêm trước khoảng {_amount(row['usual'], row, number_vi)}.",
        f"Target {row['target_id']} got worse suddenly: the province {_amount(row['value'], row, number_en)},"
        f" on earlier nights about {_amount(row['usual'], row, number_en)}.",
    )


def stale_source(row: dict[str, Any]) -> tuple[str, str]:
    if row["last_on"] is None:
        return (
            f"Nguồn {row['relation']} ({row['vi']}) chưa gửi số liệu nào được tiếp nhận,"
            f" đã {row['age_days']} ngày; giới hạn {row['limit_days']} ngày.",
            f"Source {row['relation']} has had no accepted delivery in {row['age_days']} days;"
            f" the limit is {row['limit_days']}.",
        )
    return (
        f"Nguồn {row['relation']} ({row['vi']}) không gửi số liệu mới từ {day_vi(row['last_on'])}:"
        f" đã {row['age_days']} ngày, giới hạn {row['limit_days']} ngày."
        " Các chỉ tiêu lấy từ nguồn này tạm không cảnh báo.",
        f"Source {row['relation']} has no new delivery since {row['last_on']}: {row['age_days']} days,"
        f" the limit is {row['limit_days']}. Targets fed by it are not judged meanwhile.",
    )


def quarantine(row: dict[str, Any]) -> tuple[str, str]:
    file = one_line(row["file_name"], 100)
    more = row["files"] - 1
    more_vi = f" và {more} tệp khác" if more else ""
    more_en = f" and {more} more" if more else ""
    if row["is_ahead"]:
        day = row["delivered_on"]
        return (
            f"Nguồn {row['relation']}: tệp {file}{more_vi} ghi ngày gửi {day_vi(day)} chưa đến: chưa được tính.",
            f"Source {row['relation']}: file {file}{more_en} is dated {day}, which has not come: it does not count yet.",
        )
    if row["outcome"] == "refused" and not row["source"]:
        return (
            f"Hộp nhận: tệp {file}{more_vi}, nằm ngoài thư mục nguồn, bị từ chối, không dòng nào được nạp.",
            f"Inbox: file {file}{more_en}, in no source's folder, was refused, none of its rows was taken.",
        )
    if row["outcome"] == "refused":
        return (
            f"Nguồn {row['relation']}: tệp {file}{more_vi} bị từ chối, không dòng nào được nạp.",
            f"Source {row['relation']}: file {file}{more_en} was refused, none of its rows was taken.",
        )
    state_vi, state_en = (
        ("bị giữ lại", "was held back")
        if row["outcome"] == "held_back"
        else ("đã nạp một phần", "was loaded in part")
    )
    return (
        f"Nguồn {row['relation']}: tệp {file}{more_vi} {state_vi}; tỷ lệ dòng bị loại"
        f" {number_vi(row['share'], row['limit_pct'])}%, giới hạn {number_vi(row['limit_pct'])}%.",
        f"Source {row['relation']}: file {file}{more_en} {state_en}; {number_en(row['share'], row['limit_pct'])}% of its rows"
        f" rejected, the limit is {number_en(row['limit_pct'])}%.",
    )


def failed_night(as_of: date, message: str) -> tuple[str, str]:
    reason = safe_reason(message)
    return (
        f"Đêm {day_vi(as_of)} không công bố được số liệu; số liệu cũ vẫn giữ nguyên."
        + (f" Lý do: {reason}" if reason else ""),
        f"The night of {as_of} published nothing; the earlier figures stand."
        + (f" Reason: {reason}" if reason else ""),
    )


def unfinished_night(as_of: date, message: str) -> tuple[str, str]:
    reason = safe_reason(message)
    return (
        f"Đêm {day_vi(as_of)} đã công bố số liệu, nhưng có việc sau công bố chưa làm được: {reason}",
        f"The night of {as_of} is published, but something that follows could not be done: {reason}",
    )
