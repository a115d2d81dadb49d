"""Finding what was delivered: inbox/<source>/<YYYY-MM-DD>/<table>[anything].<ext>."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import BinaryIO

from sources.casting import FIRST_DAY, LAST_DAY
from sources.contract import Table, load_contracts
from sources.header import RefusedFile
from sources.readers import EXTENSIONS, HEAD, LARGE, refused_at_sight
from sources.text import nfc, place_of, without_numbers_of_persons

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_LINK = "liên kết tượng trưng, không phải tệp: chép tệp thật vào | a symbolic link, not a file"
_NO_FILE = "không phải tệp thường: chép tệp thật vào | no ordinary file (a folder, pipe or device)"


@dataclass(frozen=True)
class Arrival:
    """A file of the inbox. `reason` is set when what it is or is called says already that it cannot be
    taken.
    """

    path: Path
    source: str
    delivered_on: date | None
    file_name: str  # NFC, relative to the delivery's folder
    table: Table | None
    reason: str | None = None
    hidden_name: str | None = (
        None  # the name with its ID and phone numbers, where it has any: to be stored nowhere
    )

    @property
    def place(self) -> str:
        """Where it lies, as a person would look for it."""
        return place_of(self.source, self.delivered_on, self.file_name)

    def opened(self) -> BinaryIO:
        """The file itself: no link in its place or in that of its folder is followed, no pipe waited for.

        Raises RefusedFile for what is no ordinary file (any more), OSError.
        """
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        folder = None
        try:
            folder = os.open(self.path.parent, flags | os.O_DIRECTORY)
            file = os.open(self.path.name, flags | os.O_NONBLOCK, dir_fd=folder)
        except OSError as error:
            if error.errno == errno.ELOOP or (folder is None and error.errno == errno.ENOTDIR):
                raise RefusedFile(_LINK) from None
            if error.errno == errno.ENXIO:
                raise RefusedFile(_NO_FILE) from None  # a socket
            raise
        finally:
            if folder is not None:
                os.close(folder)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise RefusedFile(_NO_FILE)
        return os.fdopen(file, "rb")

    def content_hash(self) -> str:
        """SHA-256 of the bytes; for what is no ordinary file, of its name.

        Of a large file that is refused at sight, of its first bytes, size and time: it may be endless.
        """
        try:
            with self.opened() as file:
                found = os.fstat(file.fileno())
                if found.st_size > LARGE:
                    head = file.read(HEAD)
                    if self.reason or refused_at_sight(head, found):
                        seen = f"{found.st_size} {found.st_mtime_ns} ".encode() + head
                        return hashlib.sha256(seen).hexdigest()
                    file.seek(0)
                return hashlib.file_digest(file, "sha256").hexdigest()
        except RefusedFile:
            return hashlib.sha256(self.file_name.encode()).hexdigest()

    def state(self) -> tuple[int, int, int, int] | None:
        """What changes when somebody writes to the file; None when it is gone."""
        try:
            found = self.path.lstat()
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _as_text(name: str) -> str:
    """A name as NFC; bytes that are no UTF-8 and control characters as \\x.. escapes."""
    text = os.fsencode(name).decode("utf-8", errors="backslashreplace")
    return nfc("".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text))


def _written(name: str) -> str:
    """A name as text for ledger and screen: without ID and phone numbers."""
    return without_numbers_of_persons(_as_text(name))


def _day(folder: str) -> date | None:
    if not _DATE.fullmatch(folder):
        return None
    try:
        day = date.fromisoformat(folder)
    except ValueError:
        return None
    return day if FIRST_DAY <= day <= LAST_DAY else None


def _table_of(source: str, file_name: str) -> Table | None:
    """The table whose name the file name starts with; the longest one where several do."""
    tables = load_contracts()[source].tables
    name = file_name.casefold()
    names = [table for table in tables if name.startswith(table)]
    return tables[max(names, key=len)] if names else None


def _refusal(path: Path, source: str, day: date | None, file_name: str) -> tuple[Table | None, str | None]:
    try:
        mode = path.lstat().st_mode
    except OSError:
        mode = stat.S_IFREG  # gone, or not to be looked at: told when it is opened
    if stat.S_ISLNK(mode):
        return None, _LINK
    if not stat.S_ISREG(mode):
        return None, _NO_FILE
    if file_name.rpartition("/")[2].startswith("~$"):
        return None, "tệp khóa của Excel: đóng Excel, tệp này tự mất | a lock file of Excel"
    if not source:
        return (
            None,
            "tệp nằm ngoài thư mục nguồn: chuyển vào <nguồn>/<ngày gửi>/ | the file is in no source's folder",
        )
    if source not in load_contracts():
        known = ", ".join(load_contracts())
        return None, f"nguồn “{source}” không có trong hợp đồng ({known}) | unknown source"
    if day is None:
        return None, "thư mục không phải ngày gửi YYYY-MM-DD | the folder is no delivery date YYYY-MM-DD"
    if "/" in file_name:
        return None, "tệp nằm trong thư mục con: chuyển lên thư mục ngày gửi | the file is in a sub-folder"
    table = _table_of(source, file_name)
    if table is None:
        known = ", ".join(load_contracts()[source].tables)
        return None, f"tên tệp không bắt đầu bằng tên bảng ({known}) | the name starts with no table's name"
    if path.suffix.lower() not in EXTENSIONS:
        named = _written(path.suffix) or "(không có)"
        return table, f"đuôi tệp {named} không nhận ({', '.join(sorted(EXTENSIONS))}) | unknown extension"
    return table, None


# The list of what is wrong in a sample, for its readers; it lies beside the exports and is none.
SAMPLE_MARKER = "planted_faults.json"


def _entries(inbox: Path) -> Iterator[tuple[Path, str | None]]:
    """Everything in the inbox that should be told of, with a reason where it is not even a file to look at.

    Hidden files and folders do not count. Links are not followed, save those of the sources themselves.
    """
    for top in sorted(inbox.iterdir()):
        if top.name.startswith(".") or top.name == SAMPLE_MARKER:
            continue
        if not top.is_dir() or (top.is_symlink() and top.name not in load_contracts()):
            yield top, None
            continue
        failed: list[OSError] = []
        for folder, folders, files in os.walk(top, onerror=failed.append):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in folders:
                path = Path(folder, name)
                if path.is_symlink():
                    yield path, None
                elif path.suffix.lower() in EXTENSIONS:
                    yield path, _NO_FILE
            for name in files:
                if not name.startswith("."):
                    yield Path(folder, name), None
        for error in failed:
            yield (
                Path(error.filename),
                f"không mở được thư mục ({error.strerror}): kiểm tra quyền đọc | the folder cannot be opened",
            )


def find_arrivals(inbox: Path) -> list[Arrival]:
    """All files of the inbox by source, delivery date and name (code points of NFC)."""
    if not inbox.is_dir():
        return []
    arrivals = []
    for path, reason in _entries(inbox):
        source, *parts = path.relative_to(inbox).parts
        if not parts:
            source, parts = (source, [""]) if path.is_dir() and not path.is_symlink() else ("", [source])
        day = _day(parts[0]) if len(parts) > 1 else None
        source = _written(source)
        true_name = _as_text("/".join(parts[1:] if day else parts))
        file_name = without_numbers_of_persons(true_name)
        table, refusal = (None, reason) if reason else _refusal(path, source, day, file_name)
        hidden = true_name if true_name != file_name else None
        arrivals.append(Arrival(path, source, day, file_name, table, refusal, hidden))
    arrivals.sort(key=lambda a: (a.source, a.delivered_on or date.min, a.file_name, os.fsencode(a.path)))
    return _told_apart(arrivals)


def _told_apart(arrivals: list[Arrival]) -> list[Arrival]:
    """Two files whose names differ only in NFC and NFD are two files: the later ones get a number."""
    seen: Counter[tuple] = Counter()
    apart = []
    for arrival in arrivals:
        key = (arrival.source, arrival.delivered_on, arrival.hidden_name or arrival.file_name)
        seen[key] += 1
        if seen[key] > 1:
            arrival = replace(arrival, file_name=f"{arrival.file_name} ({seen[key]})")
        apart.append(arrival)
    return apart
