"""Looking after a home: `parindex doctor`, `backup`, `restore`, `prune`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestration import clock
from orchestration.out_option import check_out_file
from orchestration.terminal import console, errors, plain
from warehouse.settings import Settings, SettingsError, load_settings

_COLOURS = {"OK": "green", "WARN": "yellow", "FAIL": "red"}

DOCTOR_EXAMPLES = "Examples: parindex doctor    |    parindex doctor --quiet && parindex run"
BACKUP_EXAMPLES = (
    "Examples: parindex backup --out /backup/par-index.tar    |    "
    "parindex backup --out par-index.tar --all-versions --with-key"
)
RESTORE_EXAMPLE = "Example: PARINDEX_HOME=/srv/par-index/data parindex restore /backup/par-index.tar    then: parindex rebuild"
PRUNE_EXAMPLES = "Examples: parindex prune --dry-run    |    parindex prune"


def doctor(
    quiet: Annotated[bool, typer.Option("--quiet", help="Only what is not in order.")] = False,
) -> None:
    """Whether home and machine are fit for tonight: OK, WARN or FAIL, and what to do. Exit code 1 if any FAIL."""
    from orchestration.doctor import FAIL, OK, WARN, Finding, examine

    try:
        settings = load_settings()
    except SettingsError as error:
        findings = iter([Finding(FAIL, "settings", str(error), "correct it in .env or the environment")])
    else:
        findings = examine(settings, clock.now())
    count = {OK: 0, WARN: 0, FAIL: 0}
    for finding in findings:
        count[finding.level] += 1
        if quiet and finding.level == OK:
            continue
        level = f"[{_COLOURS[finding.level]}]{finding.level:<4}[/]"
        console.print(f"{level}  {plain(finding.about)}: {plain(finding.message)}", soft_wrap=True)
        if finding.todo:
            console.print(f"      → {plain(finding.todo)}", soft_wrap=True)
    console.print(f"{count[OK]} in order, {count[WARN]} to look at, {count[FAIL]} to repair.")
    raise typer.Exit(1 if count[FAIL] else 0)


def backup(
    out: Annotated[Path, typer.Option(help="File to write (.tar); it must not exist yet.")],
    with_key: Annotated[
        bool,
        typer.Option("--with-key", help="The key of personal data too: then keep the file as safe as it."),
    ] = False,
    all_versions: Annotated[
        bool, typer.Option("--all-versions", help="Every kept night, not only the one that readers see.")
    ] = False,
) -> None:
    """What cannot be computed again, in one file with checksums: landing, ledger, alerts, the published night."""
    from warehouse.backup import BackupError, back_up, check_landed
    from warehouse.lock import NightRunning, night_lock

    settings = load_settings()
    check_out_file(settings, out)
    try:
        check_landed(settings)  # before the lock makes its file in an empty home
        with night_lock(settings), console.status("...") as status:
            made = back_up(
                settings, out, clock.now(), with_key=with_key, all_versions=all_versions, tell=status.update
            )
    except (BackupError, NightRunning) as error:
        _refuse("Not backed up", error)
    console.print(
        f"Wrote {made.files:,} files, {made.size / 1e6:,.1f} MB, to {plain(made.file)}.", soft_wrap=True
    )
    if settings.personal_data == "hash" and not with_key:
        console.print("The key is not in it: keep it apart (docs/runbook/key.md).", soft_wrap=True)


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `parindex backup` wrote.")],
) -> None:
    """A backup into an empty home: readers see its published night at once, `parindex rebuild` does the rest."""
    from warehouse.backup import BackupError
    from warehouse.backup import restore as put_back
    from warehouse.lock import NightRunning, night_lock

    settings = load_settings()
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o750)
    try:
        with night_lock(settings), console.status("...") as status:
            made = put_back(settings, file, tell=status.update)
    except (BackupError, NightRunning) as error:
        _refuse("Not restored", error)
    console.print(
        f"Restored {made.files:,} files of {made.made_at:%Y-%m-%d %H:%M} into {plain(settings.home)}; every checksum"
        " agrees.",
        soft_wrap=True,
    )
    if made.version:
        console.print(
            f"Readers see {made.version}. `parindex rebuild` makes the warehouse again.", soft_wrap=True
        )
    if not made.with_key and settings.personal_data == "hash":
        console.print(
            f"The key is not in the backup: put it into {plain(settings.key_file)} (mode 600) or PARINDEX_KEY before"
            " the next night.",
            soft_wrap=True,
        )


def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
) -> None:
    """Remove what is old and needed by nothing: versions, run history, rows of replaced deliveries.

    Every night does this by itself; PARINDEX_KEEP_VERSIONS and PARINDEX_KEEP_DAYS say how much is kept. Rows that any
    figure can still be counted from are never removed.
    """
    from warehouse.lock import NightRunning, night_lock

    settings = load_settings()
    if not settings.ledger.exists():
        console.print("Nothing has landed yet: there is nothing to remove.")
        return
    settings.create()
    try:
        with night_lock(settings):
            done = _tidy(settings, dry_run)
    except NightRunning as busy:
        _refuse("Nothing removed", busy)
    console.print(f"{'Would remove' if dry_run else 'Removed'} {done.text}.", soft_wrap=True)


def _tidy(settings: Settings, dry_run: bool):
    import dagster as dg

    from orchestration.instance import prepare_instance
    from orchestration.tidy import tidy
    from warehouse.ledger import Ledger

    prepare_instance(settings)
    ledger = Ledger(settings.ledger)
    try:
        with dg.DagsterInstance.get() as instance:
            return tidy(settings, ledger, instance, clock.now(), at_most=None, only_tell=dry_run)
    finally:
        ledger.close()


def _refuse(what: str, why: object) -> None:
    errors.print(f"[red]{what}:[/] {plain(why)}", soft_wrap=True)
    raise typer.Exit(1)
