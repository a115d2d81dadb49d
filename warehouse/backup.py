"""A home in one file, and back: what cannot be computed again, with a checksum of every file.

Landing, the ledger, the alerts and the published versions that the next night is compared with. Not in it: the inbox
(landing holds its rows, without names and addresses), what a rebuild makes, Dagster's history, and the key unless it is
asked for: with the key at hand, hashed ID numbers can be guessed. Months that two versions share are in it once, as hard
links, and are shared again in the restored home.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from warehouse.damaged import DamagedFile, must_not_be_lost, sqlite_damage
from warehouse.landed_damage import check_landings
from warehouse.new_file import new_file
from warehouse.parts import link
from warehouse.personal_key import rotation_file
from warehouse.publish import Version, check_version, current, last_before, swap_in, versions
from warehouse.settings import Settings

CONTENTS = "contents.json"  # the last member, so that a file that was cut off has none
FORMAT = 1
_CHUNK = 1 << 20
# What may lie in a home that is restored into: it is made by looking at it, or is the operator's own.
_NOT_ITS_OWN = ("inbox", "logs", "work", "dagster", "reports")


class BackupError(Exception):
    """The backup cannot be written or is not whole; the message says what to do."""


@dataclass(frozen=True)
class Backup:
    file: Path
    made_at: datetime
    version: str | None  # the published version that readers saw
    files: int
    size: int  # bytes
    with_key: bool


def check_landed(settings: Settings) -> None:
    """Raises BackupError where there is nothing to back up, DamagedFile where nobody knows what there is."""
    must_not_be_lost(settings.ledger)
    if not settings.ledger.exists():
        raise BackupError(f"{settings.home} holds no landed data: there is nothing to back up")


def back_up(
    settings: Settings,
    out: Path,
    now: datetime,
    *,
    with_key: bool = False,
    all_versions: bool = False,
    tell: Callable[[str], None] = lambda text: None,
) -> Backup:
    """Write the file under a temporary name and rename it when it is whole. Nobody may write to the home meanwhile.

    Raises BackupError, and DamagedFile for what must not be taken for whole.
    """
    check_landed(settings)
    if out.exists():
        raise BackupError(f"{out} exists already: name another file, or remove it")
    if with_key and not settings.key_file.exists():
        raise BackupError(
            f"there is no key file {settings.key_file}: the key comes from PARINDEX_KEY, keep that"
        )
    check_landings(settings)  # a checksum of a damaged file would vouch for it
    taken = _versions(settings, all_versions)
    for version in taken:
        check_version(settings, version)
    files = list(_files(settings, with_key, taken))
    needed = sum({(s.st_dev, s.st_ino): s.st_size for s in (path.stat() for path, _ in files)}.values())
    out.parent.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(out.parent).free < needed * 1.05:
        raise BackupError(f"{_in_words(needed)} are needed for {out} and are not free")
    with new_file(out, 0o600) as draft, draft.open("wb") as stream:
        with tempfile.TemporaryDirectory() as scratch:
            contents = _write(stream, settings, files, now, Path(scratch), with_key, tell)
        stream.flush()
        os.fsync(stream.fileno())
    return _summary(out, contents)


def _in_words(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{max(size / 1e6, 0.1):.1f} MB"


def _versions(settings: Settings, all_of_them: bool) -> list[Version]:
    """Those that a backup holds: what readers see, and what they saw last of an earlier day."""
    if all_of_them:
        return versions(settings)
    now = current(settings)
    return [one for one in (now, now and last_before(settings, now.as_of)) if one is not None]


def _files(settings: Settings, with_key: bool, taken: list[Version]) -> Iterator[tuple[Path, str]]:
    """The files of a backup, each with its name within the home."""

    def below(folder: Path) -> Iterator[Path]:
        return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())

    chosen = [settings.alerts, settings.home / "alerts.yaml"]
    chosen += [settings.key_file] if with_key else []
    chosen += [path for path in below(settings.landing) if path.suffix == ".parquet"]
    for version in taken:
        chosen += below(version.folder)
    chosen += [settings.fingerprint_file, rotation_file(settings)]
    chosen.append(settings.ledger)  # last: without it a home counts as empty
    for path in chosen:
        if path.exists():
            yield path, path.relative_to(settings.home).as_posix()


def _write(stream, settings: Settings, files, now: datetime, scratch: Path, with_key: bool, tell) -> dict:
    sums, size = {}, 0
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for number, (path, name) in enumerate(files, 1):
            tell(f"{number}/{len(files)} {name}")
            whole = _consistent(path, scratch) if path.suffix == ".sqlite" else path
            with whole.open("rb") as file:
                sums[name] = hashlib.file_digest(file, "sha256").hexdigest()
                file.seek(0)
                info = archive.gettarinfo(
                    arcname=name, fileobj=file
                )  # of a file that is in already: a link to it
                info.uid = info.gid = 0
                info.uname = info.gname = ""
                archive.addfile(info, file)
                size += info.size
        version = current(settings)
        contents = {
            "format": FORMAT,
            "made_at": now.isoformat(),
            "version": version.version if version else None,
            "with_key": with_key,
            "size": size,
            "sha256": sums,
        }
        data = json.dumps(contents, indent=1).encode()
        info = tarfile.TarInfo(CONTENTS)
        info.size, info.mode = len(data), 0o600
        archive.addfile(info, io.BytesIO(data))
    return contents


def _consistent(path: Path, scratch: Path) -> Path:
    """A copy of a SQLite file with what still stands in its write-ahead log."""
    copy = scratch / path.name
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    if why := sqlite_damage(copy):  # page by page: damage would be copied as it is
        raise DamagedFile(path, why)
    copy.chmod(0o640)
    return copy


def _summary(file: Path, contents: dict) -> Backup:
    return Backup(
        file,
        datetime.fromisoformat(contents["made_at"]),
        contents["version"],
        len(contents["sha256"]),
        contents["size"],
        contents["with_key"],
    )


_RESTORING = ".restoring-"


def restore(settings: Settings, file: Path, tell: Callable[[str], None] = lambda text: None) -> Backup:
    """Put a backup into an empty home: everything is checked before anything is moved into its place.

    Readers see the published version again at once; `parindex rebuild` makes the rest. Nobody may write to the home meanwhile.
    Raises BackupError.
    """
    for left in settings.home.glob(f"{_RESTORING}*"):  # by one that was killed
        shutil.rmtree(left)
    _must_be_empty(settings)
    if not file.is_file():
        raise BackupError(f"{file} is no file")
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o750)
    if shutil.disk_usage(settings.home).free < file.stat().st_size * 1.05:
        raise BackupError(f"{_in_words(file.stat().st_size)} are needed in {settings.home} and are not free")
    with tempfile.TemporaryDirectory(dir=settings.home, prefix=_RESTORING) as folder:
        contents = _extract(file, Path(folder), tell)
        for name in contents["sha256"]:  # in the order of the backup: the ledger comes last
            target = settings.home / name
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
            (Path(folder) / name).replace(target)
    settings.create()
    for version in versions(settings):
        if version.version == contents["version"]:
            swap_in(settings, version)
    return _summary(file, contents)


def _must_be_empty(settings: Settings) -> None:
    for path in sorted(settings.home.rglob("*")) if settings.home.is_dir() else []:
        top = path.relative_to(settings.home).parts[0]
        if path.is_file() and top not in _NOT_ITS_OWN and path.suffix != ".lock":
            raise BackupError(
                f"{settings.home} is not empty (it holds {path.relative_to(settings.home)}): name another home with"
                " PARINDEX_HOME, or move that one away"
            )


def _extract(file: Path, folder: Path, tell: Callable[[str], None]) -> dict:
    found, contents = {}, None
    try:
        with tarfile.open(file) as archive:
            for member in archive:
                # A link is taken only to what has been read from this very archive.
                known = member.linkname in found if member.islnk() else member.isfile()
                if contents is not None or not known or not _is_plain(member.name):
                    raise BackupError(f"{file} is no backup of parindex: it holds {member.name!r}")
                if member.name == CONTENTS and member.isfile():
                    contents = json.loads(archive.extractfile(member).read())
                    continue
                tell(member.name)
                target = folder / member.name
                target.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
                if member.islnk():
                    if target.exists():
                        raise FileExistsError(f"{member.name} twice")
                    link(folder / member.linkname, target)
                    found[member.name] = found[member.linkname]
                    continue
                source = archive.extractfile(member)
                digest = hashlib.sha256()
                mode = 0o600 if member.mode & 0o077 == 0 else 0o640
                with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as copy:
                    while chunk := source.read(_CHUNK):
                        digest.update(chunk)
                        copy.write(chunk)
                found[member.name] = digest.hexdigest()
    except (tarfile.TarError, EOFError, FileExistsError, ValueError) as error:
        raise BackupError(f"{file} cannot be read as a backup ({error}): take another copy of it") from error
    if contents is None:
        raise BackupError(f"{file} is cut off, or no backup of parindex: take another copy of it")
    if contents.get("format") != FORMAT:
        raise BackupError(
            f"{file} is of another format ({contents.get('format')}): restore it with its own release"
        )
    wrong = sorted(
        name for name in {*found, *contents["sha256"]} if found.get(name) != contents["sha256"].get(name)
    )
    if wrong:
        raise BackupError(
            f"{file} is damaged ({len(wrong)} files do not have their checksum, {wrong[0]} first): nothing was"
            " restored, take another copy of it"
        )
    return contents


def _is_plain(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts
