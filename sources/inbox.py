"""Finding what was delivered: inbox/<source>/<YYYY-MM-DD>/<table>[anything].<ext>."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sources.contract import Table, load_contracts
from sources.readers import EXTENSIONS
from sources.text import nfc

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Arrival:
    """A file of the inbox. `reason` is set when its name alone says that it cannot be taken."""

    path: Path
    source: str
    delivered_on: date | None
    file_name: str  # NFC, relative to the delivery's folder
    table: Table | None
    reason: str | None = None

    @property
    def place(self) -> str:
        """Where it lies, as a person would look for it."""
        return "/".join(str(part) for part in (self.source, self.delivered_on, self.file_name) if part)

    def content_hash(self) -> str:
        """SHA-256 of the bytes; for what is no ordinary file, of its name."""
        if self.path.is_symlink() or not self.path.is_file():
            return hashlib.sha256(str(self.file_name).encode()).hexdigest()
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def _day(folder: str) -> date | None:
    if not _DATE.fullmatch(folder):
        return None
    try:
        return date.fromisoformat(folder)
    except ValueError:
        return None


def _table_of(source: str, file_name: str) -> Table | None:
    """The table whose name the file name starts with; the longest one where several do."""
    tables = load_contracts()[source].tables
    name = file_name.casefold()
    names = [table for table in tables if name.startswith(table)]
    return tables[max(names, key=len)] if names else None


def _refusal(path: Path, source: str, day: date | None, file_name: str) -> tuple[Table | None, str | None]:
    if path.is_symlink():
        return None, "liên kết tượng trưng, không phải tệp: chép tệp thật vào | a symbolic link, not a file"
    if file_name.startswith("~$"):
        return None, "tệp khóa của Excel: đóng Excel, tệp này tự mất | a lock file of Excel"
    if source not in load_contracts():
        known = ", ".join(load_contracts())
        return None, f"nguồn “{source}” không có trong hợp đồng ({known}) | unknown source"
    if day is None:
        return None, "thư mục không phải ngày giao YYYY-MM-DD | the folder is no delivery date YYYY-MM-DD"
    if "/" in file_name:
        return None, "tệp nằm trong thư mục con: chuyển lên thư mục ngày giao | the file is in a sub-folder"
    table = _table_of(source, file_name)
    if table is None:
        known = ", ".join(load_contracts()[source].tables)
        return None, f"tên tệp không bắt đầu bằng tên bảng ({known}) | the name starts with no table's name"
    if path.suffix.lower() not in EXTENSIONS:
        return table, f"đuôi tệp {path.suffix or '(không có)'} không nhận ({', '.join(sorted(EXTENSIONS))}) | unknown extension"
    return table, None


def find_arrivals(inbox: Path) -> list[Arrival]:
    """All files of the inbox by source, delivery date and name (code points of NFC). Hidden files do not count."""
    arrivals = []
    if not inbox.is_dir():
        return []
    for source in sorted(p for p in inbox.iterdir() if p.is_dir() and not p.name.startswith(".")):
        for path in source.rglob("*"):
            if (path.is_dir() and not path.is_symlink()) or path.name.startswith("."):
                continue
            parts = path.relative_to(source).parts
            day = _day(parts[0]) if len(parts) > 1 else None
            file_name = nfc("/".join(parts[1:] if len(parts) > 1 else parts))
            table, reason = _refusal(path, source.name, day, file_name)
            arrivals.append(Arrival(path, source.name, day, file_name, table, reason))
    return sorted(arrivals, key=lambda a: (a.source, a.delivered_on or date.min, a.file_name))
