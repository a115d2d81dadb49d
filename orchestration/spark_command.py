"""`parindex spark-check`: the same day by DuckDB and by Spark, compared row by row."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from orchestration import clock
from orchestration.day_option import day_option
from orchestration.terminal import console, errors, plain
from warehouse import publish
from warehouse.settings import load_settings


def spark_check(
    as_of: Annotated[
        date | None,
        typer.Option(
            parser=day_option,
            metavar="YYYY-MM-DD",
            help="The day to build. \\[default: that of the published night]",
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--everything", help="On Spark also unit tests, column tests and evidence views.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Start a cluster of so many workers of one core on this machine for it."),
    ] = None,
    thrift: Annotated[
        bool, typer.Option("--thrift", help="With --workers: by way of its Thrift server.")
    ] = False,
) -> None:
    """Build a day with DuckDB and with Spark from the same landing and compare every table row by row.

    Publishes nothing. PARINDEX_SPARK_URL says where Spark is, unless --workers starts one.
    """
    from orchestration.dbt import DbtFailed
    from orchestration.spark.check import check
    from orchestration.spark.loopback import loopback_cluster

    settings = load_settings()
    current = publish.current(settings)
    day = as_of or (current.as_of if current else clock.today())
    if thrift and workers is None:
        raise typer.BadParameter("it belongs to --workers", param_hint="--thrift")
    if not settings.ledger.exists():
        errors.print("Nothing has landed yet: run `parindex run` first.")
        raise typer.Exit(1)
    settings.create()
    try:
        with console.status("") as status, ExitStack() as stack:
            if workers is not None:
                status.update(f"starting a Spark cluster of {workers}")
                folder = Path(stack.enter_context(TemporaryDirectory(prefix="spark-", dir=settings.work)))
                url = stack.enter_context(loopback_cluster(settings, folder, workers=workers, thrift=thrift))
                settings = replace(settings, spark_url=url)
            found = check(settings, day, everything=everything, tell=status.update)
    except DbtFailed as error:
        errors.print(f"[red]Not checked:[/] {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(1) from None
    shown = Table(title=f"{day}: DuckDB – Spark ({escape(settings.spark_url)})", title_justify="left")
    shown.add_column("Bảng – table", no_wrap=True)
    for name in ("Dòng – rows", "Chỉ DuckDB – DuckDB only", "Chỉ Spark – Spark only"):
        shown.add_column(name, justify="right")
    shown.add_column("")
    for difference in found.differences:
        shown.add_row(
            difference.table,
            f"{difference.rows:,}",
            f"{difference.only_left:,}",
            f"{difference.only_right:,}",
            "[green]=[/]" if difference.same else "[red]≠[/] " + ", ".join(difference.columns),
        )
    console.print(shown)
    for engine, seconds in found.seconds.items():
        counts = ", ".join(f"{number} {status}" for status, number in sorted(found.nodes[engine].items()))
        console.print(f"{engine}: {seconds:.1f} s; {counts}")
    for line in found.failed:
        errors.print(f"[red]{escape(line)}[/]", soft_wrap=True)
    alike = sum(difference.same for difference in found.differences)
    console.print(f"{alike} of {len(found.differences)} tables are equal row by row.")
    if not found.same:
        console.print(f"Both build files are left in {plain(settings.work / 'engines')}.", soft_wrap=True)
    raise typer.Exit(0 if found.same else 1)
