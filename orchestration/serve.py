"""Dagster's web page and daemon side by side, until one of them ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path


def serve_dagster(host: str, port: int) -> int:
    """Start both as processes of their own and end both together; returns the exit code."""
    bin_folder = Path(sys.executable).parent
    module = ["-m", "orchestration.definitions"]
    commands = [
        [str(bin_folder / "dagster-webserver"), *module, "--host", host, "--port", str(port)],
        [str(bin_folder / "dagster-daemon"), "run", *module],
    ]
    processes = [subprocess.Popen(command) for command in commands]

    def stop(*_: object) -> None:
        for process in processes:
            process.terminate()

    signal.signal(signal.SIGTERM, stop)
    try:
        while all(process.poll() is None for process in processes):
            time.sleep(0.5)
    except KeyboardInterrupt:
        pass
    finally:
        stop()
        codes = [process.wait(timeout=30) for process in processes]
    return 0 if all(code in (0, -signal.SIGTERM, -signal.SIGINT) for code in codes) else 1
