"""Landing: each delivered file as immutable Parquet with its outcome in the ledger.

One folder per table and delivery date. A file is written under a temporary name and renamed, the ledger row comes
last: a kill leaves either a whole delivery or nothing that counts. Rows that fail stay in the same Parquet file,
marked, and again in a small one with their reasons, so that nothing is lost and nothing is read twice.
"""

from __future__ import annotations

import hashlib
import hmac
import shutil
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

import duckdb

from sources.casting import ROW_FAULT, TypedSelect, install_macros, typed_select
from sources.contract import Table, all_tables
from sources.inbox import Arrival, find_arrivals
from sources.readers import NotAsTrusted, Part, RefusedFile, read_parts
from sources.text import shown_list, sql_name, sql_string
from warehouse.durable import flush_to_disk
from warehouse.holding import hold_back
from warehouse.ledger import (
    CHANGING,
    LOADED,
    PARTLY_QUARANTINED,
    REFUSED,
    UNREADABLE,
    UNTRIED,
    Delivery,
    Ledger,
    delivery_id,
)
from warehouse.machine_error import failed_write, is_the_machines, not_written, reader_failed
from warehouse.settings import AS_PARQUET, Settings, SettingsError

_CHANGING = (
    "tệp đang được ghi trong khi đọc: lần chạy sau sẽ đọc lại"
    " | the file was being written while it was read: the next run reads it again"
)
_OPEN_FILES = Path("/proc/self/fd")
_TICK = timedelta(microseconds=1)
_AHEAD = 2  # files landed or being landed before the one of which the ledger is told next


def connect(settings: Settings, database: str = ":memory:") -> duckdb.DuckDBPyConnection:
    """A DuckDB connection within the memory limit, spilling into the home, with the parsing macros."""
    connection = duckdb.connect(database, config=settings.duckdb())
    install_macros(connection)
    return connection


def _install_hash(connection: duckdb.DuckDBPyConnection, key: bytes) -> str:
    """A macro with HMAC-SHA256 under `key`, cut to 128 bits; returns its name. The key is in no stored file."""
    block = (key if len(key) <= 64 else hashlib.sha256(key).digest()).ljust(64, b"\0")
    inner = "".join(f"\\x{byte ^ 0x36:02x}" for byte in block)
    outer = "".join(f"\\x{byte ^ 0x5C:02x}" for byte in block)
    connection.execute(
        "create or replace temp macro par_keyed_hash(cell) as case when cell is not null then"
        f" left(sha256('{outer}'::blob || unhex(sha256('{inner}'::blob || encode(cell)))), 32) end"
    )
    return "par_keyed_hash"


@dataclass(frozen=True)
class LandedFile:
    parquet: Path
    rejected: Path


def landed_file(settings: Settings, entry: Delivery) -> LandedFile:
    folder = settings.landing / entry.source / (entry.table_name or "_") / str(entry.delivered_on)
    return LandedFile(
        folder / f"{entry.delivery_id}.parquet", folder / f"{entry.delivery_id}.rejected.parquet"
    )


def numbered_parquet(files: Sequence[Path], first_row: int | None) -> str:
    """A relation over landed files, with `_row_number` counted on reading where it is not stored."""
    names = f"[{', '.join(sql_string(str(file)) for file in files)}]"
    if first_row is None:
        return f"(select * from read_parquet({names}, union_by_name = true))"
    return (
        f"(select * exclude (file_row_number), file_row_number + {first_row} as _row_number"
        f" from read_parquet({names}, union_by_name = true, file_row_number = true))"
    )


def _told_apart(settings: Settings, arrival: Arrival) -> Arrival:
    """A name whose ID or phone number is hidden is told from others like it by a keyed hash: `..._#########~3fa9c1.csv`.

    Otherwise the file of one person would take the place of another's.
    """
    if arrival.hidden_name is None:
        return arrival
    key = settings.personal_data_key() if settings.personal_data == "hash" else b""
    mark = hmac.new(key, arrival.hidden_name.encode(), hashlib.sha256).hexdigest()[:6]
    stem, dot, suffix = arrival.file_name.rpartition(".")
    return replace(arrival, file_name=f"{stem}~{mark}{dot}{suffix}" if dot else f"{arrival.file_name}~{mark}")


