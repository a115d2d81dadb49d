"""CSV, read by DuckDB in parallel; Python looks at the first lines and at the raw bytes only."""

from __future__ import annotations

import csv
import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from sources.contract import Table
from sources.header import Header, RefusedFile, find_header, missing_columns, no_header, refuse_missing
from sources.legacy import advice, name_encoding
from sources.readers.part import NO_UTF8, Part, look_like_data, rows_left_out, ticked_columns
from sources.text import BLANKS, sql_name, sql_string

DELIMITERS = (",", ";", "\t", "|")
_HEAD_BYTES = 1 << 16
_LONGEST_HEAD = 1 << 22
_HEAD_ROWS = 30
_MAX_COLUMNS = 1000
_CHUNK = 1 << 24
_LOOKED_AT = 1 << 20  # fits the processor's cache, which several looks at the same bytes profit from
_MAX_LINE = 16 << 20  # a row longer than this is rejected, not read
# Of the whole process, so once for all: files are read side by side.
csv.field_size_limit(2 * _MAX_LINE)
_KEPT_LINE = 9_000  # of a rejected row DuckDB keeps the first ten thousand letters
_QUOTE_PASSES = 20
_BLANKS = sql_string(BLANKS)
_BOM = b"\xef\xbb\xbf"

_OPEN_QUOTE = "dấu ngoặc kép không khép lại hoặc sai chỗ | a quote is never closed, or misplaced"
_NUL = (
    "tệp có byte NUL (UTF-16, không phải văn bản, hoặc sao chép dở dang): lưu lại “CSV UTF-8” rồi gửi lại"
    " | the file holds NUL bytes (UTF-16, no text, or a broken copy): save it as “CSV UTF-8”"
)
_TOO_WIDE = f"tệp có hơn {_MAX_COLUMNS} cột: kiểm tra lại tệp | the file has more than {_MAX_COLUMNS} columns"


def _read_head(path: Path) -> bytes:
    """The first lines: 64 KB, or more where these hold no second line."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        while head.count(b"\n") < 2 and len(head) < _LONGEST_HEAD and (more := file.read(_HEAD_BYTES)):
            head += more
    return head


def _decode_head(head: bytes) -> str:
    if b"\x00" in head:
        raise RefusedFile(_NUL)
    lines = head.removeprefix(_BOM).splitlines()
    good, broken = 0, []
    for line in lines[:-1] or lines:
        try:
            good += not line.decode("utf-8").isascii()
        except UnicodeDecodeError:
            broken.append(line)
    # One broken letter is one bad row; letters broken in most rows that have any are another encoding.
    if broken and (len(broken) > good or lines[0] in broken):
        raise RefusedFile(advice(name_encoding(b"\n".join(broken).decode("latin-1"))))
    return head.removeprefix(_BOM).decode("utf-8", errors="replace")


def _find_layout(text: str, table: Table) -> tuple[str, Header, int, int]:
    """(delimiter, header, physical lines up to the header's end, cells in a row)."""
    best = None
    looked_at: list[list[str | None]] = []
    for delimiter in DELIMITERS:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        rows: list[list[str | None]] = []
        ends: list[int] = []
        try:
            for row in reader:
                rows.append([cell.strip() or None for cell in row])
                ends.append(reader.line_num)
                if len(rows) >= _HEAD_ROWS:
                    break
        except csv.Error:  # what stands before it is enough
            pass
        looked_at = max(looked_at, rows, key=lambda found: max(map(len, found), default=0))
        header = find_header(rows, table)
        if header and (best is None or len(header.columns) > len(best[1].columns)):
            width = max(len(row) for row in rows[header.first : header.last + 1])
            best = (delimiter, header, ends[header.last], width)
    if best is None:
        raise no_header(table, "tệp", looked_at)
    if best[3] > _MAX_COLUMNS:
        raise RefusedFile(_TOO_WIDE)
    return best


@dataclass
class _Bytes:
    """What one pass over the raw bytes of a file tells."""

    newlines: int = 0
    returns: int = 0
    pairs: int = 0
    is_utf8: bool = True
    has_nul: bool = False
    ends_with_newline: bool = True

    @property
    def lines(self) -> int:
        return self.newlines + (not self.ends_with_newline)

    @property
    def line_ends_are_mixed(self) -> bool:
        """Lone carriage returns, or both kinds of line ends: the parser knows one kind per file."""
        return self.returns > self.pairs or 0 < self.pairs < self.newlines


def _chunks(path: Path, start: int = 0, size: int = _CHUNK) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        while chunk := file.read(size):
            yield chunk


def _look(path: Path) -> _Bytes:
    found = _Bytes()
    last, open_letter = b"", b""
    for chunk in _chunks(path, size=_LOOKED_AT):
        found.has_nul = found.has_nul or b"\x00" in chunk
        found.newlines += chunk.count(b"\n")
        returns = chunk.count(b"\r") if b"\r" in chunk else 0
        found.returns += returns
        found.pairs += (chunk.count(b"\r\n") if returns else 0) + (last == b"\r" and chunk[:1] == b"\n")
        last = chunk[-1:]
        if found.is_utf8:
            window = open_letter + chunk
            cut = _end_of_letters(window)
            found.is_utf8, open_letter = _is_utf8(window[:cut]), window[cut:]
    found.ends_with_newline = last in (b"", b"\n")
    found.is_utf8 = found.is_utf8 and _is_utf8(open_letter)
    return found


def _end_of_letters(window: bytes) -> int:
    """Where a letter starts that the next chunk may go on with; the end where there is none."""
    for at in range(len(window) - 1, max(-1, len(window) - 4), -1):
        if window[at] >= 0xC0:
            return at
        if window[at] < 0x80:
            break
    return len(window)


def _is_utf8(letters: bytes) -> bool:
    """As one cell of Arrow, which looks three times as fast as Python decodes."""
    ends = struct.pack("=2i", 0, len(letters))
    try:
        pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(ends), pa.py_buffer(letters)]).validate(
            full=True
        )
    except pa.ArrowInvalid:
        return False
    return True


