"""Comparing headings and labels as people mean them."""

from __future__ import annotations

import re
import unicodedata

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from landing_kit import windows_1258

from sources.legacy import name_encoding
from sources.text import (
    match_key,
    match_key_sql,
    shown,
    shown_list,
    sql_name,
    sql_string,
    without_numbers_of_persons,
)

_VIETNAMESE = "aăâeêioôơuưyđ" + "áàảãạấầẩẫậắằẳẵặéèẻẽẹếềểễệíìỉĩịóòỏõọốồổỗộớờởỡợúùủũụứừửữựýỳỷỹỵ"
_ALPHABET = (
    _VIETNAMESE
    + _VIETNAMESE.upper()
    + "bchklmnpqrstvxBCTN 0123456789 \u00a0\n\t-_/(),.%“”:;#'\"\u0301\u0300\u0303"
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Mã hồ sơ", "MÃ HỒ SƠ"),
        ("Mã hồ sơ", "  Mã\u00a0 hồ\n sơ "),
        ("Mã hồ sơ", unicodedata.normalize("NFD", "Mã hồ sơ")),
        ("Số thành phần đã số hóa", "Số thành phần đã số hoá"),
        ("SỐ HÓA", "Số hoá"),
        ("Thuý", "Thúy"),
        ("Khoẻ", "Khỏe"),
        ("Ủy ban", "Uỷ ban"),
        ("Phí lệ phí (đồng)", "phí lệ phí đồng"),
        ("dossier_code", "Dossier code"),
    ],
)
def test_spellings_that_are_the_same(one: str, other: str) -> None:
    assert match_key(one) == match_key(other)


@pytest.mark.parametrize(
    ("one", "other"), [("Hoàng", "Hòang"), ("Toàn", "Tòan"), ("Ngày nộp", "Ngày nợp"), ("a", "á")]
)
def test_spellings_that_are_not(one: str, other: str) -> None:
    assert match_key(one) != match_key(other)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.text(_ALPHABET, max_size=24), min_size=20, max_size=60))
def test_python_and_sql_agree(texts: list[str]) -> None:
    with duckdb.connect() as connection:
        values = ", ".join(f"({n}, {sql_string(text)})" for n, text in enumerate(texts))
        found = connection.execute(
            f"select {match_key_sql('cell')} from (values {values}) as t(n, cell) order by n"
        ).fetchall()
    assert [row[0] for row in found] == [match_key(text) for text in texts]


def test_names_from_outside_stay_on_one_short_line() -> None:
    assert shown("a\nb\x1b[31m\u202ec") == "a b [31m c"
    assert len(shown("x" * 5000)) == 80
    assert shown_list([f"c{n}" for n in range(100)], most=2) == "c0, c1, … (+98)"


def _split(listed: str) -> list[str]:
    return re.split(r"\s{2,}", listed.strip())


NUMBERS = """
    0977123456  0977.123.456  0977 123 456  0977-123-456  0977_123_456  0977\u00a0123\u00a0456  097 712 3456
    091 2345 678  0977 123456  09 12 34 56 78  0977 12 34 56  09.7712.3456  024 3825 1234  0977 - 123 - 456
    +84912345678  84912345678  0084912345678  +84 912 345 678  +84.912.345.678  84 912 345 678
    +84 (0) 912 345 678  +84 24 3825 1234  026177000001  026 177 000 001  026.177.000.001  0261 7700 0001
    026177 000001  301120241  123 456 789  123.456.789
"""


NAMES = [
    "{}",
    "don_{}.csv",
    "e {}.csv",
    "({})",
    "SĐT {} (2)",
    "30.11.2024 {}",
    "{}_20241130",
    "20241130081500_{}_2024-11-30",
]


@pytest.mark.parametrize("number", _split(NUMBERS))
def test_numbers_of_persons_are_hidden_however_they_are_written(number: str) -> None:
    for name in NAMES:
        assert without_numbers_of_persons(name.format(number)) == name.format("#" * len(number))


def test_a_phone_number_with_its_prefix_in_brackets() -> None:
    assert without_numbers_of_persons("Gọi (0977) 123 456") == "Gọi (#############"
    assert without_numbers_of_persons("(+84) 977.123.456") == "(" + "#" * 16


DAYS = """
    2024-11-30  30.11.2024  30/11/2024  1_11_2024 8_05  20241130  30112024  20241130081500  20241130 081500
    2024-11-30 08.15.30  2024-11-30_08-15-30-123456  2024-11-30T08:15:00  01.11.2024 08  05-11-2024 12.30
    05.11.24 08.30  05.11.24-06.11.24  0815 30.11.2024  08.15 30-11-2024  01-2024-11-30  02_20241130
    0001-20241130  0501-0507  03-2024 2023  03.2024 - 04.2024  20241130_20241231  01.11-30.11.2024
    02_2024113008  001-2024-001  0012-2024-0034  000.00.01.H62-241130-0001  1.234.567  1.012345.000.00.00.H62
"""


@pytest.mark.parametrize("text", _split(DAYS))
def test_days_times_and_codes_are_no_numbers_of_persons(text: str) -> None:
    name = f"dossiers_{text}.csv"
    assert without_numbers_of_persons(name) == name


def test_quoting() -> None:
    with duckdb.connect() as connection:
        hostile = "a'b\"c; drop table x --"
        row = connection.execute(f"select {sql_string(hostile)} as {sql_name(hostile)}")
        assert row.description[0][0] == hostile
        assert row.fetchone() == (hostile,)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (windows_1258("Nguyễn Văn Hòa, thôn Đông, xã Tân Dân, huyện Thủy, tỉnh"), "Windows-1258"),
        (b"Nguy\xd4n V\xa8n An, x\xb7 T\xa9n D\xa9n, huy\xd6n, t\xd8nh, h\xe5 s\xac", "TCVN3 (ABC)"),
        ("Nguyeãn Vaên An, xaõ Taân Daân, huyeän, tænh, hoà sô, ñôn vò".encode("latin-1"), "VNI"),
    ],
)
def test_old_encodings_are_told_by_name(data: bytes, name: str) -> None:
    assert name_encoding(data.decode("latin-1")) == name


def test_one_word_is_too_little_to_name_an_encoding_by() -> None:
    """Bytes that are no letters at all become a short word now and then; so do words without a mark, in every reading."""
    assert name_encoding(b"x\xb7 b\xb8c ngay".decode("latin-1")) is None
    assert name_encoding(b"cao lan, x\xb7 b\xb8c, huy\xd6n".decode("latin-1")) == "TCVN3 (ABC)"
    assert name_encoding(b"ban trang thong, x\xb7 b\xb8c".decode("latin-1")) is None


def test_unicode_is_no_old_encoding() -> None:
    assert name_encoding("Nguyễn Văn An, xã Tân Dân, huyện Yên Lạc, tỉnh, hồ sơ") is None
    assert name_encoding("plain ascii") is None
