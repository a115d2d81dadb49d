"""Finding the header among title rows."""

from __future__ import annotations

import pytest
from landing_kit import CRITERIA_VI, table_of

from sources.header import RefusedFile, find_header, missing_columns, refuse_missing

TABLE = table_of("register", "criteria_results")
VI = CRITERIA_VI


def names(header) -> dict[int, str]:
    return {at: column.name for at, column in header.columns.items()}


def test_names_or_vietnamese_headings_in_any_order() -> None:
    header = find_header([["Ghi chú", "Mã đơn vị báo cáo", "Mã chỉ tiêu"]], TABLE)
    assert names(header) == {0: "note", 1: "agency_code", 2: "target_id"}
    header = find_header([["reported_on", "TARGET_ID"]], TABLE)
    assert names(header) == {0: "reported_on", 1: "target_id"}


@pytest.mark.parametrize("titles", range(9))
def test_title_rows_are_passed_over(titles: int) -> None:
    rows = [
        ["UBND TỈNH", None, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"],
        [None],
        ["BÁO CÁO"],
        ["(Từ ngày ...)"],
    ] * 3
    header = find_header([*rows[:titles], ["STT", *VI], ["1", "1.1"]], TABLE)
    assert (header.first, header.last, header.row_label) == (titles, titles, 0)
    assert names(header)[1] == "target_id"


def test_a_title_row_with_a_contract_word_is_no_second_header() -> None:
    header = find_header([["Ghi chú", "bản thử"], ["STT", *VI]], TABLE)
    assert (header.first, header.last) == (1, 1)


def test_two_rows_names_under_a_group_title_beside_cells_merged_down() -> None:
    top = ["STT", "Mã chỉ tiêu", "Mã đơn vị báo cáo", "Ngày báo cáo", "Kết quả", None, "Đạt"]
    low = [None, None, None, None, "Tử số", "Mẫu số", None]
    header = find_header([["BÁO CÁO"], top, low, ["1", "1.1", "H62"]], TABLE)
    assert (header.first, header.last) == (1, 2)
    assert names(header) == {
        1: "target_id",
        2: "agency_code",
        3: "reported_on",
        4: "numerator",
        5: "denominator",
        6: "achieved",
    }


def test_a_group_title_that_is_itself_a_column_name_gives_way_to_the_name_below() -> None:
    top = ["Mã chỉ tiêu", "Mã đơn vị báo cáo", "Ngày báo cáo", "Đạt", None]
    low = [None, None, None, "Tử số", "Mẫu số"]
    assert names(find_header([top, low], TABLE))[3] == "numerator"


def test_all_names_under_group_titles() -> None:
    header = find_header(
        [["Chỉ tiêu", None, "Kết quả", None], ["Mã chỉ tiêu", "Ngày báo cáo", "Tử số", "Đạt"]], TABLE
    )
    assert (header.first, header.last) == (1, 1)


def test_unknown_headings_are_told_and_row_labels_are_not() -> None:
    header = find_header([["STT", "Mã chỉ tiêu", "Ngày báo cáo", "Số CCCD", None, " "]], TABLE)
    assert header.ignored == ("Số CCCD",)


def test_doubled_column_is_refused() -> None:
    with pytest.raises(RefusedFile, match="reported_on"):
        find_header([["Mã chỉ tiêu", "Ngày báo cáo", "NGÀY BÁO CÁO"]], TABLE)


def test_an_alias_counts_only_where_the_proper_name_is_absent() -> None:
    dossiers = table_of("tthc", "dossiers")
    header = find_header(
        [["Mã hồ sơ", "Ngày tiếp nhận", "Ngày nhận", "Số điện thoại", "Điện thoại"]], dossiers
    )
    assert names(header) == {0: "dossier_code", 1: "received_at", 3: "phone"}
    assert header.ignored == ("Ngày nhận", "Điện thoại")
    assert names(find_header([["Mã hồ sơ", "Ngày nhận"]], dossiers)) == {0: "dossier_code", 1: "received_at"}


def test_no_header() -> None:
    assert find_header([], TABLE) is None
    assert find_header([["Đăng nhập"], ["Mật khẩu"]], TABLE) is None


def test_one_heading_that_fits_makes_no_header() -> None:
    """Words such as this one stand in any report; a row of it would be taken for the headings of a table."""
    assert find_header([["Ghi chú", "Người lập"], ["1", "2"]], TABLE) is None
    assert names(find_header([["Ghi chú", "Đạt"], ["1", "2"]], TABLE)) == {0: "note", 1: "achieved"}


def test_missing_required_columns_are_named() -> None:
    missing = missing_columns(TABLE, {"target_id", "numerator"})
    assert [column.name for column in missing] == ["agency_code", "reported_on"]
    with pytest.raises(RefusedFile, match="Ngày báo cáo"):
        refuse_missing(TABLE, missing)
    # received_at may be blank in some rows, its column may not be missing
    dossiers = table_of("tthc", "dossiers")
    assert "received_at" in {c.name for c in missing_columns(dossiers, set())}
    assert "applicant_name" not in {c.name for c in missing_columns(dossiers, set())}