def _unplaced(arrival: Arrival, content_hash: str, now: datetime, reason: str) -> Delivery:
    return Delivery(
        delivery_id=delivery_id(arrival.source, arrival.delivered_on, arrival.file_name, content_hash),
        source=arrival.source,
        table_name=arrival.table.name if arrival.table else None,
        file_name=arrival.file_name,
        format=arrival.path.suffix.lower().lstrip(".") or None,
        delivered_on=arrival.delivered_on,
        outcome=REFUSED,
        reason=reason,
        rows_in_file=0,
        rows_loaded=0,
        rows_unchanged=0,
        rows_quarantined=0,
        content_hash=content_hash,
        loaded_at=now,
    )


def land_file(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    arrival: Arrival,
    content_hash: str,
    now: datetime,
    lane: int = 0,
    alone: AbstractContextManager | None = None,
) -> Delivery:
    """Read, type and store one file; returns its ledger entry, not yet recorded. Lanes keep their scratch apart.

    Enters `alone` before it takes much memory beside DuckDB's, and leaves it at the end.
    Never raises for what is wrong with the file: a file that cannot be taken is refused with its reason.
    """
    base = _unplaced(arrival, content_hash, now, arrival.reason or "")
    if arrival.reason:
        return base
    table = arrival.table
    work = settings.work / f"landing{lane}"
    _clear(work)
    held = ExitStack()

    def be_alone() -> None:
        if alone is not None:
            held.enter_context(alone)

    try:
        with arrival.opened() as file:
            # Whatever has been put under its name meanwhile, this is read.
            through = _OPEN_FILES / str(file.fileno()) if _OPEN_FILES.is_dir() else None
            parts = partial(read_parts, connection, arrival.path, table, work, be_alone, through=through)
            try:
                entry = _store(settings, connection, base, table, parts(trusting=True), work)
            except NotAsTrusted:
                _clear(work)
                entry = _store(settings, connection, base, table, parts(), work)
    except SettingsError:
        raise
    except Exception as error:  # whatever a hostile file does to a parser, the night goes on
        refused = isinstance(error, RefusedFile)
        # A reader refuses what it cannot read, whatever it died of.
        died_of = error.__cause__ if refused and isinstance(error.__cause__, Exception) else error
        if (failed := failed_write(settings, died_of, arrival.path)) is not None:
            raise failed from error
        entry = replace(base, reason=str(error) if refused else reader_failed(error))
        if is_the_machines(died_of):
            # No fault of the file: the same content is read by the next run, so it must not count as known.
            entry = _unplaced(arrival, UNTRIED + content_hash, now, reader_failed(died_of))
    finally:
        with held:  # left last, whatever happens here: another lane may be waiting
            shutil.rmtree(work, ignore_errors=True)
            _forget_temporary(connection)
    return entry


def _clear(work: Path) -> None:
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)


def _forget_temporary(connection: duckdb.DuckDBPyConnection) -> None:
    """Free the memory of one file before the next."""
    tables = connection.execute("select table_name from duckdb_tables() where temporary").fetchall()
    for (name,) in tables:
        connection.execute(f"drop table if exists temp.{sql_name(name)}")
    views = connection.execute(
        "select view_name from duckdb_views() where temporary and not internal"
    ).fetchall()
    for (name,) in views:
        connection.unregister(name)  # what a reader left where it was made, for us to look at


