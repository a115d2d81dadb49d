"""Whether a home and its machine are fit for tonight: one finding per question, each with what to do.

Nothing is written: a doctor may look at a home that is out of order, full or read-only.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib import metadata
from pathlib import Path

import duckdb
from packaging.requirements import Requirement

from orchestration import clock
from orchestration.ahead import dated_ahead
from orchestration.freshness import is_stale, last_delivered
from orchestration.seeds import read_seed
from sources.casting import TIME_ZONE
from sources.contract import all_tables
from warehouse import publish
from warehouse.damaged import DamagedFile, must_not_be_lost, sqlite_damage
from warehouse.in_clear import landed_in_clear
from warehouse.landed_damage import damaged_landings
from warehouse.ledger import Ledger
from warehouse.lock import is_held, is_held_by_a_night
from warehouse.looking import open_to_read
from warehouse.personal_key import is_of_landing
from warehouse.settings import PROJECT, Settings, SettingsError

OK, WARN, FAIL = "OK", "WARN", "FAIL"
_DAY = timedelta(hours=26)  # a night each day, and some patience
_LEAST_FREE = 1 << 30  # bytes


@dataclass(frozen=True)
class Finding:
    level: str
    about: str
    message: str
    todo: str = ""


Findings = Iterator[Finding]


def examine(settings: Settings, now: datetime) -> Findings:
    """All findings, the machine first. What cannot be looked at is a finding too."""
    for check in _CHECKS:
        try:
            yield from check(settings, now)
        except (SettingsError, DamagedFile) as error:
            yield Finding(FAIL, check.__name__.strip("_"), str(error))
        except Exception as error:
            yield Finding(
                FAIL, check.__name__.strip("_"), f"cannot be looked at ({type(error).__name__}: {error})"
            )


# The machine and the installation


def _python(settings: Settings, now: datetime) -> Findings:
    version = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info < (3, 14):
        yield Finding(OK, "python", version)
    else:
        yield Finding(FAIL, "python", version, "3.11 to 3.13 is needed: `make PYTHON=python3.12 setup`")


def _packages(settings: Settings, now: datetime) -> Findings:
    lock = PROJECT / "requirements.lock"
    if not lock.exists():
        yield Finding(OK, "packages", "installed without the lock: nothing to compare with")
        return
    lines = (line.rstrip("\\ ") for line in lock.read_text().splitlines() if line[:1].isalnum())
    wanted = [Requirement(line) for line in lines]
    wrong, count = [], 0
    for package in wanted:
        if package.marker is not None and not package.marker.evaluate():
            continue
        count += 1
        try:
            version = metadata.version(package.name)
        except metadata.PackageNotFoundError:
            version = "none"
        if not package.specifier.contains(version if version != "none" else "0", prereleases=True):
            wrong.append(f"{package.name} {version} instead of {package.specifier}")
    if wrong:
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        yield Finding(
            WARN, "packages", "; ".join(wrong[:5]) + more, "`make setup` installs what the lock says"
        )
    else:
        yield Finding(OK, "packages", f"{count} as the lock says")


def _clock(settings: Settings, now: datetime) -> Findings:
    # The newest by making: a clock that was ahead once is no reason to distrust it since (DECISIONS, D50).
    last = next((night["started_at"] for night in _nights(settings, 1)), None)
    if now.year < 2024 or (last and now < last - timedelta(minutes=5)):
        what = f", before the last night of {last:%Y-%m-%d %H:%M}" if last else ""
        yield Finding(FAIL, "clock", f"it shows {now:%Y-%m-%d %H:%M}{what}", "set it (NTP), then run again")
        return
    yield Finding(OK, "clock", f"{now:%Y-%m-%d %H:%M} in {TIME_ZONE}, whatever the zone of the machine")


def _memory(settings: Settings, now: datetime) -> Findings:
    with duckdb.connect(config={"memory_limit": settings.memory_limit}) as connection:
        row = connection.execute("select current_setting('memory_limit')").fetchall()[0]
    limit = _bytes(row[0])
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    text = f"{settings.memory_limit} of {total / 1e9:.1f} GB for DuckDB"
    if limit > 0.8 * total:
        yield Finding(WARN, "memory", text, "lower PARINDEX_MEMORY_LIMIT: Python needs 1 GB beside it")
    else:
        yield Finding(OK, "memory", text)


def _bytes(text: str) -> float:
    number, unit = text.split()
    return float(number) * 1024 ** ("bytes", "KiB", "MiB", "GiB", "TiB").index(unit)


# The home


def _home(settings: Settings, now: datetime) -> Findings:
    home = settings.home
    if not home.is_dir():
        yield Finding(
            WARN, "home", f"{home} is not there yet", "`parindex run` makes it; or set PARINDEX_HOME"
        )
        return
    if not os.access(home, os.W_OK):
        yield Finding(FAIL, "home", f"{home} cannot be written", "check owner and mode, and the mount")
        return
    opened = [path for path in (home, *_private(settings)) if path.exists() and path.stat().st_mode & 0o007]
    if opened:
        names = ", ".join(str(path) for path in opened[:3])
        todo = f"`chmod -R o-rwx {home}`"
        yield Finding(WARN, "home", f"every user of the machine may look into {names}", todo)
    else:
        yield Finding(OK, "home", f"{home}, closed to other users")


def _private(settings: Settings) -> list[Path]:
    return [
        settings.inbox,
        settings.landing,
        settings.ledger,
        settings.alerts,
        settings.warehouse,
    ]


def _key(settings: Settings, now: datetime) -> Findings:
    if settings.personal_data == "plain":
        yield Finding(
            WARN, "key", "PARINDEX_PERSONAL_DATA=plain: personal columns are landed as they are",
            "set it to hash unless somebody has decided otherwise in writing",
        )  # fmt: skip
        return
    given = bool(os.environ.get("PARINDEX_KEY", "").strip())
    if not given and not settings.key_file.exists():
        if settings.has_landed_under_a_key:
            yield Finding(
                FAIL, "key", f"{settings.key_file} is gone, and data were landed under it",
                "put it back from where it is kept (docs/runbook/key.md); a new one tells the same person apart",
            )  # fmt: skip
        else:
            yield Finding(OK, "key", "made by the next night")
        return
    if not is_of_landing(settings):  # SettingsError says what is wrong with the key itself
        yield Finding(
            FAIL, "key", "it is not the one that landing was written with",
            "put the old one back, or go over to the new one with `parindex run --full-refresh` (docs/runbook/key.md)",
        )  # fmt: skip
        return
    if in_clear := landed_in_clear(settings.landing):
        yield Finding(
            WARN, "key",
            f"personal data of {len(in_clear)} files stand in landing in clear, from nights under PARINDEX_PERSONAL_DATA=plain",
            "`parindex run --full-refresh`, and destroy the backups of that time: docs/runbook/key.md",
        )  # fmt: skip
        return
    yield Finding(OK, "key", "PARINDEX_KEY" if given else str(settings.key_file))


def _disk(settings: Settings, now: datetime) -> Findings:
    place = next(path for path in (settings.home, *settings.home.parents) if path.exists())
    free = shutil.disk_usage(place).free
    # A night writes a build file and a version beside those of the last night, and spills.
    used = sum(path.stat().st_size for path in (settings.warehouse, settings.published_file) if path.exists())
    needed = max(_LEAST_FREE, 3 * used)
    text = f"{free / 1e9:.1f} GB free, {needed / 1e9:.1f} GB wanted for a night"
    if free < needed / 3:
        yield Finding(FAIL, "disk", text, "free some: docs/runbook/disk.md")
    elif free < needed:
        yield Finding(WARN, "disk", text, "free some soon: docs/runbook/disk.md")
    else:
        yield Finding(OK, "disk", text)


def _lock(settings: Settings, now: datetime) -> Findings:
    running = any(night["outcome"] == "running" for night in _nights(settings, 1))
    if is_held_by_a_night(settings):
        yield Finding(OK, "lock", "a night is running now")
    elif running:
        yield Finding(
            WARN, "lock", "the last night was cut off", "`parindex run`: it picks up where that stopped"
        )
    elif is_held(settings):
        yield Finding(OK, "lock", "a command that writes (backup, rollback, ...) is at work now")
    else:
        yield Finding(OK, "lock", "free")


def _stored_files(settings: Settings, now: datetime) -> Findings:
    for path in (settings.ledger, settings.alerts):
        if told := sqlite_damage(path):
            yield Finding(FAIL, path.name, f"damaged: {told}", "restore it: docs/runbook/restore.md")
    try:
        must_not_be_lost(settings.ledger)
    except DamagedFile as lost:
        yield Finding(FAIL, settings.ledger.name, lost.why, "restore it: docs/runbook/restore.md")
        return
    entries = _entries(settings)
    damaged = list(damaged_landings(settings, entries))
    if damaged:
        files = ", ".join(f"{one.path} ({one.why})" for one in damaged[:3])
        yield Finding(
            FAIL, "landing", f"{len(damaged)} files with rows of deliveries are damaged or gone: {files}",
            "restore them: docs/runbook/restore.md; or `parindex run --full-refresh` if the inbox still has them",
        )  # fmt: skip
    else:
        count = sum(entry.accepted for entry in entries)
        yield Finding(OK, "landing", f"{count} deliveries count, all of them in place")


def _published(settings: Settings, now: datetime) -> Findings:
    version = publish.current(settings)
    if version is None:
        yield Finding(WARN, "published", "nothing yet", "`parindex run`")
        return
    try:
        publish.check_version(settings, version, settings.published_file)  # what readers open
    except DamagedFile as damaged:
        yield Finding(FAIL, "published", f"{damaged.path} is damaged ({damaged.why})", damaged.todo)
    else:
        yield Finding(OK, "published", f"as of {version.as_of}, version {version.version}")


# Nights and deliveries


def _last_night(settings: Settings, now: datetime) -> Findings:
    nights = _nights(settings)
    if not nights:
        yield Finding(WARN, "night", "none has been run", "`parindex run`")
        return
    last = nights[0]
    when = f"the last one began {last['started_at']:%Y-%m-%d %H:%M}"
    if last["outcome"] == "failed":
        yield Finding(FAIL, "night", f"{when} and failed: {last['message']}", "docs/runbook/failed_night.md")
    elif now - last["started_at"] > _DAY:
        yield Finding(WARN, "night", when, "is the schedule on? docs/runbook/failed_night.md")
    elif last["message"]:
        told = f"{when}: {last['outcome']}, but: {last['message']}"
        yield Finding(WARN, "night", told, "docs/runbook/alerts/unfinished_night.md")
    else:
        yield Finding(OK, "night", f"{when}: {last['outcome']}")


def _schedule(settings: Settings, now: datetime) -> Findings:
    storage = settings.dagster / "history" / "runs.db"
    beat = _daemon_beat(storage) if storage.exists() else None
    if beat and now - beat < timedelta(minutes=10):
        yield Finding(OK, "schedule", "Dagster's daemon is alive: a night each day at 01:00")
        return
    recent = [night for night in _nights(settings) if now - night["started_at"] < 2 * _DAY]
    days = {night["started_at"].date() for night in recent}
    if len(days) > 1:
        yield Finding(OK, "schedule", "nights began on each of the last days (cron, systemd, or by hand)")
    else:
        yield Finding(
            WARN, "schedule", "no daemon is alive, and no night began on two days running",
            "set up cron, a systemd timer or `parindex serve` (README, Every night by itself)",
        )  # fmt: skip


def _daemon_beat(storage: Path) -> datetime | None:
    """The last sign of life of Dagster's scheduler."""
    with open_to_read(storage) as connection:
        try:
            row = connection.execute(
                "select max(timestamp) from daemon_heartbeats where daemon_type = 'SCHEDULER'"
            ).fetchone()
        except sqlite3.OperationalError:
            return None
    if not row or row[0] is None:
        return None
    beat = datetime.fromisoformat(row[0]).replace(tzinfo=UTC)
    return beat.astimezone(clock.PROVINCE_TIME).replace(tzinfo=None)


