"""The zip inside a workbook, looked at before a reader opens it: for safety, for what the reader does not tell,
and for the first rows.

The reader tells neither on which row the used range starts nor which cells are merged, nor which are formulas
that were never computed, so these come from the sheet's XML. It also keeps the whole used range in memory,
empty cells too, so the range is measured before.
"""

from __future__ import annotations

import io
import re
import sys
import zipfile
from array import array
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field, replace

import pyarrow as pa
import pyarrow.compute as pc
from lxml import etree

from sources.header import SEARCHED_ROWS, RefusedFile

HEAD_ROWS = SEARCHED_ROWS + 3

_MAX_UNPACKED = 4 << 30
_SMALL_UNPACKED = 128 << 20
_MAX_RATIO = 200  # a sheet of equal rows packs about 1:100
_MAX_MEMBERS = 10_000
_LARGE_SHEET = 64 << 20  # written by programs; looked at by its first rows only
_SMALL_SHEET = 1 << 20  # read twice in no time
_MAX_TEXTS = 10_000  # that a head may name: they are written in the order of the cells
MAX_COLUMNS = 1000
_MAX_CELLS = 80_000_000  # of the used range, empty ones counted
_MAX_FAULTS = 100_000
_LONGEST_PIECE = (
    1 << 18
)  # bytes without a tag: the 32,767 letters that Excel takes are fewer, each of them as &#7879;
_LONGEST_TEXT = 1 << 20  # bytes of a shared text: the same with the marks of rich text
MAX_TEXT = 1 << 30  # bytes of the shared texts of all cells, each counted as often as it is named
# What a reader needs beside sheets and shared texts.
_STYLES = "xl/styles.xml"
_LARGEST_STYLES = 16 << 20  # bytes; of real workbooks some hundred thousand
_PERCENT_FORMATS = ("9", "10")  # 0% and 0.00%, which every workbook has
_LITERAL = re.compile(r'"[^"]*"|\\.')  # of a number format
_FRAME = {
    "[content_types].xml",
    "_rels/.rels",
    "xl/workbook.xml",
    "xl/_rels/workbook.xml.rels",
    "xl/styles.xml",
}
_NS = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_REL = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
# References from column CA on: a large sheet that wide would not fit into memory.
_FAR_COLUMN = r"""r\s*=\s*["'](?:[C-Zc-z][A-Za-z]|[A-Za-z]{3})\d"""
# Formulas and errors, and cells that do not begin with where they are, under any prefix.
_SPECIAL = r't="e"|[<:]f[ >/]'
_NO_REFERENCE = r'<c[>/]|:c[ >/]|<c [^r]|<c r[^=]|<c r=[^"]'
_ODD_IN_LARGE = f"{_FAR_COLUMN}|{_SPECIAL}"
_ODD = f"{_FAR_COLUMN}|{_SPECIAL}|{_NO_REFERENCE}"
_MERGE = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([^"]+)"')
_NAMES_TEXT = r"""t\s*=\s*["']s["']"""
_NAMED_TEXT = re.compile(rb't="s"[^>]*><v>(\d+)')  # as programs write it, found at a third of the price
_ANY_NAMED_TEXT = re.compile(rb"""t\s*=\s*["']s["'][^>]*>\s*<(?:\w+:)?v[^>]*>\s*(\d+)""")
_TEXTS_BEGIN = re.compile(rb"<(\w+:)?sst\b")
_ROW_NUMBER = re.compile(rb'row\s[^>]*?\br="(\d+)"')

BOMB = "tệp nén bất thường (bom nén): từ chối để bảo vệ máy | the file unpacks to an absurd size (zip bomb)"
_FORMULA = (
    "là công thức chưa có giá trị: mở bằng Excel rồi lưu lại | is a formula without a value: open and save it"
)
_TOO_LONG = (
    "một ô dài hơn giới hạn của Excel (32.767 ký tự): kiểm tra lại rồi gửi lại"
    " | a cell is longer than Excel's limit (32,767 letters): check it and deliver the file again"
)
_ERROR = "là lỗi của Excel | is an error of the workbook"

Range = tuple[int, int, int, int]  # row, column, last row, last column, from 0


@dataclass(frozen=True)
class Sheet:
    """Where the used range starts (from 0), the merged ranges, and the cells that hold no readable value.

    `cells` of the used range, empty ones counted; of a sheet that is looked at by its first rows only as many as may be.
    `texts`: cells that name a shared text, or a few more.
    `head` is a workbook of the sheet's first rows alone, for a sheet that takes long to read.
    """

    member: str = ""
    first_row: int = 0
    first_column: int = 0
    merges: tuple[Range, ...] = ()
    unreadable: tuple[tuple[int, int, str], ...] = ()  # row, column, why
    is_empty: bool = False
    cells: int = 0
    texts: int = 0
    head: bytes | None = None


def _place(reference: str) -> tuple[int, int]:
    found = re.fullmatch(r"\$?([A-Z]{1,3})\$?(\d{1,7})", reference)
    if found is None:
        raise ValueError("no reference of a cell")
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - 64
    return int(found[2]) - 1, column - 1


def _parse(data: bytes) -> etree._Element:
    return etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True))


