"""Every path and setting, in one object, from the environment or a `.env` file beside the caller."""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

from dotenv import load_dotenv

from sources.yaml_file import read_yaml

PROJECT = Path(__file__).resolve().parent.parent
DBT_PROJECT = PROJECT / "dbt_project"
BUILDING = "warehouse.building.duckdb"

# Storage format of our DuckDB files: BI drivers of DuckDB 1.5 must be able to read them.
STORAGE = "v1.5.0"
# What DuckDB's copy writes: a fifth less work than zstd's usual level, for a tenth more bytes.
AS_PARQUET = "(format parquet, compression zstd, compression_level 1)"

PERSONAL_DATA_MODES = ("hash", "plain")
ENGINES = ("duckdb", "spark")


@cache
def dbt_variables() -> dict[str, Any]:
    """What the models are told of the province: its code, its calendar, thresholds. Stands in dbt_project.yml."""
    return read_yaml(DBT_PROJECT / "dbt_project.yml")["vars"]


def province_code() -> str:
    """The agency code of the province as a whole."""
    return dbt_variables()["province_code"]


class SettingsError(Exception):
    """A setting has a wrong value; the message names it and says what is allowed."""


def write_for_the_team_only() -> None:
    """What is written from now on is for the data team, not for every user of the machine."""
    os.umask(0o027)


def _number(name: str, default: float, low: float, high: float) -> float:
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise SettingsError(f"{name}={text!r}: a number from {low:g} to {high:g} is needed")
    return value