def _freshness(settings: Settings, now: datetime) -> Findings:
    version = publish.current(settings)
    day = version.as_of if version else now.date()
    entries = [e for e in _entries(settings) if e.accepted and e.delivered_on <= day]
    if not entries:
        yield Finding(
            WARN, "freshness", "nothing has been delivered yet",
            f"put exports into {settings.inbox}/SOURCE/DAY/ (README, Your own exports), or `parindex sample`",
        )  # fmt: skip
        return
    fresh = 0
    for table in all_tables():
        last = last_delivered(table, entries, day)
        if not is_stale(table, last, day):
            fresh += 1
            continue
        told = "never came" if last is None else f"last came {(day - last).days} days before {day}"
        yield Finding(
            WARN, f"{table.source}.{table.name}", f"{told}, every {table.cadence_days} days are agreed",
            f"ask {table.owner}: docs/runbook/alerts/stale_source.md",
        )  # fmt: skip
    yield Finding(OK, "freshness", f"{fresh} of {len(all_tables())} tables came in time, as of {day}")


def _dated_ahead(settings: Settings, now: datetime) -> Findings:
    version = publish.current(settings)
    last = max(version.as_of, now.date()) if version else now.date()
    ahead = dated_ahead(_entries(settings), last)
    if not ahead:
        yield Finding(OK, "days", f"no delivery is dated after {last}")
        return
    places = ", ".join(entry.place for entry in ahead[:3])
    yield Finding(
        WARN, "days", f"{len(ahead)} deliveries are dated after {last} and do not count before their day: {places}",
        "a typing error? docs/runbook/wrong_figures.md, A delivery under a wrong day",
    )  # fmt: skip


