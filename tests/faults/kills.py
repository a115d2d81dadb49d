"""What the kill tests share: two nights of a small province, run in forked processes, and what must hold after them."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import shutil
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NoReturn

import duckdb

YESTERDAY, TONIGHT = date(2024, 11, 29), date(2024, 11, 30)

# The wall clock, and names that hold it: all else must be equal after a night that was killed and run again.
_CLOCK = {"checked_at", "last_seen_at", "loaded_at", "opened_at", "resolved_at"}

_LONGEST = 300  # seconds of a night, or from one stop of it to the next (also the longest timeout of alerts)

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.faults.night_process"])


def _night(**options) -> None:
    from tests.faults.night_process import night

    night(**options)


class Sink:
    """An address of the alerts: counts what arrives, per path."""

    def __init__(self) -> None:
        self.messages: dict[str, list[dict]] = {}
        sink = self

        class Take(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                sink.messages.setdefault(self.path.strip("/"), []).append(body)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Take)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def texts_of(messages: list[dict]) -> list[str]:
    """What messages say, without the number of the digest: it is made of the address too, and each home has its own."""
    return [re.sub(r"(Mã bản tin|Digest): [0-9a-f]{12}", r"\1", message["message"]) for message in messages]


def _begin_night(home: Path, inbox: Path, day: date, **options) -> BaseProcess:
    process = FORKS.Process(
        target=_night,
        kwargs={
            "home": str(home),
            "inbox": str(inbox),
            "as_of": day.isoformat(),
            "output": str(home.with_suffix(".out")),
            **options,
        },
    )
    process.start()
    return process


def _end_of(process: BaseProcess, home: Path) -> int:
    process.join(_LONGEST)
    if process.is_alive():
        _give_up(process, home)
    return process.exitcode


def _give_up(process: BaseProcess, home: Path) -> NoReturn:
    process.kill()
    raise AssertionError(f"a night hangs: {said(home)}")


def said(home: Path) -> str:
    """What the nights of a home wrote for people."""
    return home.with_suffix(".out").read_text()


def run_night(home: Path, inbox: Path, day: date, **options) -> int:
    """Run a night in a fork; its exit code (-9: killed)."""
    return _end_of(_begin_night(home, inbox, day, **options), home)


def _is_stopped(process: BaseProcess) -> bool:
    """Whether no thread of it does anything any more."""
    states = [
        file.read_text().rpartition(")")[2].split()[0]
        for file in Path(f"/proc/{process.pid}/task").glob("*/stat")
    ]
    return bool(states) and set(states) == {"T"}


def hold_night(
    home: Path, inbox: Path, day: date, points: Sequence[tuple], look: Callable[[tuple], None], **options
) -> int:
    """Run a night that stops before each of `points`; meanwhile `look` finds at `home` what a kill would have left there.

    A copy: the night's own files are put aside under another name, and back before it goes on. Returns its exit code.
    """
    told, tell = FORKS.Pipe()
    process = _begin_night(home, inbox, day, holds=list(points), told=tell, **options)
    aside = home.with_suffix(".aside")
    went_on = time.monotonic()
    while process.is_alive():
        if not told.poll(0.01):
            if time.monotonic() - went_on > _LONGEST:
                _give_up(process, home)
            continue
        point = told.recv()
        while not _is_stopped(process):
            time.sleep(0.001)
        home.rename(aside)
        shutil.copytree(aside, home, symlinks=True)
        try:
            look(point)
        except BaseException:
            process.kill()
            raise
        finally:
            shutil.rmtree(home)
            aside.rename(home)
        told.send("go on")
        os.kill(process.pid, signal.SIGCONT)
        went_on = time.monotonic()
    return _end_of(process, home)


def copy_home(source: Path, target: Path, sink: Sink) -> Path:
    """The same home elsewhere, with an address of its own for the alerts.

    The address has as long as a stop may take: the clock goes on while a night is stopped in the middle of a delivery.
    """
    shutil.copytree(source, target, symlinks=True)
    (target / "alerts.yaml").write_text(
        f"timeout_seconds: {_LONGEST}\n"
        f"routes:\n- name: tất cả\n  severity: low\n  to: ['json://127.0.0.1:{sink.port}/{target.name}']\n"
    )
    return target


def _tables_of(connection: duckdb.DuckDBPyConnection, relations: dict[str, str]) -> dict[str, str]:
    """Name -> hash of the rows, but for what the wall clock wrote."""
    hashes = {}
    for name, relation in sorted(relations.items()):
        columns = [row[0] for row in connection.execute(f"describe from {relation}").fetchall()]
        cells = ", ".join(f'"{column}"' for column in columns if column not in _CLOCK)
        found = connection.execute(
            f"select count(*), coalesce(sum(hash({cells})::hugeint), 0) from {relation}"
        )
        hashes[name] = "-".join(map(str, found.fetchall()[0]))
    return hashes


@dataclass(frozen=True)
class Seen:
    """What readers of a home see, each in the way of its kind: SQL, Parquet, monitoring."""

    file: dict[str, str]
    parquet: dict[str, str]
    version: str
    as_of: str
    names: frozenset[str] = field(compare=False)  # versions that the three ways lead to


def read(home: Path) -> Seen:
    """Read everything that is published, as BI tools do. Raises when something of it cannot be read."""
    published = home / "published"
    manifest = json.loads((published / "manifest.json").read_text())
    with duckdb.connect(str(published / "par_index.duckdb"), read_only=True) as connection:
        names = connection.execute(
            "select table_name from duckdb_tables() where schema_name = 'marts'"
        ).fetchall()
        file = _tables_of(connection, {name: f'marts."{name}"' for (name,) in names})
    with duckdb.connect() as connection:
        files = {path.stem: f"read_parquet('{path}')" for path in (published / "parquet").glob("*.parquet")}
        parquet = _tables_of(connection, files)
    led_to = {path.resolve().parent.name for path in (published / "par_index.duckdb", published / "parquet")}
    return Seen(
        file, parquet, manifest["version"], manifest["as_of"], frozenset({*led_to, manifest["version"]})
    )


def _rows(path: Path, query: str) -> list[tuple]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def ledger_of(home: Path) -> list[tuple]:
    """What the ledger knows of deliveries, without the time of the clock. Rows must reconcile."""
    rows = _rows(
        home / "landing" / "ledger.sqlite",
        "select delivery_id, outcome, reason, rows_in_file, rows_loaded, rows_unchanged, rows_quarantined, replaced_by,"
        " first_row, warnings from delivery order by 1",
    )
    assert all(row[3] == row[4] + row[5] + row[6] for row in rows)
    return rows


def checks_of(home: Path) -> list[tuple]:
    return _rows(
        home / "landing" / "ledger.sqlite",
        "select check_id, delivery_id, passed, observed, unexpected_count from check_result order by 1, 2",
    )


def alerts_of(home: Path) -> list[list[tuple]]:
    """Threads, events and what was sent of them."""
    return [
        _rows(home / "alerts.sqlite", query)
        for query in (
            "select alert_id, kind, severity, standing, opened_on, last_seen_on, resolved_on, told, told_on, value,"
            " threshold, steps from thread order by 1",
            "select alert_id, as_of, kind, severity, routing, message_vi from event order by 1, 2, 3",
            "select alert_id, as_of, kind, status from outbox order by 1, 2, 3, 4",
        )
    ]


def nights_of(home: Path) -> Counter:
    return Counter(_rows(home / "landing" / "ledger.sqlite", "select as_of, outcome from night"))


def landed(home: Path) -> set[str]:
    return {str(path.relative_to(home)) for path in (home / "landing").rglob("*.parquet")}


def leftovers(home: Path) -> list[str]:
    """Files that a whole night does not leave."""
    folders = [home / "published", home / "reports", home / "landing", home]
    odd = {path for folder in folders for path in folder.glob("*") if path.name.startswith(".")}
    odd |= set(home.rglob("*.building*")) | set((home / "work").glob("landing*"))
    whole = {path.parent for path in (home / "published" / "versions").glob("*/manifest.json")}
    odd |= set((home / "published" / "versions").iterdir()) - whole
    return sorted(str(path.relative_to(home)) for path in odd)


@dataclass(frozen=True)
class State:
    """All that an undisturbed night leaves behind."""

    seen: tuple[dict, dict, str]
    ledger: list[tuple]
    checks: list[tuple]
    alerts: list[list[tuple]]
    landed: set[str]
    versions: int


def state_of(home: Path) -> State:
    seen = read(home)
    return State(
        (seen.file, seen.parquet, seen.as_of),
        ledger_of(home),
        checks_of(home),
        alerts_of(home),
        landed(home),
        len(list((home / "published" / "versions").iterdir())),
    )


@dataclass(frozen=True)
class World:
    inbox: Path
    before: Path  # the home after yesterday's night
    after: Path  # and after an undisturbed one tonight
    old: State
    new: State  # after an undisturbed night
    acts: list[tuple[str, str, int]]
    messages: list[dict]
    sink: Sink


def fault_points(acts: list[tuple[str, str]]) -> list[tuple[str, str, int]]:
    """Stage, act, which of its kind: all of them, but of files, models and marts the first, the middle and the last."""
    total = Counter(acts)
    seen: Counter = Counter()
    points = []
    for act in acts:
        seen[act] += 1
        few = total[act] <= 8 and act[0] != "landing"
        if few or seen[act] in {1, (total[act] + 1) // 2, total[act]}:
            points.append((*act, seen[act]))
    return points


@contextmanager
def sink() -> Iterator[Sink]:
    taken = Sink()
    try:
        yield taken
    finally:
        taken.close()


def small_inbox(folder: Path) -> tuple[Path, Path]:
    """An inbox as it was yesterday and as it is tonight: the same, and one more day of deliveries."""
    from sources.sample import write_sample

    tonight, yesterday = folder / "tonight", folder / "yesterday"
    write_sample(tonight, dossiers=400, seed=152, as_of=TONIGHT)
    # One rejected row among good ones: what is stored apart is a step of its own.
    documents = tonight / "document_office" / str(TONIGHT) / f"documents_{TONIGHT:%Y%m%d}.csv"
    rows = documents.read_text(encoding="utf-8").splitlines()
    good = [rows[-1].replace("VB2024.", f"VB2024.9{number}") for number in range(15)]
    documents.write_text("\n".join([*rows, *good, good[-1].replace("/2024", "/x")]), encoding="utf-8")
    shutil.copytree(tonight, yesterday)
    for day in yesterday.glob(f"*/{TONIGHT}"):
        shutil.rmtree(day)
    return yesterday, tonight
