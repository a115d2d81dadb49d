"""Comparing headings and labels as people mean them."""

from __future__ import annotations

import unicodedata

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from landing_kit import windows_1258

from sources.legacy import name_encoding
from sources.text import match_key, match_key_sql, shown, shown_list, sql_name, sql_string

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


def test_unicode_is_no_old_encoding() -> None:
    assert name_encoding("Nguyễn Văn An, xã Tân Dân, huyện Yên Lạc, tỉnh, hồ sơ") is None
    assert name_encoding("plain ascii") is None
