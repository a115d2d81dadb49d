"""HTML tables in files named .xls."""

from __future__ import annotations

import pytest
from landing_kit import CRITERIA_VI, criteria_row, desk, html_row, html_table

__all__ = ["desk"]

HEAD = html_row("STT", *CRITERIA_VI, tag="th")


def line(number: int, **changes) -> str:
    return html_row(number, *criteria_row(number, **changes))


def places(desk, entry) -> list[tuple[str, int]]:
    return [(row["target_id"], row["_row_number"]) for row in desk.good(entry)]


@pytest.mark.parametrize("bom", ["", "\ufeff", "\n  "])
def test_rows_of_the_table_are_numbered(desk, bom: str) -> None:
    title = '<td colspan="8">DANH SÁCH</td>'
    entry = desk.one(
        "criteria_results 1_11_2024 8_05.xls", bom + html_table(title, "<td></td>", HEAD, line(1), line(2))
    )
    assert (entry.outcome, places(desk, entry)) == ("loaded", [("1.1", 4), ("1.2", 5)])


def test_header_over_two_rows(desk) -> None:
    top = "".join(f'<th rowspan="2">{h}</th>' for h in ["STT", *CRITERIA_VI[:3]])
    top += '<th colspan="2">Kết quả</th>' + "".join(f"<th rowspan=2>{h}</th>" for h in CRITERIA_VI[5:])
    entry = desk.one("criteria_results.xls", html_table(top, "<th>Tử số</th><th>Mẫu số</th>", line(1)))
    assert places(desk, entry) == [("1.1", 3)]
    assert desk.values(entry, "denominator") == [2]


def test_group_rows(desk) -> None:
    spanning, labelled = '<td colspan="8">UBND huyện</td>', '<td>I</td><td colspan="7">SoNoiVu</td>'
    rows = [
        HEAD,
        spanning,
        line(1),
        labelled,
        line(2),
        "<td>Sở Y tế</td>",
        line(3),
        '<td></td><td colspan="7">So</td>',
        line(4),
    ]
    entry = desk.one("criteria_results.xls", html_table(*rows))
    assert places(desk, entry) == [("1.1", 3), ("1.2", 5), ("1.3", 7), ("1.4", 9)]


def test_totals_below_a_blank_row(desk) -> None:
    rows = [HEAD, line(1), "<td>&nbsp;</td>" * 8, html_row("", "Tổng cộng", 1)]
    assert desk.one("criteria_results.xls", html_table(*rows)).rows_in_file == 1


def test_data_below_a_blank_row_are_told_without_row_labels_too(desk) -> None:
    head = html_row(*CRITERIA_VI, tag="th")
    rows = [html_row(*criteria_row(n)) for n in range(1, 101)]
    entry = desk.one("criteria_results.xls", html_table(head, *rows[:50], "<td>&nbsp;</td>" * 7, *rows[50:]))
    assert (entry.outcome, entry.rows_in_file) == ("loaded", 50)
    assert "50 rows below the first blank row (row 52)" in entry.warnings[0]
    footer = ["<td></td>" * 7, html_row("Tổng cộng", None, None, 50, 50), html_row(None, "Người lập")]
    entry = desk.one("criteria_results_2.xls", html_table(head, *rows[:50], *footer))
    assert (entry.rows_in_file, entry.warnings) == (50, ())


def test_cells_over_several_rows_hold_in_each(desk) -> None:
    first = line(1).replace("<td>H62.1</td>", '<td rowspan="3">H62.9</td>')
    rows = [
        HEAD,
        first,
        line(2).replace("<td>H62.1</td>", ""),
        line(3).replace("<td>H62.1</td>", ""),
        line(4),
    ]
    entry = desk.one("criteria_results.xls", html_table(*rows))
    assert desk.values(entry, "agency_code") == ["H62.9"] * 3 + ["H62.1"]


def test_text_as_a_browser_shows_it(desk) -> None:
    head = HEAD.replace("Mã chỉ tiêu", "Mã<br/>chỉ\n   <b>tiêu</b>").replace(
        "Tử số", "<div>Tử</div><div>số</div>"
    )
    row = line(1, note="một  \n hai<br>ba &amp; <i>bốn</i><script>x</script><!-- c -->")
    entry = desk.one("criteria_results.xls", html_table(head, row))
    assert desk.values(entry, "note") == ["một hai\nba & bốn"]
    assert desk.values(entry, "numerator") == [1]