def _rows(file) -> Iterator[tuple[str, etree._Element, int]]:
    """Rows (with their number from 0, written or counted) and merged ranges of a sheet, each dropped
    after use.
    """
    number = -1
    for _, element in etree.iterparse(
        file,
        events=("end",),
        tag=(f"{_NS}row", f"{_NS}mergeCell"),
        resolve_entities=False,
        no_network=True,
        huge_tree=True,
    ):
        if element.tag == f"{_NS}row":
            number = int(element.get("r", number + 2)) - 1
            yield "row", element, number
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]
        else:
            yield "merge", element, number


def _cells(row: etree._Element) -> Iterator[tuple[etree._Element, int]]:
    """The cells of a row with their column, written or counted."""
    at = -1
    for cell in row.iterchildren(f"{_NS}c"):
        reference = cell.get("r")
        at = at + 1 if reference is None else _place(reference)[1]
        yield cell, at


def _is_filled(cell: etree._Element) -> bool:
    return any(child.text or len(child) for child in cell if child.tag != f"{_NS}f")


def _holds_text(cell: etree._Element) -> bool:
    """Surely filled, for the reader too."""
    return cell.find(f"{_NS}f") is None and bool("".join(cell.itertext()).strip())


def _why_unreadable(cell: etree._Element) -> str | None:
    if cell.get("t") == "e":
        return _ERROR
    if cell.get("t") != "str" and cell.find(f"{_NS}f") is not None and not _is_filled(cell):
        return _FORMULA
    return None


@dataclass
class _Survey:
    """What the bytes of a sheet tell without being parsed, which takes three times as long as reading them.

    `is_plain`: every cell says where it is, none of them far to the right, none a formula or an error.
    """

    is_plain: bool = True
    is_special: bool = False
    last_row: int = -1
    slashes: int = 0  # counted in a third of the time that ends of elements take
    merges: list[Range] = field(default_factory=list)

    @property
    def texts(self) -> int:
        """No more cells name a shared text: each of them ends itself and its value."""
        return self.slashes // 2


def _survey(archive: zipfile.ZipFile, member: str, large: bool) -> _Survey:
    found = _Survey()
    carry = b""
    with archive.open(member) as file, ThreadPoolExecutor(1) as beside:
        looked = None
        while chunk := file.read(1 << 20):  # to the end: only then is the checksum compared
            _refuse_long_pieces(chunk)
            window = carry + chunk
            cut = window.rfind(b"<")  # no tag is looked at by halves
            window, carry = window[:cut], window[cut:]
            if looked is not None:
                looked.result()
            # One piece is looked at while the next one is unpacked.
            looked = beside.submit(_look, window, large, found)
        if looked is not None:
            looked.result()
    found.is_plain = found.is_plain and not found.is_special and not large and found.last_row >= 0
    return found


