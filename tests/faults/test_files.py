"""Broken, hostile and unlucky files. Each row of the table in docs/faults.md that is about files is a test
here.

None may stop the night, hang, lose or double-count a row, or show a personal value in a message.
"""

from __future__ import annotations

import errno
import io
import os
import random
import re
import struct
import time
import zipfile
from datetime import date
from pathlib import Path

import duckdb
import pytest
import xlsxwriter
from landing_kit import (
    CRITERIA,
    CRITERIA_VI,
    DAY,
    NOW,
    Desk,
    criteria_csv,
    criteria_row,
    csv_text,
    desk,
    html_row,
    html_table,
    json_bytes,
    windows_1258,
    xlsx_bytes,
)

from sources.header import RefusedFile
from sources.legacy import _TCVN3
from sources.readers import excel_file, html_file, workbook_archive
from warehouse import landing
from warehouse.build import prepare_build
from warehouse.settings import SettingsError

__all__ = ["desk"]

HEAD = ["STT", *CRITERIA_VI]
SLOWEST = 20  # seconds; on an idle machine each takes less than two


def lines(count: int) -> list[list]:
    return [[n, *criteria_row(n)] for n in range(1, count + 1)]


def good_csv(count: int = 20) -> str:
    return criteria_csv(*(criteria_row(n) for n in range(1, count + 1)))


def deliver(desk: Desk, name: str, data: bytes | str):
    """One file beside a good one: whatever happens to it, the good one is loaded."""
    desk.put("criteria_results_a_good_one.csv", good_csv(3))
    desk.put(name, data)
    started = time.monotonic()
    entries = {entry.file_name: entry for entry in desk.land()}
    assert time.monotonic() - started < SLOWEST
    good_one = {entry.file_name: entry for entry in desk.ledger.deliveries()}[
        "criteria_results_a_good_one.csv"
    ]
    assert (good_one.outcome, good_one.rows_loaded) == ("loaded", 3)
    entry = entries[name]
    assert entry.rows_in_file == entry.rows_loaded + entry.rows_unchanged + entry.rows_quarantined
    assert desk.land() == []  # told once
    return entry


def refused(desk: Desk, name: str, data: bytes | str, message: str):
    entry = deliver(desk, name, data)
    assert (entry.outcome, entry.rows_in_file) == ("refused", 0), entry
    assert message in entry.reason, entry.reason
    return entry


