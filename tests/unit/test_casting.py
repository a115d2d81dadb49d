"""From text to typed values: every form the exports use, and every form nobody may guess at."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import duckdb
import pytest
from landing_kit import table_of

from sources.casting import FIRST_DAY, LARGEST_NUMBER, LAST_DAY, install_macros, typed_select
from warehouse.settings import dbt_variables

BAD = "bad"


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as connection:
        install_macros(connection)
        yield connection


def cast_all(connection, table, column: str, cells: list[str | None], ticked: bool = False) -> list:
    """Each cell as the typed value of one column; BAD where the column is at fault."""
    connection.execute("create or replace temp table _cells (n int, cell varchar)")
    connection.executemany("insert into _cells values (?, ?)", list(enumerate(cells)))
    relation = (
        f"(select n as _row_number, 0 as _sheet_no, null::varchar as _sheet, null::varchar as _fault,"
        f' cell as "{column}" from _cells)'
    )
    blanks = frozenset([column]) if ticked else frozenset()
    select = typed_select(table, relation, {column}, hash_personal=None, blank_is_false=blanks)
    rows = connection.execute(
        f'select "{column}", _error_no, _error_value from ({select.sql}) order by _row_number'
    ).fetchall()
    return [BAD if error else value for value, error, _ in rows]


def reasons_of(connection, table, column: str, cells: list[str]) -> list[str | None]:
    rows = ", ".join(f"(1, 0, null::varchar, null::varchar, '{cell}')" for cell in cells)
    relation = f'(from (values {rows}) as t(_row_number, _sheet_no, _sheet, _fault, "{column}"))'
    select = typed_select(table, relation, {column}, hash_personal=None)
    numbers = connection.execute(f"select _error_no from ({select.sql})").fetchall()
    return [number and select.faults[number].reason for (number,) in numbers]


REGISTER = table_of("register", "criteria_results")
SURVEY = table_of("register", "survey_scores")
DOSSIERS = table_of("tthc", "dossiers")
DISBURSEMENTS = table_of("finance", "disbursements")

DATES = {
    "20/06/2024": date(2024, 6, 20),
    "1/2/2024": date(2024, 2, 1),
    "20/06/2024 10:05": date(2024, 6, 20),
    "20/06/2024 10:05:59": date(2024, 6, 20),
    "2024-06-20": date(2024, 6, 20),
    "2024-06-20T10:05:59": date(2024, 6, 20),
    "20240620100559": date(2024, 6, 20),
    "2024-06-19T18:30:00Z": date(2024, 6, 20),  # half past one in the night, local time
    "45463": date(2024, 6, 20),
    "45463.75": date(2024, 6, 20),
    "45463,75": date(2024, 6, 20),
    "01/01/1900": date(1900, 1, 1),
    "31/12/2099": date(2099, 12, 31),
    "29/02/2024": date(2024, 2, 29),
    " 20/06/2024\u00a0": date(2024, 6, 20),
}
NO_DATES = ["31/02/2024", "29/02/2023", "06/20/2024", "13/13/2024", "20/06/24", "2024-13-01", "00/00/0000", "hôm qua",
            "20240231000000", "123", "1e5", "20/06/2024 25:00", "20-06", "0", "20/06/0024"]  # fmt: skip


def test_dates(connection) -> None:
    assert cast_all(connection, REGISTER, "reported_on", list(DATES)) == list(DATES.values())
    assert cast_all(connection, REGISTER, "reported_on", NO_DATES) == [BAD] * len(NO_DATES)


TIMES = {
    "20/06/2024": datetime(2024, 6, 20),
    "20/06/2024 10:05": datetime(2024, 6, 20, 10, 5),
    "20/06/2024 10:05:59": datetime(2024, 6, 20, 10, 5, 59),
    "2024-06-20 10:05": datetime(2024, 6, 20, 10, 5),
    "2024-06-20T10:05:59": datetime(2024, 6, 20, 10, 5, 59),
    "2024-06-20T10:05:59.500": datetime(2024, 6, 20, 10, 5, 59, 500_000),
    "2024-06-20T10:05:59+07:00": datetime(2024, 6, 20, 10, 5, 59),
    "2024-06-20T10:05:59+0700": datetime(2024, 6, 20, 10, 5, 59),
    "2024-06-20T10:05:59Z": datetime(2024, 6, 20, 17, 5, 59),
    "2024-06-20T10:05:59.123Z": datetime(2024, 6, 20, 17, 5, 59, 123_000),
    "2024-06-20T10:05:59+00:00": datetime(2024, 6, 20, 17, 5, 59),
    "20240620100559": datetime(2024, 6, 20, 10, 5, 59),
    "45461.5": datetime(2024, 6, 18, 12),
    "45461": datetime(2024, 6, 18),
}


# 24:00 would be the next day to one format and nothing to another.
NO_TIMES = ["2024-06-20 24:00:00", "2024-06-20T24:00", "2024-06-20T24:00:00+07:00", "20/06/2024 24:00", "20240620240000",
            "2024-06-20 23:60"]  # fmt: skip


def test_the_calendar_covers_every_day_that_is_read() -> None:
    variables = dbt_variables()
    assert [variables["calendar_first_day"], variables["calendar_last_day"]] == [
        str(FIRST_DAY),
        str(LAST_DAY),
    ]


def test_times_are_local(connection) -> None:
    assert cast_all(connection, DOSSIERS, "due_at", list(TIMES)) == list(TIMES.values())
    assert cast_all(connection, DOSSIERS, "due_at", NO_TIMES) == [BAD] * len(NO_TIMES)


NUMBERS = {
    "1.234.567": 1234567,
    "1.234": 1234,
    "12.345": 12345,
    "-1.234": -1234,
    "1.234,5": Decimal("1234.5"),
    "1.234.567,89": Decimal("1234567.89"),
    "1234567.5": Decimal("1234567.5"),
    "1234.567": Decimal("1234.567"),
    "0.5": Decimal("0.5"),
    "0.125": Decimal("0.125"),
    "1,5": Decimal("1.5"),
    "1,234": Decimal("1.234"),
    "1234": 1234,
    "0012": 12,
    "+7": 7,
    " 15 ": 15,
    "0": 0,
    "-0,5": Decimal("-0.5"),
    "8.5E10": 85_000_000_000,
    "1,5e-3": Decimal("0.0015"),
}
NO_NUMBERS = ["1,234,567", "1,234.5", "1.234.56", "1.23.456", "12.34.567", "một", "0x1F", "1_000", "5 triệu", "1-2", "--1",
              "1.", ".", ",", "NaN", "Infinity", "99999999999999999999", "１２"]  # fmt: skip


def test_numbers(connection) -> None:
    assert cast_all(connection, REGISTER, "numerator", list(NUMBERS)) == list(NUMBERS.values())
    assert cast_all(connection, REGISTER, "numerator", NO_NUMBERS) == [BAD] * len(NO_NUMBERS)


def test_whole_numbers(connection) -> None:
    cells = ["2024", "2.024", "2024,0", "2024.0", "0012", "5e-1", "2024,5", "0x1F", "1_000", "12,5", "x"]
    assert cast_all(connection, SURVEY, "year", cells) == [2024, 2024, 2024, 2024, 12, *[BAD] * 6]


# 1e400 and forty nines fit no type at all.
AT_THE_LIMIT = [
    "1000000000000000",
    "-1000000000000000",
    "1.000.000.000.000.000",
    "1e15",
    "999999999999999,5",
    "0,000001",
]
BEYOND = ["1000000000000001", "-1000000000000001", "9223372036854775807", "-9223372036854775808", "1e16", "1e400",
          "9" * 40, "-" + "9" * 40, "9." + "999." * 12 + "999", "1000000000000000,000001"]  # fmt: skip


def test_numbers_beyond_what_a_province_counts(connection) -> None:
    """Of either type, in whatever form: the reason says what is wrong."""
    premises = table_of("finance", "budget_compliance")
    assert BAD not in cast_all(connection, REGISTER, "numerator", AT_THE_LIMIT)
    assert (
        cast_all(connection, premises, "premises_total", ["1e15", "1000000000000000"]) == [LARGEST_NUMBER] * 2
    )
    whole = [cell for cell in BEYOND if not cell.endswith(",000001")]
    for table, column, cells in ((REGISTER, "numerator", BEYOND), (premises, "premises_total", whole)):
        reasons = reasons_of(connection, table, column, cells)
        assert ["is beyond a million billion" in (reason or "") for reason in reasons] == [True] * len(cells)


def test_booleans(connection) -> None:
    yes = ["Có", "CÓ", "có", "Co\u0301", "x", "X", "1", "1.0", "1,0", "true", "TRUE", "Đúng", " Có "]
    no = ["Không", "KHÔNG", "0", "0.0", "false", "Sai"]
    assert cast_all(connection, REGISTER, "achieved", yes) == [True] * len(yes)
    assert cast_all(connection, REGISTER, "achieved", no) == [False] * len(no)
    assert cast_all(connection, REGISTER, "achieved", [None, "", "-"]) == [None] * 3
    assert cast_all(connection, REGISTER, "achieved", [None, "", "x"], ticked=True) == [False, False, True]
    assert cast_all(connection, REGISTER, "achieved", ["2", "y", "Có lẽ", "xx"], ticked=True) == [BAD] * 4


def test_codes_as_code_number_or_label(connection) -> None:
    cells = {"9": "9", "9.0": "9", "9,0": "9", " 10 ": "10", "Đã xử lý xong": "9", "ĐÃ XỬ LÝ  XONG": "9",
             "Đã xử lí xong": BAD, "Yêu cầu bổ sung giấy tờ": "5", "11": BAD, "0": BAD, "9.5": BAD, "09": BAD}  # fmt: skip
    found = dict(zip(cells, cast_all(connection, DOSSIERS, "status", list(cells)), strict=True))
    # two checks look at other columns; only the codes themselves matter here
    assert {cell: value for cell, value in found.items() if cells[cell] == BAD} == dict.fromkeys(
        [cell for cell in cells if cells[cell] == BAD], BAD
    )
    channel = {
        "Trực tuyến": "2",
        "TRỰC\u00a0TUYẾN": "2",
        "Trực tuyê\u0301n": "2",
        "Bưu chính công ích": "3",
        "4": BAD,
    }
    assert cast_all(connection, DOSSIERS, "channel", list(channel)) == list(channel.values())
    survey = {"sipas": "sipas", "SIPAS": "sipas", "Điều tra xã hội học": "leaders", "x": BAD}
    assert cast_all(connection, SURVEY, "survey", list(survey)) == list(survey.values())


def test_tone_placement_of_labels(connection) -> None:
    quality = table_of("tthc", "service_quality")
    assert cast_all(connection, quality, "grade", ["Khá", "KHÁ", "Trung\nbình"]) == [
        "fair",
        "fair",
        "average",
    ]


@pytest.mark.parametrize(
    "blank", [None, "", " ", "-", "NULL", "null", "N/A", "n/a", "\u00a0", "\t", " - ", "\ufeff"]
)
def test_blanks_are_null(connection, blank) -> None:
    assert cast_all(connection, REGISTER, "note", [blank]) == [None]
    assert cast_all(connection, REGISTER, "numerator", [blank]) == [None]
    assert cast_all(connection, REGISTER, "reported_on", [blank]) == [BAD]  # required


def test_text_is_trimmed_and_nfc(connection) -> None:
    cells = ["  H62.1 ", "\u00a0H62\ufeff", "Nguyê\u0303n", "a  b", "--", "NULLABLE", "0012"]
    assert cast_all(connection, REGISTER, "note", cells) == [
        "H62.1",
        "H62",
        "Nguyễn",
        "a  b",
        "--",
        "NULLABLE",
        "0012",
    ]


def test_texts_have_a_longest_length(connection) -> None:
    """In letters, not in bytes; codes have a shorter one, a source's name in a table of which it is no key, too."""
    longest = {"target_id": 200, "agency_code": 200, "note": 10_000}
    for column, most in longest.items():
        cells = ["ệ" * most, "ệ" * (most + 1), " " * most + "x" + " " * most, None]
        found = cast_all(connection, REGISTER, column, cells)
        is_required = REGISTER.column(column).required
        assert found == ["ệ" * most, BAD, "x", BAD if is_required else None], column
    assert reasons_of(connection, REGISTER, "note", ["x" * 10_001]) == [
        "dài hơn 10.000 ký tự | is longer than 10,000 letters"
    ]
    assert DISBURSEMENTS.column("capital_source").longest == 200
    assert table_of("tthc", "agencies").column("parent_code").longest == 200
    assert DOSSIERS.column("status").longest is None


