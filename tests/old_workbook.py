"""An Excel workbook of the 1997-2003 kind (BIFF8 in a compound file), as small as one can be: no library writes them any more."""

from __future__ import annotations

import struct

_SECTOR = 512
_FREE, _END, _TABLE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def old_workbook(*rows: list) -> bytes:
    """One sheet of texts, numbers and empty cells (None)."""
    sheet = _begin(0x10) + _record(0x200, struct.pack("<IIHHH", 0, len(rows), 0, len(rows[0]), 0))
    for row, cells in enumerate(rows):
        for column, value in enumerate(cells):
            place = struct.pack("<HHH", row, column, 0)
            if isinstance(value, str):
                text = struct.pack("<HB", len(value), 1) + value.encode("utf-16-le")
                sheet += _record(0x204, place + text)
            elif value is not None:
                sheet += _record(0x203, place + struct.pack("<d", value))
    globals_length = len(_globals(0))
    return _compound_file(_globals(globals_length) + sheet + _record(0x0A))


def _record(kind: int, body: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


def _begin(what: int) -> bytes:
    return _record(0x809, struct.pack("<HHHHII", 0x600, what, 0x0DBB, 0x07CC, 0, 6))


def _globals(sheet_at: int) -> bytes:
    style = _record(0xE0, struct.pack("<HHHBBBBIIH", 0, 0, 0xFFF5, 0x20, 0, 0, 0, 0, 0, 0))
    name = struct.pack("<IBB", sheet_at, 0, 0) + struct.pack("<BB", 6, 0) + b"Sheet1"
    return _begin(5) + _record(0x42, struct.pack("<H", 1200)) + style + _record(0x85, name) + _record(0x0A)


def _compound_file(stream: bytes) -> bytes:
    """Header, one sector of the allocation table, one of the directory, and the stream of the workbook."""
    length = max(4096, -(-len(stream) // _SECTOR) * _SECTOR)
    sectors = length // _SECTOR
    assert sectors + 2 <= _SECTOR // 4, "too large for one sector of the table"
    table = [_TABLE, _END, *range(3, sectors + 2), _END]
    table += [_FREE] * (_SECTOR // 4 - len(table))
    header = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6)
    header += bytes(6) + struct.pack("<9I", 0, 1, 1, 0, 4096, _END, 0, _END, 0)
    header += struct.pack("<109I", 0, *[_FREE] * 108)
    directory = _entry("Root Entry", 5, 1, _END, 0) + _entry("Workbook", 2, _FREE, 2, length)
    directory = directory.ljust(_SECTOR, b"\0")
    return header + struct.pack(f"<{len(table)}I", *table) + directory + stream.ljust(length, b"\0")


def _entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
    text = name.encode("utf-16-le") + b"\0\0"
    return (
        text.ljust(64, b"\0")
        + struct.pack("<HBBIII", len(text), kind, 1, _FREE, _FREE, child)
        + bytes(36)
        + struct.pack("<IQ", start, size)
    )