def rezip(data: bytes, change) -> bytes:
    """The workbook with its members passed through `change(name, bytes)`; None drops a member."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as source,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for info in source.infolist():
            changed = change(info.filename, source.read(info))
            if changed is not None:
                target.writestr(info.filename, changed)
    return out.getvalue()


def sheet_changed(data: bytes, old: str, new: str) -> bytes:
    return rezip(data, lambda n, b: b.replace(old.encode(), new.encode()) if n.endswith("sheet1.xml") else b)


@pytest.fixture(scope="module")
def workbook() -> bytes:
    return xlsx_bytes(HEAD, *lines(20))


# Cut off, damaged, not what it is called


@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_truncated_workbook(desk, workbook, share) -> None:
    refused(desk, "criteria_results.xlsx", workbook[: int(len(workbook) * share)], "damaged")


def test_damaged_workbook(desk, workbook) -> None:
    data = bytearray(workbook)
    for at in random.Random(1).sample(range(100, len(data) - 100), 200):
        data[at] ^= 0xFF
    assert deliver(desk, "criteria_results.xlsx", bytes(data)).outcome == "refused"


@pytest.mark.parametrize(
    "member", ["xl/workbook.xml", "xl/_rels/workbook.xml.rels", "[Content_Types].xml", "xl/styles.xml"]
)
def test_workbook_without_a_part(desk, workbook, member) -> None:
    entry = deliver(desk, "criteria_results.xlsx", rezip(workbook, lambda n, b: None if n == member else b))
    assert entry.outcome in ("refused", "loaded")
    assert entry.rows_loaded in (0, 20)


def test_workbook_whose_sheet_is_no_xml(desk, workbook) -> None:
    data = rezip(workbook, lambda n, b: b[: len(b) // 2] if n.endswith("sheet1.xml") else b)
    refused(desk, "criteria_results.xlsx", data, "damaged")


def test_a_zip_that_is_no_workbook(desk) -> None:
    refused(desk, "criteria_results.xlsx", rezip(xlsx_bytes([]), lambda n, b: None), "damaged")


def test_truncated_csv(desk) -> None:
    text = good_csv(20)
    entry = deliver(desk, "criteria_results.csv", text[: text.rindex("H62")])
    assert (entry.rows_in_file, entry.rows_loaded, entry.rows_quarantined) == (20, 19, 1)
    assert desk.rejected()[0]["row_number"] == 21


def test_truncated_html(desk) -> None:
    html = html_table(html_row(*CRITERIA), *(html_row(*criteria_row(n)) for n in range(1, 21)))
    refused(desk, "criteria_results.xls", html[: len(html) // 2], "cut off")


def test_truncated_json(desk) -> None:
    data = json_bytes([dict(zip(CRITERIA, criteria_row(n), strict=True)) for n in range(1, 21)])
    refused(desk, "criteria_results.json", data[: len(data) // 2], "cut off")


@pytest.mark.parametrize("name", ["csv", "xlsx", "xls", "json", "jsonl"])
def test_empty_file(desk, name) -> None:
    refused(desk, f"criteria_results.{name}", b"", "0 bytes")


@pytest.mark.parametrize("name", ["csv", "xls", "json"])
def test_blank_file(desk, name) -> None:
    assert deliver(desk, f"criteria_results.{name}", b"\n \n\n").outcome == "refused"


def test_header_only(desk) -> None:
    entry = deliver(desk, "criteria_results.csv", good_csv(0))
    assert (entry.outcome, entry.rows_in_file) == ("loaded", 0)
    assert "no rows" in entry.warnings[0]


def test_workbook_named_csv_and_table_named_xlsx_are_read_for_what_they_are(desk, workbook) -> None:
    assert deliver(desk, "criteria_results.csv", workbook).rows_loaded == 20
    assert deliver(desk, "criteria_results_2.json", workbook).rows_loaded == 20


def test_text_named_xlsx(desk) -> None:
    refused(desk, "criteria_results.xlsx", good_csv(), "named like a workbook")


@pytest.mark.parametrize(
    "start", [b"%PDF-1.7\n", b"\x89PNG\r\n\x1a\n\x00\x00", b"\x1f\x8b\x08\x00", b"Rar!\x1a\x07"]
)
def test_other_kinds_of_files(desk, start) -> None:
    assert deliver(desk, "criteria_results.csv", start + os.urandom(2000)).outcome == "refused"


def test_login_page(desk) -> None:
    page = "<!DOCTYPE html><html><body><form><table><tr><td>Mật khẩu</td></tr></table></form></body></html>"
    refused(desk, "criteria_results.xls", page, "login or error page")
    refused(desk, "criteria_results_2.csv", "<html><h1>502 Bad Gateway</h1></html>", "login or error page")


def test_a_table_of_another_kind(desk) -> None:
    refused(desk, "criteria_results.csv", "a,b,c\n1,2,3\n", "no header row")


# Hostile


def ole_container(*names: str) -> bytes:
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504
    return head + os.urandom(2 << 20) + b"".join(name.encode("utf-16-le").ljust(128, b"\0") for name in names)


def test_workbook_with_a_password(desk) -> None:
    data = ole_container("Root Entry", "EncryptionInfo", "EncryptedPackage")
    refused(desk, "criteria_results.xlsx", data, "password")
    refused(desk, "criteria_results_2.xls", ole_container("Root Entry", "Workbook"), "damaged")


def test_zip_with_a_password(desk, workbook) -> None:
    data = bytearray(workbook)
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = -1
        while (place := data.find(magic, place + 1)) >= 0:
            data[place + at] |= 1
    refused(desk, "criteria_results.xlsx", bytes(data), "damaged")


def test_zip_bomb(desk, workbook) -> None:
    bomb = rezip(workbook, lambda n, b: b + b" " * (200 << 20) if n.endswith("sheet1.xml") else b)
    assert len(bomb) < 1 << 20
    refused(desk, "criteria_results.xlsx", bomb, "zip bomb")


def test_zip_that_lies_about_its_size(desk, workbook) -> None:
    bomb = bytearray(rezip(workbook, lambda n, b: b + b" " * (200 << 20) if n.endswith("sheet1.xml") else b))
    with zipfile.ZipFile(io.BytesIO(bomb)) as archive:
        real = next(info.file_size for info in archive.infolist() if info.filename.endswith("sheet1.xml"))
    lie = bytes(bomb).replace(struct.pack("<I", real), struct.pack("<I", 5000))
    assert deliver(desk, "criteria_results.xlsx", lie).outcome == "refused"


def test_one_cell_at_the_far_corner(desk, workbook) -> None:
    far = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    assert (
        deliver(desk, "criteria_results.xlsx", sheet_changed(workbook, "</sheetData>", far)).outcome
        == "refused"
    )
    deep = '<row r="1048576"><c r="ALL1048576"><v>1</v></c></row></sheetData>'
    assert (
        deliver(desk, "criteria_results_2.xlsx", sheet_changed(workbook, "</sheetData>", deep)).outcome
        == "refused"
    )


def test_entities_in_the_xml_are_not_followed(desk, workbook, tmp_path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("BÍ MẬT")
    doctype = f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{secret}">]>'
    data = rezip(
        workbook,
        lambda n, b: (
            b.replace(b"<worksheet", doctype.encode() + b"<worksheet", 1).replace(b"1.20", b"&e;")
            if n.endswith("sheet1.xml")
            else b
        ),
    )
    entry = deliver(desk, "criteria_results.xlsx", data)
    if entry.outcome != "refused":
        assert "BÍ MẬT" not in str(desk.all_rows(entry))


def test_ten_thousand_merged_ranges(desk) -> None:
    rows = "".join(f'<mergeCell ref="B{n}:B{n + 1}"/>' for n in range(2, 20_002, 2))
    data = sheet_changed(
        xlsx_bytes(HEAD, *lines(30)), "</sheetData>", f"</sheetData><mergeCells>{rows}</mergeCells>"
    )
    assert deliver(desk, "criteria_results.xlsx", data).rows_in_file == 30


def test_cells_without_references(desk, workbook) -> None:
    def strip(name: str, data: bytes) -> bytes:
        import re

        return re.sub(rb' r="[A-Z]*\d+"', b"", data) if name.endswith("sheet1.xml") else data

    entry = deliver(desk, "criteria_results.xlsx", rezip(workbook, strip))
    assert (entry.outcome, entry.rows_loaded) in (("loaded", 20), ("refused", 0))


@pytest.mark.parametrize("kind", ["csv", "xlsx", "xls", "json"])
def test_five_thousand_columns(desk, kind) -> None:
    heads, row = [*CRITERIA, *(f"cột {n}" for n in range(5000))], [*criteria_row(), *["x"] * 5000]
    if kind == "json":
        entry = deliver(desk, "criteria_results.json", json_bytes([dict(zip(heads, row, strict=True))]))
        assert entry.rows_loaded == 1
        return
    data = {"csv": csv_text(heads, row), "xls": html_table(html_row(*heads), html_row(*row))}.get(kind)
    entry = deliver(desk, f"criteria_results.{kind}", data or xlsx_bytes(heads, row))
    assert entry.outcome == "refused"
    assert "colum" in entry.reason


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_cell_of_ten_megabytes(desk, kind) -> None:
    rows = [criteria_row(1), criteria_row(2, note="dài " * 2_500_000), *map(criteria_row, range(3, 41))]
    objects = [dict(zip(CRITERIA, row, strict=True)) for row in rows]
    data = {"csv": criteria_csv(*rows), "jsonl": b"\n".join(map(json_bytes, objects))}[kind]
    entry = deliver(desk, f"criteria_results.{kind}", data)
    assert (entry.rows_in_file, entry.rows_quarantined) == (40, 1)


def test_codes_and_texts_that_are_too_long(desk) -> None:
    """A code of megabytes would stand in all rows that the models make of it, and end every night from then on."""
    rows = [criteria_row(n) for n in range(1, 41)]
    rows[0] = criteria_row(1, agency_code="H" * 6_000_000)
    rows[1] = criteria_row(2, target_id="1" * 201)
    rows[2] = criteria_row(3, note="d" * 10_001)
    rows[3] = criteria_row(4, note="d" * 10_000)
    entry = deliver(desk, "criteria_results.csv", criteria_csv(*rows))
    assert (entry.rows_in_file, entry.rows_loaded, entry.rows_quarantined) == (40, 37, 3)
    told = [(row["column_name"], row["reason"].rpartition(" ký tự")[0]) for row in desk.rejected()]
    assert told == [
        ("agency_code", "“Mã đơn vị báo cáo” (agency_code) dài hơn 200"),
        ("target_id", "“Mã chỉ tiêu” (target_id) dài hơn 200"),
        ("note", "“Ghi chú” (note) dài hơn 10.000"),
    ]


def with_text(long: str, *, inline: bool = False, cells: int = 1) -> bytes:
    """A workbook in which `cells` notes are a text of any length, which its writers would cut."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"constant_memory": inline}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, CRITERIA)
        for n in range(1, 41):
            sheet.write_row(n, 0, criteria_row(n, note="THAY" if n <= cells else None))
    return rezip(out.getvalue(), lambda n, b: b.replace(b"THAY", long.encode()))


