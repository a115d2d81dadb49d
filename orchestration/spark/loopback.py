"""A Spark standalone cluster on this machine's loopback: to try, to test and to measure what a real one does.

Master, workers and, when asked for, the Thrift server are the ones of the pyspark package; all end with the caller.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from orchestration.spark.engine import CONF_DIR, SparkFailed, require
from warehouse.settings import Settings

_HOST = "127.0.0.1"
_PATIENCE = 120  # seconds until a process answers


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((_HOST, 0))
        return listener.getsockname()[1]


def _pyspark(settings: Settings) -> Path:
    told = subprocess.run(
        [str(settings.spark_python), "-c", "import pyspark; print(pyspark.__path__[0])"],
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(told.stdout.strip())


@contextmanager
def _process(command: list[str], folder: Path, name: str) -> Iterator[subprocess.Popen]:
    environment = {
        "SPARK_CONF_DIR": str(CONF_DIR),
        **os.environ,
        "SPARK_LOCAL_IP": _HOST,
        "SPARK_MASTER_OPTS": "-Dspark.master.rest.enabled=false",
        "SPARK_HOME": str(Path(command[0]).parent.parent),
    }
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _alive_workers(port: int) -> int:
    with urllib.request.urlopen(f"http://{_HOST}:{port}/json/", timeout=5) as answer:
        return json.load(answer)["aliveworkers"]


def _listens(port: int) -> bool:
    with socket.socket() as caller:
        caller.settimeout(1)
        return caller.connect_ex((_HOST, port)) == 0


def _wait(what: str, is_there, processes: list[subprocess.Popen], folder: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        try:
            if is_there():
                return
        except (OSError, ValueError):  # nobody listens yet, or its page is not ready
            pass
        if any(process.poll() is not None for process in processes):
            break
        time.sleep(0.5)
    raise SparkFailed(f"{what} did not come up; see the logs in {folder}")


@contextmanager
def loopback_cluster(
    settings: Settings, folder: Path, *, workers: int = 2, memory: str = "1g", thrift: bool = False
) -> Iterator[str]:
    """A master and workers of one core each; yields what PARINDEX_SPARK_URL would be. Raises SparkFailed.

    `folder` takes logs, scratch files and, with `thrift`, the catalogue and the tables.
    """
    require(settings)
    folder.mkdir(parents=True, exist_ok=True)
    bin_folder = _pyspark(settings) / "bin"
    port, pages = _free_port(), _free_port()
    url = f"spark://{_HOST}:{port}"
    with ExitStack() as stack:
        running = []

        def start(name: str, *command: str) -> None:
            running.append(
                stack.enter_context(_process([str(bin_folder / command[0]), *command[1:]], folder, name))
            )

        deploy = "org.apache.spark.deploy"
        start(
            "master",
            *("spark-class", f"{deploy}.master.Master", "--host", _HOST),
            *("--port", str(port), "--webui-port", str(pages)),
        )
        _wait("the Spark master", lambda: _listens(port), running, folder)
        for number in range(1, workers + 1):
            start(
                f"worker{number}",
                *("spark-class", f"{deploy}.worker.Worker", url, "--host", _HOST, "--webui-port", "0"),
                *("--cores", "1", "--memory", memory, "--work-dir", str(folder / f"worker{number}")),
            )
        _wait(f"{workers} Spark workers", lambda: _alive_workers(pages) == workers, running, folder)
        if not thrift:
            yield url
            return
        thrift_port = _free_port()
        settings_of_server = {
            "spark.sql.timestampType": "TIMESTAMP_NTZ",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.ansi.enabled": "false",
            "spark.sql.warehouse.dir": str(folder / "warehouse"),
            "spark.hadoop.javax.jdo.option.ConnectionURL": (
                f"jdbc:derby:;databaseName={folder / 'metastore'};create=true"
            ),
        }
        start(
            "thrift",
            *("spark-submit", "--master", url),
            *("--class", "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2"),
            *(part for name, value in settings_of_server.items() for part in ("--conf", f"{name}={value}")),
            *("spark-internal", "--hiveconf", f"hive.server2.thrift.port={thrift_port}"),
            *("--hiveconf", f"hive.server2.thrift.bind.host={_HOST}"),
        )
        _wait("the Thrift server", lambda: _listens(thrift_port), running, folder)
        yield f"thrift://parindex@{_HOST}:{thrift_port}"
