"""Dagster's web page and daemon side by side, until one of them ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

PATIENCE = 30.0  # seconds for a process to end of itself


def serve_dagster(host: str, port: int) -> int:
    """Start both as processes of their own and end both together; returns the exit code."""
    bin_folder = Path(sys.executable).parent
    module = ["-m", "orchestration.definitions"]
    commands = [
        [str(bin_folder / "dagster-webserver"), *module, "--host", host, "--port", str(port)],
        [str(bin_folder / "dagster-daemon"), "run", *module],
    ]
    processes: list[subprocess.Popen] = []

    def stop(*_: object) -> None:
        for process in processes:
            process.terminate()

    signal.signal(signal.SIGTERM, stop)
    try:
        for command in commands:  # within: one that cannot be started leaves none behind
            processes.append(subprocess.Popen(command))
        while all(process.poll() is None for process in processes):
            time.sleep(0.5)
    except KeyboardInterrupt:
        pass
    finally:
        stop()
        codes = [_end_of(process) for process in processes]
    return 0 if all(code in (0, -signal.SIGTERM, -signal.SIGINT) for code in codes) else 1


def _end_of(process: subprocess.Popen) -> int:
    """The exit code of a process that was asked to end; one that does not, or is not waited for (Ctrl-C again), is killed."""
    try:
        return process.wait(timeout=PATIENCE)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        process.kill()
        return process.wait()
