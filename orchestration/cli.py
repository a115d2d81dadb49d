"""parindex: the command line.

Exit codes: 0 the night was published (or the command did what it says), 1 it was not and readers keep what they
had, 2 wrong usage.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Annotated, ClassVar

import typer

from orchestration import (
    clock,
    evidence_command,
    home_command,
    last_words,
    metrics_command,
    publish_command,
    quarantine_command,
    spark_command,
    versions_command,
    which_version,
)
from orchestration.bi import command as superset_command
from orchestration.day_option import day_option
from orchestration.out_option import check_out_folder
from orchestration.sample_day import remember, sample_day
from orchestration.startup import INTERRUPTED, NIGHT_INTERRUPTED, leave
from orchestration.terminal import console, errors, plain, show_all_letters
from sources.inbox import SAMPLE_MARKER, find_arrivals
from warehouse.lock import NightRunning
from warehouse.settings import Settings, SettingsError, load_settings, write_for_the_team_only

app = typer.Typer(
    name="parindex",
    help="ETL and warehouse for a province's administrative-reform index (PAR INDEX).",
    epilog="Examples: parindex run --as-of 2024-11-30    |    parindex status    |    parindex run --help",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
SAMPLE_AS_OF = date(2024, 11, 30)
_CTRL_C = 130  # how typer ends a command that was interrupted, without a word


def _day(what: str):
    """An option --as-of, which means something else in each command."""
    return typer.Option("--as-of", parser=day_option, metavar="YYYY-MM-DD", help=what)


AsOf = Annotated[date | None, _day("The day whose figures are wanted. \\[default: today]")]
SampleAsOf = Annotated[date | None, _day(f"The last day of the exports. \\[default: {SAMPLE_AS_OF}]")]
RebuildAsOf = Annotated[
    date | None, _day("The day whose figures are wanted. \\[default: that of the published night]")
]


def _settings(inbox: Path | None = None) -> Settings:
    """For commands that write into the home. Those that only look use `load_settings`, and leave an empty home empty."""
    return load_settings(inbox).create()


def _write_sample(out: Path, dossiers: int, seed: int, as_of: date) -> dict:
    from sources.sample import write_sample

    with console.status("Writing sample exports ...") as status:
        return write_sample(
            out,
            dossiers,
            seed,
            as_of,
            progress=lambda name, rows: status.update(f"Writing {name} ({rows:,} rows)"),
        )


@app.command(
    epilog="Example: parindex sample --out data/inbox --dossiers 20000    "
    "then: parindex run    (the sample's day is used when --as-of is not given)"
)
def sample(
    out: Annotated[Path, typer.Option(help="Folder to write into; an earlier sample there is replaced.")],
    dossiers: Annotated[int, typer.Option(min=1, help="Number of dossiers, up to millions.")] = 20_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 152,
    as_of: SampleAsOf = None,
) -> None:
    """Write real-looking exports of all sources, with planted faults listed in planted_faults.json."""
    settings = None
    with suppress(SettingsError):  # it does without them, also where they are wrong
        settings = load_settings()
    if settings is not None:
        check_out_folder(settings, out)
    try:
        made = _write_sample(out, dossiers, seed, as_of or SAMPLE_AS_OF)
    except (FileExistsError, ValueError) as error:
        raise typer.BadParameter(str(error)) from None
    if settings is not None and settings.home.is_dir() and out.resolve() == settings.inbox.resolve():
        remember(settings, as_of or SAMPLE_AS_OF)
    console.print(
        f"Wrote the exports of {made['dossiers']:,} dossiers to {plain(out)}, as of {made['as_of']}."
    )
    if made["dossiers"] > dossiers:
        console.print("Fewer dossiers would not hold all the planted faults.")
    console.print(f"{len(made['faults'])} planted faults are listed in {plain(out / SAMPLE_MARKER)}.")


class _Progress:
    """Progress that a person can follow: a live line on a terminal, plain lines in a log."""

    TITLES: ClassVar[dict[str, str]] = {
        "land": "Nạp dữ liệu   land   ",
        "check": "Kiểm tra      check  ",
        "build": "Tính toán     build  ",
        "gate": "Kiểm soát     gate   ",
        "publish": "Công bố       publish",
        "alert": "Cảnh báo      alert  ",
        "report": "Báo cáo       report ",
    }

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.stage = ""
        self.status = console.status("") if console.is_terminal else None

    def __enter__(self) -> _Progress:
        if self.status:
            self.status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.status:
            self.status.stop()

    def __call__(self, stage: str, detail: str) -> None:
        seconds = time.monotonic() - self.started
        text = f"{seconds:6.1f}s  {self.TITLES.get(stage, stage)}  {detail}"
        line = plain(text)
        if self.status:
            self.status.update(plain(text[: console.width - 6]))
        elif stage != self.stage:
            console.print(line, soft_wrap=True)
        told = any(word in detail for word in (": refused", ": held back", ": dated ahead", " rejected"))
        if told and (self.status or stage == self.stage):
            console.print(f"[yellow]{line}[/]" if console.is_terminal else line, soft_wrap=True)
        self.stage = stage


@app.command(
    epilog="Examples: parindex run    |    parindex run --as-of 2024-11-30    |    parindex run --inbox /srv/exports    |"
    "    parindex run --unattended"
)
def run(
    inbox: Annotated[
        Path | None, typer.Option(help="Folder of the exports. \\[default: PARINDEX_HOME/inbox]")
    ] = None,
    as_of: AsOf = None,
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Read every file of the inbox again.")
    ] = False,
    sample_if_empty: Annotated[
        bool, typer.Option("--sample-if-empty", help="Write sample exports when the inbox is empty.")
    ] = False,
    unattended: Annotated[
        bool,
        typer.Option(
            "--unattended",
            help="Nobody watches (cron, a timer): wait for a backup to end, and let those who get the alerts know"
            " also of a night that cannot begin.",
        ),
    ] = False,
) -> None:
    """One night: ingest, check, transform, check, publish, alert, report; ends with the scorecard."""
    from orchestration.progress import listening
    from orchestration.run import log_to_file, run_night
    from orchestration.scorecard import show_scorecard

    if inbox is not None and not inbox.is_dir():
        raise typer.BadParameter(f"{inbox} is no folder", param_hint="--inbox")
    settings = _settings(inbox)
    if (
        settings.ledger.is_relative_to(settings.inbox)
        or (settings.inbox / "landing" / "ledger.sqlite").exists()
    ):
        raise typer.BadParameter(
            f"{settings.inbox} holds the warehouse itself; meant is the folder of the sources, most likely its inbox/",
            param_hint="--inbox",
        )
    if sample_if_empty and not find_arrivals(settings.inbox):
        _write_sample(settings.inbox, 20_000, 152, SAMPLE_AS_OF)
        console.print(f"The inbox was empty: sample exports are in {plain(settings.inbox)}.")
    day = as_of or sample_day(settings, asked_for=sample_if_empty)
    by_the_clock = day is None
    day = day or clock.today()
    log = log_to_file(settings)
    with _Progress() as progress, listening(progress):
        try:
            outcome = run_night(
                settings,
                day,
                full_refresh=full_refresh,
                by_the_clock=by_the_clock,
                unattended=unattended,
            )
        except KeyboardInterrupt:
            errors.print(NIGHT_INTERRUPTED, soft_wrap=True)
            raise typer.Exit(1) from None
    if not outcome.published:
        errors.print(f"[red]Không công bố – not published:[/] {plain(outcome.message)}", soft_wrap=True)
        errors.print(f"Readers keep the last published night. Details: {plain(log)}; `parindex status`.")
        raise typer.Exit(1)
    show_scorecard(settings, console)
    if outcome.message:
        errors.print(f"[yellow]Published, but[/] {plain(outcome.message)}", soft_wrap=True)
    seconds = time.monotonic() - progress.started
    console.print(f"Published {plain(settings.published_file)} as of {day} in {seconds:.0f} s.")


@app.command(epilog="Example: parindex status")
def status() -> None:
    """The last night, freshness of each source, rejected rows, refused files, open alerts."""
    from orchestration.status import show_status

    show_status(load_settings(), console)


@app.command(epilog="Example: parindex rebuild --as-of 2024-11-30")
def rebuild(as_of: RebuildAsOf = None) -> None:
    """The warehouse again from landing alone; the marts come out identical."""
    from orchestration.rebuild import NothingLanded, NotRebuilt, check_landed
    from orchestration.rebuild import rebuild as build_again
    from orchestration.run import log_to_file
    from warehouse import publish

    settings = load_settings()
    before = publish.current(settings)
    day = as_of or (before.as_of if before else clock.today())
    try:
        check_landed(settings)  # before anything is made in an empty home
        log = log_to_file(settings.create())
        with console.status(f"Rebuilding as of {day} ..."):
            after = build_again(settings, day)
    except (NightRunning, NothingLanded) as reason:
        errors.print(f"[red]Not rebuilt:[/] {plain(reason)}")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        errors.print(NIGHT_INTERRUPTED, soft_wrap=True)
        raise typer.Exit(1) from None
    except NotRebuilt as failure:
        errors.print(f"[red]Không công bố – not published:[/] {plain(failure)}", soft_wrap=True)
        errors.print(f"Readers keep the last published night. Details: {plain(log)}; `parindex status`.")
        raise typer.Exit(1) from None
    console.print(f"Rebuilt {plain(settings.warehouse)} and published {after.version}.")
    if before and before.as_of == day:
        changed = sorted(t for t in after.hashes if before.hashes.get(t) != after.hashes[t])
        console.print(f"Changed marts: {', '.join(changed)}" if changed else "All marts are identical.")


app.add_typer(quarantine_command.app, name="quarantine")
app.command(epilog=publish_command.EXAMPLES)(publish_command.publish)
app.command(epilog=evidence_command.EPILOG)(evidence_command.evidence)
app.command(epilog=superset_command.EXAMPLES)(superset_command.superset)
app.command(
    epilog="Examples: parindex spark-check    |    parindex spark-check --as-of 2024-11-30 --everything"
)(spark_command.spark_check)
app.command(epilog="Example: parindex versions")(versions_command.versions)
app.command(epilog="Examples: parindex diff    |    parindex diff 2024-11-29 2024-11-30")(
    versions_command.diff
)
app.command(epilog="Examples: parindex rollback previous    |    parindex rollback 2024-11-29")(
    versions_command.rollback
)

app.command(epilog=home_command.DOCTOR_EXAMPLES)(home_command.doctor)
app.command(epilog=home_command.BACKUP_EXAMPLES)(home_command.backup)
app.command(epilog=home_command.RESTORE_EXAMPLE)(home_command.restore)
app.command(epilog=home_command.PRUNE_EXAMPLES)(home_command.prune)

metrics_app = typer.Typer(
    help="Headline rates by any cut: the ratio of two sums.",
    epilog="Example: parindex metrics list   then as `parindex metrics query --help` shows",
    no_args_is_help=True,
)
app.add_typer(metrics_app, name="metrics")
metrics_app.command("list", epilog="Example: parindex metrics list")(metrics_command.list_metrics)
metrics_app.command("query", epilog=metrics_command.EXAMPLES)(metrics_command.query)

alerts_app = typer.Typer(
    help="Problems that are told to those who answer for them.",
    epilog="Examples: parindex alerts list    |    parindex alerts test",
    no_args_is_help=True,
)
app.add_typer(alerts_app, name="alerts")


@alerts_app.command("list", epilog="Example: parindex alerts list")
def alerts_list() -> None:
    """Open and muted alerts, the most severe first."""
    from orchestration.alerting import open_alerts_and_why_muted
    from orchestration.alerting.model import COVERED

    every = open_alerts_and_why_muted(load_settings())
    alerts = [(alert, why) for alert, why in every if alert.status != COVERED]
    if not alerts:
        console.print("Không có cảnh báo nào đang mở – no open alerts.")
        return
    console.print(f"Cảnh báo đang mở – open alerts: {len(alerts)}")
    if spoken_for := len(every) - len(alerts):
        console.print(
            f"({spoken_for} cảnh báo khác đã nằm trong các cảnh báo này – others that these speak for)"
        )
    for alert, why in alerts:
        owner = f" ({alert.owner})" if alert.owner else ""
        line = f"{alert.alert_id}  {alert.severity:8}  {alert.status:6}  {alert.opened_at:%Y-%m-%d}  {alert.message}"
        console.print(line + owner, markup=False, soft_wrap=True)
        if alert.muted_until is not None:
            until = f"tạm tắt đến – muted until {alert.muted_until}: {why}"
            console.print(f"{'':18}{until}", markup=False, soft_wrap=True)


@alerts_app.command(
    "mute", epilog="Example: parindex alerts mute 1a2b3c --reason 'repair until Friday' --until 2024-12-06"
)
def alerts_mute(
    alert_id: Annotated[str, typer.Argument(help="As `parindex alerts list` shows it.")],
    reason: Annotated[str, typer.Option(help="Why nobody needs to be told.")],
    until: Annotated[
        date, typer.Option(parser=day_option, metavar="YYYY-MM-DD", help="The last day of silence.")
    ],
) -> None:
    """Keep an alert silent for a while, with a reason and an end."""
    from orchestration.alerting import AlertError, mute

    try:
        alert = mute(load_settings(), alert_id, reason, until, clock.now())
    except AlertError as error:
        raise typer.BadParameter(str(error)) from None
    console.print(f"Muted until {until}: {plain(alert.message)}")


@alerts_app.command("unmute", epilog="Example: parindex alerts unmute 1a2b3c")
def alerts_unmute(
    alert_id: Annotated[str, typer.Argument(help="As `parindex alerts list` shows it.")],
) -> None:
    """Take a mute back: the alert speaks again from the next night on."""
    from orchestration.alerting import AlertError, unmute

    try:
        alert = unmute(load_settings(), alert_id)
    except AlertError as error:
        raise typer.BadParameter(str(error)) from None
    console.print(f"Not muted any more: {plain(alert.message)}")


@alerts_app.command("test", epilog="Example: parindex alerts test")
def alerts_test() -> None:
    """Send a test message along every route of the configuration."""
    from orchestration.alerting import AlertConfigError, doubts, load_config, send_test

    settings = load_settings()
    try:
        for doubt in doubts(settings, load_config(settings)):
            errors.print(f"[yellow]{plain(doubt)}[/]", soft_wrap=True)
        outcome = send_test(settings)
    except AlertConfigError as error:
        errors.print(f"[red]Alert configuration:[/] {plain(error)}")
        raise typer.Exit(2) from None
    console.print(outcome.note, markup=False)
    raise typer.Exit(1 if outcome.failed else 0)


@app.command(
    epilog="Examples: parindex report --out /var/www/par-index    |    "
    "parindex report --as-of 2024-11-29 --out reports-of-29-11"
)
def report(
    out: Annotated[
        Path | None, typer.Option(help="Folder to write into; without it PARINDEX_HOME/reports.")
    ] = None,
    as_of: Annotated[date | None, _day("A published night that is kept; needs --out.")] = None,
) -> None:
    """The morning page of a published night: one HTML file, Vietnamese and English."""
    from orchestration.report import write_report

    settings = load_settings()
    if out is not None:
        check_out_folder(settings, out)
    if not settings.published_file.exists():
        errors.print("Nothing is published yet: run `parindex run` first.")
        raise typer.Exit(1)
    file = settings.published_file
    if as_of is not None:
        if out is None:
            raise typer.BadParameter("say where to: the page of today stays as it is", param_hint="--out")
        file = which_version.find_version(settings, str(as_of)).database
    page = write_report(file, out or settings.reports, settings.duckdb())
    console.print(f"Wrote {plain(page)}", soft_wrap=True)


@app.command(epilog="Example: parindex serve --port 3000   then open http://127.0.0.1:3000")
def serve(
    port: Annotated[int, typer.Option(min=1, max=65535)] = 3000,
    host: Annotated[
        str, typer.Option(help="Address to listen on; only this machine by default.")
    ] = "127.0.0.1",
) -> None:
    """Dagster's pages with the schedule (01:00 Asia/Ho_Chi_Minh) and the inbox sensor on."""
    from orchestration import dbt
    from orchestration.instance import prepare_instance

    settings = _settings()
    prepare_instance(settings)
    os.environ["PARINDEX_HOME"] = str(settings.home)
    dbt.manifest_path()
    console.print(f"http://{host}:{port}  (Ctrl-C ends it)")
    from orchestration.serve import serve_dagster

    raise typer.Exit(serve_dagster(host, port))


def main() -> None:
    """Entry point: turns our own errors into a message and an exit code, never a traceback."""
    show_all_letters()
    write_for_the_team_only()
    leave(_exit_code())


def _exit_code() -> int:
    try:
        app()
    except SystemExit as end:
        if end.code == _CTRL_C:
            errors.print(INTERRUPTED)
            return 1
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception as error:
        told = last_words.of(error)
        if told is None:
            raise
        errors.print(told, soft_wrap=True)
        return 2 if last_words.is_of_usage(error) else 1
    return 0
