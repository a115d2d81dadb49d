"""How the cells of an evidence workbook look."""

from __future__ import annotations

from dataclasses import dataclass

import xlsxwriter


@dataclass(frozen=True)
class Formats:
    """Cell formats of one workbook."""

    head: xlsxwriter.format.Format
    day: xlsxwriter.format.Format
    moment: xlsxwriter.format.Format
    number: xlsxwriter.format.Format
    title: xlsxwriter.format.Format
    label: xlsxwriter.format.Format
    text: xlsxwriter.format.Format
    strong: xlsxwriter.format.Format
    warning: xlsxwriter.format.Format
    centred: xlsxwriter.format.Format
    strong_centred: xlsxwriter.format.Format
    boxed: xlsxwriter.format.Format
    boxed_head: xlsxwriter.format.Format

    @classmethod
    def of(cls, book: xlsxwriter.Workbook) -> Formats:
        def made(**options) -> xlsxwriter.format.Format:
            return book.add_format(
                {"font_name": "Times New Roman", "font_size": 11, "valign": "top", **options}
            )

        return cls(
            head=made(bold=True, text_wrap=True, bottom=1, bg_color="#E8EEF4"),
            day=made(num_format="dd/mm/yyyy", align="left"),
            moment=made(num_format="dd/mm/yyyy hh:mm", align="left"),
            number=made(num_format="#,##0.######"),
            title=made(bold=True, font_size=15, align="center", text_wrap=True),
            label=made(bold=True, text_wrap=True, border=1, bg_color="#F5F7FA"),
            text=made(text_wrap=True, border=1),
            strong=made(text_wrap=True, border=1, bold=True),
            warning=made(text_wrap=True, border=1, bold=True, font_color="#B00020"),
            centred=made(align="center", italic=True),
            strong_centred=made(align="center", bold=True),
            boxed=made(text_wrap=True, border=1, font_size=9),
            boxed_head=made(text_wrap=True, border=1, bold=True, bg_color="#E8EEF4"),
        )
