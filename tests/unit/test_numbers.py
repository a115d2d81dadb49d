"""A number that is not its target is never shown as the target, in the terminal and in alerts."""

from __future__ import annotations

import math
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from orchestration.alerting import wording
from orchestration.evidence.figures import Target, value_text
from orchestration.numbers import number_en, number_vi, part_vi
from orchestration.scorecard import _show_targets, _within

ALMOST_99 = 100 * 24_751 / 25_002
ALMOST_100 = 100 * 29_999 / 30_000
ALMOST_30 = 100 * 29_999 / 100_000


def test_numbers_are_written_as_each_language_does() -> None:
    assert (number_en(1_234_567.5), number_vi(1_234_567.5)) == ("1,234,567.5", "1.234.567,5")
    assert (number_vi(99.0), number_vi(0.0), number_vi(98.9), number_vi(None)) == ("99", "0", "98,9", "–")
    assert (number_vi(ALMOST_99), number_vi(ALMOST_99, None)) == ("99", "99")


@pytest.mark.parametrize(
    ("value", "target", "text"),
    [
        # > 99, = 100, >= 30: missed by less than two decimals show.
        (ALMOST_99, 99, "98,996"),
        (ALMOST_100, 100, "99,997"),
        (ALMOST_30, 30, "29,999"),
        # The other side: met, or above what is allowed at most (<= 10, < 10).
        (99.004, 99, "99,004"),
        (100.001, 100, "100,001"),
        (30.0001, 30, "30,0001"),
        (10.004, 10, "10,004"),
        (9.996, 10, "9,996"),
        # The target itself, and what two decimals tell from it.
        (99.0, 99, "99"),
        (1.1875, 1.1875, "1,19"),  # all of the points
        (1.1874, 1.1875, "1,187"),
        (99.01, 99, "99,01"),
        (98.987, 99, "98,99"),
        (0.004, 0, "0,004"),
        (-0.004, 0, "-0,004"),
        # Nearer than six decimals.
        (100 - 1e-9, 100, "99,999999"),
        (100 + 1e-9, 100, "100,000001"),
    ],
)
def test_a_value_keeps_to_its_side_of_the_target(value: float, target: float, text: str) -> None:
    assert number_vi(value, target) == text


def test_several_marks_are_kept_apart() -> None:
    assert number_vi(99.999, 99, 100) == "99,999"
    assert number_vi(0.4296, 0.43, None) == "0,4296"
    assert number_vi(99.99996, 100, decimals=4) == "99,99996"


@given(
    st.integers(-1_000_000, 1_000_000).map(lambda n: n / 100),
    st.floats(-1, 1) | st.sampled_from([1e-3, -1e-4, 1e-7, -1e-9]),
)
def test_no_value_changes_sides(target: float, off: float) -> None:
    value = target + off
    shown = float(number_en(value, target).replace(",", ""))
    assert (shown > target, shown < target) == (value > target, value < target)
    assert math.isclose(shown, value, abs_tol=0.005 + 1e-9)


def _row(value: float, operator: str, target: float, **more: object) -> dict:
    return {
        "agency_code": wording.PROVINCE,
        "agency_name": None,
        "target_id": "3.4.1",
        "target_name": "Tên",
        "is_percent": True,
        "value": value,
        "projected": None,
        "numerator": None,
        "denominator": None,
        "operator": operator,
        "target_value": target,
        **more,
    }


@pytest.mark.parametrize(
    ("value", "operator", "target", "vi", "en"),
    [
        (ALMOST_99, ">", 99, "toàn tỉnh 98,996%, yêu cầu > 99%", "98.996%, required > 99%"),
        (ALMOST_100, "=", 100, "toàn tỉnh 99,997%, yêu cầu 100%", "99.997%, required 100%"),
        (ALMOST_30, ">=", 30, "toàn tỉnh 29,999%, yêu cầu ≥ 30%", "29.999%, required ≥ 30%"),
        (10.004, "<=", 10, "toàn tỉnh 10,004%, yêu cầu ≤ 10%", "10.004%, required ≤ 10%"),
        (10.0, "<", 10, "toàn tỉnh 10%, yêu cầu < 10%", "10%, required < 10%"),
    ],
)
def test_an_alert_does_not_contradict_itself(
    value: float, operator: str, target: float, vi: str, en: str
) -> None:
    row = _row(value, operator, target)
    for said_vi, said_en in (wording.target_missed(row), wording.at_risk(row)):
        assert vi in said_vi and en in said_en
    ahead_vi, ahead_en = wording.at_risk(row | {"value": 99.996, "projected": value})
    assert en in ahead_en and "(now 99.996%)" in ahead_en and "(hiện 99,996%)" in ahead_vi
    many_vi, _ = wording.many_agencies(row, 12, "chưa đạt", "miss it")
    assert many_vi == f"12 đơn vị chưa đạt; kém nhất: {vi.partition(', yêu')[0]}."