def _has_blank_line(path: Path, start: int) -> bool:
    last = b"\n"
    for chunk in _chunks(path, start):
        window = last + chunk
        if b"\n\n" in window or b"\n\r\n" in window:
            return True
        last = window[-2:]
    return False


def _with_newlines(path: Path, target: Path) -> Path:
    """A copy in which every line ends with a newline."""
    with target.open("wb") as copy:
        pending = b""
        for chunk in _chunks(path):
            chunk = pending + chunk
            pending = b"\r" if chunk.endswith(b"\r") else b""
            copy.write(chunk[: len(chunk) - len(pending)].replace(b"\r\n", b"\n").replace(b"\r", b"\n"))
        copy.write(pending and b"\n")
    return target


def _line_offset(path: Path, lines: int) -> int:
    """Byte offset at which physical line `lines` (from 0) starts."""
    with path.open("rb") as file:
        for _ in range(lines):
            file.readline()
        return file.tell()


def _copy_part(path: Path, target: Path, start: int, end: int | None = None) -> Path:
    left = (path.stat().st_size if end is None else end) - start
    with target.open("wb") as copy:
        for chunk in _chunks(path, start):
            copy.write(chunk[:left])
            left -= len(chunk)
            if left <= 0:
                break
    return target


def _records(path: Path, start: int, delimiter: str) -> Iterator[tuple[list[str], int]]:
    """(cells, physical lines up to its end) of each record below `start`, by the standard library's
    parser.
    """
    try:
        with path.open("rb") as file:
            file.seek(start)
            reader = csv.reader(
                (line.decode("utf-8", errors="replace") for line in file), delimiter=delimiter
            )
            for cells in reader:
                yield cells, reader.line_num
    except csv.Error:
        return