@dataclass(frozen=True)
class Settings:
    home: Path
    inbox: Path
    personal_data: str = "hash"
    rejected_share_limit_pct: float | None = None  # None: as each contract says
    keep_versions: int = 14
    whole_build_every: int = 7  # nights; 1: every night is built whole
    keep_days: int = 90  # of run history, and of rows that a later delivery took the place of
    memory_limit: str = "2.7GB"
    threads: int = 0
    publish_to: str | None = field(default=None, repr=False)  # may hold a password
    engine: str = "duckdb"  # what computes the models
    spark_url: str = "local[*]"  # a Spark master, or thrift://user@host:port
    spark_python: Path = PROJECT / ".venv-spark" / "bin" / "python"

    @property
    def landing(self) -> Path:
        return self.home / "landing"

    @property
    def ledger(self) -> Path:
        return self.landing / "ledger.sqlite"

    @property
    def alerts(self) -> Path:
        return self.home / "alerts.sqlite"

    @property
    def warehouse(self) -> Path:
        return self.home / "warehouse.duckdb"

    @property
    def building(self) -> Path:
        return self.home / BUILDING

    @property
    def published(self) -> Path:
        return self.home / "published"

    @property
    def published_file(self) -> Path:
        return self.published / "par_index.duckdb"

    @property
    def reports(self) -> Path:
        return self.home / "reports"

    @property
    def dagster(self) -> Path:
        return self.home / "dagster"

    @property
    def work(self) -> Path:
        return self.home / "work"

    @property
    def key_file(self) -> Path:
        return self.home / "personal_data.key"

    @property
    def fingerprint_file(self) -> Path:
        """Where landing remembers its key; a backup without it would take any key for the right one."""
        return self.landing / "personal_data.fingerprint"

    @property
    def has_landed_under_a_key(self) -> bool:
        """Not so where nothing of persons has landed, or all of it in clear."""
        # Rarely asked, and the contracts take long to read.
        from warehouse.in_clear import landed_under_a_key

        return self.fingerprint_file.exists() or bool(landed_under_a_key(self.landing))

    @property
    def sample_day_file(self) -> Path:
        return self.home / "sample.json"

    @property
    def lock_file(self) -> Path:
        return self.home / "night.lock"

    def duckdb(self, **more: Any) -> dict[str, Any]:
        """How every DuckDB of ours is opened: within the limits of memory and threads, spilling into the home.

        Rows are not packed together where some were replaced, as in dbt_project/profiles.yml.
        """
        limits = {
            "memory_limit": self.memory_limit,
            "temp_directory": str(self.work / "spill"),
            "max_vacuum_tasks": 0,
        }
        if self.threads:
            limits["threads"] = self.threads
        return limits | more

    def create(self) -> Settings:
        """Make the folders of the home, readable by their owner and group only."""
        self.home.mkdir(parents=True, exist_ok=True, mode=0o750)
        for folder in (self.inbox, self.landing, self.published, self.reports, self.dagster, self.work):
            folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        return self

    def personal_data_key(self) -> bytes:
        """The key of the keyed hash: PARINDEX_KEY, else the key file, made on first use for its owner only.

        Raises SettingsError when the key is short, the file can be read by others, or it is gone: a new one would
        silently tell the same person apart.
        """
        text = os.environ.get("PARINDEX_KEY", "").strip()
        if not text:
            if not self.key_file.exists():
                if self.has_landed_under_a_key:
                    raise SettingsError(
                        f"{self.key_file} is gone, and data were landed under it: put it back, or make a new one"
                        " knowingly (docs/runbook/key.md)"
                    )
                handle = os.open(self.key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(handle, "w") as file:
                    file.write(secrets.token_hex(32) + "\n")
            if self.key_file.stat().st_mode & 0o077:
                raise SettingsError(
                    f"{self.key_file} can be read by other users: run `chmod 600 {self.key_file}`"
                )
            text = self.key_file.read_text().strip()
        if len(text) < 16:
            raise SettingsError(
                "the key of personal data (PARINDEX_KEY or the key file) needs 16 characters or more"
            )
        return text.encode()


def _same_home(kind: type, settings: Settings, **own: Path):
    return kind(**{f.name: getattr(settings, f.name) for f in fields(Settings)}, **own)


@dataclass(frozen=True)
class Aside(Settings):
    """The same home, with the build file and the scratch folder in a place of their own."""

    aside: Path = Path()

    @classmethod
    def of(cls, settings: Settings, aside: Path) -> Aside:
        return _same_home(cls, settings, aside=aside)

    @property
    def building(self) -> Path:
        return self.aside / BUILDING

    @property
    def warehouse(self) -> Path:
        return self.aside / "warehouse.duckdb"

    @property
    def work(self) -> Path:
        return self.aside / "work"


@dataclass(frozen=True)
class Elsewhere(Settings):
    """The same home for whoever may not write into it, with the scratch folder elsewhere."""

    scratch: Path = Path()

    @classmethod
    def of(cls, settings: Settings, scratch: Path) -> Elsewhere:
        return _same_home(cls, settings, scratch=scratch)

    @property
    def work(self) -> Path:
        return self.scratch


def _one_of(name: str, allowed: tuple[str, ...]) -> str:
    value = os.environ.get(name, "").strip().lower() or allowed[0]
    if value not in allowed:
        raise SettingsError(f"{name}={value!r}: one of {', '.join(allowed)} is needed")
    return value


# From 1 MB to 1000 TB: DuckDB begins with no less, and reads no more.
_MEMORY = {"k": (1e3, 1e12), "m": (1, 1e9), "g": (1e-3, 1e6), "t": (1e-6, 1e3), "%": (1, 100)}


def _memory(name: str, default: str) -> str:
    text = os.environ.get(name, "").strip() or default
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*(?:([kmgt])(?:i?b)?|(%))", text, re.IGNORECASE)
    if found:
        low, high = _MEMORY[(found[2] or found[3]).lower()]
        if low <= float(found[1]) <= high:
            return text
    raise SettingsError(
        f"{name}={text!r}: a number with its unit is needed, such as 3GB, 800MB or 60%; 1MB to 1000TB, 1% to 100%"
    )


def _read_dotenv(file: Path) -> None:
    try:
        load_dotenv(file, override=False)
    except ValueError:  # letters of another encoding; a NUL byte, which no variable can hold
        raise SettingsError(
            f"{file} is no UTF-8 text: save it as UTF-8 (in Notepad: Save as, Encoding UTF-8), then run again"
        ) from None


def load_settings(inbox: Path | None = None) -> Settings:
    """Settings of this process. Raises SettingsError."""
    _read_dotenv(Path.cwd() / ".env")
    wanted = os.environ.get("PARINDEX_HOME") or "data"
    try:
        home = Path(wanted).expanduser().resolve()
    except RuntimeError:  # ~ of somebody who is not there
        raise SettingsError(f"PARINDEX_HOME={wanted}: there is no such user: write the whole path") from None
    # SQLAlchemy and dbt take what follows for options, fragments and escapes of an address.
    if odd := sorted(set("?#%") & set(str(home))):
        raise SettingsError(f"PARINDEX_HOME={home}: a path without {' '.join(odd)} is needed")
    if home.is_file():
        raise SettingsError(f"PARINDEX_HOME={home}: a folder is needed, that is a file")
    limit = os.environ.get("PARINDEX_REJECTED_SHARE_LIMIT_PCT", "").strip()
    return Settings(
        home=home,
        inbox=(inbox or home / "inbox").expanduser().resolve(),
        personal_data=_one_of("PARINDEX_PERSONAL_DATA", PERSONAL_DATA_MODES),
        rejected_share_limit_pct=_number("PARINDEX_REJECTED_SHARE_LIMIT_PCT", 10, 0, 100) if limit else None,
        keep_versions=int(_number("PARINDEX_KEEP_VERSIONS", 14, 1, 10_000)),
        whole_build_every=int(_number("PARINDEX_WHOLE_BUILD_EVERY", 7, 1, 10_000)),
        keep_days=int(_number("PARINDEX_KEEP_DAYS", 90, 1, 36_500)),
        memory_limit=_memory("PARINDEX_MEMORY_LIMIT", Settings.memory_limit),
        threads=int(_number("PARINDEX_THREADS", 0, 0, 1024)),
        publish_to=os.environ.get("PARINDEX_PUBLISH_TO", "").strip() or None,
        engine=_one_of("PARINDEX_ENGINE", ENGINES),
        spark_url=os.environ.get("PARINDEX_SPARK_URL", "").strip() or Settings.spark_url,
        spark_python=Path(os.environ.get("PARINDEX_SPARK_PYTHON") or Settings.spark_python),
    )
