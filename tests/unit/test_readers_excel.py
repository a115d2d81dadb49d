"""Workbooks as report forms and vendors write them."""

from __future__ import annotations

import io
import unicodedata
import zipfile
from datetime import date, datetime, timedelta
from decimal import Decimal

import openpyxl
import pytest
import xlsxwriter
from landing_kit import CRITERIA, CRITERIA_VI, NOW, criteria_row, desk, table_of, xlsx_bytes
from old_workbook import old_workbook

from sources.inbox import Arrival
from sources.readers import excel_file, workbook_archive
from warehouse.landing import connect, land_file

__all__ = ["desk"]

HEAD = ["STT", *CRITERIA_VI]


def line(number: int, **changes) -> list:
    return [number, *criteria_row(number, **changes)]


def places(desk, entry) -> list[tuple[str, int]]:
    return [(row["target_id"], row["_row_number"]) for row in desk.good(entry)]


@pytest.mark.parametrize("titles", [0, 1, 3, 8])
@pytest.mark.parametrize(("top", "left"), [(1, 1), (4, 3)])
def test_title_rows_and_a_used_range_that_starts_elsewhere(desk, titles: int, top: int, left: int) -> None:
    rows = [
        ["UBND TỈNH", None, "CỘNG HÒA"],
        [],
        ["BÁO CÁO"],
        [None, "(Từ ngày)"],
        [],
        ["Năm", 2024],
        [],
        ["Đơn vị"],
    ]
    data = xlsx_bytes(*rows[:titles], HEAD, line(1), line(2), top=top, left=left)
    entry = desk.one("criteria_results.xlsx", data)
    first = top + titles + 1
    assert places(desk, entry) == [("1.1", first), ("1.2", first + 1)]
    assert (entry.outcome, entry.rows_in_file) == ("loaded", 2)


@pytest.mark.parametrize(
    "spell",
    [str.upper, str.title, lambda t: unicodedata.normalize("NFD", t), lambda t: t.replace(" ", "\n ")],
)
def test_spellings_of_headings(desk, spell) -> None:
    entry = desk.one("criteria_results.xlsx", xlsx_bytes([spell(h) for h in HEAD], line(1)))
    assert places(desk, entry) == [("1.1", 2)]


def test_a_header_of_two_rows(desk) -> None:
    top = ["STT", "Mã chỉ tiêu", "Mã đơn vị báo cáo", "Ngày báo cáo", "Kết quả", None, "Đạt", "Ghi chú"]
    low = [None, None, None, None, "Tử số", "Mẫu số", None, None]
    merges = ["A2:A3", "B2:B3", "C2:C3", "D2:D3", "E2:F2", "G2:G3", "H2:H3", "A1:H1"]
    entry = desk.one(
        "criteria_results.xlsx", xlsx_bytes(["BÁO CÁO"], top, low, line(1), line(2), merges=merges)
    )
    assert places(desk, entry) == [("1.1", 4), ("1.2", 5)]
    assert desk.values(entry, "denominator") == [2, 2]


def test_group_rows_are_no_rows(desk) -> None:
    rows = [
        HEAD,
        ["UBND huyện Lập Thạch"],
        line(1),
        ["I", "Sở Nội vụ"],
        line(2),
        ["Sở Y tế"],
        line(3),
        [None, "UBND xã B"],
        line(4),
    ]
    entry = desk.one("criteria_results.xlsx", xlsx_bytes(*rows, merges=["A2:H2", "B4:H4"]))
    assert places(desk, entry) == [("1.1", 3), ("1.2", 5), ("1.3", 7), ("1.4", 9)]
    assert entry.rows_in_file == 4


def test_group_rows_without_row_labels(desk) -> None:
    rows = [
        CRITERIA_VI,
        ["UBND huyện Lập Thạch"],
        criteria_row(1),
        ["SoNoiVu"],
        *(criteria_row(n) for n in range(2, 20)),
    ]
    entry = desk.one("criteria_results.xlsx", xlsx_bytes(*rows, merges=["A4:G4"]))
    assert (entry.rows_in_file, places(desk, entry)[:2]) == (19, [("1.1", 3), ("1.2", 5)])
    # a lone code is no title: the other cells of a row got lost
    entry = desk.one("criteria_results_2.xlsx", xlsx_bytes(*rows))
    assert (entry.rows_in_file, entry.rows_quarantined) == (20, 1)


