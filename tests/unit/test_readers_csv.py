"""CSV as systems and people write it."""

from __future__ import annotations

import unicodedata
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from landing_kit import CRITERIA, CRITERIA_VI, Desk, criteria_csv, criteria_row, csv_text, desk

from sources.readers import csv_file
from warehouse import landing

__all__ = ["desk"]


def ids(desk, entry) -> list[tuple[str, int]]:
    return [(row["target_id"], row["_row_number"]) for row in desk.good(entry)]


@pytest.mark.parametrize(("bom", "delimiter"), [("", ","), ("\ufeff", ";"), ("", "\t")])
@pytest.mark.parametrize(
    "heads", [CRITERIA, CRITERIA_VI, [unicodedata.normalize("NFD", h) for h in CRITERIA_VI]]
)
def test_layouts(desk, bom: str, delimiter: str, heads: list[str]) -> None:
    row = criteria_row(numerator="1.234,5", note="a, b; c")
    entry = desk.one("criteria_results.csv", bom + csv_text(heads, row, delimiter=delimiter))
    assert (entry.outcome, entry.rows_in_file, entry.rows_loaded) == ("loaded", 1, 1)
    (landed,) = desk.good(entry)
    assert (landed["numerator"], landed["note"], landed["_row_number"]) == (
        pytest.approx(1234.5),
        "a, b; c",
        2,
    )


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends(desk, end: str, last: bool) -> None:
    text = criteria_csv(criteria_row(1), criteria_row(2)).rstrip("\n").replace("\n", end)
    entry = desk.one("criteria_results.csv", text + (end if last else ""))
    assert ids(desk, entry) == [("1.1", 2), ("1.2", 3)]


def test_mixed_line_ends(desk) -> None:
    lines = criteria_csv(*(criteria_row(n) for n in range(1, 5))).splitlines()
    text = lines[0] + "\n" + lines[1] + "\r\n" + lines[2] + "\n" + lines[3] + "\r" + lines[4] + "\r\n"
    entry = desk.one("criteria_results.csv", text)
    assert ids(desk, entry) == [("1.1", 2), ("1.2", 3), ("1.3", 4), ("1.4", 5)]


@pytest.mark.parametrize(
    ("usual", "other"),
    [("\n", "\r\n"), ("\r\n", "\n"), ("\n", "\r"), ("\r\n", "\r"), ("\r", "\n"), ("\r", "\r\n")],
)
@pytest.mark.parametrize("bad", [",32/01/2024,", ",01/10/2024,thừa,"])
def test_one_line_that_ends_otherwise_than_the_rest_costs_no_row(
    desk, usual: str, other: str, bad: str
) -> None:
    """As where a line was added by hand. The parser by itself takes two rows for one, or the file for unreadable."""
    head, *rows = criteria_csv(
        *(criteria_row(n, reported_on="01/10/2024", note="ghi chú") for n in range(1, 13))
    ).splitlines()
    rows[7] = rows[7].replace(",01/10/2024,", bad)
    lines = [line + usual for line in (head, *rows)]
    lines[3] = rows[2] + other
    entry = desk.one("criteria_results.csv", "".join(lines))
    assert ids(desk, entry) == [(f"1.{n}", n + 1) for n in range(1, 13) if n != 8]
    assert [row["row_number"] for row in desk.rejected()] == [9]


def test_line_numbers_with_cells_of_several_lines(desk) -> None:
    rows = [criteria_row(1, note="một\nhai"), criteria_row(2, reported_on="32/01/2024"), criteria_row(3)]
    rows += [
        criteria_row(4, note="\n\n"),
        [*criteria_row(5), "thừa"],
        criteria_row(6, note='nói "có"\nrồi'),
        criteria_row(7),
    ]
    entry = desk.one("criteria_results.csv", criteria_csv(*rows))
    assert ids(desk, entry) == [("1.1", 2), ("1.3", 5), ("1.4", 6), ("1.6", 10), ("1.7", 12)]
    assert [(r["row_number"], r["column_name"]) for r in desk.rejected() if "held" not in r["reason"]] == [
        (4, "reported_on"),
        (9, None),
    ]
    assert (entry.rows_in_file, entry.outcome) == (7, "held_back")


def test_a_long_cell_is_read_while_another_file_is(desk) -> None:
    """Files are read side by side, and the longest cell of the library's parser is a setting of the whole process."""
    long = csv_text(CRITERIA, criteria_row(1, note="chữ " * 100_000), *map(criteria_row, range(2, 41)))
    files = [desk.put(f"criteria_results_{number}.csv", long) for number in (1, 2)]
    one, other = (csv_file._records(file, 0, ",") for file in files)
    next(one), next(other)
    assert len(list(one)) == 40
    assert len(list(other)) == 40
    assert [(entry.rows_in_file, entry.rows_quarantined) for entry in desk.land()] == [(40, 1)] * 2


