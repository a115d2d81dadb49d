"""A Superset of our own: prepared in a folder, started on a free port of this machine, ended with the program."""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.bi.demo.api import Api

USER = "admin"
HERE = Path(__file__).parent


class SupersetError(Exception):
    """Superset did not do what it was asked; the message ends with the last lines of its log."""


class Superset:
    """`programs`: the folder with `superset` and `gunicorn`. `folder`: metadata, log and password are kept here."""

    def __init__(self, programs: Path, folder: Path, port: int | None = None) -> None:
        self.programs = programs.absolute()
        self.folder = folder.absolute()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        self.log = self.folder / "superset.log"
        self.password = self._kept("password")
        self.port = port or _free_port()
        self._process: subprocess.Popen | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _kept(self, name: str) -> str:
        """A secret made once, readable by its owner alone."""
        path = self.folder / name
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(24))
        return path.read_text()

    @property
    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "FLASK_APP": "superset",
            "SUPERSET_CONFIG_PATH": str(HERE / "superset_config.py"),
            "PARINDEX_BI_DEMO": str(self.folder),
            "PARINDEX_BI_SECRET": self._kept("secret"),
        }

    def command(self, *arguments: str) -> None:
        """`superset ...`, its words into the log."""
        with self.log.open("a") as log:
            done = subprocess.run(
                [str(self.programs / "superset"), *arguments],
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                timeout=600,
            )
        if done.returncode:
            raise SupersetError(
                f"superset {arguments[0]} ended with {done.returncode}:\n{self._last_words()}"
            )

    def _last_words(self) -> str:
        return (
            "\n".join(self.log.read_text(errors="replace").splitlines()[-15:]) + f"\n(all of it: {self.log})"
        )

    def prepare(self) -> None:
        """Metadata and an administrator; done once for a folder and a release of Superset."""
        ready = self.folder / "prepared"
        release = hashlib.sha256((HERE / "requirements.lock").read_bytes()).hexdigest()
        if ready.exists() and ready.read_text() == release:
            return
        (self.folder / "superset.db").unlink(missing_ok=True)
        self.command("db", "upgrade")
        names = (
            "--username",
            USER,
            "--firstname",
            "PAR",
            "--lastname",
            "INDEX",
            "--email",
            "admin@localhost",
        )
        self.command("fab", "create-admin", *names, "--password", self.password)
        self.command("init")
        ready.write_text(release)

    def __enter__(self) -> Superset:
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [
                    str(self.programs / "gunicorn"),
                    *("--bind", f"127.0.0.1:{self.port}", "--worker-class", "gthread", "--threads", "8"),
                    *("--timeout", "120", "superset.app:create_app()"),
                ],
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 180
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise SupersetError(f"Superset does not start:\n{self._last_words()}")
            time.sleep(0.3)
        return self

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/health", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def api(self) -> Api:
        return Api(self.address, USER, self.password)

    def wait(self) -> None:
        assert self._process is not None
        self._process.wait()

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