def _calendar(settings: Settings, now: datetime) -> Findings:
    todo = "docs/runbook/new_year.md"
    known: dict[int, set[str]] = {}
    for row in read_seed("holiday"):
        known.setdefault(date.fromisoformat(row["date_day"]).year, set()).add(row["confidence"])
    this, following = now.year, now.year + 1
    if this not in known:
        yield Finding(FAIL, "calendar", f"holidays and working days of {this} are not known", todo)
    elif following not in known:
        yield Finding(WARN, "calendar", f"{following} is missing: due dates run into it", todo)
    elif "forecast" in known[this]:
        yield Finding(WARN, "calendar", f"holidays of {this} are forecasts", todo)
    elif "forecast" in known[following] and now.month == 12:
        yield Finding(WARN, "calendar", f"holidays of {following} are still forecasts", todo)
    else:
        sure = "forecast" if "forecast" in known[following] else "announced"
        yield Finding(OK, "calendar", f"{this} announced, {following} {sure}")


# Who is told, and who reads


def _alerts(settings: Settings, now: datetime) -> Findings:
    from orchestration.alerting import AlertConfigError, doubts, load_config, why_undelivered

    try:
        config = load_config(settings)
    except AlertConfigError as error:
        yield Finding(FAIL, "alerts", str(error), "docs/runbook/alerts/README.md shows how it is written")
        return
    if not config.routes:
        yield Finding(
            WARN,
            "alerts",
            "nobody is told: there is no route",
            f"write {config.path}: docs/runbook/alerts/README.md",
        )
    else:
        yield Finding(OK, "alerts", f"{len(config.routes)} routes; `parindex alerts test` tries them")
        for doubt in doubts(settings, config):
            yield Finding(WARN, "alerts", doubt, f"a typing error? correct {config.path}")
        for why in why_undelivered(settings, config):
            yield Finding(WARN, "alerts", f"not delivered: {why}", "`parindex alerts test` tries the address")


