"""From a file to parts: relations of text cells with the row numbers that a person sees in the file.

The kind of a file is decided by its first bytes, not by its name: an HTML table named .xls is a table all the same.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from sources.contract import Table
from sources.header import RefusedFile
from sources.readers.part import Part

__all__ = ["Part", "RefusedFile", "read_parts"]

EXTENSIONS = {".csv", ".xls", ".xlsx", ".json", ".jsonl"}

_NO_WORKBOOK = (
    "tên tệp là Excel nhưng nội dung không phải (bị cắt hoặc hỏng): xuất lại"
    " | named like a workbook but is none (cut off or damaged): export it again"
)
_NUL = (
    "tệp có byte NUL (UTF-16, không phải văn bản, hoặc sao chép dở dang): lưu lại UTF-8 rồi gửi lại"
    " | the file holds NUL bytes (UTF-16, no text, or a broken copy): save it as UTF-8 and deliver it again"
)
_LEGACY_HINT = (
    "hãy lưu lại dưới dạng UTF-8 (trong Excel: “CSV UTF-8”) rồi gửi lại"
    " | save it as UTF-8 (Excel: “CSV UTF-8”) and deliver it again"
)


def read_parts(connection: duckdb.DuckDBPyConnection, path: Path, table: Table, work: Path) -> list[Part]:
    """The parts of `path` as relations of `connection`; `work` takes temporary files.

    Raises RefusedFile, whose message a person can act on, when the file as a whole cannot be taken. DuckDB reads the
    file under a name of ours: it would take brackets and stars in a name for a pattern.
    """
    plain = work / f"input{path.suffix.lower()}"
    plain.symlink_to(path.absolute())
    path = plain
    with path.open("rb") as file:
        head = file.read(8192)
    if not head:
        raise RefusedFile("tệp rỗng (0 byte): xuất lại | the file is empty (0 bytes): export it again")
    if head.startswith(b"PK\x03\x04"):
        from sources.readers.excel_file import read_workbook

        return read_workbook(connection, path, table)
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        from sources.readers.excel_file import read_old_workbook

        return read_old_workbook(connection, path, table)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise RefusedFile(f"tệp mã hóa UTF-16: {_LEGACY_HINT.replace(' | ', ' | the file is UTF-16: ', 1)}")
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start[:1] == b"<":
        from sources.readers.html_file import read_html

        return read_html(connection, path, table)
    looks_like_json = start[:1] in (b"[", b"{") and start[1:].lstrip()[:1] in (b"{", b'"', b"]", b"}")
    if path.suffix.lower() in (".json", ".jsonl") or looks_like_json:
        from sources.readers.json_file import read_json

        return read_json(connection, path, table)
    if path.suffix.lower() == ".xlsx" or b"\x00" in head:
        raise RefusedFile(_NO_WORKBOOK if path.suffix.lower() in (".xlsx", ".xls") else _NUL)
    from sources.readers.csv_file import read_csv

    return read_csv(connection, path, table, work)