def _store(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    base: Delivery,
    table: Table,
    parts: list[Part],
    work: Path,
) -> Delivery:
    hashing = None
    if settings.personal_data == "hash":
        hashing = _install_hash(connection, settings.personal_data_key())
    selects: list[TypedSelect] = []
    written = work / "typed.parquet"
    provenance = (
        f", date {sql_string(str(base.delivered_on))} as _delivered_on, {sql_string(base.delivery_id)} as _file_id,"
        f" {sql_string(base.file_name)} as _file_name"
    )
    texts = []
    # A column that ticks with x on one sheet does so on all of them.
    ticked = frozenset().union(*(part.blank_is_false for part in parts))
    for number, part in enumerate(parts):
        select = typed_select(
            table,
            part.relation,
            set(part.present),
            numbered=part.first_row is None,
            hash_personal=hashing,
            blank_is_false=ticked & part.present,
            tell_ticks=part.trusted_rows is not None,
        )
        selects.append(select)
        texts.append(f"select *, {number} as _part{provenance} from ({select.sql})")
    connection.execute(f"copy ({' union all '.join(texts)}) to {sql_string(str(written))} {AS_PARQUET}")
    first_row = parts[0].first_row
    typed = numbered_parquet([written], first_row)
    if parts[0].trusted_rows is not None:
        _see_rows(connection, typed, parts[0].trusted_rows, selects[0].blank_fault)
    total, bad = connection.execute(f"select count(*), count(_error_no) from {typed}").fetchall()[0]
    warnings = [
        f"cột ngoài hợp đồng, không lưu: {shown_list(part.ignored)} | columns outside the contract, not kept"
        for part in parts
        if part.ignored
    ]
    warnings += [warning for part in parts for warning in part.warnings]
    if total == 0:
        warnings.append("tệp không có dòng dữ liệu nào | the file holds no rows")
    entry = replace(
        base,
        outcome=PARTLY_QUARANTINED if bad else LOADED,
        reason=None,
        rows_in_file=total,
        rows_loaded=total - bad,
        rows_quarantined=bad,
        rows_rejected=bad,
        warnings=tuple(warnings),
        first_row=first_row,
    )
    rejected = work / "rejected.parquet"
    if bad:
        _write_rejected(connection, typed, rejected, entry, selects, table)
    target = landed_file(settings, entry)
    try:
        target.parquet.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        for file, place in ((rejected, target.rejected), (written, target.parquet)):
            if file.exists():
                file.chmod(0o640)
                flush_to_disk(file)
                file.replace(place)
        flush_to_disk(target.parquet.parent)  # the ledger must not know of rows that a power cut took
    except OSError as error:
        raise not_written(settings, error) from error
    return entry


def _see_rows(connection: duckdb.DuckDBPyConnection, typed: str, lines: int, blank_fault: int | None) -> None:
    """Raises NotAsTrusted unless each line of a file has become a row, none of them blank, and no cell ticks with x.

    A rejected row, a blank line and a cell of several lines leave fewer rows than lines. A blank row ends the data, and beside ticks a blank means no: both have to be known before cells are read.
    """
    rows, blank, ticked = connection.execute(
        "select count(*), count(*) filter (where _error_no = $1), coalesce(bool_or(_ticked), false)"
        f" from {typed}",
        [blank_fault],
    ).fetchall()[0]
    if blank_fault is None or rows != lines or blank or ticked:
        raise NotAsTrusted


def record_key(table: Table) -> str:
    """SQL of what names a row to a person, from its typed columns."""
    key = ", ".join(f"coalesce(cast({sql_name(name)} as varchar), '')" for name in table.key)
    return f"left(nullif(concat_ws(' / ', {key}), ''), 200)"