def _server(settings: Settings, now: datetime) -> Findings:
    if not settings.publish_to:
        yield Finding(OK, "postgresql", "not asked for (PARINDEX_PUBLISH_TO)")
        return
    from warehouse.postgres_server import PublishError, Server

    try:  # as a night reaches it
        server = Server(settings.publish_to)
        with server.session() as connection:
            version = connection.execute("show server_version").fetchone()[0]
        yield Finding(OK, "postgresql", f"{server.shown} answers, version {version}")
    except PublishError as error:
        yield Finding(FAIL, "postgresql", str(error), "docs/postgresql.md")


def _entries(settings: Settings):
    return _read(settings, lambda ledger: ledger.deliveries()) or []


def _nights(settings: Settings, limit: int = 30):
    return _read(settings, lambda ledger: ledger.nights(limit)) or []


def _read(settings: Settings, what: Callable[[Ledger], list]) -> list | None:
    if not settings.ledger.exists():
        return None
    ledger = Ledger.to_look_at(settings.ledger)
    try:
        return what(ledger)
    finally:
        ledger.close()


_CHECKS = (
    _python, _packages, _clock, _memory, _home, _key, _disk, _lock, _stored_files, _published, _last_night,
    _schedule, _freshness, _dated_ahead, _calendar, _alerts, _server,
)  # fmt: skip