@pytest.mark.parametrize("inline", [False, True], ids=["shared", "inline"])
def test_a_cell_of_a_workbook_that_is_longer_than_excel_takes(desk, inline: bool) -> None:
    """A shared text is held once by the file, and by a reader in every cell that names it."""
    entry = deliver(desk, "criteria_results.xlsx", with_text("&#7879;" * 32_767, inline=inline))
    assert (entry.rows_loaded, entry.rows_quarantined) == (39, 1)  # for it is longer than a note may be
    refused(desk, "criteria_results_2.xlsx", with_text("dài " * 250_000, inline=inline), "Excel's limit")


@pytest.mark.parametrize(
    "hidden", ["<![CDATA[" + "</si>" * 9 + "]]>", "a<!-- </si> -->b"], ids=["CDATA", "a comment"]
)
def test_a_text_whose_end_is_hidden(desk, hidden: str) -> None:
    refused(desk, "criteria_results.xlsx", with_text(hidden), "Excel's limit")


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"<v>", b"<v>"), (b' t="s"', b" t = 's'"), (b"<v>", b"<f/><v >"), (b"</c>", b"</c >")],
    ids=["as usual", "spaced", "behind a formula", "no usual end of a cell"],
)
def test_a_long_text_in_very_many_cells(desk, monkeypatch, old: bytes, new: bytes) -> None:
    def spelled(cells: int) -> bytes:
        data = with_text("d" * 9_000, cells=cells)
        return rezip(data, lambda n, b: b.replace(old, new) if n.endswith("sheet1.xml") else b)

    monkeypatch.setattr(workbook_archive, "MAX_TEXT", 30 * 9_000)
    refused(desk, "criteria_results.xlsx", spelled(35), "zip bomb")
    if old == new:
        assert deliver(desk, "criteria_results_2.xlsx", spelled(25)).rows_loaded == 40


