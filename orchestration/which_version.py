"""Which kept version somebody means: what every command takes for a night that was published."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from orchestration.terminal import errors
from warehouse import publish as publishing
from warehouse.looking import may_write
from warehouse.publish import Version
from warehouse.settings import Settings, load_settings

NIGHTS = "a version, the start of one, its day (YYYY-MM-DD), latest, current, or previous (what readers saw last of an earlier day)"
VersionArgument = Annotated[
    str, typer.Option("--version", metavar="VERSION", help=f"Which one to publish: {NIGHTS}.")
]


def settings_here() -> Settings:
    """The home, with its folders where it has published something: an empty one stays empty, to be restored into.

    One that may only be read stays as it is.
    """
    settings = load_settings()
    is_whole = publishing.current(settings) is not None and may_write(settings.home)
    return settings.create() if is_whole else settings


def find_version(settings: Settings, name: str) -> Version:
    """A kept version by its name, the start of it, its day, or a word. Raises typer.BadParameter.

    latest: published last. current: what readers see. previous: what they saw last of an earlier day.
    Exits with 1 where nothing has been published yet: that is no wrong usage.
    """
    kept = publishing.versions(settings)
    now = publishing.current(settings)
    if not kept or (now is None and name in ("current", "previous")):
        errors.print("Chưa công bố đêm nào – nothing has been published yet: run `parindex run` first.")
        raise typer.Exit(1)
    if name == "latest":
        return kept[-1]
    if name == "current":
        return now
    if name == "previous":
        before = publishing.last_before(settings, now.as_of)
        if before is None:
            raise typer.BadParameter(
                f"không còn đêm nào trước ngày {now.as_of} – no night of a day before {now.as_of} is kept that readers"
                " saw: name a version (`parindex versions` lists them)"
            )
        return before
    try:
        # Not fromisoformat: it takes 20241130, with which versions begin, for a day.
        day = datetime.strptime(name, "%Y-%m-%d").date()
    except ValueError:
        found = [version for version in kept if version.version == name]
        found = found or [version for version in kept if name and version.version.startswith(name)]
        if len(found) == 1:
            return found[0]
        if found:
            raise typer.BadParameter(
                f"{name!r} is the start of {len(found)} versions, {found[0].version} one of them: write more of it"
            ) from None
    else:
        version = publishing.of_day(settings, day)
        if version is not None:
            return version
    days = ", ".join(sorted({str(version.as_of) for version in kept}))
    raise typer.BadParameter(
        f"no version {name!r} is kept; kept are the days {days} (`parindex versions` lists them;"
        " PARINDEX_KEEP_VERSIONS says how many are kept)"
    )