def test_of_a_text_that_is_too_long_no_more_is_kept_than_may_be(connection) -> None:
    relation = (
        "(select 1 as _row_number, 0 as _sheet_no, null::varchar as _sheet, null::varchar as _fault,"
        " repeat('x', 5000000) as agency_code)"
    )
    select = typed_select(REGISTER, relation, {"agency_code"}, hash_personal=None)
    kept, value = connection.execute(f"select agency_code, _error_value from ({select.sql})").fetchone()
    assert (len(kept), len(value)) == (200, 200)


def test_the_first_fault_of_a_row_is_told_with_its_value(connection) -> None:
    relation = (
        "(select 1 as _row_number, 0 as _sheet_no, null::varchar as _sheet, null::varchar as _fault,"
        " 'V1' as voucher_code, '2024' as budget_year, '31/02/2024' as paid_on, 'x' as amount_vnd)"
    )
    present = {"voucher_code", "budget_year", "paid_on", "amount_vnd"}
    select = typed_select(DISBURSEMENTS, relation, present, hash_personal=None)
    number, value = connection.execute(f"select _error_no, _error_value from ({select.sql})").fetchone()
    assert (select.faults[number].column, value) == ("paid_on", "31/02/2024")


def test_a_check_passes_on_null(connection) -> None:
    assert cast_all(connection, REGISTER, "denominator", [None, "2", "0", "-1"]) == [None, 2, BAD, BAD]