def test_a_long_text_merged_over_very_many_rows(desk, monkeypatch) -> None:
    monkeypatch.setattr(excel_file, "MAX_TEXT", 30 * 9_000)
    rows = [criteria_row(n, note="d" * 9_000 if n == 1 else None) for n in range(1, 50)]
    merged = xlsx_bytes(CRITERIA, *rows, merges=["G2:G40"])
    refused(desk, "criteria_results.xlsx", merged, "zip bomb")
    assert deliver(
        desk, "criteria_results_2.xlsx", xlsx_bytes(CRITERIA, *rows, merges=["G2:G20"])
    ).rows_loaded


def test_a_long_cell_of_html(desk) -> None:
    """With a span it would hold in each row, and a row costs ten letters."""
    head, first = html_row(*CRITERIA), html_row(*criteria_row(1, note="d" * 999_999))
    others = [html_row(*criteria_row(n)) for n in range(2, 41)]
    entry = deliver(desk, "criteria_results.xls", html_table(head, first, *others))
    assert (entry.rows_loaded, entry.rows_quarantined) == (39, 1)
    longer = html_row(*criteria_row(1, note="<b>d</b>" * 600_000))
    refused(desk, "criteria_results_2.xls", html_table(head, longer), "1,000,000 letters")
    spanning = first.replace("<td>d", '<td rowspan="1000">d')
    rows = [html_row(*criteria_row(n)[:-1]) for n in range(2, 1001)]
    refused(desk, "criteria_results_3.xls", html_table(head, spanning, *rows), "too large")


def test_a_large_table_within_a_table_for_layout(desk) -> None:
    rows = [html_row(*criteria_row(n, note="d" * 9_000)) for n in range(1, 201)]
    page = html_table(f"<td>{html_table(html_row(*CRITERIA), *rows)}</td>")
    assert deliver(desk, "criteria_results.xls", page).rows_loaded == 200


def test_a_long_row_among_very_many_short_ones(desk, monkeypatch) -> None:
    monkeypatch.setattr(html_file, "_MAX_CELLS", 5_000)
    rows = [html_row(*criteria_row(n)) for n in range(1, 101)]
    refused(
        desk, "criteria_results.xls", html_table(html_row(*CRITERIA), *rows, "<td>x</td>" * 900), "too large"
    )


def test_an_unreadable_value_is_kept_short(desk) -> None:
    rows = [criteria_row(n) for n in range(1, 21)]
    rows[2] = criteria_row(3, target_id="k" * 5000, reported_on="x" * 1_000_000)
    deliver(desk, "criteria_results.csv", criteria_csv(*rows))
    (row,) = desk.rejected()
    assert (len(row["value"]), len(row["record_key"])) == (200, 200)


def test_nul_bytes(desk) -> None:
    refused(desk, "criteria_results.csv", good_csv().replace("H62.1", "H\x0062", 1), "NUL")
    late = good_csv(20_000).encode() + b"\0"
    refused(desk, "criteria_results_2.csv", late, "NUL")
    html = html_table(html_row(*CRITERIA), html_row(*criteria_row(note="a\x00b")))
    refused(desk, "criteria_results.xls", html, "NUL")
    data = json_bytes([dict(zip(CRITERIA, criteria_row(), strict=True))]).replace(b"H62", b"H\x0062")
    refused(desk, "criteria_results.json", data, "NUL")


