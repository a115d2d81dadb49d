"""`parindex metrics`: headline rates by any cut, from the semantic models, over the published marts."""

from __future__ import annotations

import csv
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from orchestration.day_option import day_option
from orchestration.out_option import check_out_file
from orchestration.terminal import console, plain
from orchestration.which_version import NIGHTS, find_version, settings_here
from warehouse.quarantine import inert

EXAMPLES = (
    "Examples: parindex metrics query on_time_rate --by level    |    "
    "parindex metrics query on_time_rate due_dossiers --by month --where agency_code=H62.243    |    "
    "parindex metrics query headline_rate --by target_id --out rates.csv"
)


def list_metrics() -> None:
    """Every metric, what it is, and what it can be cut by."""
    from orchestration.semantic import metrics

    shown = Table(title="Chỉ số – metrics", title_justify="left")
    for name in ("Tên – name", "Là gì – what it is", "Chia theo – cut by"):
        shown.add_column(name, overflow="fold")
    for metric in sorted(metrics(), key=lambda metric: (not metric.is_rate, metric.name)):
        shown.add_row(metric.name, f"{metric.label}\n{metric.description}", ", ".join(metric.groups))
    console.print(shown)
    console.print("A rate is a share from 0 to 1; times 100 it is `value` in fct_indicator.")


def query(
    metric: Annotated[list[str], typer.Argument(help="Metrics, as `parindex metrics list` shows them.")],
    by: Annotated[
        list[str] | None, typer.Option(help="Cut by this, e.g. level or month; repeatable.")
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option(metavar="GROUP=VALUE", help="Only this value; repeatable.")
    ] = None,
    first: Annotated[
        date | None,
        typer.Option(
            "--from",
            parser=day_option,
            metavar="YYYY-MM-DD",
            help="First day; without it 1 January of the night's year.",
        ),
    ] = None,
    last: Annotated[
        date | None,
        typer.Option(
            "--to", parser=day_option, metavar="YYYY-MM-DD", help="Last day; without it the night's own."
        ),
    ] = None,
    night: Annotated[str, typer.Option(help=f"Which published night: {NIGHTS}.")] = "current",
    out: Annotated[Path | None, typer.Option(help="Write a CSV file instead of a table.")] = None,
    show_sql: Annotated[bool, typer.Option("--sql", help="Print the SQL, for a BI tool.")] = False,
    dialect: Annotated[str, typer.Option(help="With --sql: duckdb or postgres.")] = "duckdb",
) -> None:
    """Headline rates and their counts, cut by agency, level, month, procedure or channel."""
    from orchestration import semantic

    if dialect not in semantic.DIALECTS:
        raise typer.BadParameter(f"one of {', '.join(semantic.DIALECTS)}", param_hint="--dialect")
    settings = settings_here()
    if out is not None:
        check_out_file(settings, out)
    version = find_version(settings, night)
    question = semantic.Question(
        metric,
        first=first or date(version.as_of.year, 1, 1),
        last=last or version.as_of,
        by=by or [],
        where=dict(_pair(text) for text in where or []),
    )
    try:
        if show_sql:
            typer.echo(semantic.sql(question, dialect))
            return
        columns, rows = semantic.ask(version.database, question, settings.duckdb())
    except semantic.QuestionError as error:
        raise typer.BadParameter(str(error), param_hint="METRIC") from None
    columns = [column.partition("__")[2] or column for column in columns]
    if out is not None:
        with out.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerows([columns, *([_in_csv(cell) for cell in row] for row in rows)])
        console.print(f"Wrote {len(rows):,} rows to {plain(out)}.", soft_wrap=True)
        return
    shown = Table(title=f"{question.first} – {question.last}", title_justify="left")
    for column in columns:
        shown.add_column(column, justify="right" if column in metric else "left")
    for row in rows:
        shown.add_row(*map(_text, row))
    console.print(shown)


def _in_csv(cell: object) -> object:
    return inert(cell) if isinstance(cell, str) else cell


def _pair(text: str) -> tuple[str, str]:
    group, equals, value = text.partition("=")
    if not (group and equals and value):
        raise typer.BadParameter(f"{text!r}: write GROUP=VALUE, e.g. level=xa", param_hint="--where")
    return group, value


def _text(cell: object) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, float):
        return f"{cell:.6f}"
    return str(cell.date()) if isinstance(cell, datetime) else str(cell)
