"""Files nobody would write by hand. Whatever they hold: no exception, no hang, and the rows add up.

Three kinds: good files with bytes changed, cut out or repeated; random grids; and well-formed files of random cells, of
which every row must be counted. Each in every format. For a long night of it:

    PARINDEX_FUZZ_EXAMPLES=2000 .venv/bin/pytest tests/faults/test_fuzz.py
"""

from __future__ import annotations

import faulthandler
import html
import os
import shutil
import time
from datetime import date, datetime
from functools import cache
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from landing_kit import (
    CRITERIA,
    CRITERIA_VI,
    NOW,
    criteria_csv,
    criteria_row,
    csv_text,
    html_row,
    html_table,
    json_bytes,
    table_of,
    xlsx_bytes,
)

from sources.inbox import Arrival
from warehouse.landing import connect, land_file, landed_file, numbered_parquet
from warehouse.ledger import HELD_BACK, LOADED, PARTLY_QUARANTINED, REFUSED, Delivery
from warehouse.settings import Settings

SLOWEST = 15  # seconds for one small file, on a busy machine
TABLE = table_of("register", "criteria_results")
EXAMPLES = int(os.environ.get("PARINDEX_FUZZ_EXAMPLES", "15"))
FEW = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES == 15,  # the same files each time, unless somebody looks for new ones
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Door:
    """One connection for all files, as in a night."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=home, inbox=home / "inbox").create()
        self.connection = connect(self.settings)

    def land(self, suffix: str, data: bytes, numbers: list[int] | None = None) -> Delivery:
        path = self.settings.inbox / f"criteria_results.{suffix}"
        path.write_bytes(data)
        arrival = Arrival(path, "register", date(2024, 11, 1), path.name, TABLE)
        faulthandler.dump_traceback_later(4 * SLOWEST, exit=True)  # a hang ends here, and says where
        started = time.monotonic()
        entry = land_file(self.settings, self.connection, arrival, "0" * 64, NOW)
        assert time.monotonic() - started < SLOWEST
        faulthandler.cancel_dump_traceback_later()
        self.reconcile(entry)
        if numbers is not None:
            assert self.numbers(entry) == numbers
        shutil.rmtree(self.settings.landing / "register", ignore_errors=True)
        return entry

    def numbers(self, entry: Delivery) -> list[int]:
        relation = numbered_parquet([landed_file(self.settings, entry).parquet], entry.first_row)
        rows = self.connection.execute(f"select _row_number from {relation} order by 1").fetchall()
        return [row[0] for row in rows]

    def reconcile(self, entry: Delivery) -> None:
        assert entry.rows_in_file == entry.rows_loaded + entry.rows_unchanged + entry.rows_quarantined
        assert entry.outcome in (LOADED, PARTLY_QUARANTINED, HELD_BACK, REFUSED)
        if entry.outcome == REFUSED:
            assert entry.reason and entry.rows_in_file == 0
            return
        stored = landed_file(self.settings, entry)
        with duckdb.connect() as connection:
            relation = numbered_parquet([stored.parquet], entry.first_row)
            total, good, places = connection.execute(
                f"select count(*), count(*) filter (where _error_no is null),"
                f" count(distinct (_sheet_no, _row_number)) from {relation}"
            ).fetchall()[0]
            assert (total, places) == (entry.rows_in_file, entry.rows_in_file)
            if entry.outcome != HELD_BACK:
                assert good == entry.rows_loaded
            if entry.rows_quarantined:
                told = connection.execute(
                    f"select count(*), count(distinct (sheet, row_number)) from read_parquet('{stored.rejected}')"
                ).fetchall()[0]
                assert told == (entry.rows_quarantined, entry.rows_quarantined)


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory):
    door = Door(tmp_path_factory.mktemp("door"))
    yield door
    door.connection.close()


@cache
def seeds() -> dict[str, bytes]:
    rows = [criteria_row(n, note=f'ghi chú "{n}"\nhai dòng' if n % 3 == 0 else "Việt") for n in range(1, 13)]
    objects = [dict(zip(CRITERIA, row, strict=True)) for row in rows]
    cells = [
        ["STT", *CRITERIA_VI],
        ["Sở Nội vụ"],
        *([n, *row] for n, row in enumerate(rows)),
        [],
        [None, "Tổng"],
    ]
    return {
        "csv": criteria_csv(*rows).encode(),
        "xls": html_table(html_row(*CRITERIA_VI, tag="th"), *(html_row(*row) for row in rows)).encode(),
        "json": json_bytes({"data": objects}),
        "jsonl": b"\n".join(map(json_bytes, objects)),
        "xlsx": xlsx_bytes(*cells, merges=["A2:H2"]),
    }


PIECES = [
    b'"',
    b"\n",
    b"\r",
    b"\r\n",
    b",",
    b";",
    b"\t",
    b"\0",
    b"\xff",
    b"\xc3",
    b"\xef\xbb\xbf",
    b"<",
    b"</table>",
]
PIECES += [
    b"<td colspan=9>",
    b"<tr>",
    b"{",
    b"}",
    b"[",
    b"]",
    b"null",
    b"\\u0000",
    b"\n\n",
    b",,,,,,\n",
    b"'",
    b"%",
    b"x",
]
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["put", "cut", "repeat", "flip"]),
        st.floats(0, 1, exclude_max=True),
        st.integers(1, 60),
        st.sampled_from(PIECES),
    ),
    min_size=1,
    max_size=6,
)


def changed(data: bytes, changes) -> bytes:
    for kind, share, length, piece in changes:
        at = int(share * len(data))
        if kind == "put":
            data = data[:at] + piece + data[at:]
        elif kind == "cut":
            data = data[:at] + data[at + length :]
        elif kind == "repeat":
            data = data[:at] + data[at : at + length] * 3 + data[at + length :]
        elif data:
            data = data[:at] + bytes([data[at] ^ (1 << (length % 8))]) + data[at + 1 :]
    return data


@pytest.mark.parametrize("suffix", ["csv", "xls", "json", "jsonl", "xlsx"])
@FEW
@given(changes=CHANGES)
def test_changed_bytes(door: Door, suffix: str, changes) -> None:
    door.land(suffix, changed(seeds()[suffix], changes))


TEXTS = st.one_of(
    st.none(),
    st.sampled_from(
        ["", " ", "x", "-", "1.234", "20/06/2024", "Có", "1,5", "31/02/2024", "STT", "Tổng", "=1+1", "'", '"']
    ),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8),
    st.sampled_from(["a\nb", "a,b", "a;b", 'a"b', "\u00a0", "<b>", "&amp;", "\ufeff"]),
)
GOOD = st.integers(1, 9).map(lambda n: criteria_row(n))
GRIDS = st.lists(st.one_of(GOOD, st.lists(TEXTS, min_size=0, max_size=8)), max_size=12)
HEADS = st.one_of(
    st.just(CRITERIA_VI),
    st.just(CRITERIA),
    st.lists(st.sampled_from([*CRITERIA_VI, "STT", "lạ", ""]), max_size=9),
)
TITLES = st.lists(st.lists(TEXTS, max_size=3), max_size=3)


@pytest.mark.parametrize("suffix", ["csv", "xls", "json", "xlsx"])
@FEW
@given(titles=TITLES, head=HEADS, grid=GRIDS)
def test_random_grids(door: Door, suffix: str, titles, head, grid) -> None:
    rows = [*titles, head, *grid]
    if suffix == "json":
        data = json_bytes([dict(zip(head, row, strict=False)) for row in grid])
    elif suffix == "xls":
        escaped = [[None if cell is None else html.escape(cell) for cell in row] for row in rows]
        data = html_table(*(html_row(*row) for row in escaped)).encode()
    elif suffix == "csv":
        data = csv_text(*rows).encode()
    else:
        data = xlsx_bytes(
            *[
                [cell if cell is None else "".join(filter(str.isprintable, cell)) for cell in row]
                for row in rows
            ]
        )
    door.land(suffix, data)


CELLS = st.text('ab", \n', max_size=5)


@FEW
@given(grid=st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=10))
def test_every_row_of_a_well_formed_csv_stands_where_a_person_sees_it(door: Door, grid) -> None:
    """Cells with quotes, delimiters and line breaks, good rows and bad: the numbers are the lines of the
    file.
    """
    text = csv_text(["target_id", "agency_code", "reported_on"])
    lines = []
    for number, row in enumerate(grid):
        lines.append(text.count("\n") + 1)
        day = "01/10/2024" if number % 3 else row[2]
        text += csv_text([f"a{row[0]}", row[1], day])
    entry = door.land("csv", text.encode(), numbers=lines)
    assert entry.rows_in_file == len(grid)


WORDS = st.text("ab<&\"'=Đệ.;", min_size=1, max_size=6)


@pytest.mark.parametrize("suffix", ["xlsx", "xls", "json", "jsonl"])
@FEW
@given(grid=st.lists(st.tuples(WORDS, WORDS, st.one_of(st.just("01/10/2024"), WORDS)), max_size=10))
def test_every_row_of_a_well_formed_file_is_counted(door: Door, suffix: str, grid) -> None:
    """Good rows and bad, in the formats of which a person sees rows by their place."""
    head = ["target_id", "agency_code", "reported_on"]
    objects = [dict(zip(head, row, strict=True)) for row in grid]
    if suffix == "xlsx":
        data, first = xlsx_bytes(head, *grid), 2
    elif suffix == "xls":
        rows = [html_row(*map(html.escape, row)) for row in grid]
        data, first = html_table(html_row(*head, tag="th"), *rows).encode(), 2
    elif suffix == "json":
        data, first = json_bytes(objects), 1
    else:
        data, first = b"\n".join(map(json_bytes, objects)), 1
    if not grid and suffix == "jsonl":
        return  # an empty file, which is refused
    entry = door.land(suffix, data, numbers=list(range(first, first + len(grid))))
    assert entry.rows_in_file == len(grid)


def test_values_of_any_python_type_in_a_workbook(door: Door) -> None:
    values = [
        None,
        True,
        0,
        -1,
        1e300,
        1e-300,
        0.1,
        10**15,
        date(1900, 1, 1),
        datetime(9999, 12, 31, 23, 59, 59),
        "x",
    ]
    rows = [[n, *([value] * 7)] for n, value in enumerate(values)]
    assert door.land("xlsx", xlsx_bytes(["STT", *CRITERIA_VI], *rows)).rows_in_file == len(values)