def _first_blank_line(path: Path, start: int, delimiter: str) -> tuple[int, int] | None:
    """Number from 0 (below `start`) of the first blank line that is no part of a cell, and how many rows
    below it
    look like data. Only a parser knows which blank lines stand inside a cell; it runs where there are any."""
    at, width, later, last = None, 0, 0, 0
    for cells, lines in _records(path, start, delimiter):
        filled = sum(bool(cell.strip()) for cell in cells)
        if at is None:
            width = max(width, filled)
            if not filled:
                at = last
        elif filled > max(2, width // 2):
            later += 1
        last = lines
    return None if at is None else (at, later)


@dataclass(frozen=True)
class _Count:
    """Good and rejected rows of a scan, and what the good ones may hold."""

    good: int
    bad: int
    may_have_blank_row: bool
    may_tick: bool


class _Scan:
    """DuckDB's reading of one file, with what it rejected."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, path: Path, delimiter: str, skip: int, width: int
    ):
        self.connection, self.path = connection, path
        columns = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(width))
        self.sql = (
            f"read_csv({sql_string(str(path))}, auto_detect = false, header = false, skip = {skip},"
            f" delim = {sql_string(delimiter)}, quote = '\"', escape = '\"', columns = {{{columns}}},"
            f" hive_partitioning = false, compression = 'none',"
            f" store_rejects = true, ignore_errors = true, rejects_limit = 0, max_line_size = {_MAX_LINE})"
        )

    def _forget(self) -> None:
        for rejects in ("reject_errors", "reject_scans"):
            self.connection.execute(f"drop table if exists {rejects}")

    def count(self, header: Header) -> _Count:
        """Fetched to the end: only then does the scan write down what it rejected."""
        self._forget()
        booleans = [at for at, column in header.columns.items() if column.type == "bool"]
        # Looked at closely only where there is an x at all: six columns of Có and Không cost more than the scan.
        ticks = [
            f"bool_or(case when contains(c{at}, 'x') or contains(c{at}, 'X')"
            f" then lower(trim(c{at}, {_BLANKS})) = 'x' else false end)"
            for at in booleans
        ]
        required = next((at for at, column in header.columns.items() if column.required), 0)
        blank = f"bool_or(c{required} is null or c{required} < '!' or starts_with(c{required}, chr(160)))"
        good, *flags = self.connection.execute(
            f"select count(*), {', '.join([blank, *ticks])} from {self.sql}"
        ).fetchall()[0]
        bad = self.connection.execute(
            "select count(distinct line_byte_position) from reject_errors"
        ).fetchall()[0][0]
        return _Count(good, bad, may_have_blank_row=bool(flags[0]), may_tick=any(flags[1:]))

    def lines(self, named: str) -> str:
        """The relation of a file in which a line is a row."""
        self._forget()
        return f"(select {named}, 0 as _sheet_no, null::varchar as _sheet, null::varchar as _fault from {self.sql})"

    def create(self, name: str, select: str) -> None:
        self._forget()
        self.connection.execute(f"create or replace temp table {name} as select {select} from {self.sql}")

    def open_quotes(self) -> list[int]:
        """Byte offsets of the rejected records in which a quote is not closed: they swallow the lines
        below.
        """
        rows = self.connection.execute(
            "select distinct line_byte_position - 1 from reject_errors where error_type = 'UNQUOTED VALUE' order by 1"
        ).fetchall()
        return [row[0] for row in rows]


def _spoil(path: Path, target: Path, offsets: list[int], delimiter: str, width: int) -> Path:
    """A copy in which the lines at `offsets` have no quotes and too many cells: each is rejected alone, and
    the
    lines that an open quote had swallowed are rows again."""
    end = (delimiter + "?").encode() * width
    with path.open("rb") as source, target.open("wb") as copy:
        for offset in offsets:
            left = offset - source.tell()
            if left < 0:
                continue
            while left > 0 and (chunk := source.read(min(_CHUNK, left))):
                copy.write(chunk)
                left -= len(chunk)
            line = source.readline().rstrip(b"\r\n")
            copy.write(line.replace(b'"', b"") + end + b"\n")
        while chunk := source.read(_CHUNK):
            copy.write(chunk)
    return target


def _has_tick(text: str, delimiter: str) -> bool:
    """Whether a cell of the head of a file is an x."""
    try:
        return any(
            cell.strip() in ("x", "X")
            for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
            for cell in row
        )
    except csv.Error:
        return True


def read_csv(
    connection: duckdb.DuckDBPyConnection, path: Path, table: Table, work: Path, *, trusting: bool = False
) -> list[Part]:
    """One Part. Rows that are no rows (too many cells, an open quote, broken letters) carry a `_fault`.

    A `trusting` reader does not count rows: a scan of the file less, where there is nothing to be careful about.
    """
    data, seen = path, _look(path)
    if seen.line_ends_are_mixed:
        data = _with_newlines(path, work / "newlines.csv")
    head = _decode_head(_read_head(data))
    delimiter, header, header_lines, width = _find_layout(head, table)
    present = {column.name for column in header.columns.values()}
    refuse_missing(table, missing_columns(table, present))

    # The parser counts skipped records in its own way, so only a header of one line is left to it.
    skip = header_lines
    if header_lines > 1:
        data = _copy_part(data, work / "below_header.csv", _line_offset(data, header_lines))
        skip = 0
    start = _line_offset(data, skip)
    if data != path:
        seen = _look(data)
    if seen.has_nul:
        raise RefusedFile(_NUL)
    named = ", ".join(f"c{at} as {sql_name(column.name)}" for at, column in header.columns.items())
    spoiled: list[int] = []  # physical lines from 1
    scan = _Scan(connection, data, delimiter, skip, width)
    if trusting and seen.is_utf8 and not _has_tick(head, delimiter):
        return [
            Part(
                relation=scan.lines(named),
                present=frozenset(present),
                first_row=header_lines + 1,
                trusted_rows=seen.lines - skip,
                ignored=header.ignored,
            )
        ]
    count = scan.count(header)
    for attempt in range(_QUOTE_PASSES + 1):
        offsets = scan.open_quotes() if count.bad else []
        if not offsets:
            break
        if attempt == _QUOTE_PASSES:
            raise RefusedFile(
                f"quá nhiều dòng có lỗi ở dấu ngoặc kép: xuất lại | too many rows with {_OPEN_QUOTE}"
            )
        spoiled += [header_lines - skip + line for line in _lines_at(data, offsets)]
        data = _spoil(data, work / f"quotes_{attempt}.csv", offsets, delimiter, width)
        scan = _Scan(connection, data, delimiter, skip, width)
        count = scan.count(header)

    # The parser passes over blank lines in silence; the data end at the first.
    blank_at, left_out = None, 0
    blank = None
    if count.good + count.bad < seen.lines - skip and _has_blank_line(data, start):
        blank = _first_blank_line(data, start, delimiter)
    if blank is not None:
        end, left_out = blank
        blank_at = header_lines + end + 1
        data = _copy_part(data, work / "until_blank.csv", 0, _line_offset(data, skip + end))
        seen = _look(data)
        scan = _Scan(connection, data, delimiter, skip, width)
        count = scan.count(header)

    first_row = None
    if count.bad == 0 and count.good == seen.lines - skip and seen.is_utf8 and not count.may_have_blank_row:
        # The usual case: a line is a row. (Broken letters show only when cells are read.) Numbering them here
        # would keep DuckDB from working in parallel.
        first_row = header_lines + 1
        relation = scan.lines(named)
    else:
        relation, higher = _careful(scan, named, width, header_lines, skip, delimiter, spoiled)
        if higher is not None:
            blank_at, left_out = higher[0], higher[1] + left_out
    return [
        Part(
            relation=relation,
            present=frozenset(present),
            first_row=first_row,
            ignored=header.ignored,
            blank_is_false=(
                ticked_columns(connection, relation, table, present) if count.may_tick else frozenset()
            ),
            warnings=(rows_left_out(blank_at, left_out),) if left_out else (),
        )
    ]


def _lines_at(path: Path, offsets: list[int]) -> list[int]:
    """The physical lines (from 1) that start at some byte offsets, in ascending order."""
    lines, line, at = [], 1, 0
    wanted = iter(offsets)
    offset = next(wanted, None)
    for chunk in _chunks(path):
        done = 0
        while offset is not None and offset <= at + len(chunk):
            line += chunk.count(b"\n", done, offset - at)
            done = offset - at
            lines.append(line)
            offset = next(wanted, None)
        if offset is None:
            break
        line += chunk.count(b"\n", done)
        at += len(chunk)
    return lines


def _careful(
    scan: _Scan, named: str, width: int, header_lines: int, skip: int, delimiter: str, spoiled: list[int]
) -> tuple[str, tuple[int, int] | None]:
    """The same with rejected rows among the others and true line numbers, where cells hold line breaks.

    The n-th good row stands before the i-th rejected record when n <= record - i; each row is as high as it
    has line breaks; running sums give the line on which a person sees it. Ends before the first blank row, which is
    told together with how many rows below it look like data.
    """
    connection = scan.connection
    height = " + ".join(f"coalesce(len(c{i}) - len(replace(c{i}, chr(10), '')), 0)" for i in range(width))
    blank = f"coalesce({', '.join(f'''nullif(par_clean(c{i}), '')''' for i in range(width))}) is null"
    around = sql_string(' "\t\n\r\u00a0')
    scan.create("_csv_good", f"*, row_number() over () as good_no, 1 + {height} as height")
    connection.execute(f"""
        create or replace temp table _csv_bad as
        select
            line - {skip} as record_no,
            line_byte_position - 1 as place,
            1::bigint as height,
            any_value(csv_line) as record,
            string_agg(distinct case error_type
                when 'TOO MANY COLUMNS' then 'dòng có nhiều ô hơn tiêu đề | more cells than the header'
                when 'MISSING COLUMNS' then 'dòng có ít ô hơn tiêu đề | fewer cells than the header'
                when 'INVALID ENCODING' then {sql_string(NO_UTF8)}
                when 'LINE SIZE OVER MAXIMUM' then 'dòng quá dài | the row is too long'
                when 'UNQUOTED VALUE' then {sql_string(_OPEN_QUOTE)}
                else 'dòng không đọc được | the row cannot be read' end, '; ') as fault
        from reject_errors
        group by line, line_byte_position
    """)
    tall = connection.execute(f"""
        select place from _csv_bad
        where contains(rtrim(record, chr(13) || chr(10)), chr(10)) or length(record) > {_KEPT_LINE}
    """).fetchall()
    for (place,) in tall:
        lines = next((end for _, end in _records(scan.path, place, delimiter)), 1)
        connection.execute("update _csv_bad set height = $1 where place = $2", [lines, place])
    connection.register("_spoiled", pa.table({"line": pa.array(spoiled, pa.int64())}))
    connection.execute(f"""
        create or replace temp table _csv_numbered as
        with bad_numbered as (
            select *, record_no - row_number() over (order by record_no) as good_before from _csv_bad
        ),
        merged as (
            select good_no, good_no as place, 0 as tie, 0::bigint as record_no, height, null::varchar as fault,
                false as is_blank, 0 as cells
            from _csv_good
            union all
            select null, good_before, 1, record_no, height, fault,
                trim(record, {around}) = '',
                coalesce(len(list_filter(
                    string_split(record, {sql_string(delimiter)}), lambda cell: trim(cell, {around}) <> ''
                )), 0)
            from bad_numbered
        )
        select good_no, height, fault, is_blank, cells,
            {header_lines} + coalesce(sum(height) over (
                order by place, tie, record_no rows between unbounded preceding and 1 preceding
            ), 0) + 1 as _row_number
        from merged
    """)
    connection.execute(f"""
        create or replace temp table _csv_rows as
        select n._row_number,
            case when s.line is not null then {sql_string(_OPEN_QUOTE)} else n.fault end as _fault,
            n.is_blank or (n.good_no is not null and {blank}) as is_blank, n.cells,
            {", ".join(f"g.c{i}" for i in range(width))}
        from _csv_numbered as n
        left join _csv_good as g on n.good_no = g.good_no
        left join (select distinct line from _spoiled) as s on s.line = n._row_number
    """)
    connection.unregister("_spoiled")
    rows = f"select {named}, _row_number, 0 as _sheet_no, null::varchar as _sheet, _fault from _csv_rows"
    blank_at = connection.execute("select min(_row_number) from _csv_rows where is_blank").fetchall()[0][0]
    if blank_at is None:
        return f"({rows} order by _row_number)", None
    filled = " + ".join(f"coalesce((trim(c{i}, {_BLANKS}) <> '')::int, 0)" for i in range(width))
    counted = f"select _row_number, cells + {filled} as filled from _csv_rows"
    left_out = look_like_data(connection, counted, blank_at)
    return f"({rows} where _row_number < {blank_at} order by _row_number)", (blank_at, left_out)
