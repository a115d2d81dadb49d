"""Which pinned versions an advisory names, told from a copy of the OSV database: no network is needed.

    make audit OSV=all.zip
    python -m orchestration.audit --osv all.zip requirements.lock
    python -m orchestration.audit --osv advisory-database --ignore "PYSEC-2026-1=only on Windows" requirements.lock

all.zip is what OSV publishes for PyPI (https://osv-vulnerabilities.storage.googleapis.com/PyPI/all.zip); a folder of
OSV files does as well, JSON or YAML, such as a clone of https://github.com/pypa/advisory-database. Exit code 0: no
advisory names a pinned version; 1: at least one does; 2: nothing was checked, or not all of it.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath
from typing import Any
from zipfile import BadZipFile, ZipFile

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from sources.text import shown

# Every value of YAML as text: a version 1.10 must not become the number 1.1.
_read_yaml = partial(yaml.load, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))
_READ = {".json": json.loads, ".yaml": _read_yaml, ".yml": _read_yaml}
_EVENTS = ("fixed", "introduced", "last_affected")  # those of one version are taken in this order

Pins = dict[str, dict[Version, list[str]]]  # package, version, the locks that pin it


class NotChecked(Exception):
    """The audit cannot be made: that it found nothing would mean nothing."""


@dataclass(frozen=True)
class Finding:
    package: str
    version: Version
    locks: list[str]
    ids: list[str]  # the advisory's own first, then its aliases
    fixed_in: str
    summary: str

    def __str__(self) -> str:
        also = f" ({', '.join(self.ids[1:])})" if self.ids[1:] else ""
        place = f"{self.package} {self.version} in {', '.join(self.locks)}"
        return f"{place}: {self.ids[0]}{also}, {self.fixed_in}: {self.summary}"


@dataclass(frozen=True)
class Audit:
    versions: int
    advisories: int
    newest: str  # day on which an advisory was last changed: how old the copy is
    findings: list[Finding]


def pinned(locks: Iterable[Path]) -> Pins:
    """Every version that the locks pin, for whatever platform."""
    pins: Pins = {}
    for lock in locks:
        for line in lock.read_text(encoding="utf-8").splitlines():
            if not line.strip() or line[0] in " \t#" or line.startswith("--"):
                continue
            try:
                wanted = Requirement(re.split(r"\s(?:#|--|\\)", line)[0])
                (pin,) = wanted.specifier
                version = Version(pin.version if pin.operator == "==" else "")
            except ValueError as error:
                raise NotChecked(f"{lock}: not a pinned version: {shown(line)}") from error
            pins.setdefault(canonicalize_name(wanted.name), {}).setdefault(version, []).append(str(lock))
    return pins


def advisories(database: Path) -> Iterator[dict[str, Any]]:
    """The entries of a zip or a folder, without those that were withdrawn."""
    for name, text in _files(database):
        try:
            entry = _READ[PurePath(name).suffix](text)
        except (ValueError, yaml.YAMLError) as error:
            raise NotChecked(f"{name} cannot be read: {shown(str(error))}") from error
        if isinstance(entry, dict) and "id" in entry and not entry.get("withdrawn"):
            yield entry


def _files(database: Path) -> Iterator[tuple[str, bytes]]:
    if database.is_dir():
        yield from ((str(path), path.read_bytes()) for path in database.rglob("*") if path.suffix in _READ)
        return
    with ZipFile(database) as archive:
        yield from ((one, archive.read(one)) for one in archive.namelist() if PurePath(one).suffix in _READ)


def _ecosystem(affected: dict[str, Any]) -> str:
    return (affected.get("package") or {}).get("ecosystem", "").partition(":")[0]


def is_affected(version: Version, affected: dict[str, Any]) -> bool:
    """As https://ossf.github.io/osv-schema/#evaluation has it: listed by itself, or within one of the ranges."""
    key = _key(str(version))
    listed = any(key == _key(other) for other in affected.get("versions") or [])
    return listed or any(_within(key, events) for events in _ranges(affected))