def _look(window: bytes, large: bool, found: _Survey) -> None:
    found.slashes += window.count(b"/")
    if large:
        if _occurs(_ODD_IN_LARGE, window):
            if _occurs(_FAR_COLUMN, window):
                raise RefusedFile(BOMB)
            found.is_special = True
    elif _occurs(_ODD, window):  # one look for all of them: nearly always there is none
        far = _occurs(_FAR_COLUMN, window)
        found.is_special = found.is_special or _occurs(_SPECIAL, window)
        found.is_plain = found.is_plain and not far and not _occurs(_NO_REFERENCE, window)
    row = _ROW_NUMBER.match(window, max(0, window.rfind(b"row ")))
    if row is not None:
        found.last_row = int(row[1]) - 1
    if _occurs("mergeCell ", window):
        found.merges += map(_range, _MERGE.findall(window))


def _occurs(pattern: str, window: bytes) -> bool:
    """Whether bytes hold a pattern, by Arrow's expressions: five times as fast as Python's, other threads go on."""
    return pc.match_substring_regex(_as_array(window), pattern)[0].as_py()


def _count(pattern: str, window: bytes) -> int:
    return pc.count_substring_regex(_as_array(window), pattern=pattern)[0].as_py()


def _as_array(window: bytes) -> pa.Array:
    # From its buffers: `pa.array` would first import pandas.
    ends = b"".join(end.to_bytes(8, sys.byteorder) for end in (0, len(window)))
    return pa.Array.from_buffers(pa.large_binary(), 1, [None, pa.py_buffer(ends), pa.py_buffer(window)])


def _range(reference: str | bytes) -> Range:
    text = reference.decode() if isinstance(reference, bytes) else reference
    start, _, end = text.partition(":")
    return (*_place(start), *_place(end or start))


def _inspect(archive: zipfile.ZipFile, member: str) -> Sheet:
    size = archive.getinfo(member).file_size
    large = size > _LARGE_SHEET
    survey = _survey(archive, member, large)
    # Of a large sheet the first rows only, unless a formula or an error stands in it: that may be without a value.
    only_head = survey.is_plain or (large and not survey.is_special)
    sheet, rows = _walk(archive, member, survey, only_head=only_head)
    sheet = replace(sheet, texts=survey.texts, **({"cells": _MAX_CELLS} if large else {}))
    if sheet.first_column > 0 and not large and survey.is_plain:
        # A cell further below may stand further to the left.
        sheet, rows = _walk(archive, member, survey, only_head=False)
        sheet = replace(sheet, texts=survey.texts)
    if size > _SMALL_SHEET and only_head and rows:
        with suppress(Exception):  # a damaged part that the reader may not even look at
            return replace(sheet, head=_head(archive, member, rows))
    return sheet


def _walk(
    archive: zipfile.ZipFile, member: str, survey: _Survey, *, only_head: bool
) -> tuple[Sheet, list[etree._Element]]:
    """The sheet by its rows: all of them, or those in which a header is looked for.

    Those of the head also as they are, where they show that the used range begins in the first column.
    """
    row = column = None
    last_row = last_column = 0
    merges: list[Range] = []
    unreadable: list[tuple[int, int, str]] = []
    head: list[etree._Element] = []
    anchored = False
    with archive.open(member) as file:
        for kind, element, number in _rows(file):
            if kind == "merge":
                merges.append(_range(element.get("ref", "")))
                continue
            cells = list(_cells(element))
            left = next((at for cell, at in cells if _is_filled(cell)), None)
            if left is not None:
                row = number if row is None else row
                column = left if column is None else min(column, left)
                last_column = max(last_column, next(at for cell, at in reversed(cells) if _is_filled(cell)))
                last_row = number
                refuse_wide(number + 1, last_column - column + 1)
            if row is not None and number < row + HEAD_ROWS and len(head) <= HEAD_ROWS:
                head.append(deepcopy(element))
                anchored = anchored or any(at == 0 and _holds_text(cell) for cell, at in cells)
            if survey.is_special:
                found = ((number, at, _why_unreadable(cell)) for cell, at in cells)
                unreadable += [entry for entry in found if entry[2]]
                if len(unreadable) > _MAX_FAULTS:
                    raise RefusedFile(f"quá nhiều ô không có giá trị: {_FORMULA}")
            if only_head and row is not None and number >= row + HEAD_ROWS:
                last_row = survey.last_row
                refuse_wide(last_row + 1, last_column - column + 1)
                merges = survey.merges
                break
    used = 0 if column is None else (last_row + 1) * (last_column - column + 1)
    sheet = Sheet(member, row or 0, column or 0, tuple(merges), tuple(unreadable), row is None, used)
    return sheet, head if anchored and len(head) <= HEAD_ROWS else []


