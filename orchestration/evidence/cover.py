"""The cover sheet: what the figure is, by which rule and law, from which deliveries, and who signs for it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from orchestration.evidence import figures, words
from orchestration.evidence.figures import Figure, Sums, Target

if TYPE_CHECKING:
    import xlsxwriter

    from orchestration.evidence.formats import Formats

LAST = 8  # columns A to I
_WIDTHS = (24, 30, 34, 12, 13, 11, 11, 11, 40)
_CHARACTERS = 150  # of a merged line B:I
_OUTCOMES = {
    "loaded": "đã nạp",
    "unchanged": "không đổi",
    "partly_quarantined": "đã nạp, có dòng bị loại",
    "held_back": "giữ lại, không dùng",
    "refused": "từ chối, không dùng",
    "replaced": "đã thay bằng tệp giao lại cùng ngày",
}


@dataclass(frozen=True)
class Cover:
    """All that the cover says."""

    target: Target
    variant: str
    agency_code: str
    agency_name: str
    of_province: bool
    figure: Figure
    sums: Sums
    as_of: date
    version: str
    published_at: datetime
    printed_at: datetime
    rule: words.Rule
    scored: figures.Scored | None
    notes: list[tuple[str, str]]
    deliveries: list[dict[str, Any]]


def write_cover(book: xlsxwriter.Workbook, formats: Formats, about: Cover) -> None:
    sheet = book.add_worksheet("Bìa")
    sheet.hide_gridlines(2)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    for column, width in enumerate(_WIDTHS):
        sheet.set_column(column, column, width)
    at = _write_heading(sheet, formats, about)
    for label, text, kind in _lines(about):
        lines = sum(max(1, math.ceil(len(part) / _CHARACTERS)) for part in text.split("\n"))
        sheet.set_row(at, 16 * max(lines, math.ceil(len(label) / 24)))
        sheet.write_string(at, 0, label, formats.label)
        sheet.merge_range(at, 1, at, LAST, "", getattr(formats, kind))
        sheet.write_string(at, 1, text, getattr(formats, kind))
        at += 1
    at = _write_deliveries(sheet, formats, about, at + 1)
    _write_signatures(sheet, formats, at + 1)


def _write_heading(sheet, formats: Formats, about: Cover) -> int:
    _merged(sheet, 0, 0, 2, about.agency_name.upper(), formats.strong_centred)
    _merged(sheet, 0, 3, LAST, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", formats.strong_centred)
    _merged(sheet, 1, 3, LAST, "Độc lập - Tự do - Hạnh phúc", formats.strong_centred)
    sheet.set_row(3, 26)
    _merged(sheet, 3, 0, LAST, f"TÀI LIỆU KIỂM CHỨNG CHỈ TIÊU {about.target.target_id}", formats.title)
    _merged(sheet, 4, 0, LAST, f"Số liệu đến hết ngày {figures.day_text(about.as_of)}", formats.centred)
    return 6


def _merged(sheet, row: int, first: int, last: int, text: str, cell) -> None:
    """A merged line whose text stays text, whatever it begins with."""
    sheet.merge_range(row, first, row, last, "", cell)
    sheet.write_string(row, first, text, cell)


def _lines(about: Cover) -> list[tuple[str, str, str]]:
    """Label, text and format of each line."""
    one, figure, rule = about.target, about.figure, about.rule
    agrees = about.sums.equals(figure)
    formula = [f"Tử số: {rule.numerator[0]}."]
    english = [f"Numerator: {rule.numerator[1]}."]
    if rule.denominator is not None:
        formula.append(f"Mẫu số: {rule.denominator[0]}.")
        english.append(f"Denominator: {rule.denominator[1]}.")
    is_count = one.measure_kind == "count"
    formula.append("Giá trị = tử số." if is_count else "Giá trị = 100 × tử số / mẫu số (%), không làm tròn.")
    english.append(
        "Value = numerator." if is_count else "Value = 100 x numerator / denominator (%), not rounded."
    )
    check = (
        "khớp số công bố"
        if agrees
        else "KHÔNG khớp số công bố: cần dựng lại kho dữ liệu trước khi dùng tệp này"
    )
    lines = [
        ("Chỉ tiêu", f"{one.target_id}. {one.name}", "strong"),
        ("Nội dung theo kế hoạch", (one.text or "–").replace(" | ", "\n"), "text"),
        ("Đơn vị", f"{about.agency_name} ({about.agency_code})", "text"),
        ("Cơ quan chủ trì", one.lead_agency or "–", "text"),
        ("Cách tính", _reading(about), "text"),
        ("Công thức", "\n".join([rule.rule[0], *formula]), "text"),
        ("Formula (English)", "\n".join([rule.rule[1], *english]), "text"),
        ("Căn cứ pháp lý", f"{rule.legal[0]}\n{words.legal_common()[0]}", "text"),
        ("Giá trị", figures.figure_text(one, figure), "strong"),
        ("Tử số", figures.number_text(figure.numerator), "text"),
        ("Mẫu số", figures.number_text(figure.denominator), "text"),
        ("Mục tiêu", figures.goal_text(one), "text"),
        ("Kết quả", figures.verdict_text(figure, about.scored), "strong"),
        *([("Trên bảng điểm", about.scored.reason, "text")] if about.scored and about.scored.reason else []),
        (
            "Đối chiếu từng dòng",
            f"{figures.number_text(about.sums.rows)} dòng ở trang “Dòng chi tiết” cộng lại:"
            f" tử số {figures.number_text(about.sums.numerator)},"
            f" mẫu số {figures.number_text(about.sums.denominator)}: {check}.",
            "text" if agrees else "warning",
        ),
        (
            "Phiên bản số liệu",
            f"{about.version}, công bố lúc {about.published_at:%H:%M ngày %d/%m/%Y};"
            f" tệp này lập lúc {about.printed_at:%H:%M ngày %d/%m/%Y}",
            "text",
        ),
    ]
    if about.notes:
        texts = [text for both in about.notes for text in both]
        lines.append(("Kế hoạch có chỗ chưa thống nhất", "\n".join(texts), "text"))
    if not about.of_province:
        lines.append(
            ("Dòng bị loại", "Không xác định được đơn vị của dòng bị loại: nêu của mọi đơn vị.", "text")
        )
    return lines


def _reading(about: Cover) -> str:
    name = words.variant(about.variant)
    if about.variant == about.target.headline_variant:
        return name if name == words.variant("headline") else f"{name} (cách tính chính)"
    return f"{name} (cách tính phụ, không dùng để kết luận)"


def _write_deliveries(sheet, formats: Formats, about: Cover, at: int) -> int:
    _merged(sheet, at, 0, LAST, f"Dữ liệu sử dụng: {len(about.deliveries)} tệp", formats.boxed_head)
    headings = (
        "Bảng", "Tên bảng", "Tệp", "Ngày gửi", "Kết quả", "Dòng trong tệp", "Dòng nạp", "Dòng bị loại",
        "Mã băm nội dung (SHA-256)",
    )  # fmt: skip
    for column, heading in enumerate(headings):
        sheet.write_string(at + 1, column, heading, formats.boxed_head)
    at += 2
    for entry in about.deliveries:
        delivered = figures.day_text(entry["delivered_on"]) if entry["delivered_on"] else "–"
        texts = (
            entry["table"], entry["table_vi"], entry["file_name"], delivered,
            _OUTCOMES.get(entry["outcome"], entry["outcome"]),
        )  # fmt: skip
        sheet.set_row(at, 26)
        for column, text in enumerate(texts):
            sheet.write_string(at, column, text, formats.boxed)
        for column, name in enumerate(("rows_in_file", "rows_loaded", "rows_quarantined"), start=len(texts)):
            sheet.write_number(at, column, entry[name] or 0, formats.boxed)
        sheet.write_string(at, LAST, entry["content_hash"] or "", formats.boxed)
        at += 1
    return at


def _write_signatures(sheet, formats: Formats, at: int) -> None:
    _merged(sheet, at, 4, LAST, "........, ngày ...... tháng ...... năm ..........", formats.centred)
    _merged(sheet, at + 1, 0, 2, "NGƯỜI LẬP BIỂU", formats.strong_centred)
    _merged(sheet, at + 1, 4, LAST, "THỦ TRƯỞNG CƠ QUAN", formats.strong_centred)
    _merged(sheet, at + 2, 0, 2, "(Ký, ghi rõ họ tên)", formats.centred)
    _merged(sheet, at + 2, 4, LAST, "(Ký, ghi rõ họ tên, đóng dấu)", formats.centred)