def test_a_head_below_a_line_of_many_kilobytes(desk) -> None:
    entry = desk.one("criteria_results.csv", csv_text(["x " * 100_000], CRITERIA, criteria_row(1)))
    assert ids(desk, entry) == [("1.1", 3)]


def test_header_over_two_lines_and_title_lines(desk) -> None:
    heads = ["Mã chỉ\ntiêu", *CRITERIA_VI[1:]]
    text = "UBND TỈNH\nBáo cáo\n\n" + csv_text(heads, criteria_row(1), criteria_row(2))
    assert ids(desk, desk.one("criteria_results.csv", text)) == [("1.1", 6), ("1.2", 7)]


@pytest.mark.parametrize("blank", ["", "   ", ",,,,,,", ' , ,"",,,,', "\u00a0,,,,,,"])
def test_data_end_before_the_first_blank_row(desk, blank: str) -> None:
    text = (
        criteria_csv(criteria_row(1, note="a\n\nb"), criteria_row(2))
        + blank
        + "\nTổng cộng,,,2,,,\nNgười lập,,,,,,\n"
    )
    entry = desk.one("criteria_results.csv", text)
    assert (entry.rows_in_file, entry.rows_loaded) == (2, 2)
    assert [row for row, _ in ids(desk, entry)] == ["1.1", "1.2"]
    assert entry.warnings == ()


def test_rows_below_a_blank_row_that_look_like_data_are_told(desk) -> None:
    entry = desk.one(
        "criteria_results.csv", criteria_csv(criteria_row(1)) + "\n" + criteria_csv(criteria_row(2))
    )
    assert entry.rows_in_file == 1
    assert "2 rows below the first blank row (row 3)" in entry.warnings[0]


