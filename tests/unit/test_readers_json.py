"""JSON arrays, {"data": [...]}, JSON Lines, and the National Public Service Portal's keys."""

from __future__ import annotations

import json

import pytest
from landing_kit import CRITERIA, criteria_row, desk, json_bytes

__all__ = ["desk"]


def objects(*numbers: int, **changes) -> list[dict]:
    return [dict(zip(CRITERIA, criteria_row(n, **changes), strict=True)) for n in numbers]


def places(desk, entry) -> list[tuple[str, int]]:
    return [(row["target_id"], row["_row_number"]) for row in desk.good(entry)]


@pytest.mark.parametrize("suffix", ["json", "jsonl"])
@pytest.mark.parametrize("form", ["array", "indented", "data", "data behind others", "lines", "bom"])
def test_forms(desk, suffix: str, form: str) -> None:
    rows = objects(1, 2)
    text = {
        "array": json.dumps(rows),
        "indented": json.dumps(rows, indent=2, ensure_ascii=False),
        "data": json.dumps({"data": rows}),
        "data behind others": json.dumps({"total": 2, "page": {"data": 1}, "data": rows}),
        "lines": "\n".join(json.dumps(row) for row in rows),
        "bom": "\ufeff" + json.dumps(rows),
    }[form]
    entry = desk.one(f"criteria_results.{suffix}", text)
    assert (entry.outcome, places(desk, entry)) == ("loaded", [("1.1", 1), ("1.2", 2)])


def test_an_indented_document_with_data(desk) -> None:
    entry = desk.one("criteria_results.json", json.dumps({"meta": {}, "data": objects(1)}, indent=1))
    assert places(desk, entry) == [("1.1", 1)]


def test_line_numbers_of_json_lines_count_blank_and_broken_lines(desk) -> None:
    lines = [json.dumps(row) for row in objects(*range(1, 21))]
    lines[3] = '{"target_id": '
    lines.insert(1, "")
    entry = desk.one("criteria_results.jsonl", "\r\n".join(lines))
    assert (entry.rows_in_file, entry.rows_loaded) == (20, 19)
    assert [at for _, at in places(desk, entry)][:3] == [1, 3, 4]
    assert [(r["row_number"], r["column_name"]) for r in desk.rejected()] == [(5, None)]


def test_broken_letters_cost_their_line_only(desk) -> None:
    lines = [
        json.dumps(row | {"note": "Việt"}, ensure_ascii=False).encode() for row in objects(*range(1, 21))
    ]
    lines[3] = lines[3].replace("Việt".encode(), b"Vi\xeat")
    entry = desk.one("criteria_results.jsonl", b"\n".join(lines))
    assert (entry.rows_in_file, entry.rows_loaded) == (20, 19)
    (rejected,) = desk.rejected()
    assert rejected["row_number"] == 4 and "UTF-8" in rejected["reason"]


def test_lines_of_another_encoding_are_refused(desk) -> None:
    lines = [
        json.dumps(row | {"note": "Vi?t"}).encode().replace(b"?", b"\xea") for row in objects(*range(1, 21))
    ]
    entry = desk.one("criteria_results.jsonl", b"\n".join(lines))
    assert entry.outcome == "refused" and "Unicode" in entry.reason


def test_positions_count_what_is_no_object(desk) -> None:
    entry = desk.one("criteria_results.json", json_bytes([*objects(*range(1, 20)), None, *objects(20)]))
    assert places(desk, entry)[-1] == ("1.20", 21)
    assert [r["row_number"] for r in desk.rejected()] == [20]


def test_values(desk) -> None:
    rows = objects(1, 2, 3, 4)
    rows[0] |= {"numerator": 1.234, "denominator": "1.234", "achieved": True, "note": 15.0}
    rows[1] |= {
        "numerator": 1234567.5,
        "denominator": 10**12,
        "achieved": 0,
        "reported_on": 45463,
        "note": 1.5,
    }
    rows[2] |= {"numerator": None, "achieved": "x", "reported_on": "2024-06-19T18:00:00Z", "note": " a\u00a0"}
    del rows[3]["numerator"], rows[3]["achieved"]
    entry = desk.one("criteria_results.json", json_bytes(rows))
    assert [str(v) for v in desk.values(entry, "numerator")] == ["1.234000", "1234567.500000", "None", "None"]
    assert [int(v) for v in desk.values(entry, "denominator")] == [1234, 10**12, 2, 2]
    assert [str(v) for v in desk.values(entry, "reported_on")] == [
        "2024-10-01",
        "2024-06-20",
        "2024-06-20",
        "2024-10-01",
    ]
    assert desk.values(entry, "note") == ["15", "1.5", "a", None]
    assert desk.values(entry, "achieved") == [True, False, True, False]


