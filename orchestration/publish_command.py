"""`parindex publish --to URL`, and the same as the last step of a night."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from orchestration.terminal import console, errors
from orchestration.which_version import VersionArgument, find_version, settings_here
from warehouse import publish as publishing
from warehouse.settings import Settings

if TYPE_CHECKING:
    import dagster as dg

    from orchestration.night import Night
    from warehouse.postgres import PublishedTo

EXAMPLES = (
    "Examples: parindex publish --to postgresql://par_index:SECRET@db.example.gov.vn/par_index    |"
    "    PARINDEX_PUBLISH_TO=postgresql://... parindex publish --version previous"
)


def send(
    settings: Settings,
    url: str,
    version: publishing.Version,
    *,
    full: bool = False,
    smaller: bool = False,
    tell=None,
) -> PublishedTo:
    """Bring a PostgreSQL to a version, by the differences from whatever kept version it holds.

    Raises warehouse.postgres.PublishError; its readers keep the old night then.
    """
    from warehouse.postgres import publish_to

    return publish_to(
        url,
        version,
        kept=publishing.versions(settings),
        full=full,
        smaller=smaller,
        config=settings.duckdb(),
        tell=tell or (lambda message: None),
    )


def publish(
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="URL",
            help="postgresql://USER:PASSWORD@HOST:PORT/DATABASE. Better in PARINDEX_PUBLISH_TO, or the password"
            " in ~/.pgpass: other users of this machine can see a command line. \\[default: PARINDEX_PUBLISH_TO]",
            show_default=False,
        ),
    ] = None,
    version: VersionArgument = "current",
    full: Annotated[
        bool,
        typer.Option("--full", help="Compare every row with the server's; repairs what was changed by hand."),
    ] = False,
    smaller: Annotated[
        bool,
        typer.Option(
            "--smaller",
            help="Also where the server would be left with less than half of its agencies or dossiers.",
        ),
    ] = False,
) -> None:
    """All marts of a published version to schema marts of a PostgreSQL; only what changed is sent."""
    from warehouse.postgres_server import PublishError, WrongAddress

    settings = settings_here()
    url = to or settings.publish_to
    if not url:
        raise typer.BadParameter("say where to: --to URL, or PARINDEX_PUBLISH_TO in .env", param_hint="--to")
    chosen = find_version(settings, version)
    try:
        with console.status("Publishing ...") as status:
            done = send(
                settings,
                url,
                chosen,
                full=full,
                smaller=smaller,
                tell=lambda text: status.update(f"Publishing {text} ..."),
            )
    except PublishError as error:
        errors.print("[red]Không công bố – not published:[/]", end=" ")
        errors.print(str(error), markup=False, soft_wrap=True)
        raise typer.Exit(2 if isinstance(error, WrongAddress) else 1) from None
    show(done, compared=full)


def show(done: PublishedTo, *, compared: bool = False) -> None:
    shown = Table(box=None, pad_edge=False)
    for name in ("Bảng – table", "", "Dòng – rows", "Đã gửi – sent", "Đã ghi – written", "Đã xóa – deleted"):
        shown.add_column(name, justify="right" if "–" in name and "table" not in name else "left")
    for moved in done.changed:
        counts = (moved.rows, moved.sent, moved.written, moved.deleted)
        shown.add_row(moved.table, moved.how, *(f"{count:,}" for count in counts))
    if done.changed:
        console.print(shown)
    for warning in done.warnings:
        errors.print(f"Note: {warning}", markup=False, soft_wrap=True)
    unchanged = len(done.moved) - len(done.changed)
    if not compared:
        came_to = f"{done.sent:,} rows sent"
    elif done.changed:
        came_to = f"{done.sent:,} rows compared: {done.written:,} written, {done.deleted:,} deleted"
    else:
        came_to = f"{done.sent:,} rows compared: the server holds every one as published, and no other"
    console.print(
        f"{done.target}: version {done.version}, figures as of {done.as_of};"
        f" {len(done.changed)} tables changed, {unchanged} unchanged, {came_to} in {done.seconds:.1f} s.",
        markup=False,
        soft_wrap=True,
    )


def push(night: Night) -> dg.MaterializeResult:
    """The night's current version to PARINDEX_PUBLISH_TO; nothing to do where that is not set.

    Raises dg.Failure with what to do. The published file stays; readers of the server keep the old night.
    """
    import dagster as dg

    from orchestration.progress import tell
    from warehouse.postgres import PublishError

    settings = night.settings
    version = publishing.current(settings)
    if not settings.publish_to or version is None:
        return dg.MaterializeResult(metadata={"published": False})
    try:
        done = send(
            settings, settings.publish_to, version, tell=lambda text: tell("publish", f"PostgreSQL: {text}")
        )
    except PublishError as error:
        raise dg.Failure(
            description=f"PostgreSQL: {error} The file is published; `parindex publish` sends it again.",
            allow_retries=False,
        ) from None
    tell("publish", f"PostgreSQL: {done.sent:,} rows to {done.target}")
    return dg.MaterializeResult(
        metadata={
            "published": True,
            "target": done.target,
            "version": done.version,
            "rows_sent": done.sent,
            "tables_changed": len(done.changed),
            "seconds": round(done.seconds, 1),
            "warnings": list(done.warnings),
        }
    )