def _ranges(affected: dict[str, Any]) -> Iterator[list[tuple[str, str]]]:
    """The events of each range; ranges of commits (GIT) say nothing about a version."""
    for one in affected.get("ranges") or []:
        if one["type"] != "GIT":
            yield [pair for event in one["events"] for pair in event.items()]


def _within(key: tuple, events: list[tuple[str, str]]) -> bool:
    limits = [at for kind, at in events if kind == "limit"]
    if limits and not any(at == "*" or key < _key(at) for at in limits):
        return False
    inside = False
    marks = [(_key(at, kind), _EVENTS.index(kind), kind) for kind, at in events if kind in _EVENTS]
    for mark, _, kind in sorted(marks):
        if key > mark or (key == mark and kind != "last_affected"):
            inside = kind == "introduced"
    return inside


def _key(version: str, event: str = "") -> tuple:
    """In PyPI's order: "0" before all, then what was a version before PEP 440, then versions."""
    try:
        return (0,) if (event, version) == ("introduced", "0") else (2, Version(version))
    except InvalidVersion:
        return (1, version)


def _fixed_in(version: Version, affected: dict[str, Any]) -> str:
    fixes = (_key(at) for events in _ranges(affected) for event, at in events if event == "fixed")
    later = [fix[1] for fix in fixes if fix > (2, version)]
    return f"fixed in {min(later)}" if later else "no fix named"


def _findings(entry: dict[str, Any], affected: dict[str, Any], pins: Pins) -> Iterator[Finding]:
    name = canonicalize_name(affected["package"]["name"])
    for version, locks in pins.get(name, {}).items():
        if is_affected(version, affected):
            ids = [shown(one) for one in [entry["id"], *(entry.get("aliases") or [])]]
            summary = shown(entry.get("summary") or entry.get("details") or "", 120)
            yield Finding(name, version, locks, ids, _fixed_in(version, affected), summary)


def audit(database: Path, locks: Iterable[Path]) -> Audit:
    pins, found, count, newest = pinned(locks), {}, 0, ""
    for entry in advisories(database):
        try:
            ours = [one for one in entry.get("affected") or [] if _ecosystem(one) == "PyPI"]
            if ours:
                count, newest = count + 1, max(newest, entry["modified"])
            for affected in ours:
                found |= {(x.package, x.version, x.ids[0]): x for x in _findings(entry, affected, pins)}
        except (LookupError, TypeError, AttributeError) as error:
            raise NotChecked(f"{shown(entry['id'])} is not as the OSV schema says: {error!r}") from error
    if not pins or not count:
        raise NotChecked(f"{database} has no advisory about PyPI" if pins else "no version is pinned")
    return Audit(sum(map(len, pins.values())), count, newest[:10], [found[key] for key in sorted(found)])


def _reason(text: str) -> tuple[str, str]:
    advisory, _, why = text.partition("=")
    if not why.strip():
        raise argparse.ArgumentTypeError("ID=WHY is needed")
    return advisory, why


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="audit", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("locks", type=Path, nargs="+", help="files that pin versions")
    add("--osv", type=Path, required=True, help="the copy of the database: a zip or a folder")
    add("--ignore", type=_reason, action="append", default=[], metavar="ID=WHY", help="shown, but no finding")
    wanted = parser.parse_args()
    ignored = dict(wanted.ignore)
    try:
        result = audit(wanted.osv, wanted.locks)
    except (NotChecked, OSError, BadZipFile) as error:
        print(f"Nothing is said about the dependencies: {error}", file=sys.stderr)
        return 2
    count = 0
    for finding in result.findings:
        why = next((ignored[one] for one in finding.ids if one in ignored), "")
        count += not why
        print(f"ignored ({why}): {finding}" if why else finding)
    print(
        f"{result.versions} pinned versions checked against {result.advisories} advisories,"
        f" the newest of {result.newest}: {count} found, {len(result.findings) - count} ignored."
    )
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
