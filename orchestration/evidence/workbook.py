"""The workbook of one figure: cover, published figures, every counted row, rejected rows.

Rows are streamed: the memory does not grow with them. Text is written as text: no cell is ever computed or
turned into a link, whatever it begins with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import xlsxwriter

from orchestration import clock
from orchestration.evidence import cover, figures, words
from orchestration.evidence.errors import Mismatch
from orchestration.evidence.figures import Figure, Scored, Sums, Target
from orchestration.evidence.formats import Formats
from orchestration.evidence.night import EvidenceNight
from sources.text import both
from warehouse.new_file import new_file

# Excel holds 1,048,576 rows; the rest goes to a further sheet.
ROWS_PER_SHEET = 1_000_000
_LONGEST_TEXT = 32_767
_DAY_ZERO = date(1899, 12, 30).toordinal()  # Excel counts days from here
_PERIODS = {"ytd": "Lũy kế từ đầu năm", "quarter": "Quý", "month": "Tháng"}
_LEVELS = {"toan_tinh": "Toàn tỉnh", "tinh": "Cấp tỉnh", "huyen": "Cấp huyện", "xa": "Cấp xã"}


@dataclass(frozen=True)
class Written:
    """What was written, and what it shows."""

    path: Path
    target: Target
    agency_code: str
    agency_name: str
    variant: str
    figure: Figure
    scored: Scored | None  # of the province's headline alone
    rows: int
    rejected: int


def write_evidence(
    night: EvidenceNight,
    target_id: str,
    path: Path,
    *,
    agency: str | None = None,
    variant: str | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> Written:
    """Write the evidence of one figure, atomically and for its owner and group only.

    Raises EvidenceError for what does not exist. Raises Mismatch, after writing a workbook that says so on
    its cover, when the rows do not add up to the published figure.
    """
    one = figures.target(night, target_id)
    variant = variant or one.headline_variant
    province_code, province_name = figures.province(night)
    of_province = agency is None or agency == province_code
    code = province_code if of_province else agency
    name = province_name if of_province else figures.agency_name(night, agency)
    found = figures.figure(night, one, variant, code)
    only = None if of_province else code
    added = figures.sums(night, one, variant, only)
    about = cover.Cover(
        target=one,
        variant=variant,
        agency_code=code,
        agency_name=name,
        of_province=of_province,
        figure=found,
        sums=added,
        as_of=night.as_of,
        version=night.version.version,
        published_at=night.version.published_at,
        printed_at=clock.now(),
        rule=words.rule_of(one.family, one.measure, variant),
        scored=figures.scored(night, one) if of_province and variant == one.headline_variant else None,
        notes=figures.plan_notes(night, one.target_id),
        deliveries=figures.deliveries(night, one, variant),
    )
    with new_file(path) as draft:
        scratch = night.settings.work / "evidence-sheets"
        scratch.mkdir(parents=True, exist_ok=True, mode=0o750)
        options = {
            "constant_memory": True,
            "tmpdir": str(scratch),
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        with xlsxwriter.Workbook(str(draft), options) as book:
            book.set_properties({"title": f"Chỉ tiêu {one.target_id} – {name} – {night.as_of}", "author": ""})
            formats = Formats.of(book)
            cover.write_cover(book, formats, about)
            _write_figures(book, formats, night, one, only)
            written = _write_rows(book, formats, night, one, variant, only, tell)
            rejected = _write_rejected(book, formats, night, one, variant)
    if written != added.rows or not added.equals(found):
        raise Mismatch(_mismatch(night, one, variant, code, found, added, path))
    return Written(path, one, code, name, variant, found, about.scored, written, rejected)


def _mismatch(
    night: EvidenceNight, one: Target, variant: str, code: str, found: Figure, added: Sums, path: Path
) -> str:
    # A rebuild goes by what counts today: over an earlier night it would publish other figures.
    todo = (
        "chạy `parindex rebuild` | the rows do not add up to the published figure: run `parindex rebuild`"
        if night.is_the_last
        else "số đã công bố của đêm trước giữ nguyên, dữ liệu được nạp lại hoặc quy tắc đã đổi từ đó"
        " | the rows do not add up to the figure of an earlier night, which stays as published: its files were landed"
        " again since, or the rules are others now"
    )
    return (
        f"chỉ tiêu {one.target_id} ({variant}), {code}: các dòng cho {added.numerator}/{added.denominator},"
        f" số công bố {found.numerator}/{found.denominator}; {path} có ghi rõ: {todo}"
    )


def put(sheet, row: int, column: int, value: object, formats: Formats) -> None:
    """One cell: text as text, never a formula or a link; a blank stays blank."""
    kind = type(value)
    if kind is str:
        sheet.write_string(row, column, value[:_LONGEST_TEXT])
    elif value is None:
        return
    elif kind is bool:
        sheet.write_string(row, column, "có" if value else "không")
    elif kind is date:
        sheet.write_number(row, column, value.toordinal() - _DAY_ZERO, formats.day)
    elif kind is datetime:
        sheet.write_datetime(row, column, value, formats.moment)
    elif kind in (int, float, Decimal):
        sheet.write_number(row, column, float(value), formats.number)
    else:
        sheet.write_string(row, column, str(value)[:_LONGEST_TEXT])


def _sheets(
    book: xlsxwriter.Workbook, formats: Formats, name: str, headings: Sequence[str], widths: Sequence[float]
) -> Iterator[object]:
    """A sheet with its heading row, then a further one each time."""
    number = 1
    while True:
        sheet = book.add_worksheet(name if number == 1 else f"{name} ({number})")
        for column, width in enumerate(widths):
            sheet.set_column(column, column, width)
        sheet.freeze_panes(1, 0)
        for column, heading in enumerate(headings):
            sheet.write_string(0, column, heading, formats.head)
        yield sheet
        number += 1


def _write_table(
    book: xlsxwriter.Workbook,
    formats: Formats,
    name: str,
    headings: Sequence[str],
    widths: Sequence[float],
    batches: Iterator[list[tuple]],
    on_rows: Callable[[int], None] = lambda rows: None,
) -> int:
    sheets = _sheets(book, formats, name, headings, widths)
    sheet, at, total = next(sheets), 0, 0
    for batch in batches:
        for row in batch:
            if at == ROWS_PER_SHEET:
                sheet.autofilter(0, 0, at, len(headings) - 1)
                sheet, at = next(sheets), 0
            at += 1
            for column, value in enumerate(row):
                put(sheet, at, column, value, formats)
        total += len(batch)
        on_rows(total)
    sheet.autofilter(0, 0, at, len(headings) - 1)
    return total


def _write_figures(book, formats: Formats, night: EvidenceNight, one: Target, agency: str | None) -> None:
    names, rows = figures.published_rows(night, one, agency)
    headings = (
        "Cách tính", "Cách tính chính", "Mã đơn vị", "Tên đơn vị", "Cấp", "Kỳ", "Từ ngày", "Đến ngày",
        "Tử số", "Mẫu số", "Giá trị", "Đơn vị tính", "Mục tiêu", "Kết quả",
    )  # fmt: skip

    def shown(row: tuple) -> tuple:
        values = dict(zip(names, row, strict=True))
        meets = one.verdict(values["meets_target"], values["agency_code"])
        verdict = figures.verdict_text(Figure(None, None, values["value"], meets))
        return (
            words.variant(values["variant"]), values["is_headline"], values["agency_code"], values["agency_name"],
            _LEVELS.get(values["level"]), _PERIODS[values["period_kind"]], values["period_start"],
            values["period_end"], values["numerator"], values["denominator"], values["value"], values["unit"],
            figures.goal_text(one), verdict,
        )  # fmt: skip

    widths = (12, 9, 14, 36, 12, 18, 12, 12, 16, 16, 14, 10, 12, 16)
    _write_table(book, formats, "Số liệu", headings, widths, iter([[shown(row) for row in rows]]))


def _write_rows(book, formats: Formats, night, one: Target, variant: str, agency: str | None, tell) -> int:
    family = one.view(variant)
    rows = figures.counted_rows(night, one, variant, agency)
    counted, used = words.tables_of(family, one.measure)
    labels = words.code_labels([*used, *counted])
    coded = {at: labels[name] for at, name in enumerate(rows.columns) if name in labels}

    def shown() -> Iterator[list[tuple]]:
        for batch in rows.batches:
            yield [_with_labels(row, coded) for row in batch] if coded else batch

    wide = {"why": 44, "file_name": 34, "record_key": 30, "agency_code": 14, "procedure_code": 24}
    return _write_table(
        book,
        formats,
        "Dòng chi tiết",
        [words.heading(family, name) for name in rows.columns],
        [wide.get(name, 16) for name in rows.columns],
        shown(),
        lambda total: tell(f"{total:,} dòng | rows"),
    )


def _with_labels(row: tuple, coded: dict[int, dict[str, str]]) -> tuple:
    values = list(row)
    for at, labels in coded.items():
        if values[at] in labels:
            values[at] = f"{values[at]} – {labels[values[at]]}"
    return tuple(values)


def _write_rejected(book, formats: Formats, night, one: Target, variant: str) -> int:
    headings = ("Nguồn", "Bảng", "Ngày gửi", "Tệp", "Trang", "Dòng", "Cột", "Lý do", "Mã bản ghi")
    widths = (16, 20, 12, 36, 16, 10, 26, 60, 34)
    at = headings.index("Lý do")

    def shown() -> Iterator[list[tuple]]:
        for batch in figures.rejected_rows(night, one, variant):
            yield [(*row[:at], both(row[at] or "")[0], *row[at + 1 :]) for row in batch]

    return _write_table(book, formats, "Bị loại", headings, widths, shown())
