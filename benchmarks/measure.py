"""One command in a process of its own: how long, how much memory, how many bytes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

PROJECT = Path(__file__).resolve().parent.parent
_EVERY = 0.1  # seconds; looking costs about 5 ms


class Failed(Exception):
    """The command did not end well; the message says how."""


@dataclass(frozen=True)
class Run:
    """Seconds; bytes of memory at the peak, over the whole tree of processes; bytes written to the file system.

    Memory is the sum of the resident sizes of the processes, looked at every 0.1 s: pages that processes share count in each,
    so it is an upper bound. Written is what the kernel accounts to the command and its children, files that were removed
    again included; a temporary folder in memory would show none.
    """

    seconds: float
    peak: int
    written: int


def _resident(pid: int) -> tuple[int, int]:
    """Bytes that a process holds now and held at its peak since it began; 0 when it is gone.

    Not from getrusage: there the peak of a new process begins with the size of the one that started it.
    """
    try:
        told = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0, 0
    sizes = dict(re.findall(r"^(VmRSS|VmHWM):\s+(\d+) kB$", told, re.M))
    return int(sizes.get("VmRSS", 0)) * 1024, int(sizes.get("VmHWM", 0)) * 1024


def _kill(leader: int) -> None:
    """A command and all its children, where they have not ended meanwhile."""
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


class _Watcher(threading.Thread):
    """Adds up the memory of a process and all below it, and ends them where they take more than a limit."""

    def __init__(self, pid: int, limit: int | None) -> None:
        super().__init__(daemon=True)
        self._root, self._limit, self._over = psutil.Process(pid), limit, threading.Event()
        self.peak, self.stopped = 0, False

    def run(self) -> None:
        while not self._over.wait(_EVERY):
            self.peak = max(self.peak, total := self._memory())
            if self._limit is not None and total > self._limit:
                self.stopped = True
                _kill(self._root.pid)
                return

    def _memory(self) -> int:
        try:
            tree = [self._root, *self._root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return 0
        sizes = [_resident(process.pid) for process in tree]
        # What one process had at its own peak counts even where the peak fell between two looks.
        return max(sum(now for now, _ in sizes), *(highest for _, highest in sizes))

    def end(self) -> None:
        self._over.set()
        self.join()


def measured(
    arguments: Sequence[str], environment: Mapping[str, str] | None = None, memory_limit: int | None = None
) -> Run:
    """Run a command to its end. Raises Failed, also where it takes more memory than the limit."""
    with tempfile.TemporaryFile() as told:
        started = time.perf_counter()
        process = subprocess.Popen(
            arguments,
            cwd=PROJECT,
            env={**os.environ, **(environment or {})},
            stdout=subprocess.DEVNULL,
            stderr=told,
            start_new_session=True,
        )
        watcher = _Watcher(process.pid, memory_limit)
        watcher.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:  # Ctrl-C must not leave it at work
            _kill(process.pid)
            raise
        seconds = time.perf_counter() - started
        process.returncode = code = os.waitstatus_to_exitcode(status)
        watcher.end()
        if watcher.stopped:
            raise Failed(f"stopped: more than {memory_limit / 1e9:.1f} GB of memory")
        if code:
            told.seek(0)
            lines = told.read().decode(errors="replace").strip().splitlines()
            raise Failed(f"exit code {code}: {' / '.join(lines[-3:]) or 'nothing said'}")
    return Run(seconds, watcher.peak, usage.ru_oublock * 512)


def killed(arguments: Sequence[str], after: float, environment: Mapping[str, str] | None = None) -> bool:
    """Start a command and kill it with all its children (SIGKILL) after some seconds; whether it was still at work."""
    process = subprocess.Popen(
        arguments,
        cwd=PROJECT,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait(after)
        return False
    except subprocess.TimeoutExpired:
        return True
    finally:
        if process.poll() is None:
            _kill(process.pid)
            process.wait()