def test_totals_and_signatures_below_a_blank_row(desk) -> None:
    rows = [
        HEAD,
        line(1),
        line(2),
        [],
        [None, "Tổng cộng", None, None, 2, 4],
        [None, None, "NGƯỜI LẬP"],
        [None, None, "Ký"],
    ]
    entry = desk.one("criteria_results.xlsx", xlsx_bytes(*rows))
    assert (entry.rows_in_file, entry.rows_loaded, entry.warnings) == (2, 2, ())


def test_an_empty_list_with_its_totals(desk) -> None:
    entry = desk.one("criteria_results.xlsx", xlsx_bytes(HEAD, [], [None, "Tổng cộng", None, None, 0]))
    assert (entry.outcome, entry.rows_in_file) == ("loaded", 0)
    entry = desk.one("criteria_results_2.xlsx", xlsx_bytes(HEAD))
    assert (entry.outcome, entry.rows_in_file) == ("loaded", 0)


def test_data_below_a_blank_row_are_told(desk) -> None:
    entry = desk.one("criteria_results.xlsx", xlsx_bytes(HEAD, line(1), [], line(2), line(3)))
    assert entry.rows_in_file == 1
    assert "2 rows below the first blank row (row 3)" in entry.warnings[0]


def test_data_below_a_blank_row_are_told_without_row_labels_too(desk) -> None:
    rows = [criteria_row(n) for n in range(1, 52)]
    rows[20] = []
    footer = [["Tổng cộng", None, None, 50], [], [None, None, None, None, "NGƯỜI LẬP"]]
    entry = desk.one("criteria_results.xlsx", xlsx_bytes(CRITERIA_VI, *rows, *footer))
    assert (entry.outcome, entry.rows_in_file) == ("loaded", 20)
    assert "30 rows below the first blank row (row 22)" in entry.warnings[0]
    # A table below another, with its title and its header
    below = [[], ["Danh sách bổ sung"], CRITERIA_VI, *rows[21:24]]
    entry = desk.one("criteria_results_2.xlsx", xlsx_bytes(CRITERIA_VI, *rows[:4], *below))
    assert entry.rows_in_file == 4
    assert "4 rows below the first blank row (row 6)" in entry.warnings[0]
    entry = desk.one("criteria_results_3.xlsx", xlsx_bytes(CRITERIA_VI, *rows[:4], [], *footer))
    assert (entry.rows_in_file, entry.warnings) == (4, ())


def test_row_labels_written_in_advance(desk) -> None:
    rows = [HEAD, *(line(n) for n in range(1, 20)), [20], line(21), [22], [23]]
    entry = desk.one("criteria_results.xlsx", xlsx_bytes(*rows))
    assert (entry.rows_in_file, entry.rows_loaded) == (21, 20)
    assert [r["row_number"] for r in desk.rejected()] == [21]


def test_true_values(desk) -> None:
    rows = [
        line(
            1,
            reported_on=date(2024, 6, 20),
            numerator=1.234,
            denominator=85_000_000_000,
            achieved=True,
            note=15,
        ),
        line(2, reported_on=datetime(2024, 6, 20, 10, 5), numerator=5, achieved=False, note=15.5),
        line(
            3,
            reported_on=datetime(2024, 6, 20),
            numerator=1234567.5,
            denominator=3.0,
            achieved=None,
            note=1.2e16,
        ),
    ]
    entry = desk.one("criteria_results.xlsx", xlsx_bytes(HEAD, *rows))
    assert desk.values(entry, "reported_on") == [date(2024, 6, 20)] * 3
    assert [float(v) for v in desk.values(entry, "numerator")] == [1.234, 5, 1234567.5]
    assert [int(v) for v in desk.values(entry, "denominator")] == [85_000_000_000, 2, 3]
    assert desk.values(entry, "achieved") == [True, False, None]
    assert desk.values(entry, "note") == ["15", "15.5", "12000000000000000"]