def _write_rejected(connection, typed: str, target: Path, entry: Delivery, selects, table: Table) -> None:
    """The quarantine of one file: one row per rejected row, with the first fault found."""
    labels = {column.name: column.vi for column in table.columns}
    faults = [
        (part, number, fault.column, labels.get(fault.column), fault.reason)
        for part, select in enumerate(selects)
        for number, fault in select.faults.items()
    ]
    connection.execute(
        "create or replace temp table _faults (part int, error_no int, column_name varchar, label varchar, reason varchar)"
    )
    connection.executemany("insert into _faults values (?, ?, ?, ?, ?)", faults)
    connection.execute(
        f"""
        copy (
            select
                {sql_string(entry.delivery_id)} as delivery_id,
                {sql_string(entry.source)} as source,
                {sql_string(table.name)} as table_name,
                {sql_string(entry.file_name)} as file_name,
                date {sql_string(str(entry.delivered_on))} as delivered_on,
                t._sheet as sheet,
                t._row_number as row_number,
                f.column_name as column_name,
                f.label as column_vi,
                case when t._error_no <> {ROW_FAULT} then t._error_value end as value,
                case
                    when t._error_no = {ROW_FAULT} then t._error_value
                    else '“' || f.label || '” (' || f.column_name || ') ' || f.reason
                end as reason,
                {record_key(table)} as record_key
            from {typed} as t
            left join _faults as f on f.part = t._part and f.error_no = t._error_no
            where t._error_no is not null
            order by t._sheet_no, t._row_number
        ) to {sql_string(str(target))} {AS_PARQUET}
        """
    )


def land_inbox(
    settings: Settings,
    ledger: Ledger,
    now: Callable[[], datetime],
    *,
    wanted: Callable[[Arrival], bool] = lambda arrival: True,
    judged: Collection[Table] | None = None,
    again: bool = False,
    on_file: Callable[[str, Delivery | None], None] | None = None,
) -> list[Delivery]:
    """Land the wanted files of the inbox that are not known yet (all of them when `again`), in delivery order.

    Returns the new entries, and earlier ones that were released or held back: deliveries of the tables `judged` (all)
    are judged every time, for a night may have been killed before it came to that, and the limit may be another.
    The callback gets the file's place and its entry, or None for a file already known.
    """
    for left_by_a_kill in settings.work.glob("landing*"):  # a copy of what was being read, persons and all
        shutil.rmtree(left_by_a_kill, ignore_errors=True)
    everything = ledger.deliveries()
    in_force = {entry.delivery_id: entry for entry in everything if not entry.replaced_by}
    known = {} if again else in_force
    recorded = {entry.delivery_id for entry in everything}
    read = {entry.delivery_id for entry in everything if entry.outcome != REFUSED}
    newest = {_name(entry): entry.delivery_id for entry in in_force.values()}
    arrivals = [_told_apart(settings, a) for a in filter(wanted, find_arrivals(settings.inbox))]
    entries = []
    seen = {} if again else ledger.seen_files()
    hashed: dict[str, tuple[str, str]] = {}

    def land(lanes: _Lanes, arrival: Arrival) -> Delivery:
        before = arrival.state()
        state, content_hash = seen.get(arrival.place, (None, ""))
        if state != str(before):
            try:
                content_hash = arrival.content_hash()
                hashed[arrival.place] = str(before), content_hash
            except OSError as error:
                content_hash = f"{UNREADABLE}{error.errno}"
                arrival = replace(arrival, reason=reader_failed(error))
        file = delivery_id(arrival.source, arrival.delivered_on, arrival.file_name, content_hash)
        if file in known:
            return known[file]
        lane, connection = lanes.mine()
        entry = land_file(settings, connection, arrival, content_hash, now(), lane, lanes.alone)
        if arrival.state() != before:
            hashed.pop(arrival.place, None)
            if file not in recorded:  # nobody would know what has landed of it
                landed = landed_file(settings, entry)
                landed.parquet.unlink(missing_ok=True)
                landed.rejected.unlink(missing_ok=True)
            entry = _unplaced(arrival, f"{CHANGING}{before}", now(), _CHANGING)
        elif entry.outcome == REFUSED and entry.delivery_id in read:
            # Read before: its rows are not given up for what went wrong this time.
            entry = _unplaced(arrival, UNTRIED + content_hash, now(), entry.reason)
        return entry

    def tell(arrival: Arrival, entry: Delivery) -> None:
        is_new = entry.delivery_id not in known
        if is_new:
            # In the order of the files, whichever lane was quicker: what is told of the latest file is the same every time.
            if entries and entry.loaded_at < entries[-1].loaded_at:
                entry = replace(entry, loaded_at=entries[-1].loaded_at + _TICK)
            ledger.record(entry)
            entries.append(entry)
        elif entry.outcome != REFUSED and entry.delivery_id != newest[_name(entry)]:
            ledger.confirm(entry)
        if on_file:
            on_file(arrival.place, entry if is_new else None)

    untried: list[Arrival] = []

    def tell_or_try_again(arrival: Arrival, entry: Delivery) -> None:
        if len(arrivals) > 1 and entry.content_hash.startswith(UNTRIED):
            untried.append(arrival)  # perhaps there was too little memory for it beside another
        else:
            tell(arrival, entry)

    # One file after the other in a lane, too: Ctrl-C is for this thread, and no fault of the file that is read.
    for count, some, take in ((2, arrivals, tell_or_try_again), (1, untried, tell)):
        with _Lanes(settings, count) as lanes:
            for arrival, entry in zip(some, lanes.map(partial(land, lanes), some), strict=True):
                take(arrival, entry)
    ledger.remember_files(hashed)
    changed = hold_back(
        settings,
        ledger,
        all_tables() if judged is None else judged,
        lambda entry: landed_file(settings, entry).parquet.exists(),
    )
    new = [changed.pop(entry.delivery_id, entry) for entry in entries]
    return new + [e for e in changed.values() if e.replaced_by is None and e != in_force.get(e.delivery_id)]