def test_deeply_nested_html_and_json(desk) -> None:
    deep = html_table(
        html_row(*CRITERIA), html_row(*criteria_row(note="<div>" * 5000 + "x" + "</div>" * 5000))
    )
    assert deliver(desk, "criteria_results.xls", deep).rows_in_file <= 1
    row = dict(zip(CRITERIA, criteria_row(), strict=True))
    text = json_bytes([row]).decode().replace("}]", ', "sâu": ' + "[" * 100_000 + "]" * 100_000 + "}]")
    assert deliver(desk, "criteria_results.json", text).rows_in_file <= 1


# Encodings


@pytest.mark.parametrize("head", [CRITERIA, CRITERIA_VI])
def test_old_encodings_are_told_by_name(desk, head) -> None:
    rows = [
        criteria_row(n, note="Trần Thị Bình, thôn Đông, xã Tân, huyện, hồ sơ đã có") for n in range(1, 11)
    ]
    text = csv_text(head, *rows)
    entry = refused(desk, "criteria_results_1.csv", windows_1258(text), "Windows-1258")
    assert "Trần" not in entry.reason
    back = {letter: bytes([byte]) for byte, letter in _TCVN3.items()}
    tcvn3 = b"".join(
        back.get(letter) or back.get(letter.lower()) or letter.encode("ascii", "replace") for letter in text
    )
    refused(desk, "criteria_results_2.csv", tcvn3, "TCVN3")


def test_a_workbook_in_an_old_font(desk) -> None:
    back = {letter: chr(byte) for byte, letter in _TCVN3.items()}
    heads = ["".join(back.get(letter, letter) for letter in head) for head in HEAD]
    refused(desk, "criteria_results.xlsx", xlsx_bytes(heads, *lines(3)), "TCVN3")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("kind", ["csv", "json", "xls"])
def test_utf_16(desk, encoding, kind) -> None:
    text = {"csv": good_csv(), "json": '[{"target_id": "1"}]', "xls": html_table(html_row(*CRITERIA))}[kind]
    refused(desk, f"criteria_results.{kind}", text.encode(encoding), "UTF-16")


# Headers, values, rows


def test_header_renamed_doubled_dropped_and_reordered(desk) -> None:
    row = criteria_row(1)
    renamed = csv_text(["Mã số chỉ tiêu", *CRITERIA_VI[1:]], row)
    refused(desk, "criteria_results_1.csv", renamed, "“Mã chỉ tiêu” (target_id)")
    refused(desk, "criteria_results_2.csv", csv_text([*CRITERIA_VI, "Tử số"], [*row, "9"]), "numerator")
    refused(desk, "criteria_results_3.csv", csv_text(CRITERIA[1:], row[1:]), "target_id")
    reordered = deliver(desk, "criteria_results_4.csv", csv_text(CRITERIA[::-1], row[::-1]))
    assert desk.values(reordered, "target_id") == ["1.1"]


def test_days_that_cannot_be_and_days_far_away(desk) -> None:
    rows = [criteria_row(n) for n in range(1, 31)]
    rows[0] = criteria_row(1, reported_on="01/01/1900")
    rows[1] = criteria_row(2, reported_on="31/12/2099")
    rows[2] = criteria_row(3, reported_on="06/13/2024")  # day and month swapped
    rows[3] = criteria_row(4, reported_on="01/01/0024")
    entry = deliver(desk, "criteria_results.csv", criteria_csv(*rows))
    assert (entry.rows_loaded, entry.rows_quarantined) == (28, 2)
    assert [row["value"] for row in desk.rejected()] == ["06/13/2024", "01/01/0024"]


def test_numbers_with_both_separators(desk) -> None:
    rows = [criteria_row(n) for n in range(1, 31)]
    rows[0] = criteria_row(1, numerator="1.234.567,89")
    rows[1] = criteria_row(2, numerator="1,234,567.89")
    entry = deliver(desk, "criteria_results.csv", criteria_csv(*rows))
    assert (entry.rows_loaded, float(desk.values(entry, "numerator")[0])) == (29, 1234567.89)
    assert [row["value"] for row in desk.rejected()] == ["1,234,567.89"]


def test_numbers_that_cannot_be(desk) -> None:
    rows = [criteria_row(n) for n in range(1, 31)]
    rows[0] = criteria_row(1, numerator="1000000000000000")
    rows[1] = criteria_row(2, numerator="99999999999999999")
    rows[2] = criteria_row(3, denominator="9" * 40)
    entry = deliver(desk, "criteria_results.csv", criteria_csv(*rows))
    assert (entry.rows_loaded, entry.rows_quarantined) == (28, 2)
    assert [row["value"] for row in desk.rejected()] == ["99999999999999999", "9" * 40]
    assert {row["reason"].split(" | ")[1] for row in desk.rejected()} == {
        "is beyond a million billion (10^15)"
    }