def test_texts_and_true_numbers_in_one_column(desk) -> None:
    numbers = [1.234, "1.234", "1.234.567", 1234567.5, "1.234,5", 7, "-", 12.345]
    days = [
        date(2024, 6, 20),
        "20/06/2024",
        45463,
        45463.5,
        "2024-06-20",
        datetime(2024, 6, 20, 1),
        "20240620000000",
        45463,
    ]
    codes = [15, "15", "H62.1", 15.0, "015", 1.5, "-", None]
    rows = [line(n, numerator=numbers[n], reported_on=days[n], note=codes[n]) for n in range(8)]
    entry = desk.one("criteria_results.xlsx", xlsx_bytes(HEAD, *rows))
    found = [None if v is None else float(v) for v in desk.values(entry, "numerator")]
    assert found == [1.234, 1234, 1234567, 1234567.5, 1234.5, 7, None, 12.345]
    assert desk.values(entry, "reported_on") == [date(2024, 6, 20)] * 8
    assert desk.values(entry, "note") == ["15", "15", "H62.1", "15", "015", "1.5", None, None]


def test_true_numbers_of_keys_and_codes(desk) -> None:
    head = ["STT", "Năm", "Khảo sát", "Mã lĩnh vực", "Điểm", "Điểm tối đa"]
    rows = [[1, 2024, "SIPAS", 3, 1.5, 2], [2, 2024.0, "Điều tra xã hội học", 4.0, "1,5", "2"]]
    entry = desk.one("survey_scores.xlsx", xlsx_bytes(head, *rows))
    assert desk.values(entry, "field_id") == ["3", "4"]
    assert desk.values(entry, "year") == [2024, 2024]
    assert desk.values(entry, "survey") == ["sipas", "leaders"]


def test_ticks_on_any_sheet_count_for_the_column(desk) -> None:
    first, second = [HEAD, line(1, achieved="x"), line(2, achieved=None)], [HEAD, line(3, achieved=None)]
    entry = desk.one("criteria_results.xlsx", xlsx_bytes(*first, more={"Trang 2": second}))
    assert desk.values(entry, "achieved") == [True, False, False]


def test_sheets_in_workbook_order(desk) -> None:
    more = {"Hướng dẫn": [["Cách nhập"], ["Mã"]], "A trước": [["x"], HEAD, line(2)], "Trống": []}
    entry = desk.one("criteria_results.xlsx", xlsx_bytes(HEAD, line(1), sheet="Z sau", more=more))
    found = [(r["_sheet"], r["_row_number"], r["target_id"]) for r in desk.good(entry)]
    assert found == [("Z sau", 2, "1.1"), ("A trước", 3, "1.2")]


def test_the_sheet_of_a_rejected_row_is_told(desk) -> None:
    rows = [line(n) for n in range(1, 20)]
    more = {"Trang '2'; drop": [HEAD, line(1, reported_on="31/02/2024")]}
    entry = desk.one("criteria_results.xlsx", xlsx_bytes(HEAD, *rows, more=more))
    assert (entry.rows_in_file, entry.rows_loaded) == (20, 19)
    (row,) = desk.rejected()
    assert (row["sheet"], row["row_number"], row["value"]) == ("Trang '2'; drop", 2, "31/02/2024")


def test_cells_merged_down_hold_in_each_row(desk) -> None:
    rows = [HEAD, line(1), line(2, agency_code=None), line(3, agency_code=None), line(4)]
    entry = desk.one("criteria_results.xlsx", xlsx_bytes(*rows, merges=["C2:C4"]))
    assert desk.values(entry, "agency_code") == ["H62.1"] * 4


def test_formulas_that_were_never_computed_and_errors_reject_their_rows(desk) -> None:
    rows = [line(n) for n in range(1, 31)]
    rows[3][4] = "=1+1"
    data = xlsx_bytes(HEAD, *rows)
    book = openpyxl.load_workbook(io.BytesIO(data))
    book.active["H9"].value = "#N/A"
    book.active["H9"].data_type = "e"
    out = io.BytesIO()
    book.save(out)
    entry = desk.one("criteria_results.xlsx", out.getvalue())
    assert (entry.rows_in_file, entry.rows_loaded) == (30, 28)
    told = {r["row_number"]: r["reason"] for r in desk.rejected()}
    assert "“Tử số”" in told[5] and "formula" in told[5]
    assert "“Ghi chú”" in told[9] and "error" in told[9]