@pytest.mark.parametrize("blank", [",,,,,,", '"","","","","","",""', " , ,\t,, ,,", "\u00a0,,,\u00a0,,,"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_rows_below_a_row_of_blank_cells_are_told(desk, blank: str, end: str) -> None:
    lines = criteria_csv(*(criteria_row(n) for n in range(1, 501))).splitlines()
    lines.insert(3, blank)
    entry = desk.one("criteria_results.csv", end.join([*lines, ""]))
    assert (entry.outcome, entry.rows_in_file) == ("loaded", 2)
    assert "498 rows below the first blank row (row 4)" in entry.warnings[0]


def test_what_is_left_out_is_told_once(desk) -> None:
    """Cells that say “nothing” make a blank row above an empty line; rows below it that cannot be read count as well."""
    head, *rows = criteria_csv(*(criteria_row(n) for n in range(1, 9))).splitlines()
    rows[0] += ",thừa"
    rows[2] += ",thừa"
    rows[6] += ",thừa"
    footer = ["Tổng cộng,,,4,,,", ",,,,,Người lập,,,"]
    text = "\n".join([head, *rows[:2], "-,NULL,,,,,n/a", *rows[2:4], "", *rows[4:], *footer, ""])
    entry = desk.one("criteria_results.csv", text)
    assert (entry.rows_in_file, entry.rows_rejected) == (2, 1)
    (warning,) = entry.warnings
    assert "6 rows below the first blank row (row 4)" in warning


def test_trailing_blank_lines_are_nothing(desk) -> None:
    entry = desk.one("criteria_results.csv", criteria_csv(criteria_row(1)) + "\n\n  \n\n")
    assert (entry.rows_in_file, entry.warnings) == (1, ())


def test_ticks(desk) -> None:
    rows = [criteria_row(1, achieved="x"), criteria_row(2, achieved=""), criteria_row(3, achieved=" X ")]
    assert desk.values(desk.one("criteria_results.csv", criteria_csv(*rows)), "achieved") == [
        True,
        False,
        True,
    ]
    rows = [criteria_row(1, achieved="Có"), criteria_row(2, achieved="")]
    assert desk.values(desk.one("criteria_results_2.csv", criteria_csv(*rows)), "achieved") == [True, None]


def test_a_required_column_that_nobody_ticked_is_no(desk) -> None:
    columns = ["agency_code", "budget_year", "spending_compliant", "asset_regulation_issued"]
    columns += ["asset_database_updated", "asset_inspected", "premises_total", "premises_approved"]
    rows = [["H62.1", "2024", "x", "", "x", "-", "1", "1"], ["H62.2", "2024", "", "", "x", "", "1", "0"]]
    entry = desk.one("budget_compliance.csv", csv_text(columns, *rows), source="finance")
    assert entry.outcome == "loaded"
    assert (
        desk.values(entry, "asset_regulation_issued") == desk.values(entry, "asset_inspected") == [False] * 2
    )
    # Without an x anywhere nobody can tell a no from a column that was not filled in.
    blank = [[*row[:2], "Có", "", "Có", "", *row[6:]] for row in rows]
    entry = desk.one("budget_compliance_2.csv", csv_text(columns, *blank), source="finance", day="2024-12-01")
    assert (entry.outcome, entry.rows_loaded) == ("held_back", 0)


def test_a_tick_in_the_first_column(desk) -> None:
    heads = ["achieved", "target_id", "agency_code", "reported_on"]
    rows = [["x", "1.1", "H62", "01/10/2024"], ["", "1.2", "H62", "01/10/2024"]]
    assert desk.values(desk.one("criteria_results.csv", csv_text(heads, *rows)), "achieved") == [True, False]


def test_unknown_columns_are_told_and_not_kept(desk) -> None:
    text = csv_text([*CRITERIA, "Số CCCD"], [*criteria_row(), "001099012345"])
    entry = desk.one("criteria_results.csv", text)
    assert "Số CCCD" in entry.warnings[0]
    assert "001099012345" not in str(desk.all_rows(entry))


def test_missing_required_column_is_refused(desk) -> None:
    entry = desk.one("criteria_results.csv", csv_text(CRITERIA[1:], criteria_row()[1:]))
    assert (entry.outcome, entry.rows_in_file) == ("refused", 0)
    assert "“Mã chỉ tiêu” (target_id)" in entry.reason


def test_missing_optional_column_is_null(desk) -> None:
    entry = desk.one("criteria_results.csv", csv_text(CRITERIA[:3], criteria_row()[:3]))
    assert desk.values(entry, "numerator") == [None]


def test_an_open_quote_costs_its_own_row_only(desk) -> None:
    lines = criteria_csv(*(criteria_row(n) for n in range(1, 41))).splitlines()
    lines[5] = lines[5] + '"bỏ ngỏ'
    lines[20] = lines[20].replace("H62.1", '"H62.1')
    lines[30] += '"đủ"'
    entry = desk.one("criteria_results.csv", "\n".join(lines) + "\n")
    assert (entry.rows_in_file, entry.rows_loaded, entry.outcome) == (40, 38, "partly_quarantined")
    assert [r["row_number"] for r in desk.rejected()] == [6, 21]
    assert all("quote" in r["reason"] for r in desk.rejected())


def test_an_open_quote_in_the_last_row(desk) -> None:
    text = criteria_csv(*(criteria_row(n) for n in range(1, 21))).rstrip("\n") + '"x'
    entry = desk.one("criteria_results.csv", text)
    assert (entry.rows_in_file, entry.rows_loaded) == (20, 19)
    assert [r["row_number"] for r in desk.rejected()] == [21]


def test_ragged_rows_are_rejected_with_their_line(desk) -> None:
    rows = [criteria_row(n) for n in range(1, 31)]
    rows[3] = rows[3][:-2]
    rows[7] = [*rows[7], "thừa", "thừa"]
    entry = desk.one("criteria_results.csv", criteria_csv(*rows))
    assert (entry.rows_in_file, entry.rows_loaded) == (30, 28)
    assert [(r["row_number"], r["reason"].split(" | ")[1]) for r in desk.rejected()] == [
        (5, "fewer cells than the header"),
        (9, "more cells than the header"),
    ]


def test_broken_letters_cost_their_row_only(desk) -> None:
    data = criteria_csv(*(criteria_row(n, note="Việt") for n in range(1, 21))).encode().split(b"\n")
    data[4] = data[4].replace("Việt".encode(), b"Vi\xeat")
    entry = desk.one("criteria_results.csv", b"\n".join(data))
    assert (entry.rows_in_file, entry.rows_loaded) == (20, 19)
    assert [r["row_number"] for r in desk.rejected()] == [5]


def test_so_they_do_below_vietnamese_headings(desk) -> None:
    data = criteria_csv(*(criteria_row(n, note="Việt") for n in range(1, 21))).encode().split(b"\n")
    data[0] = data[0].replace(b"target_id", "Mã chỉ tiêu".encode())
    data[4] = data[4].replace("Việt".encode(), b"Vi\xeat")
    entry = desk.one("criteria_results.csv", b"\n".join(data))
    assert (entry.outcome, entry.rows_loaded) == ("partly_quarantined", 19)
    assert [r["row_number"] for r in desk.rejected()] == [5]


def test_broken_headings_are_another_encoding(desk) -> None:
    data = criteria_csv(*(criteria_row(n, note="Việt") for n in range(1, 21))).encode().split(b"\n")
    data[0] = data[0].replace(b"target_id", b"M\xe3 ch\xbf ti\xeau")
    entry = desk.one("criteria_results.csv", b"\n".join(data))
    assert entry.outcome == "refused" and "Unicode" in entry.reason


def test_a_byte_order_mark_in_the_middle(desk) -> None:
    lines = criteria_csv(criteria_row(1), criteria_row(2)).splitlines()
    entry = desk.one("criteria_results.csv", "\n".join([lines[0], lines[1], "\ufeff" + lines[2]]) + "\n")
    assert desk.values(entry, "target_id") == ["1.1", "1.2"]


def test_two_exports_pasted_together(desk) -> None:
    first = criteria_csv(*(criteria_row(n) for n in range(1, 20)))
    entry = desk.one("criteria_results.csv", first + "\ufeff" + criteria_csv(criteria_row(20)))
    assert (entry.rows_in_file, entry.rows_quarantined) == (21, 1)
    assert desk.rejected()[0]["row_number"] == 21


def test_true_text_numbers_keep_the_rule_of_dots(desk) -> None:
    entry = desk.one(
        "criteria_results.csv", criteria_csv(criteria_row(1, numerator="1.234", denominator="1.234,0"))
    )
    assert (desk.values(entry, "numerator"), desk.values(entry, "denominator")) == ([1234], [1234])


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_letters_are_whole_wherever_the_file_is_cut_for_reading(
    tmp_path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(csv_file, "_LOOKED_AT", size)
    file = tmp_path / "a.csv"
    for content, is_utf8 in (
        ("Lê Thị Ngự\r\n😀 đ\n".encode(), True),
        ("đã".encode()[:-1], False),
        (b"L\xea\n", False),
        (b"\xbf\xbf\xbf\xbf", False),
        (b"", True),
    ):
        file.write_bytes(content)
        found = csv_file._look(file)
        assert found.is_utf8 == is_utf8, content
        assert (found.newlines, found.pairs) == (content.count(b"\n"), content.count(b"\r\n"))


LINES = {
    "a row": "1.{n},H62,01/10/2024,1,2,có,",
    "no and blank": "1.{n},H62,01/10/2024,1,2,không,-",
    "a tick": "1.{n},H62,01/10/2024,1,2,x,",
    "a tick with blanks": "1.{n},H62,01/10/2024,1,2, X\u00a0,",
    "no mark": "1.{n},H62,01/10/2024,1,2,,",
    "nothing required": ",,,1,2,có,{n}",
    "an unreadable day": "1.{n},H62,32/01/2024,1,2,có,",
    "blank cells": ",,,,,,",
    "cells of blanks": " ,\u00a0,\t,,,,",
    "dashes": "-,-,-,-,-,-,-",
    "a blank line": "",
    "more cells": "1.{n},H62,01/10/2024,1,2,có,,thừa",
    "fewer cells": "1.{n},H62",
    "a cell of two lines": '1.{n},H62,01/10/2024,1,2,có,"một\nhai"',
    "an open quote": '1.{n},H62,01/10/2024,1,2,có,"mở',
    "broken letters": "1.{n},H62,01/10/2024,1,2,có,h\udcffng",
}


@given(st.lists(st.sampled_from(sorted(LINES)), max_size=6), st.sampled_from(["\n", "\r\n"]), st.booleans())
@example(["a row", "a tick", "no mark"], "\n", True)
@example(["a row", "blank cells", "a row"], "\n", True)
@example(["a row", "a blank line", "a row"], "\n", False)
@settings(max_examples=60, deadline=None)
def test_a_file_that_was_trusted_is_read_as_with_care(kinds: list[str], end: str, last: bool) -> None:
    """What a file is expected to be before its cells are read decides how often it is read, and nothing else."""
    lines = [LINES["a row"], *(LINES[kind] for kind in kinds)]
    text = end.join([",".join(CRITERIA), *(line.format(n=n) for n, line in enumerate(lines, 1))])
    data = (text + (end if last else "")).encode("utf-8", errors="surrogateescape")

    def landed(read) -> tuple:
        with (
            TemporaryDirectory() as home,
            pytest.MonkeyPatch.context() as patch,
            closing((own := Desk(Path(home))).ledger),
        ):
            patch.setattr(csv_file, "_HEAD_BYTES", 60)  # what comes later than the head is not seen there
            patch.setattr(landing, "read_parts", read)
            entry = own.one("criteria_results.csv", data)
            rows = [
                {name: value for name, value in row.items() if name != "_ticked"}
                for row in (own.all_rows(entry) if entry.outcome != "refused" else [])
            ]
            return replace(entry, first_row=None), rows, own.rejected()

    usual = landing.read_parts
    assert landed(usual) == landed(lambda *arguments, trusting=False, **others: usual(*arguments, **others))