def test_the_counts_beside_a_projection_are_those_of_today() -> None:
    row = _row(99.18, ">=", 99) | {"numerator": 243, "denominator": 245, "projected": 98.4}
    vi, en = wording.many_agencies(row, 12, "có nguy cơ không đạt", "are at risk")
    assert "dự kiến cuối năm 98,4% (hiện 99,18%, 243/245)" in vi
    assert "98.4% at the end of the year (now 99.18%, 243/245)" in en


def test_the_share_of_rejected_rows_is_not_shown_as_the_limit() -> None:
    row = {"relation": "finance.revenue", "file_name": "thu.xlsx", "files": 1, "outcome": "held_back"}
    row["is_ahead"] = False
    vi, en = wording.quarantine(row | {"share": 10.002, "limit_pct": 10.0})
    assert "tỷ lệ dòng bị loại 10,002%, giới hạn 10%" in vi and "10.002% of its rows" in en


def test_the_terminal_shows_neither_a_missed_target_nor_lost_points_as_reached() -> None:
    rows = [
        ("3.4.1", "a", ALMOST_99, 99.0, ">", "%", "missed", 0.0, 0.5, 24_751, 25_002, False),
        ("7.2.2", "b", ALMOST_100, 100.0, "=", "%", "missed", 0.42999, 0.43, 29_999, 30_000, False),
        ("4.1.1", "c", ALMOST_30, 30.0, ">=", "%", "at_risk", 0.5, 0.5, 29_999, 100_000, False),
        ("5.1.3", "d", 0.0, None, "text", "%", "missed", 0.0, 0.5, 0, 1, True),
    ]
    console = Console(width=200)
    with console.capture() as captured:
        _show_targets(rows, date(2024, 11, 30), True, console)
    lines = [" ".join(line.split()) for line in captured.get().splitlines()]
    assert [line for line in lines if line[:1].isdigit()] == [
        "3.4.1 a 24.751 / 25.002 98,996% > 99% ✗ chưa đạt 0 / 0,5",
        "7.2.2 b 29.999 / 30.000 99,997% 100% ✗ chưa đạt 0,42999 / 0,43",
        "4.1.1 c 29.999 / 100.000 29,999% ≥ 30% ▲ có nguy cơ 0,5 / 0,5",
        "5.1.3 d 0 / 1 0/1 – ✗ chưa đạt 0 / 0,5",
    ]


def test_evidence_shows_no_missed_target_as_reached() -> None:
    one = Target(**dict.fromkeys(Target.__dataclass_fields__) | {"target_value": 100.0, "unit": "%"})
    assert (value_text(one, 99.99996), value_text(one, 100.0)) == ("99,99996%", "100%")


@pytest.mark.parametrize(
    ("name", "width", "shown"),
    [
        ("Số hóa hồ sơ – thuộc thẩm quyền cấp tỉnh", 60, "Số hóa hồ sơ – thuộc thẩm quyền cấp tỉnh"),
        ("Triển khai số hóa hồ sơ – cấp tỉnh", 30, "Triển khai số hóa… – cấp tỉnh"),
        ("Triển khai số hóa hồ sơ – thuộc thẩm quyền cấp tỉnh", 30, "Triển… – thuộc thẩm quyền cấ…"),
        ("Một tên dài không có phần riêng", 12, "Một tên dài không có phần riêng"),
    ],
)
def test_a_name_is_cut_before_what_tells_it_apart(name: str, width: int, shown: str) -> None:
    assert _within(name, width) == shown
    assert len(shown) <= width or "–" not in name  # without an own part the table cuts it at its end


@pytest.mark.parametrize(
    ("value", "most", "text"),
    [
        (0.5, 2.0, "0,5 / 2"),
        (1.3 / 3, 1.3 / 3, "0,43 / 0,43"),
        (0.4316, 1.3 / 3, "0,432 / 0,433"),  # 0,43 / 0,43 would be all points of a target that is missed
        (0.4299, 0.43, "0,4299 / 0,43"),
        (None, 0.5, "– / 0,5"),
        (None, None, "– / –"),
    ],
)
def test_a_part_is_told_from_the_whole(value, most, text: str) -> None:
    assert part_vi(value, most) == text