@pytest.mark.parametrize("what", ["formula", "error"])
def test_so_do_those_of_a_large_sheet(desk, monkeypatch, what: str) -> None:
    """Far below the rows among which a header is looked for."""
    of_large_sheets(monkeypatch)
    rows = [line(n) for n in range(1, 200)]
    rows[190][4] = "=1+1" if what == "formula" else None
    book = openpyxl.load_workbook(io.BytesIO(xlsx_bytes(HEAD, *rows)))
    if what == "error":
        book.active["E192"].value, book.active["E192"].data_type = "#N/A", "e"
    out = io.BytesIO()
    book.save(out)
    entry = desk.one("criteria_results.xlsx", out.getvalue())
    assert (entry.rows_in_file, entry.rows_loaded) == (199, 198)
    (told,) = desk.rejected()
    assert told["row_number"] == 192 and what in told["reason"]


@pytest.mark.parametrize("at", [3, 6, 8], ids=["a number", "a text", "outside the contract"])
def test_a_span_of_time_among_other_cells_costs_no_more_than_its_row(desk, at: int) -> None:
    """Excel gives a typed 26:00 that format by itself; the reader has no type for it beside texts or numbers."""
    rows = [line(n, numerator=1.234 if n % 2 else "1.234") for n in range(1, 31)]
    rows = [[*row, "23:30"] for row in rows]
    rows[4][at] = timedelta(hours=26)
    entry = desk.one("criteria_results.xlsx", xlsx_bytes([*HEAD, "Thời gian xử lý"], *rows))
    assert entry.outcome in ("loaded", "partly_quarantined") and entry.rows_in_file == 30
    assert entry.rows_loaded >= 29
    numbers = {row["_row_number"]: row["numerator"] for row in desk.good(entry)}
    assert (numbers[2], numbers[3]) == (Decimal("1.234"), 1234), "a true number, and a text"


def test_a_percent_is_read_as_it_is_seen(desk) -> None:
    """Excel stores 0.8725 of a typed 87.25%. A number without the sign is itself, in the same column, too."""
    head = ["year", "survey", "field_id", "score", "max_score", "satisfaction_pct"]
    cells = [
        (87.25, None),
        (0.8725, "0.00%"),
        (0.8725, "0%"),
        (87.25, '0.0" %"'),  # a sign that is only written behind it
        (0.8725, "#,##0.0%;[Red]-#,##0.0%"),
    ]
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, head)
        for number, (value, shown) in enumerate(cells, start=1):
            sheet.write_row(number, 0, [2024, "leaders", str(number), 1, 2])
            sheet.write(number, 5, value, book.add_format({"num_format": shown}) if shown else None)
    entry = desk.one("survey_scores.xlsx", out.getvalue(), source="register")
    assert entry.rows_loaded == len(cells), desk.rejected()
    assert set(desk.values(entry, "satisfaction_pct")) == {Decimal("87.25")}


def test_styles_that_would_fill_the_memory_are_refused(desk, monkeypatch) -> None:
    monkeypatch.setattr(workbook_archive, "_LARGEST_STYLES", 100)
    head = ["year", "survey", "field_id", "score", "max_score", "satisfaction_pct"]
    book = xlsx_bytes(head, [2024, "leaders", "1", 1, 2, 87.25])
    entry = desk.one("survey_scores.xlsx", book, source="register")
    assert entry.outcome == "refused" and workbook_archive.BOMB in entry.reason
    assert desk.one("criteria_results.xlsx", xlsx_bytes(HEAD, line(1))).outcome == "loaded", "has no percents"


def test_an_old_workbook_does_not_tell_numbers_from_texts(desk) -> None:
    """1.234 may be a thousand and some, or one and some: of an .xlsx its XML tells."""
    rows = [line(n, reported_on="01/10/2024") for n in range(1, 5)]
    entry = desk.one("criteria_results.xls", old_workbook(HEAD, *rows))
    assert (entry.outcome, entry.rows_loaded) == ("loaded", 4)
    rows[1][4], rows[2][4] = 1.234, 5.0
    entry = desk.one("criteria_results.xls", old_workbook(HEAD, *rows))
    assert entry.outcome == "refused" and "save it as .xlsx" in entry.reason
    for row in rows:
        row[4] = 1.234
    entry = desk.one("criteria_results.xls", old_workbook(HEAD, *rows))
    assert set(desk.values(entry, "numerator")) == {Decimal("1.234")}, "in a column of numbers alone"


