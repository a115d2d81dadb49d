"""The scorecard in the terminal: every target of the plan for the province, from the published marts."""

from __future__ import annotations

from datetime import date

import duckdb
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestration.numbers import SIGNS, number_vi, part_vi
from warehouse.settings import Settings

_STATUS = {
    "met": ("[green]● đạt[/]", "met"),
    "at_risk": ("[yellow]▲ có nguy cơ[/]", "at risk"),
    "missed": ("[red]✗ chưa đạt[/]", "missed"),
    "no_data": ("[dim]○ chưa có số liệu[/]", "no data"),
    "not_applicable": ("[dim]– không đánh giá[/]", "not judged"),
}
_WIDE = 120
_SHORTEST_NAME, _LONGEST_NAME = 12, 60
_OWN_PART = " – "  # in the name of a target that shares its criterion, before what it counts
ESTIMATE = "ước tính, chưa có thang điểm chính thức (estimate, the official scale is not loaded)"


def _within(name: str, width: int) -> str:
    """A long name that says at its end what tells it apart from others of its criterion: cut before that end."""
    shared, mark, own = name.partition(_OWN_PART)
    if not mark or cell_len(name) <= width:
        return name
    room = width * 2 // 3
    own = own if cell_len(own) <= room else f"{own[: room - 1].rstrip()}…"
    return f"{shared[: width - cell_len(mark + own) - 1].rstrip()}…{mark}{own}"


def _show_targets(rows: list[tuple], as_of: date, is_estimate: bool, console: Console) -> None:
    """One line per target; a narrow terminal leaves the parts and points to the published table."""
    is_wide = console.width >= _WIDE
    points_heading = "Điểm*" if is_estimate else "Điểm"
    lines = []
    for (
        target,
        name,
        value,
        goal,
        operator,
        unit,
        status,
        points,
        most,
        numerator,
        denominator,
        is_in_words,
    ) in rows:
        percent = "%" if unit is None or unit.startswith("%") else ""
        shown = number_vi(value, goal)
        if is_in_words and value is not None:  # agencies that confirm it; as a rate it would read as one
            shown = f"{number_vi(numerator)}/{number_vi(denominator)}"
        elif value is not None:
            shown += percent
        parts = "–"
        if numerator is not None:
            parts = number_vi(numerator) + (f" / {number_vi(denominator)}" if denominator is not None else "")
        line = {
            "Mã": target,
            "Chỉ tiêu": name,
            "Tử/Mẫu": parts,
            "Giá trị": shown,
            "Mục tiêu": f"{SIGNS[operator]}{number_vi(goal)}{percent}" if goal is not None else "–",
            "Kết quả": _STATUS[status][0],
            points_heading: part_vi(points, most),
        }
        lines.append(
            line if is_wide else {k: v for k, v in line.items() if k not in ("Tử/Mẫu", points_heading)}
        )
    table = Table(
        title=f"PAR INDEX – chỉ tiêu toàn tỉnh đến ngày {as_of:%d/%m/%Y}",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    widths = {
        heading: max(cell_len(heading), *(Text.from_markup(line[heading]).cell_len for line in lines))
        for heading in lines[0]
        if heading != "Chỉ tiêu"
    }
    left = console.width - sum(widths.values()) - 3 * len(lines[0])
    longest = max(_SHORTEST_NAME, min(_LONGEST_NAME, left))
    for heading in lines[0]:
        table.add_column(
            heading,
            justify="left" if heading in ("Mã", "Chỉ tiêu", "Kết quả") else "right",
            no_wrap=True,
            overflow="ellipsis",
            width=widths.get(heading),
            max_width=longest,
        )
    for line in lines:
        table.add_row(*({**line, "Chỉ tiêu": _within(line["Chỉ tiêu"], longest)}).values())
    console.print(table)


def show_scorecard(settings: Settings, console: Console) -> None:
    with duckdb.connect(str(settings.published_file), read_only=True, config=settings.duckdb()) as connection:
        rows = connection.execute("""
            select s.target_id, t.target_name, s.value, s.target_value, t.operator, t.unit, s.status,
                s.points_estimated, s.max_points, i.numerator, i.denominator,
                t.measure_kind = 'text' and t.family = 'register'
            from marts.rpt_scorecard as s
            join marts.dim_target as t on s.target_id = t.target_id and t.is_in_force
            left join marts.fct_indicator as i
                on s.target_id = i.target_id and i.is_headline and i.period_kind = 'ytd'
                and i.agency_code = (select agency_code from marts.dim_agency where level = 'toan_tinh' limit 1)
            order by s.sort_order
        """).fetchall()
        as_of = connection.execute("select max(as_of_date) from marts.rpt_scorecard").fetchall()[0][0]
        fields = connection.execute("""
            select field_id, field_name, points_estimated, max_points, points_2023, goal_2024, points_without_data,
                is_estimate
            from marts.rpt_field_score order by field_id
        """).fetchall()
    is_estimate = any(field[-1] for field in fields)
    _show_targets(rows, as_of, is_estimate, console)
    counts = {status: sum(row[6] == status for row in rows) for status in _STATUS}
    console.print("  ".join(f"{_STATUS[s][0]} {n}" for s, n in counts.items() if n))
    total = Table(title="Điểm theo lĩnh vực", title_justify="left")
    for name, justify in (
        ("Lĩnh vực", "left"),
        ("Ước tính*" if is_estimate else "Điểm", "right"),
        ("Tối đa", "right"),
        ("2023", "right"),
        ("Mục tiêu 2024", "right"),
    ):
        total.add_column(name, justify=justify)
    for field, name, points, most, before, goal, *_ in fields:
        total.add_row(
            name if field == "total" else f"{field} {name}",
            number_vi(points, most, goal),
            number_vi(most),
            number_vi(before),
            number_vi(goal),
        )
    console.print(total)
    missing = {field: points for field, *_, points, _ in fields if points}
    if missing:
        parts = ", ".join(
            f"{field}: {number_vi(points)}" for field, points in missing.items() if field != "total"
        )
        console.print(
            f"[yellow]{number_vi(missing['total'])} điểm tối đa chưa có số liệu (chỉ tiêu hoặc điều tra), đang tính là 0[/]"
            f" (points without data, counted as 0) – theo lĩnh vực: {parts}"
        )
    if is_estimate:
        console.print(f"[dim]* {ESTIMATE}[/]")
