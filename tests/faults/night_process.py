"""A whole night in a forked process that has everything imported, killed or held at steps of choice.

The night is the real job, Dagster and all. Two things differ from `parindex run`: the work of the worker processes is
done in place, because they take longer to import than the night takes to run (test_workers.py is about them), and every
act on the home passes `_Steps`, which writes it down, kills the process with SIGKILL, or stops all its threads with SIGSTOP:
what a home holds then is what a kill would leave, and the night goes on to the next step when it has been looked at.

An act is what the operating system is asked for: a file opened for writing, renamed, linked or removed, a commit of one
of our databases, a connection to an address of the alerts. Python's audit hook sees them, so that no line of the product
knows of faults and no new act is forgotten.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from datetime import date
from multiprocessing.connection import Connection
from pathlib import Path

# Imported here, in the fork server, once for all nights.
import apprise  # noqa: F401
import sqlalchemy as sa
from dagster._core.instance.ref import InstanceRef  # noqa: F401
from dagster._core.storage.base_storage import DagsterStorage  # noqa: F401
from dagster._core.storage.event_log import SqliteEventLogStorage  # noqa: F401

import orchestration.alerting
import orchestration.publish_command
import orchestration.report
from orchestration import aside, checking, checks, dbt, definitions, run
from orchestration.event_storage import KeptEventLogStorage
from warehouse import publish
from warehouse.settings import load_settings

PREPARED = [orchestration.alerting, orchestration.publish_command, orchestration.report, definitions]
checking.begin()
dbt.begin()

# What a restart of Dagster or the next night does not look at: scratch, logs, Dagster's own records.
_NOT_OURS = re.compile(r"dagster/|logs/|work/|.*\.lock$|.*-(journal|wal|shm)$")
_NAMES = (
    (re.compile(r"\d{8}T\d{12,}-\d{8}"), "VERSION"),
    (re.compile(r"\b[0-9a-f]{20}\b"), "DELIVERY"),
    (re.compile(r"landing/\w+/\w+/\d{4}-\d{2}-\d{2}"), "landing/SOURCE/TABLE/DAY"),
    (re.compile(r"\.index\.html\.\d+"), ".index.html.NUMBER"),
    (re.compile(r"/\d{4}-\d{2}\.parquet"), "/MONTH.parquet"),
    (re.compile(r"metrics\.prom\.\d+\.\d+"), "metrics.prom.PID"),
)


# What is done beside the night's steps, by the name of its thread, is a stage of its own: which step it falls into is chance.
_BESIDE = re.compile(r"(draft)_.*")


Point = tuple[str, str, int]  # stage, act, which of its kind


class _Steps:
    """Writes each act of a night to `log`; kills the process just before the act `at`; stops it before each of `holds`.

    `told` hears where the process is about to stop, and says when it may go on.
    """

    def __init__(
        self, home: Path, log: Path | None, at: Point | None, holds: Sequence[Point], told: Connection | None
    ) -> None:
        self.home = f"{home}/"
        self.log = log.open("w") if log else None
        self.at = at
        self.holds = set(holds)
        self.told = told
        self.seen: Counter = Counter()
        self.stage = "start"
        self.sinks: set[tuple] = set()
        self.one_at_a_time = threading.Lock()

    def act(self, what: str) -> None:
        for pattern, name in _NAMES:
            what = pattern.sub(name, what)
        beside = _BESIDE.fullmatch(threading.current_thread().name)
        stage = beside[1] if beside else self.stage
        with self.one_at_a_time:
            self.seen[stage, what] += 1
            point = (stage, what, self.seen[stage, what])
            if point == self.at:
                os.kill(os.getpid(), signal.SIGKILL)
            if self.told and point in self.holds:
                self.told.send(point)
                os.kill(os.getpid(), signal.SIGSTOP)
                self.told.recv()
            if self.log:
                self.log.write(f"{stage}\t{what}\n")
                self.log.flush()

    def _ours(self, path) -> str | None:
        if isinstance(path, int) or path is None:
            return None
        path = os.fsdecode(path)
        if not path.startswith(self.home) or _NOT_OURS.match(path[len(self.home) :]):
            return None
        return path[len(self.home) :]

    def hook(self, event: str, arguments: tuple) -> None:
        """Of Python's audit: called before the act."""
        if event == "open":
            path, _, flags = arguments
            if flags & (os.O_WRONLY | os.O_RDWR) and (name := self._ours(path)):
                self.act(f"write {name}")
        elif event in ("os.rename", "os.link", "os.symlink"):
            name = self._ours(arguments[1])
            source = self._ours(arguments[0])
            if name or source:
                self.act(f"{event[3:]} {source or ''} -> {name or ''}")
        elif event in ("os.remove", "os.rmdir", "os.mkdir", "os.chmod", "shutil.rmtree"):
            if name := self._ours(arguments[0]):
                self.act(f"{event.rpartition('.')[2]} {name}")
        elif event == "socket.connect" and arguments[1] in self.sinks:
            self.act("send a message")


def _follow(steps: _Steps, sink_port: int | None) -> None:
    sys.addaudithook(steps.hook)
    if sink_port:
        steps.sinks = {("127.0.0.1", sink_port)}

    @sa.event.listens_for(sa.engine.Engine, "commit")
    def commit(connection) -> None:
        name = steps._ours(connection.engine.url.database)
        if name:
            steps.act(f"commit {name}")

    # Within DuckDB nothing is heard: at least between two marts, two models, and around the gate.
    usual = publish.table_hash

    def table_hash(*arguments):
        steps.act("write a mart")
        return usual(*arguments)

    publish.table_hash = table_hash
    usual_check = checks.check_file

    def check_file(*arguments):
        steps.act("check the marts")
        found = usual_check(*arguments)
        steps.act("keep what the check found")
        return found

    checks.check_file = check_file


def _follow_stages(steps: _Steps) -> None:
    """Which asset of the night is at work, heard from what Dagster writes down."""
    usual = KeptEventLogStorage.store_event

    def store_event(self, entry) -> None:
        event = entry.dagster_event
        if event is not None and event.event_type_value == "STEP_START":
            steps.stage = re.sub(r"landing__.*", "landing", event.step_key)
        usual(self, entry)

    KeptEventLogStorage.store_event = store_event


def _in_place(steps: _Steps) -> None:
    def stream(self, function, *arguments):
        told = []

        def tell(what) -> None:
            steps.act("build a model")
            told.append(what[1])

        aside._tell = tell
        result = function(*arguments)
        yield from told
        return result

    aside.Worker.stream = stream
    aside.Worker.warm_up = lambda self: None


def night(
    home: str, inbox: str, as_of: str, output: str, *, log: str | None = None, at: Point | None = None,
    holds: Sequence[Point] = (), told: Connection | None = None,
    sink_port: int | None = None, environment: dict[str, str] | None = None,
) -> None:  # fmt: skip
    """Run a night as of a day; exit code 0 when it was published, 1 when not, -9 when killed at the act `at`."""
    with Path(output).open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ |= {"PARINDEX_HOME": home, **(environment or {})}
    settings = load_settings(Path(inbox)).create()
    run.log_to_file(settings)
    steps = _Steps(settings.home, Path(log) if log else None, at, holds, told)
    _in_place(steps)
    _follow(steps, sink_port)
    _follow_stages(steps)
    outcome = run.run_night(settings, date.fromisoformat(as_of))
    if outcome.message:
        print(outcome.message)
    if steps.log:
        steps.log.close()
    sys.stdout.flush()
    os._exit(0 if outcome.published else 1)