def test_computed_formulas_are_their_value(desk) -> None:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, HEAD)
        sheet.write_row(1, 0, line(1))
        sheet.write_formula(1, 4, "=3+4", None, 7)
        sheet.write_formula(1, 7, '="a"&"b"', None, "ab")
    entry = desk.one("criteria_results.xlsx", out.getvalue())
    assert (desk.values(entry, "numerator"), desk.values(entry, "note")) == ([7], ["ab"])


def test_a_missing_required_column_is_refused(desk) -> None:
    entry = desk.one("criteria_results.xlsx", xlsx_bytes(HEAD[:3], line(1)[:3]))
    assert (entry.outcome, "reported_on" in entry.reason) == ("refused", True)


@pytest.mark.parametrize("complete", [[], [HEAD, line(1)]], ids=["alone", "beside a whole one"])
def test_a_sheet_that_lacks_a_required_column_is_not_passed_over(desk, complete) -> None:
    """Most of its columns are there: a part of the table that somebody cut, no sheet of code lists."""
    place = 1 + CRITERIA.index("reported_on")
    short = [[*row[:place], *row[place + 1 :]] for row in (HEAD, line(2))]
    more = {"Thiếu": short} if complete else {}
    entry = desk.one("criteria_results.xlsx", xlsx_bytes(*(complete or short), more=more))
    assert (entry.outcome, "reported_on" in (entry.reason or "")) == ("refused", True)


def test_a_sheet_of_code_lists_beside_the_table_is_passed_over(desk) -> None:
    more = {"Danh mục": [["agency_code", "note"], ["H62", "Toàn tỉnh"]]}
    entry = desk.one("criteria_results.xlsx", xlsx_bytes(HEAD, line(1), more=more))
    assert (entry.outcome, entry.rows_loaded) == ("loaded", 1)
    alone = desk.one("criteria_results_2.xlsx", xlsx_bytes(*more["Danh mục"]))
    assert alone.outcome == "refused"


@pytest.mark.parametrize("title", [[], [["UBND TỈNH"]]], ids=["bare", "with a title further left"])
def test_a_sheet_that_goes_on_without_its_header_is_refused(desk, title: list[list]) -> None:
    """Exports begin another sheet after 65,536 rows."""
    days = [date(2024, 6, 20), "20/06/2024", None]
    rows = [[None, *line(n, reported_on=days[n % 3], numerator=n)] for n in range(3, 60)]
    first = [*title, [None, *HEAD], [None, *line(1, note="a")], [None, *line(2)]]
    data = xlsx_bytes(*first, more={"Tiếp 0977.123.456": rows})
    entry = desk.one("criteria_results.xlsx", data)
    assert entry.outcome == "refused"
    told = "trang tính “Tiếp ############” có 57 dòng giống dữ liệu nhưng không có dòng tiêu đề"
    assert told in entry.reason


def test_a_sheet_that_goes_on_one_row_only_is_refused(desk) -> None:
    more = {"Sheet2": [line(3, numerator=None, denominator=None, achieved=None)]}
    entry = desk.one("criteria_results.xlsx", xlsx_bytes(HEAD, line(1), line(2), more=more))
    assert (entry.outcome, "“Sheet2” có 1 dòng" in (entry.reason or "")) == ("refused", True)


def test_covers_notes_lists_and_signatures_are_no_part(desk) -> None:
    more = {
        "Bìa": [["UBND TỈNH"], [], [None, "BÁO CÁO"], [None, "Năm", 2024]],
        "Hướng dẫn": [["Cột", "Cách nhập", "Ví dụ"], *([c, "Bắt buộc", "01/10/2024"] for c in CRITERIA_VI)],
        "Danh mục": [["Mã", "Tên", "Cấp"], *([f"H62.{n}", f"Sở {n}", "Tỉnh"] for n in range(40))],
        "Ký": [[None, "NGƯỜI LẬP BIỂU", None, None, None, None, None, "THỦ TRƯỞNG ĐƠN VỊ"]],
    }
    entry = desk.one("criteria_results.xlsx", xlsx_bytes(HEAD, line(1), line(2), more=more))
    assert (entry.outcome, entry.rows_loaded, entry.warnings) == ("loaded", 2, ())


def test_a_list_as_wide_and_as_filled_as_the_table_is_told(desk) -> None:
    """It may be the table, shifted or of another kind: nobody can tell, so it is neither read nor passed over in silence."""
    units = [[n, f"H62.{n}", f"Sở {n}", "Tỉnh", "Phúc Yên", "x", "y"] for n in range(40)]
    entry = desk.one("criteria_results.xlsx", xlsx_bytes(HEAD, line(1), line(2), more={"Danh mục": units}))
    assert (entry.outcome, entry.rows_loaded) == ("loaded", 2)
    assert "the sheet “Danh mục” holds 40 rows that look like data but no header row" in entry.warnings[0]