def test_cells_that_look_like_formulas_are_text(desk) -> None:
    text = '=HYPERLINK("http://x","y")'
    entry = deliver(desk, "criteria_results.csv", criteria_csv(criteria_row(1, note=text)))
    assert desk.values(entry, "note") == [text]


# Names and places


@pytest.mark.parametrize(
    "name",
    [
        "criteria_results'; drop table delivery; --.csv",
        'criteria_results".csv',
        "criteria_results[1].csv",
        "criteria_results*.csv",
        "criteria_results?.csv",
        "criteria_results..%2f..%2fetc.csv",
        "criteria_results\\..\\..\\x.csv",
        "criteria_results 😀.csv",
        "criteria_results" + "x" * 235 + ".csv",
        "criteria_results {0} %s.csv",
    ],
)
def test_hostile_names_are_only_names(desk, name) -> None:
    entry = deliver(desk, name, good_csv(5))
    assert (entry.outcome, entry.rows_loaded) == ("loaded", 5)
    assert desk.values(entry, "_file_name") == [name] * 5
    names = {path.name for path in desk.settings.landing.rglob("*.parquet")}
    assert all(len(path) == len("0" * 20 + ".parquet") for path in names)


def test_a_name_with_a_star_reads_its_own_file_only(desk) -> None:
    desk.put("criteria_results_1.csv", good_csv(5))
    assert deliver(desk, "criteria_results*.csv", good_csv(2)).rows_loaded == 2


@pytest.mark.parametrize("sheet", ["'; drop table x; --", 'a"b', "=1+1", "😀" * 15, "{x} %s <b>"])
def test_hostile_sheet_names(desk, sheet) -> None:
    entry = deliver(desk, "criteria_results.xlsx", xlsx_bytes(HEAD, *lines(2), sheet=sheet))
    assert {row["_sheet"] for row in desk.good(entry)} == {sheet}


def test_an_unreadable_file(desk, monkeypatch: pytest.MonkeyPatch) -> None:
    path = desk.put("criteria_results_secret.csv", good_csv())
    path.chmod(0)
    if os.access(path, os.R_OK):  # the superuser reads it all the same
        usual = os.open

        def closed(name, *args, **options):
            if os.fspath(name) == path.name:
                raise PermissionError(13, "Permission denied", str(path))
            return usual(name, *args, **options)

        monkeypatch.setattr(os, "open", closed)
    desk.put("criteria_results.csv", good_csv())
    entries = {entry.file_name: entry for entry in desk.land()}
    assert entries["criteria_results.csv"].outcome == "loaded"
    assert "cannot be opened" in entries["criteria_results_secret.csv"].reason
    assert desk.land() == []
    monkeypatch.undo()
    path.chmod(0o600)
    assert [entry.outcome for entry in desk.land()] == ["loaded"]  # readable now: taken


def test_a_file_that_vanishes_between_listing_and_reading(desk, monkeypatch: pytest.MonkeyPatch) -> None:
    path = desk.put("criteria_results.csv", good_csv())
    usual = landing.find_arrivals

    def then_gone(inbox):
        found = usual(inbox)
        path.unlink()
        return found

    monkeypatch.setattr(landing, "find_arrivals", then_gone)
    (entry,) = desk.land()
    assert (entry.outcome, "vanished" in entry.reason) == ("refused", True)
    monkeypatch.undo()
    desk.put("criteria_results.csv", good_csv())
    assert [entry.rows_loaded for entry in desk.land()] == [20]


def test_a_file_that_is_still_being_copied(desk, monkeypatch: pytest.MonkeyPatch) -> None:
    path = desk.put("criteria_results.csv", good_csv(10))
    usual = landing.read_parts

    def while_copying(*arguments, **options):
        with path.open("a") as file:
            file.write("1.11,H62.1,01/10/2024,1,2,Có,\n")
        return usual(*arguments, **options)

    monkeypatch.setattr(landing, "read_parts", while_copying)
    (entry,) = desk.land()
    assert (entry.outcome, "next run" in entry.reason) == ("refused", True)
    monkeypatch.undo()
    assert [entry.rows_loaded for entry in desk.land()] == [11]
    assert desk.land() == []


def _link(path: Path, secret: Path) -> None:
    path.unlink()
    path.symlink_to(secret)


