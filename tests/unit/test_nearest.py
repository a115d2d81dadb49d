"""What was probably meant."""

from __future__ import annotations

import pytest

from orchestration.nearest import nearest_codes, nearest_name

KNOWN = ("H62", "H62.10", "H62.11", "H62.10.01", "H62.243")


@pytest.mark.parametrize(
    ("code", "first"),
    [
        ("000.00.10.H62", "H62.10"),
        ("000.01.10.H62", "H62.10.01"),
        ("00.00.243.H62", "H62.243"),
        ("000.00.00.H62", "H62"),
        ("H62.2431", "H62.243"),
    ],
)
def test_a_mistyped_code_and_one_of_the_old_form_have_a_nearest(code, first) -> None:
    assert nearest_codes(code, KNOWN)[0] == first


def test_what_is_like_nothing_has_no_nearest() -> None:
    assert nearest_codes("xyz", KNOWN) == []
    assert nearest_name("xyz", ["Sở Nội vụ"]) is None


def test_names_are_compared_without_case_and_accents() -> None:
    assert nearest_name("so noi vu", ["Sở Nội vụ", "Sở Tài chính"]) == "Sở Nội vụ"