def _name(entry: Delivery) -> tuple[str, date | None, str]:
    return entry.source, entry.delivered_on, entry.file_name


class _Lanes:
    """Threads that land files side by side, each with a cursor of one DuckDB: one memory limit for all.

    Two: the look at the bytes of a large file keeps one core busy, which leaves DuckDB the other, and so does the planning
    of the query for a small one, which takes longer than its rows.
    """

    def __init__(self, settings: Settings, lanes: int) -> None:
        self._settings = settings
        self._pool = ThreadPoolExecutor(lanes, thread_name_prefix="landing")
        self._database: duckdb.DuckDBPyConnection | None = None
        self._cursors: dict[int, tuple[int, duckdb.DuckDBPyConnection]] = {}
        self._lock = threading.Lock()
        self._ended = False
        self.alone = threading.RLock()  # held by the one lane that may take much memory beside DuckDB's

    def mine(self) -> tuple[int, duckdb.DuckDBPyConnection]:
        """Number and connection of the lane that asks."""
        with self._lock:
            if self._ended:
                raise CancelledError
            me = threading.get_ident()
            if not self._cursors and self._settings.personal_data == "hash":
                self._settings.personal_data_key()  # made here on the first night, by one lane alone
            if me not in self._cursors:
                self._database = self._database or connect(self._settings)
                cursor = self._database.cursor()
                install_macros(cursor)
                self._cursors[me] = (len(self._cursors), cursor)
            return self._cursors[me]

    def map(self, function: Callable[[Arrival], Delivery], arrivals: Sequence[Arrival]) -> Iterator[Delivery]:
        """In order, and few ahead of the one that is waited for: what a night that dies has stored but not told is little."""
        waiting: deque[Future[Delivery]] = deque()
        for arrival in arrivals:
            waiting.append(self._pool.submit(function, arrival))
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def __enter__(self) -> _Lanes:
        return self

    def __exit__(self, kind, error, trace) -> None:
        with self._lock:
            self._ended = True
            cursors = [cursor for _, cursor in self._cursors.values()]
        if kind is not None:
            for cursor in cursors:
                cursor.interrupt()
        self._pool.shutdown(cancel_futures=True)
        for cursor in cursors:
            cursor.close()
        if self._database is not None:
            self._database.close()