def _pipe(path: Path, _secret: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _linked_folder(path: Path, secret: Path) -> None:
    path.parent.rename(path.parent.with_name("2024-10-01"))
    path.parent.symlink_to(secret.parent)


@pytest.mark.parametrize("moment", ["find_arrivals", "land_file", "read_parts"])
@pytest.mark.parametrize("swap", [_link, _pipe, _linked_folder])
def test_what_is_put_in_the_place_of_a_file_is_not_read(
    desk, monkeypatch, tmp_path, swap, moment: str
) -> None:
    """After the inbox was looked at, after the file was hashed, and after it was opened."""
    path = desk.put("criteria_results.csv", good_csv())
    secret = tmp_path / "elsewhere" / path.name
    secret.parent.mkdir()
    secret.write_text(criteria_csv(criteria_row(1, note="BÍ MẬT")))
    read = []
    usual_read = landing.read_parts

    def looked_at(connection, *arguments, **options):
        parts = usual_read(connection, *arguments, **options)
        read.append(str(connection.sql(f"from {parts[0].relation}").fetchall()))
        return parts

    monkeypatch.setattr(landing, "read_parts", looked_at)
    usual = getattr(landing, moment)

    def then_swapped(*arguments, **options):
        found = usual(*arguments, **options)
        swap(path, secret)
        return found

    def first_swapped(*arguments, **options):
        swap(path, secret)
        return usual(*arguments, **options)

    monkeypatch.setattr(landing, moment, then_swapped if moment == "find_arrivals" else first_swapped)
    started = time.monotonic()
    (entry,) = desk.land()
    assert time.monotonic() - started < SLOWEST
    assert (entry.outcome, entry.rows_in_file) == ("refused", 0)
    assert len(read) == (moment == "read_parts")  # the file that was opened before
    assert "BÍ MẬT" not in str(read)


@pytest.mark.parametrize(
    "start", [b"", b"PK\x03\x04", good_csv().encode().ljust(8192)], ids=["NUL", "zip", "CSV"]
)
@pytest.mark.parametrize("name", ["criteria_results.csv", "criteria_results.bin"])
def test_a_file_of_nothing_but_holes_is_not_read_to_its_end(desk, name: str, start: bytes) -> None:
    path = desk.put(name, start)
    os.truncate(path, 200 << 30)
    started = time.monotonic()
    (entry,) = desk.land()
    assert time.monotonic() - started < SLOWEST
    assert entry.outcome == "refused"
    assert desk.land() == []
    path.write_text(good_csv())
    assert [entry.rows_loaded for entry in desk.land()] == [20 if name.endswith("csv") else 0]


def test_a_pipe_in_the_inbox_does_not_hang(desk) -> None:
    folder = desk.put("criteria_results.csv", good_csv()).parent
    os.mkfifo(folder / "criteria_results_pipe.csv")
    started = time.monotonic()
    assert [entry.outcome for entry in desk.land()] == ["loaded", "refused"]
    assert time.monotonic() - started < SLOWEST


def test_whatever_a_parser_dies_of_the_night_goes_on(desk, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = landing.read_parts

    def broken(connection, path, *arguments, **options):
        if "broken" in path.name:
            raise RuntimeError("Nguyễn Văn A, 001099012345")
        return usual(connection, path, *arguments, **options)

    monkeypatch.setattr(landing, "read_parts", broken)
    entry = refused(desk, "criteria_results_broken.csv", good_csv(), "RuntimeError")
    assert "Nguyễn" not in entry.reason


def test_a_file_that_needs_more_memory_is_tried_again(desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def greedy(*_args, **_options):
        raise duckdb.OutOfMemoryException("could not allocate block")

    monkeypatch.setattr(landing, "read_parts", greedy)
    refused_once = desk.one("criteria_results.csv", good_csv())
    assert (refused_once.outcome, "PARINDEX_MEMORY_LIMIT" in refused_once.reason) == ("refused", True)
    monkeypatch.undo()
    assert [entry.rows_loaded for entry in desk.land()] == [
        20
    ]  # the same content, unlike a file refused for its own sake
    assert [entry.outcome for entry in desk.ledger.deliveries() if not entry.replaced_by] == ["loaded"]


MACHINES = {
    "disk": OSError(errno.EIO, "Input/output error"),
    "handles": OSError(errno.EMFILE, "Too many open files"),
    "handles, as DuckDB tells it": duckdb.IOException('IO Error: Cannot open file "x": Too many open files'),
    "handles, as a workbook's reader tells it": ValueError("I/O error: Too many open files (os error 24)"),
    "threads": RuntimeError("can't start new thread"),
    "memory": MemoryError(),
    "DuckDB gave up": duckdb.FatalException("database has been invalidated"),
}


@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "wrapped"])
@pytest.mark.parametrize("error", MACHINES.values(), ids=MACHINES)
def test_what_the_machine_does_to_a_file_is_tried_again(
    desk, monkeypatch: pytest.MonkeyPatch, error: Exception, wrapped: bool
) -> None:
    """Whether its reader lets the error through, or takes it for a damaged file."""

    def failing(*_args, **_options):
        if wrapped:
            raise RefusedFile("damaged") from error
        raise error

    monkeypatch.setattr(landing, "read_parts", failing)
    entry = desk.one("criteria_results.csv", good_csv())
    assert (entry.outcome, "damaged" in entry.reason) == ("refused", False)
    assert desk.land() == []  # nothing new to tell of
    monkeypatch.undo()
    assert [entry.rows_loaded for entry in desk.land()] == [20]
    assert [entry.outcome for entry in desk.ledger.deliveries()] == ["loaded"]


def _dies_of(error: Exception):
    def broken(*_args, **_options):
        raise error

    return broken


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS], ids=os.strerror)
def test_what_cannot_be_written_is_no_fault_of_the_file(desk, monkeypatch, code: int) -> None:
    """DuckDB takes its half of a file back, so that there may be room again when the error is looked at."""
    desk.put("criteria_results.csv", good_csv())
    with monkeypatch.context() as patch:
        error = duckdb.IOException(f'IO Error: Could not write file "typed.parquet": {os.strerror(code)}')
        patch.setattr(landing, "_store", _dies_of(error))
        with pytest.raises((OSError, SettingsError)):
            desk.land()
    assert desk.ledger.deliveries() == []
    assert [entry.rows_loaded for entry in desk.land()] == [20]