def test_unknown_columns_are_told_and_not_kept(desk) -> None:
    entry = desk.one("criteria_results.xlsx", xlsx_bytes([*HEAD, "Số\nCCCD"], [*line(1), 1099012345]))
    assert "Số CCCD" in entry.warnings[0]
    assert "1099012345" not in str(desk.all_rows(entry))


def of_large_sheets(monkeypatch) -> None:
    """Read every sheet as if it took long: the head from a workbook of the first rows alone."""
    monkeypatch.setattr(workbook_archive, "_SMALL_SHEET", 0)
    monkeypatch.setattr(workbook_archive, "_LARGE_SHEET", 0)


def test_the_head_of_a_large_sheet_is_read_apart(desk, monkeypatch) -> None:
    """Without a look at the rest of the sheet, and with the same rows."""
    rows = [["UBND TỈNH"], [], ["BÁO CÁO"], HEAD]
    rows += [line(n, numerator=1.234 if n % 2 else "1.234", reported_on=date(2024, 6, 20)) for n in range(60)]
    rows += [[None, *[None] * 7, "xa"], [61, "1.61", "H62.1", "20/06/2024", 1, 2]]
    data = xlsx_bytes(*rows, top=3)
    usual = desk.all_rows(desk.one("criteria_results.xlsx", data))
    of_large_sheets(monkeypatch)
    loaded = []
    load = excel_file._load
    monkeypatch.setattr(excel_file, "_load", lambda *a, **o: loaded.append((a[0], o)) or load(*a, **o))
    found = desk.all_rows(desk.one("criteria_results_2.xlsx", data))
    assert [reader is loaded[-1][0] for reader, _ in loaded] == [False, False, True]  # head, types, rows
    assert 1 in loaded[-1][1]["dtypes"] and 4 in loaded[-1][1]["dtypes"]
    without = {"_file_id", "_file_name"}
    assert [{k: v for k, v in row.items() if k not in without} for row in found] == [
        {k: v for k, v in row.items() if k not in without} for row in usual
    ]


def test_a_large_sheet_without_a_header_in_its_first_column(desk, monkeypatch) -> None:
    """A cell below may stand further to the left: then only the whole sheet tells where its range begins."""
    of_large_sheets(monkeypatch)
    data = xlsx_bytes(HEAD, line(1), line(2), top=2, left=3)
    assert places(desk, desk.one("criteria_results.xlsx", data)) == [("1.1", 3), ("1.2", 4)]
    entry = desk.one("criteria_results_2.xlsx", xlsx_bytes(["không"], ["có"]))
    assert "no header row" in entry.reason


@pytest.mark.parametrize("reference", ['r="CA9"', "r='CA9'", 'r = "xfd9"'])
def test_a_far_cell_of_a_large_sheet_is_refused_however_it_is_written(
    desk, monkeypatch, reference: str
) -> None:
    of_large_sheets(monkeypatch)
    far = f'<row r="9"><c {reference}><v>1</v></c></row></sheetData>'
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(xlsx_bytes(HEAD, line(1)))) as source,
        zipfile.ZipFile(out, "w") as target,
    ):
        for info in source.infolist():
            content = source.read(info)
            if info.filename.endswith("sheet1.xml"):
                content = content.replace(b"</sheetData>", far.encode())
            target.writestr(info, content)
    entry = desk.one("criteria_results.xlsx", out.getvalue())
    assert (entry.outcome, "zip bomb" in entry.reason) == ("refused", True)


def test_the_memory_of_a_sheet_is_freed_with_its_file(desk) -> None:
    path = desk.put("criteria_results.xlsx", xlsx_bytes(HEAD, line(1)))
    arrival = Arrival(
        path, "register", date(2024, 11, 1), path.name, table_of("register", "criteria_results")
    )
    with connect(desk.settings) as connection:
        assert land_file(desk.settings, connection, arrival, "0" * 64, NOW).rows_loaded == 1
        left = "select view_name from duckdb_views() where temporary and not internal"
        assert connection.execute(left).fetchall() == []