def test_unknown_keys_are_told_and_not_kept(desk) -> None:
    rows = [row | {"SoCCCD": "001099012345"} for row in objects(1)]
    entry = desk.one("criteria_results.json", json_bytes(rows))
    assert "SoCCCD" in entry.warnings[0]
    assert "001099012345" not in str(desk.all_rows(entry))


def test_hundreds_of_unknown_keys_make_one_short_warning(desk) -> None:
    rows = [row | {f"k{n}": 1 for n in range(2000)} for row in objects(1)]
    (warning,) = desk.one("criteria_results.json", json_bytes(rows)).warnings
    assert len(warning) < 4000


def test_two_spellings_of_a_key_in_different_objects(desk) -> None:
    rows = objects(1, 2)
    rows[1]["Target_ID"] = rows[1].pop("target_id")
    assert desk.values(desk.one("criteria_results.json", json_bytes(rows)), "target_id") == ["1.1", "1.2"]
    rows[0]["TARGET_ID"] = "1.9"
    assert desk.one("criteria_results_2.json", json_bytes(rows)).outcome == "refused"


def test_required_key_missing(desk) -> None:
    entry = desk.one("criteria_results.json", json_bytes([{"target_id": "1", "numerator": 1}]))
    assert (entry.outcome, "reported_on" in entry.reason) == ("refused", True)


@pytest.mark.parametrize("text", ["[]", '{"data": []}'])
def test_no_objects_is_no_fault(desk, text: str) -> None:
    entry = desk.one("criteria_results.json", text)
    assert (entry.outcome, entry.rows_in_file) == ("loaded", 0)
    assert "no rows" in entry.warnings[0]


@pytest.mark.parametrize(
    "text",
    [
        '{"data": 5}',
        '{"a": 1}',
        "5",
        '"x"',
        "null",
        "[1, 2]",
        "[",
        '[{"a": 1}',
        '[{"a": 1}] x',
        "{",
        "[" * 50_000,
    ],
)
def test_broken_json_is_refused(desk, text: str) -> None:
    entry = desk.one("criteria_results.json", text)
    assert (entry.outcome, entry.rows_in_file) == ("refused", 0)


def test_an_escaped_nul_rejects_its_row(desk) -> None:
    rows = objects(*range(1, 21))
    rows[4]["note"] = "a\x00b"
    entry = desk.one("criteria_results.json", json_bytes(rows))
    assert (entry.rows_in_file, entry.rows_loaded) == (20, 19)
    assert "NUL" in desk.rejected()[0]["reason"]


def dossier(number: int = 1, **changes) -> dict:
    row = {
        "MaHoSo": f"HS-{number}",
        "MaTTHC": "1.000",
        "DonViXuLy": "H62.1",
        "KenhThucHien": "2",
        "TrangThaiHoSo": "4",
    }
    return row | {"NgayTiepNhan": "20241001080000", "NgayHenTra": "20241010170000"} | changes


