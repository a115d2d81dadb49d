"""CSV, read by DuckDB in parallel; Python looks at the first lines and at the raw bytes only."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import duckdb

from sources.contract import Table
from sources.header import Header, RefusedFile, find_header, missing_columns, refuse_missing
from sources.readers.part import Part, ticked_columns
from sources.text import sql_name, sql_string

DELIMITERS = (",", ";", "\t", "|")
_HEAD_BYTES = 1 << 16
_CHUNK = 1 << 24
_MAX_LINE = 16 << 20  # a row longer than this is rejected, not read
_BOM = b"\xef\xbb\xbf"


def _decode_head(head: bytes) -> str:
    if b"\x00" in head:
        raise RefusedFile(
            "tệp có byte NUL (không phải văn bản, hoặc sao chép dở dang): xuất lại"
            " | the file holds NUL bytes (no text, or a broken copy): export it again"
        )
    try:
        return head.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start > len(head) - 8:  # cut in the middle of a letter at the end of the window
            return head[: error.start].removeprefix(_BOM).decode("utf-8")
        first_line = head.splitlines()[0] if head.splitlines() else b""
        if any(byte >= 0x80 for byte in first_line) or head.count(b"\n") < 3:
            raise RefusedFile(
                "tệp không phải UTF-8 (có thể là Windows-1258, TCVN3/ABC hoặc VNI): lưu lại “CSV UTF-8” rồi gửi lại"
                " | the file is not UTF-8 (Windows-1258, TCVN3/ABC or VNI?): save it as “CSV UTF-8”"
            ) from error
        return head.removeprefix(_BOM).decode("utf-8", errors="replace")


def _find_layout(text: str, table: Table) -> tuple[str, Header, int, int]:
    """(delimiter, header, physical lines up to the header's end, cells in a row)."""
    best = None
    for delimiter in DELIMITERS:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        rows, ends = [], []
        try:
            for row in reader:
                rows.append([cell.strip() or None for cell in row])
                ends.append(reader.line_num)
                if len(rows) >= 30:
                    break
        except csv.Error:
            continue
        header = find_header(rows, table)
        if header and (best is None or len(header.columns) > len(best[1].columns)):
            best = (delimiter, header, ends[header.last], max(len(rows[header.first]), len(rows[header.last])))
    if best is None:
        raise RefusedFile(
            f"không tìm thấy dòng tiêu đề của bảng {table.name}: cần các cột như “{table.columns[0].vi}”,"
            f" “{table.columns[1].vi}” | no header row of table {table.name} found"
        )
    return best


@dataclass
class _Bytes:
    """What one pass over the raw bytes tells."""

    newlines: int = 0
    carriage_returns: int = 0
    blank_line: int | None = None  # offset where the data ends: a blank line with something after it
    may_have_blank_row: bool = False
    may_tick: bool = False
    ends_with_newline: bool = True


def _scan(path: Path, start: int, delimiter: str) -> _Bytes:
    found = _Bytes()
    d = delimiter.encode()
    ticks = [d + x for x in (b"x", b"X", b'"x', b'"X')]
    offset, carry, quotes = start, b"", 0
    with path.open("rb") as file:
        file.seek(start)
        while chunk := file.read(_CHUNK):
            window = carry + chunk
            base = offset - len(carry)
            found.newlines += chunk.count(b"\n")
            found.carriage_returns += chunk.count(b"\r\n") + (carry[-1:] == b"\r" and chunk[:1] == b"\n")
            found.may_tick = found.may_tick or any(tick in window for tick in ticks)
            found.may_have_blank_row = found.may_have_blank_row or b"\n" + d in window or b'\n""' in window
            if found.blank_line is None:
                for pattern in (b"\n\n", b"\n\r\n"):
                    at = window.find(pattern)
                    while at >= 0:
                        # Inside quotes a blank line belongs to a cell: an odd number of quotes stands before it.
                        if (quotes + window.count(b'"', len(carry), max(at, len(carry)))) % 2 == 0:
                            end = base + at + 1
                            found.blank_line = min(end, found.blank_line or end)
                            break
                        at = window.find(pattern, at + 1)
            quotes += chunk.count(b'"')
            offset += len(chunk)
            carry = window[-3:]
            found.ends_with_newline = chunk.endswith(b"\n")
    return found


def _only_blanks_after(path: Path, offset: int) -> bool:
    with path.open("rb") as file:
        file.seek(offset)
        while chunk := file.read(_CHUNK):
            if chunk.strip():
                return False
    return True


def _line_offset(path: Path, lines: int) -> int:
    """Byte offset at which physical line `lines` (from 0) starts."""
    with path.open("rb") as file:
        for _ in range(lines):
            file.readline()
        return file.tell()


def _rewrite(path: Path, target: Path, end: int | None, normalise: bool) -> Path:
    """A copy up to byte `end`, with one kind of line end: mixed ones stop the parser."""
    left = end if end is not None else path.stat().st_size
    with path.open("rb") as source, target.open("wb") as copy:
        pending = b""
        while left > 0 and (chunk := source.read(min(_CHUNK, left))):
            left -= len(chunk)
            if normalise:
                chunk = pending + chunk
                pending = b"\r" if chunk.endswith(b"\r") and left > 0 else b""
                chunk = chunk[: len(chunk) - len(pending)].replace(b"\r\n", b"\n")
            copy.write(chunk)
    return target


def read_csv(connection: duckdb.DuckDBPyConnection, path: Path, table: Table, work: Path) -> list[Part]:
    """One Part. Rows that are no rows (too many cells, an open quote, broken letters) carry a `_fault`."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    delimiter, header, header_lines, width = _find_layout(_decode_head(head), table)
    present = {column.name for column in header.columns.values()}
    refuse_missing(table, missing_columns(table, present))

    start = _line_offset(path, header_lines)
    seen = _scan(path, start, delimiter)
    end = seen.blank_line
    if end is not None and _only_blanks_after(path, end):
        end = None
    mixed = 0 < seen.carriage_returns < seen.newlines
    data = path
    if end is not None or mixed:
        data = _rewrite(path, work / f"{path.stem}.part.csv", end, mixed)
        seen = _scan(data, _line_offset(data, header_lines), delimiter)

    columns = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(width))
    scan = (
        f"read_csv({sql_string(str(data))}, auto_detect = false, header = false, skip = {header_lines},"
        f" delim = {sql_string(delimiter)}, quote = '\"', escape = '\"', columns = {{{columns}}},"
        f" store_rejects = true, ignore_errors = true, rejects_limit = 0, max_line_size = {_MAX_LINE})"
    )
    named = ", ".join(f"c{at} as {sql_name(column.name)}" for at, column in sorted(header.columns.items()))
    for rejects in ("reject_errors", "reject_scans"):
        connection.execute(f"drop table if exists {rejects}")
    # Fetched to the end: only then does the scan write down what it rejected.
    good = connection.execute(f"select count(*) from {scan}").fetchall()[0][0]
    bad = connection.execute("select count(distinct line) from reject_errors").fetchall()[0][0]
    lines = seen.newlines + (not seen.ends_with_newline)
    first_row = None
    if bad == 0 and good == lines and not seen.may_have_blank_row:
        # The usual case: a line is a row. Numbering them here would keep DuckDB from working in parallel.
        first_row = header_lines + 1
        relation = (
            f"(select {named}, 0 as _sheet_no, null::varchar as _sheet, null::varchar as _fault from {scan})"
        )
    else:
        relation = _careful(connection, scan, named, width, header_lines)
    return [
        Part(
            relation=relation,
            present=frozenset(present),
            first_row=first_row,
            ignored=header.ignored,
            blank_is_false=(
                ticked_columns(connection, relation, table, present) if seen.may_tick else frozenset()
            ),
        )
    ]


def _careful(connection, scan: str, named: str, width: int, header_lines: int) -> str:
    """The same with rejected rows among the others and true line numbers, where cells hold line breaks.

    The n-th good row stands before the i-th rejected record when n <= record - i; each row is as high as it has
    line breaks; running sums give the line on which a person sees it. Ends before the first blank row.
    """
    for rejects in ("reject_errors", "reject_scans"):
        connection.execute(f"drop table if exists {rejects}")
    height = " + ".join(f"coalesce(len(c{i}) - len(replace(c{i}, chr(10), '')), 0)" for i in range(width))
    blank = f"coalesce({', '.join(f'trim(c{i})' for i in range(width))}, '') = ''"
    connection.execute(f"""
        create or replace temp table _csv_good as
        select *, row_number() over () as good_no, 1 + {height} as height from {scan}
    """)
    connection.execute(f"""
        create or replace temp table _csv_numbered as
        with bad as (
            select
                line - {header_lines} as record_no,
                any_value(1 + len(rtrim(csv_line, chr(13) || chr(10)))
                    - len(replace(rtrim(csv_line, chr(13) || chr(10)), chr(10), ''))) as height,
                string_agg(distinct case error_type
                    when 'TOO MANY COLUMNS' then 'dòng có nhiều ô hơn tiêu đề | more cells than the header'
                    when 'MISSING COLUMNS' then 'dòng có ít ô hơn tiêu đề | fewer cells than the header'
                    when 'UNQUOTED VALUE' then 'dấu ngoặc kép không khép lại | a quote is never closed'
                    when 'INVALID ENCODING' then 'ký tự không phải UTF-8 | letters that are not UTF-8'
                    when 'LINE SIZE OVER MAXIMUM' then 'dòng quá dài | the row is too long'
                    else 'dòng không đọc được | the row cannot be read' end, '; ') as fault
            from reject_errors
            group by line
        ),
        bad_numbered as (
            select *, record_no - row_number() over (order by record_no) as good_before from bad
        ),
        merged as (
            select good_no, good_no as place, 0 as tie, 0::bigint as record_no, height, null::varchar as fault
            from _csv_good
            union all
            select null, good_before, 1, record_no, height, fault from bad_numbered
        )
        select good_no, height, fault,
            {header_lines} + coalesce(sum(height) over (
                order by place, tie, record_no rows between unbounded preceding and 1 preceding
            ), 0) + 1 as _row_number
        from merged
    """)
    connection.execute(f"""
        create or replace temp table _csv_rows as
        select n._row_number, n.fault as _fault, n.good_no is not null and {blank} as is_blank,
            {", ".join(f"g.c{i}" for i in range(width))}
        from _csv_numbered as n
        left join _csv_good as g on n.good_no = g.good_no
    """)
    return (
        f"(select {named}, _row_number, 0 as _sheet_no, null::varchar as _sheet, _fault from _csv_rows"
        " where _row_number < coalesce((select min(_row_number) from _csv_rows where is_blank), 1e18)"
        " order by _row_number)"
    )
