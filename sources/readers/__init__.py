"""From a file to parts: relations of text cells with the row numbers that a person sees in the file.

The kind of a file is decided by its first bytes, not by its name: an HTML table named .xls is a table all the
same.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import duckdb

from sources.contract import Table
from sources.header import RefusedFile
from sources.readers.part import NotAsTrusted, Part

__all__ = ["NotAsTrusted", "Part", "RefusedFile", "read_parts", "refused_at_sight"]

HEAD = 8192  # bytes by which the kind of a file is told
LARGE = 64 << 20  # bytes; below, it is not worth asking whether a file is read in vain
_HOLES = 1000  # times as large as what is stored of it
_ZIP, _OLE = (b"PK\x03\x04", b"PK\x05\x06"), b"\xd0\xcf\x11\xe0"
EXTENSIONS = {".csv", ".xls", ".xlsx", ".json", ".jsonl"}

_NO_WORKBOOK = (
    "tên tệp là Excel nhưng nội dung không phải (bị cắt hoặc hỏng): xuất lại"
    " | named like a workbook but is none (cut off or damaged): export it again"
)
_NUL = (
    "tệp có byte NUL (không phải văn bản, hoặc sao chép dở dang): xuất lại rồi gửi lại"
    " | the file holds NUL bytes (no text, or a broken copy): export it again"
)
_HOLLOW = (
    "tệp gần như toàn khoảng trống (chép dở dang): xuất lại rồi gửi lại"
    " | the file is nearly all holes (a broken copy): export it again"
)
_EMPTY = "tệp rỗng (0 byte): xuất lại | the file is empty (0 bytes): export it again"
_UTF_16 = (
    "tệp mã hóa UTF-16: lưu lại UTF-8 (trong Excel: “CSV UTF-8”) rồi gửi lại"
    " | the file is UTF-16: save it as UTF-8 (Excel: “CSV UTF-8”) and deliver it again"
)


def _is_utf_16(head: bytes) -> bool:
    """By its mark, or by the NUL in every second byte that ASCII letters have there."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    halves = head[0::2], head[1::2]
    nuls = sorted(half.count(0) / max(1, len(half)) for half in halves)
    return nuls[0] < 0.1 and nuls[1] > 0.4


def refused_at_sight(head: bytes, found: os.stat_result) -> str | None:
    """Why a file cannot be taken, as far as its first bytes and its size tell."""
    if not head:
        return _EMPTY
    # Some file systems do not know what is stored.
    if found.st_size > LARGE and 0 < found.st_blocks * 512 * _HOLES < found.st_size:
        return _HOLLOW
    if head.startswith((*_ZIP, _OLE)):
        return None
    if _is_utf_16(head):
        return _UTF_16
    return _NUL if b"\x00" in head else None


def read_parts(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    table: Table,
    work: Path,
    be_alone: Callable[[], None] = lambda: None,
    *,
    through: Path | None = None,
    trusting: bool = False,
) -> list[Part]:
    """The parts of `path` as relations of `connection`; `work`, an empty folder, takes temporary files.

    `be_alone` is called before cells of a large file are held outside of DuckDB's memory; it waits for others that do.
    `through`: where the bytes are read, when `path` is only its name.
    `trusting`: the rows of a CSV in which a line looks like a row need not be counted (`Part.trusted_rows`).

    Raises RefusedFile, whose message a person can act on, when the file as a whole cannot be taken. DuckDB
    reads the file under a name of ours: it would take brackets and stars in a name for a pattern.
    """
    plain = work / f"input{path.suffix.lower()}"
    plain.symlink_to(through or path.absolute())
    path = plain
    with path.open("rb") as file:
        head = file.read(HEAD)
        reason = refused_at_sight(head, os.fstat(file.fileno()))
    if reason is not None:
        raise RefusedFile(reason)
    if head.startswith(_ZIP):
        from sources.readers.excel_file import read_workbook

        return read_workbook(connection, path, table, be_alone)
    if head.startswith(_OLE):
        from sources.readers.excel_file import read_old_workbook

        return read_old_workbook(connection, path, table, be_alone)
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start[:1] == b"<":
        from sources.readers.html_file import read_html

        return read_html(connection, path, table, be_alone)
    looks_like_json = start[:1] in (b"[", b"{") and start[1:].lstrip()[:1] in (b"{", b'"', b"]", b"}")
    if path.suffix.lower() in (".json", ".jsonl") or looks_like_json:
        from sources.readers.json_file import read_json

        return read_json(connection, path, table)
    if path.suffix.lower() == ".xlsx":
        raise RefusedFile(_NO_WORKBOOK)
    from sources.readers.csv_file import read_csv

    return read_csv(connection, path, table, work, trusting=trusting)