def _head(archive: zipfile.ZipFile, member: str, rows: list[etree._Element]) -> bytes | None:
    """The workbook with nothing but the first rows of one sheet and the shared texts that they name.

    The reader parses a sheet to its end even for its first rows; of this one they are the end.
    """
    named = (cell.findtext(f"{_NS}v") for row in rows for cell, _ in _cells(row) if cell.get("t") == "s")
    count = max((int(number) + 1 for number in named if number), default=0)
    if count > _MAX_TEXTS:
        return None
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as short:
        for info in archive.infolist():
            name = info.filename
            if name == member:
                short.writestr(name, _wrapped("worksheet", _wrapped("sheetData", *map(etree.tostring, rows))))
            elif _is_shared_texts(name):
                with archive.open(info) as file:
                    short.writestr(name, _wrapped("sst", *_shared_texts(file, count)))
            elif name.lower() in _FRAME:
                short.writestr(name, archive.read(info))
    return out.getvalue()


def _wrapped(tag: str, *content: bytes) -> bytes:
    return f'<{tag} xmlns="{_NS[1:-1]}">'.encode() + b"".join(content) + f"</{tag}>".encode()


def _shared_texts(file, count: int) -> Iterator[bytes]:
    """The first shared texts, as XML."""
    texts = etree.iterparse(file, tag=f"{_NS}si", resolve_entities=False, no_network=True, huge_tree=True)
    for _, (_, text) in zip(range(count), texts, strict=False):
        yield etree.tostring(text, with_tail=False)
        text.clear()
        while text.getprevious() is not None:
            del text.getparent()[0]


def refuse_wide(rows: int, columns: int) -> None:
    if columns > MAX_COLUMNS:
        raise RefusedFile(
            f"trang tính có {columns} cột: kiểm tra lại tệp | the sheet has {columns} columns: check the file"
        )
    if rows * columns > _MAX_CELLS:
        raise RefusedFile(BOMB)


def _sheet_members(archive: zipfile.ZipFile) -> dict[str, str]:
    """Sheet name -> member of the archive, in workbook order."""
    relations = {
        relation.get("Id"): relation.get("Target", "").lstrip("/").removeprefix("xl/")
        for relation in _parse(archive.read("xl/_rels/workbook.xml.rels"))
    }
    workbook = _parse(archive.read("xl/workbook.xml"))
    return {
        sheet.get("name"): "xl/" + relations[sheet.get(_REL)]
        for sheet in workbook.iter(f"{_NS}sheet")
        if sheet.get(_REL) in relations
    }


def inspect(archive: zipfile.ZipFile) -> dict[str, Sheet]:
    """The sheets by name."""
    return {
        name: _inspect(archive, member)
        for name, member in _sheet_members(archive).items()
        if member in archive.NameToInfo
    }


def check_size(archive: zipfile.ZipFile) -> None:
    """Refuse what would not fit into memory; what the archive says of itself is held against its bytes
    elsewhere.
    """
    members = archive.infolist()
    unpacked = sum(info.file_size for info in members)
    packed = max(1, sum(info.compress_size for info in members))
    if (
        len(members) > _MAX_MEMBERS
        or unpacked > _MAX_UNPACKED
        or (unpacked > _SMALL_UNPACKED and unpacked / packed > _MAX_RATIO)
    ):
        raise RefusedFile(BOMB)


def _is_shared_texts(member: str) -> bool:
    return member.lower().endswith("sharedstrings.xml")