def test_portal_keys(desk) -> None:
    papers = [
        {
            "TenTepDinhKem": "a.pdf",
            "IsDeleted": "0",
            "DuocSoHoa": "1",
            "DuocTaiSuDung": "2",
            "DuocLayTuKhoDMQG": "1",
        },
        {"IsDeleted": 0, "DuocSoHoa": 1, "DuocTaiSuDung": 0, "DuocLayTuKhoDMQG": "0"},
        {"IsDeleted": "1", "DuocSoHoa": "1", "DuocTaiSuDung": "1", "DuocLayTuKhoDMQG": "1"},
        {"IsDeleted": 0, "DuocTaiSuDung": 1},
    ]
    fees = [{"TenPhiLePhi": "a", "Gia": "50.000"}, {"Gia": 12000.5}, {"Gia": None}, {}]
    row = dossier(TaiLieuNop=papers, DanhSachLePhi=fees, DanhSachGiayToKetQua=[{"GiayToId": 1}])
    row |= {"DuocThanhToanTrucTuyen": 2, "LoaiDoiTuong": "1", "GhiChu": "x", "synced_national": "1"}
    bare = dossier(2, TaiLieuNop=[], DanhSachLePhi=[], DanhSachGiayToKetQua=[], DuocThanhToanTrucTuyen="3")
    missing = dossier(3)
    entry = desk.one("dossiers.json", json_bytes({"data": [row, bare, missing]}), source="tthc")
    assert entry.rows_loaded == 3
    assert "GhiChu" in entry.warnings[0]
    full, empty, none = desk.good(entry)
    figures = ["components_total", "components_digitised", "components_reused", "components_from_national"]
    figures += ["fee_amount", "paid_online", "result_attached", "synced_national"]
    assert [full[name] for name in figures] == [3, 2, 2, 1, pytest.approx(62000.5), True, True, True]
    assert [empty[name] for name in figures] == [0, 0, 0, 0, 0, False, False, None]
    assert [none[name] for name in figures] == [None] * 8
    assert str(full["received_at"]) == "2024-10-01 08:00:00"
    assert (full["status"], full["channel"], full["dossier_code"]) == ("4", "2", "HS-1")


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"DanhSachLePhi": [{"Gia": "5 nghìn"}]}, "fee_amount"),
        ({"DanhSachLePhi": "5000"}, "fee_amount"),
        ({"TaiLieuNop": {"IsDeleted": 0}}, "components_total"),
        ({"DanhSachGiayToKetQua": "có"}, "result_attached"),
        ({"DuocThanhToanTrucTuyen": "có lẽ"}, "paid_online"),
    ],
)
def test_a_portal_list_or_flag_that_cannot_be_read_rejects_the_row(desk, change: dict, column: str) -> None:
    rows = [dossier(n) for n in range(20)]
    rows[6] |= change
    entry = desk.one("dossiers.json", json_bytes(rows), source="tthc")
    assert (entry.rows_in_file, entry.rows_loaded) == (20, 19)
    assert [(r["row_number"], r["column_name"]) for r in desk.rejected()] == [(7, column)]


HIDDEN = {"ten": "Zoltan Quangvinh", "sdt": "0977123456"}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *((column, HIDDEN) for column in ("agency_code", "reported_on", "numerator", "achieved")),
        *(("note", value) for value in (HIDDEN, [HIDDEN], ["Zoltan", 977123456], {}, [])),
    ],
)
def test_an_object_or_a_list_in_a_cell_rejects_its_row(desk, column: str, value) -> None:
    rows = objects(*range(1, 21))
    rows[4][column] = value
    entry = desk.one("criteria_results.json", json_bytes(rows))
    assert (entry.rows_in_file, entry.rows_loaded) == (20, 19)
    (row,) = desk.rejected()
    assert (row["row_number"], row["value"]) == (5, None)
    assert f"({column}) là đối tượng/danh sách, không phải là một giá trị | is an object" in row["reason"]
    told = str([desk.all_rows(entry), row])
    assert not any(content in told for content in ("ten", "Zoltan", "977123456"))


@pytest.mark.parametrize("value", [True, False])
def test_true_and_false_are_no_text(desk, value: bool) -> None:
    rows = objects(*range(1, 21))
    rows[4]["note"] = value
    entry = desk.one("criteria_results.json", json_bytes(rows))
    assert (entry.rows_in_file, entry.rows_loaded) == (20, 19)
    assert "(note) là true/false" in desk.rejected()[0]["reason"]


@pytest.mark.parametrize(
    "change",
    [
        {"DonViXuLy": HIDDEN},
        {"MaHoSo": [HIDDEN]},
        {"MaHoSo": True},
        {"KenhThucHien": [2]},
        {"NgayTiepNhan": ["20241001080000"]},
        {"DuocThanhToanTrucTuyen": {"a": 2}},
        {"paid_online": HIDDEN},
        {"DanhSachLePhi": [{"Gia": HIDDEN}]},
        {"DanhSachLePhi": [{"Gia": [977123456]}]},
        {"DanhSachLePhi": HIDDEN},
        {"TaiLieuNop": HIDDEN},
    ],
)
def test_what_an_object_of_the_portal_holds_is_kept_nowhere(desk, change: dict) -> None:
    rows = [dossier(n, TaiLieuNop=[{"TenTepDinhKem": HIDDEN}]) for n in range(20)]
    rows[6] |= change
    entry = desk.one("dossiers.json", json_bytes(rows), source="tthc")
    assert (entry.rows_in_file, entry.rows_loaded) == (20, 19)
    (row,) = desk.rejected()
    assert row["row_number"] == 7
    told = str([desk.all_rows(entry), row])
    assert not any(content in told for content in ("sdt", "Zoltan", "977123456", "999999999"))


