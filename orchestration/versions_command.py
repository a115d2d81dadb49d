"""Kept versions: list them, tell what changed between two, publish an earlier one again."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from orchestration.nearest import nearest_codes
from orchestration.numbers import number_en
from orchestration.terminal import console, errors, plain
from orchestration.which_version import NIGHTS, find_version, settings_here
from warehouse import publish as publishing
from warehouse.publish import Version
from warehouse.settings import Settings


def versions() -> None:
    """The versions that are kept, newest first."""
    settings = settings_here()
    kept, now = publishing.versions(settings), publishing.current(settings)
    if not kept:
        console.print("Nothing has been published yet: `parindex run` does.")
        return
    shown = Table(title=f"{len(kept)} phiên bản – versions", title_justify="left")
    for name in ("Phiên bản – version", "Số liệu đến – as of", "Công bố lúc – published", "Dòng – rows", ""):
        shown.add_column(name, justify="right" if "rows" in name else "left", no_wrap=True)
    for version in reversed(kept):
        is_current = now is not None and version.version == now.version
        shown.add_row(
            version.version,
            str(version.as_of),
            f"{version.published_at:%Y-%m-%d %H:%M:%S}",
            f"{sum(version.counts.values()):,}",
            "hiện hành – current" if is_current else "",
            style="bold" if is_current else None,
        )
    console.print(shown)


def diff(
    night1: Annotated[str, typer.Argument(metavar="NIGHT1", help=f"The earlier one: {NIGHTS}.")] = "previous",
    night2: Annotated[
        str, typer.Argument(metavar="NIGHT2", help="The later one, named likewise.")
    ] = "current",
    agency: Annotated[
        str | None,
        typer.Option(help="Figures of this agency instead of the province's; `all` for every agency."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Figures to show.")] = 60,
) -> None:
    """What changed between two kept versions: rows of each mart, and headline figures."""
    from warehouse.compare import agency_codes, figure_changes, table_changes

    settings = settings_here()
    before, after = find_version(settings, night1), find_version(settings, night2)
    if agency not in (None, "all"):
        _must_be_known(agency, agency_codes(before, after, settings.duckdb()))
    console.print(
        f"{before.version} (as of {before.as_of})  →  {after.version} (as of {after.as_of})", soft_wrap=True
    )
    if before.version == after.version:
        console.print("That is one and the same version.")
        return
    changes = table_changes(before, after, settings.duckdb())
    _show_tables([change for change in changes if not change.same])
    same = [change.table for change in changes if change.same]
    if same:
        console.print(f"Không đổi – unchanged: {', '.join(same)}")
    figures = figure_changes(before, after, settings.duckdb())
    if agency == "all":
        wanted, whose = figures, "mọi đơn vị – every agency"
    elif agency:
        wanted, whose = [f for f in figures if f.agency_code == agency], agency
    else:
        wanted, whose = [f for f in figures if f.is_province], "toàn tỉnh – the province"
    _show_figures(wanted, whose, limit)
    others = len({f.agency_code for f in figures} - {f.agency_code for f in wanted})
    if others:
        console.print(f"{others:,} more agencies have changed figures: --agency CODE, or --agency all.")


def _must_be_known(agency: str, known: set[str]) -> None:
    """A code that no agency has would look as if nothing had changed."""
    if agency in known:
        return
    near = nearest_codes(agency, known)
    raise typer.BadParameter(
        f"không có đơn vị {agency!r} – neither version knows this agency; nearest: {', '.join(near) or '–'}; `all` shows"
        " every one",
        param_hint="--agency",
    )


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _show_tables(changes) -> None:
    if not changes:
        console.print("No mart differs.")
        return
    shown = Table(title="Bảng – marts", title_justify="left")
    shown.add_column("Bảng – mart", no_wrap=True)
    for name in ("Trước – before", "Sau – after", "Thêm – added", "Bớt – removed", "Sửa – changed"):
        shown.add_column(name, justify="right")
    for change in changes:
        shown.add_row(
            change.table,
            *(_count(n) for n in (change.before, change.after, change.added, change.removed, change.changed)),
        )
    console.print(shown)


_VERDICT = {True: "đạt – met", False: "chưa đạt – missed", None: "–"}


def _parts(numerator: float | None, denominator: float | None) -> str:
    if numerator is None:
        return ""
    return number_en(numerator) + ("" if denominator is None else f"/{number_en(denominator)}")


def _show_figures(figures, whose: str, limit: int) -> None:
    if not figures:
        console.print(f"No headline figure of {whose.split(' – ')[-1]} differs.")
        return
    shown = Table(
        title=f"{len(figures):,} chỉ tiêu chính thay đổi – headline figures: {whose}", title_justify="left"
    )
    for name in ("Chỉ tiêu – target", "Đơn vị – agency", "Kỳ – period"):
        shown.add_column(name, no_wrap=True)
    for name in ("Trước – before", "Sau – after", "Tăng – change"):
        shown.add_column(name, justify="right")
    shown.add_column("Kết luận – verdict")
    for figure in figures[:limit]:
        both = figure.before is not None and figure.after is not None
        verdict = _VERDICT[figure.met_after]
        if figure.verdict_changed:
            verdict = f"{_VERDICT[figure.met_before]} → {verdict}"
        shown.add_row(
            figure.target_id,
            plain(figure.agency_code),
            f"{figure.period_kind} {figure.period_start}",
            _side(figure.in_before, figure.before, figure.numerator_before, figure.denominator_before),
            _side(figure.in_after, figure.after, figure.numerator_after, figure.denominator_after),
            _signed(figure.after - figure.before) if both else "",
            verdict,
            style="bold" if figure.verdict_changed else None,
        )
    console.print(shown)
    if len(figures) > limit:
        console.print(f"{len(figures) - limit:,} more: --limit {len(figures)}.")


def _signed(value: float) -> str:
    text = number_en(value)
    return f"+{text}" if value > 0 and text != "0" else text


def _side(is_there: bool, value: float | None, numerator: float | None, denominator: float | None) -> str:
    if not is_there:
        return "không có – none"
    parts = _parts(numerator, denominator)
    return f"{number_en(value)} ({parts})" if parts and denominator is not None else number_en(value)


def rollback(
    version: Annotated[
        str, typer.Argument(metavar="VERSION", help=f"{NIGHTS[0].upper()}{NIGHTS[1:]}.")
    ] = "previous",
) -> None:
    """Publish an earlier kept version again (the night before, unless one is named), with its morning page and metrics; nothing is computed, and the later
    versions stay.
    """
    from warehouse.lock import NightRunning, night_lock

    settings = settings_here()
    find_version(settings, version)  # what is not there needs no lock, which would make its file
    try:
        with night_lock(settings):
            before, chosen = publishing.current(settings), find_version(settings, version)
            if before is not None and before.version == chosen.version:
                console.print(f"{chosen.version} is what readers see already.")
            else:
                _settle_nights(settings, before, chosen)
                publishing.swap_in(settings, chosen)
                console.print(f"Readers see {chosen.version}, figures as of {chosen.as_of}.", soft_wrap=True)
                if before is not None:
                    console.print(f"To go back: parindex rollback {before.version}", soft_wrap=True)
            _page_and_metrics(settings, chosen)
            if settings.publish_to:
                _to_server(settings, chosen)
    except NightRunning as busy:
        errors.print(f"[red]Not rolled back:[/] {plain(busy)}", soft_wrap=True)
        raise typer.Exit(1) from None


def _settle_nights(settings: Settings, before: Version | None, chosen: Version) -> None:
    """What a killed night left is judged by what readers see: after the rollback that could not be told any more.

    A ledger that cannot be written (a full disk) keeps nobody from going back.
    """
    from warehouse.ledger import Ledger

    try:
        ledger = Ledger(settings.ledger)
        try:
            ledger.before_publishing(chosen.version, before.version if before else None)
        finally:
            ledger.close()
    except Exception as error:
        errors.print(
            f"[yellow]Sổ các đêm – the ledger of nights[/] cannot be written ({type(error).__name__}): of a night that was"
            " cut off after publishing, the next one removes the version.",
            soft_wrap=True,
        )


def _page_and_metrics(settings: Settings, version: Version) -> None:
    """What else shows figures shows those of the version. What fails is told and does not undo the rollback."""
    from orchestration.alerting import write_metrics
    from orchestration.report import write_report
    from warehouse.ledger import Ledger

    def page() -> None:
        write_report(settings.published_file, settings.reports, settings.duckdb())

    def metrics() -> None:
        ledger = Ledger(settings.ledger)
        try:
            write_metrics(settings, settings.published_file, ledger, version.as_of)
        finally:
            ledger.close()

    for write, what, todo in (
        (page, "Trang buổi sáng – the morning page", "`parindex report` writes it"),
        (metrics, "Số đo cho giám sát – the metrics", "the next night writes them"),
    ):
        try:
            write()
        except Exception as error:  # the message of a database error can quote a row
            why = str(error) if isinstance(error, OSError) else type(error).__name__
            errors.print(
                f"[yellow]Rolled back, but[/] {what}: vẫn là số liệu cũ – still of before ({plain(why)}): {todo}.",
                soft_wrap=True,
            )


def _to_server(settings: Settings, version: Version) -> None:
    from orchestration.publish_command import send, show
    from warehouse.postgres import PublishError

    try:
        show(send(settings, settings.publish_to, version))
    except PublishError as error:
        errors.print("[red]The file is rolled back, the server is not:[/]", end=" ")
        errors.print(f"{error} Then run `parindex publish`.", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None