def check_texts(archive: zipfile.ZipFile) -> array[int]:
    """Unpack the shared texts once: a wrong size or checksum shows here and not in the reader. Their sizes in bytes.

    Raises RefusedFile where one is longer than a cell can be. It would be held once by the file, and by us in each cell
    that names it.
    """
    sizes = array("L")
    for info in archive.infolist():
        if not _is_shared_texts(info.filename):
            continue
        with archive.open(info) as file:
            end, carry = b"", b""
            while chunk := file.read(1 << 20):
                _refuse_long_pieces(chunk)
                window = carry + chunk
                if not end:
                    begin = _TEXTS_BEGIN.search(window)
                    end = b"</" + (begin[1] or b"" if begin else b"") + b"si>"
                # A tag within text would hide where the text ends. No program writes short texts so.
                if b"<![CDATA[" in window or b"<!--" in window:
                    raise RefusedFile(_TOO_LONG)
                *texts, carry = window.split(end)
                sizes.extend(map(len, texts))
                if max(map(len, texts), default=0) > _LONGEST_TEXT or len(carry) > _LONGEST_TEXT:
                    raise RefusedFile(_TOO_LONG)
    return sizes


def _refuse_long_pieces(chunk: bytes) -> None:
    """By blocks, which costs nothing: nearly always one begins with a tag."""
    for at in range(0, len(chunk) - _LONGEST_PIECE + 1, _LONGEST_PIECE):
        if chunk.find(b"<", at, at + _LONGEST_PIECE) < 0:
            raise RefusedFile(_TOO_LONG)


def refuse_multiplied(archive: zipfile.ZipFile, sheets: Collection[Sheet], sizes: array[int]) -> None:
    """Refuse a workbook whose cells name long shared texts so often that they would not fit into memory.

    The cells are counted only where the longest text in all of them would be too much.
    """
    longest = max(sizes, default=0)
    if longest * sum(sheet.texts for sheet in sheets) <= MAX_TEXT:
        return
    total = 0
    for sheet in sheets:
        carry = b""
        with archive.open(sheet.member) as file:
            while window := carry + (chunk := file.read(1 << 20)):
                # No cell is looked at by halves: cut behind the end of one, under any prefix.
                cut = window.rfind(b"c>") + 2 if chunk and len(window) < 1 << 22 else len(window)
                window, carry = window[:cut], window[cut:]
                count = _count(_NAMES_TEXT, window)
                named = _NAMED_TEXT.findall(window)
                if len(named) < count:
                    named = _ANY_NAMED_TEXT.findall(window)
                total += sum(map(sizes.__getitem__, map(int, named)))
                total += longest * max(0, count - len(named))  # named in a way not known here
                if total > MAX_TEXT:
                    raise RefusedFile(BOMB)


def true_numbers(
    archive: zipfile.ZipFile, sheet: Sheet, columns: set[int], styles: frozenset[str] | None = None
) -> dict[int, list[int]]:
    """The rows (from 1) in which each of the columns of the used range holds a number and no text, of some `styles` or any."""
    numbers: dict[int, list[int]] = {at: [] for at in columns}
    with archive.open(sheet.member) as file:
        for kind, element, row in _rows(file):
            if kind != "row":
                continue
            for cell, column in _cells(element):
                is_number = cell.get("t", "n") == "n" and (styles is None or cell.get("s") in styles)
                if is_number and column - sheet.first_column in numbers:
                    numbers[column - sheet.first_column].append(row + 1)
    return numbers


def percent_styles(archive: zipfile.ZipFile) -> frozenset[str]:
    """The styles of cells that show a number as a hundred times itself, with a percent sign."""
    info = next((info for info in archive.infolist() if info.filename.lower() == _STYLES), None)
    if info is None:
        return frozenset()
    if info.file_size > _LARGEST_STYLES:  # its tree takes many times that in memory
        raise RefusedFile(BOMB)
    with archive.open(info) as file:
        root = etree.parse(file, etree.XMLParser(resolve_entities=False, no_network=True)).getroot()
    shown_as_percent = set(_PERCENT_FORMATS)
    for own in root.iter(f"{_NS}numFmt"):
        if "%" in _LITERAL.sub("", own.get("formatCode", "")):
            shown_as_percent.add(own.get("numFmtId", ""))
    of_cells = root.find(f"{_NS}cellXfs")
    return frozenset(
        str(at)
        for at, style in enumerate(() if of_cells is None else of_cells.iterchildren(f"{_NS}xf"))
        if style.get("numFmtId") in shown_as_percent
    )