@pytest.mark.parametrize("key", ["target_id", "note", "\\u006eote", "Ghi chú"])
@pytest.mark.parametrize("suffix", ["json", "jsonl"])
def test_a_key_twice_in_one_object_rejects_its_row(desk, key: str, suffix: str) -> None:
    lines = [json.dumps(row) for row in objects(*range(1, 21))]
    name = json.loads(f'"{key}"')
    if name == "Ghi chú":
        lines = [line.replace('"note"', '"Ghi chú"') for line in lines]
    lines[4] = lines[4].removesuffix("}") + f', "{key}": "1.5"}}'
    lines[6] = lines[6].removesuffix("}") + ', "other": 1, "other": 2}'
    text = "\n".join(lines) if suffix == "jsonl" else f"[{','.join(lines)}]"
    entry = desk.one(f"criteria_results.{suffix}", text)
    assert (entry.rows_in_file, entry.rows_loaded) == (20, 19)
    (row,) = desk.rejected()
    assert (row["row_number"], row["value"]) == (5, None)
    assert f"the key “{name}” occurs twice in one object" in row["reason"]


@pytest.mark.parametrize(
    ("name", "items", "key"),
    [
        ("DanhSachLePhi", '[{"Gia": 1}, {"Gia": 2, "Gia": 3}]', "Gia"),
        ("TaiLieuNop", '[{"IsDeleted": 0, "DuocSoHoa": 0, "DuocSoHoa": 1}]', "DuocSoHoa"),
    ],
)
def test_a_key_twice_in_an_item_of_the_portal_rejects_its_row(desk, name: str, items: str, key: str) -> None:
    lines = [json.dumps(dossier(n)) for n in range(20)]
    lines[4] = lines[4].removesuffix("}") + f', "{name}": {items}}}'
    # The same words in what a name holds, and further inside, are no key of the item.
    inside = {"TenTepDinhKem": '"Gia":"Gia":', "x": {"Gia": 1, "IsDeleted": 1, "DuocSoHoa": 1}}
    inside |= {"Gia": 1, "IsDeleted": 0, "DuocSoHoa": 1}
    lines[6] = json.dumps(dossier(6, **{name: [inside]}))
    entry = desk.one("dossiers.jsonl", "\n".join(lines), source="tthc")
    assert (entry.rows_in_file, entry.rows_loaded) == (20, 19)
    (row,) = desk.rejected()
    assert row["row_number"] == 5
    assert f"the key “{key}” occurs twice" in row["reason"]


def test_a_list_of_the_portal_twice_rejects_its_row(desk) -> None:
    lines = [json.dumps(dossier(n, DanhSachLePhi=[])) for n in range(20)]
    lines[4] = lines[4].removesuffix("}") + ', "DanhSachLePhi": [{"Gia": 1}]}'
    entry = desk.one("dossiers.jsonl", "\n".join(lines), source="tthc")
    assert (entry.rows_loaded, desk.rejected()[0]["row_number"]) == (19, 5)


@pytest.mark.parametrize(
    "form",
    [
        '{"data": %s, "data": %s}',
        '{"data":\n%s,\n"x": 1, "data": %s}',
        '{"Data": %s, "data": %s}',
        '{"data":\n%s,\n" DATA": %s}',
    ],
)
def test_two_lists_of_rows_are_refused(desk, form: str) -> None:
    lists = tuple(json.dumps(objects(n)) for n in (1, 2))
    entry = desk.one("criteria_results.json", form % lists)
    assert (entry.outcome, "“data” twice" in entry.reason) == ("refused", True)


@pytest.mark.parametrize("tail", ["", ",", ",\n", ",\n" + " " * 100])
def test_a_list_that_breaks_off_between_two_objects_is_refused(desk, tail: str) -> None:
    """An exporter that dies, or a copy that breaks off, ends there; the earlier file stays in force."""
    rows = [dict(zip(CRITERIA, criteria_row(n), strict=True)) for n in range(1, 6)]
    whole = json.dumps(rows, indent=1)
    assert desk.one("criteria_results.json", whole).rows_loaded == 5
    entry = desk.one("criteria_results.json", whole[: whole.rindex("{") + 1].rstrip("{ \n,") + tail)
    assert entry.outcome == "refused" and entry.rows_in_file == 0
    assert desk.one("criteria_results.json", whole + "\n \n").rows_loaded == 5