def test_values_are_text(desk) -> None:
    entry = desk.one(
        "criteria_results.xls",
        html_table(HEAD, line(1, numerator="1.234", denominator="1.234,5", achieved="x")),
    )
    assert [float(desk.values(entry, name)[0]) for name in ("numerator", "denominator")] == [1234, 1234.5]


def test_several_tables_and_tables_for_layout(desk) -> None:
    inner = html_table(HEAD, line(1)).replace("<html><body>", "").replace("</body></html>", "")
    menu = "<table><tr><td>Trang chủ</td></tr></table>"
    entry = desk.one(
        "criteria_results.xls", f"{menu}<table><tr><td>{inner}</td></tr></table>{html_table(HEAD, line(2))}"
    )
    assert places(desk, entry) == [("1.1", 2), ("1.2", 2)]


def test_a_table_in_any_file_name(desk) -> None:
    for suffix in ("xlsx", "csv", "xls"):
        assert desk.one(f"criteria_results.{suffix}", html_table(HEAD, line(1))).outcome == "loaded"


def test_missing_required_column_is_refused(desk) -> None:
    entry = desk.one(
        "criteria_results.xls",
        html_table(html_row("STT", *CRITERIA_VI[1:]), html_row(1, *criteria_row()[1:])),
    )
    assert (entry.outcome, "target_id" in entry.reason) == ("refused", True)


def several(*tables: list[str]) -> str:
    return "".join(html_table(*rows) for rows in tables)


def test_a_table_that_lacks_a_required_column_is_not_passed_over(desk) -> None:
    place = 1 + CRITERIA_VI.index("Ngày báo cáo")
    short = [
        html_row(*row[:place], *row[place + 1 :]) for row in (["STT", *CRITERIA_VI], [2, *criteria_row(2)])
    ]
    entry = desk.one("criteria_results.xls", several([HEAD, line(1)], short))
    assert (entry.outcome, "reported_on" in (entry.reason or "")) == ("refused", True)
    codes = [html_row("Mã đơn vị báo cáo", "Ghi chú"), html_row("H62", "Toàn tỉnh")]
    entry = desk.one("criteria_results_2.xls", several(codes, [HEAD, line(1)]))
    assert (entry.outcome, entry.rows_loaded, entry.warnings) == ("loaded", 1, ())


@pytest.mark.parametrize("titles", [[], ["<td>Danh sách (tiếp theo)</td>"]], ids=["bare", "with a title"])
def test_a_table_that_goes_on_without_its_header_is_refused(desk, titles: list[str]) -> None:
    page = several([HEAD, line(1), line(2)], [*titles, *(line(n) for n in range(3, 60))])
    entry = desk.one("criteria_results.xls", page)
    assert entry.outcome == "refused"
    assert "bảng thứ 2 trong trang HTML có 57 dòng giống dữ liệu nhưng không có dòng tiêu đề" in entry.reason


def test_tables_behind_the_end_of_the_page_are_read(desk) -> None:
    """As where several pages were written into one file."""
    page = several([HEAD, line(1)], [HEAD, line(2)]) + "\n<!DOCTYPE html>" + html_table(HEAD, line(3))
    entry = desk.one("criteria_results.xls", page.replace("</html>", "</HTML >", 1))
    assert places(desk, entry) == [("1.1", 2), ("1.2", 2), ("1.3", 2)]


def test_tables_for_notes_and_signatures_are_no_part(desk) -> None:
    signed = ["<td></td><td>NGƯỜI LẬP BIỂU</td>" + "<td></td>" * 5 + "<td>THỦ TRƯỞNG</td>"]
    totals = [html_row("Tổng cộng", None, None, None, 2, 4)]
    notes = [html_row(n, f"Chú thích {n}", "01/10/2024", "Nguồn") for n in range(1, 9)]
    entry = desk.one("criteria_results.xls", several(notes, [HEAD, line(1), line(2)], totals, signed))
    assert (entry.outcome, entry.rows_loaded, entry.warnings) == ("loaded", 2, ())


@pytest.mark.parametrize("which", [[1], [0, 1, 2]])
def test_cells_in_no_row_are_not_lost_in_silence(desk, which: list[int]) -> None:
    """A browser puts the missing <tr> in, so that its vendor sees a whole table."""
    rows = [line(n) for n in range(1, 4)]
    table = html_table(HEAD, *rows)
    for number in which:
        table = table.replace(f"<tr>{rows[number]}", rows[number])
    assert table.count("<tr>") == 4 - len(which)
    entry = desk.one("criteria_results.xls", table)
    assert entry.outcome == "refused" and "<tr> is missing" in entry.reason