@pytest.mark.parametrize("error", [MACHINES["disk"], ValueError("a reader that is stricter")], ids=str)
def test_reading_again_never_gives_up_what_was_read(desk, monkeypatch, error: Exception) -> None:
    taken = desk.one("criteria_results.csv", good_csv())
    with monkeypatch.context() as patch:
        patch.setattr(landing, "read_parts", _dies_of(error))
        (refusal,) = landing.land_inbox(desk.settings, desk.ledger, lambda: NOW, again=True)
    assert refusal.outcome == "refused" and refusal.delivery_id != taken.delivery_id
    assert [entry for entry in desk.ledger.deliveries() if entry.accepted] == [taken]
    assert len(desk.good(taken)) == 20
    assert desk.land() == []  # the file is there as it was taken: the refusal is over
    assert desk.ledger.deliveries() == [taken]


def test_numbers_of_persons_in_names_are_hidden(desk) -> None:
    name = "criteria_results_026177000001_0912345678_20241130081500.csv"
    desk.put(name, good_csv(2))
    (entry,) = desk.land()
    shown = r"criteria_results_############_##########_20241130081500~[0-9a-f]{6}\.csv"
    assert re.fullmatch(shown, entry.file_name)
    (desk.settings.inbox / "register" / DAY / name).unlink()
    again = desk.one("criteria_results_026177000009_0912345679_20241130081500.csv", good_csv(3))
    assert re.fullmatch(shown, again.file_name) and again.rows_loaded == 3  # two files all the same
    assert sum(entry.rows_loaded for entry in desk.ledger.deliveries() if entry.accepted) == 5
    better = desk.one(name, good_csv(4))  # and the first one corrected
    assert better.file_name == entry.file_name
    assert sum(entry.rows_loaded for entry in desk.ledger.deliveries() if entry.accepted) == 7
    assert desk.land() == []
    sheet = deliver(desk, "criteria_results.xlsx", xlsx_bytes(HEAD, *lines(2), sheet="SĐT 0912345678"))
    assert {row["_sheet"] for row in desk.good(sheet)} == {"SĐT ##########"}


def test_numbers_of_persons_written_in_groups_are_hidden(desk) -> None:
    desk.put("criteria_results_e 0977.123.456.csv", good_csv(2))
    desk.put("criteria_results_+84912345678.csv", good_csv(3))
    first, second = sorted(desk.land(), key=lambda entry: entry.rows_loaded)
    assert re.fullmatch(r"criteria_results_e ############~[0-9a-f]{6}\.csv", first.file_name)
    assert re.fullmatch(r"criteria_results_############~[0-9a-f]{6}\.csv", second.file_name)
    heads = [*HEAD, "Người nộp Zoltan 0977.123.456"]
    data = xlsx_bytes(heads, *lines(2), sheet="SĐT 0977 123 456")
    sheet = deliver(desk, "criteria_results.xlsx", data)
    assert {row["_sheet"] for row in desk.good(sheet)} == {"SĐT ############"}
    assert "Người nộp Zoltan ############" in sheet.warnings[0]


def test_a_parquet_file_that_no_ledger_row_knows_counts_nowhere(desk) -> None:
    """A kill between the two, and the file was withdrawn before the next run."""
    entry = desk.one("criteria_results.csv", good_csv(3))
    stray = landing.landed_file(desk.settings, entry).parquet.with_name("0" * 20 + ".parquet")
    stray.write_bytes(landing.landed_file(desk.settings, entry).parquet.read_bytes())
    build = prepare_build(desk.settings, desk.ledger, date(2024, 11, 30))
    with duckdb.connect(str(build), read_only=True) as connection:
        assert connection.execute("select count(*) from landing.register__criteria_results").fetchall() == [
            (3,)
        ]
