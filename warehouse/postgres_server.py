"""Reaching a PostgreSQL, and saying in plain words why it could not be, never with the password."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

import psycopg
import sqlalchemy as sa

OLDEST = 130000
SECRETS = ("password", "sslpassword", "passfile")


class PublishError(Exception):
    """The marts of the server are as they were; the message says why and what to do, without the password."""


class WrongAddress(PublishError):
    """What was given as the server's address is none."""


class BrokenPromise(Exception):
    """The server does not hold the rows that it was said to hold."""


class Server:
    """A PostgreSQL by its SQLAlchemy URL."""

    def __init__(self, url: str) -> None:
        try:
            parsed = sa.make_url(url.strip())
        except (sa.exc.ArgumentError, ValueError):
            parsed = None
        backend = parsed.drivername.partition("+")[0] if parsed is not None else ""
        if parsed is None or backend not in ("postgresql", "postgres"):
            raise WrongAddress(
                "this is no address of a PostgreSQL: write it as postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
                " (characters such as @ : / in the password as %40 %3A %2F)"
            )
        self.url = parsed.set(drivername="postgresql+psycopg")
        secrets = {str(parsed.password or ""), *(str(parsed.query.get(name, "")) for name in SECRETS)} - {""}
        self.secrets = sorted(
            {form for secret in secrets for form in (secret, quote(secret, safe=""), quote_plus(secret))},
            key=len,
            reverse=True,
        )
        self.shown = self._without_secrets(
            self.url.set(drivername="postgresql", query={}).render_as_string(hide_password=True)
        )

    def _without_secrets(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text

    @contextlib.contextmanager
    def session(self) -> Iterator[psycopg.Connection]:
        """One connection in autocommit mode. Every error of the server leaves as a PublishError."""
        defaults = {
            "connect_timeout": 10,
            "application_name": "parindex publish",
            # A connection that died on the way is noticed within two minutes.
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 6,
            "tcp_user_timeout": 120_000,  # ms; while rows are on the way keepalives are not sent
        }
        arguments = {name: value for name, value in defaults.items() if name not in self.url.query}
        # No prepared statements: they break behind a connection pooler.
        engine = sa.create_engine(
            self.url, poolclass=sa.pool.NullPool, connect_args={**arguments, "prepare_threshold": None}
        )
        connection = None
        try:
            pooled = engine.raw_connection()
            connection = pooled.driver_connection
            pooled.detach()
            connection.autocommit = True
            self._fit(connection)
            yield connection
        except sa.exc.DBAPIError as error:
            raise self._explained(error.orig or error) from None
        except psycopg.Error as error:
            raise self._explained(error) from None
        except PublishError as error:
            raise PublishError(self._without_secrets(str(error))) from None
        finally:
            if connection is not None:
                connection.close()
            engine.dispose()

    def _fit(self, connection: psycopg.Connection) -> None:
        version = connection.info.server_version
        if version < OLDEST:
            raise PublishError(
                f"the server is PostgreSQL {version // 10000}: {OLDEST // 10000} or newer is needed"
            )
        encoding, replica = connection.execute(
            "select current_setting('server_encoding'), pg_is_in_recovery()"
        ).fetchone()
        if replica:
            raise PublishError("the server is a read-only replica: give the address of its primary")
        if encoding != "UTF8":
            raise PublishError(
                f"the database stores {encoding}, which cannot hold Vietnamese: make one with"
                " `create database NAME encoding 'UTF8' template template0;`"
            )

    def _explained(self, error: BaseException) -> PublishError:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        said = self._without_secrets(lines[0])
        advice = self._advice(error, str(error).lower())
        return PublishError(f"{self.shown}: {said}. {self._without_secrets(advice)}")

    def _advice(self, error: BaseException, text: str) -> str:
        """What to do, by the kind of error."""
        errors = psycopg.errors
        user = self.url.username or "USER"
        database = self.url.database or user
        by_kind = [
            (
                errors.InsufficientPrivilege,
                f"Let the database's owner run `grant create on database {database} to {user};`, and if"
                f" schemas marts and parindex_meta are another's, `alter schema marts owner to {user};` ...",
            ),
            (
                errors.DependentObjectsStillExist,
                "Columns of a mart changed, and something was built upon it"
                + (f" ({'; '.join(_detail(error))})" if _detail(error) else "")
                + ": drop that, publish, and make it again.",
            ),
            (errors.DiskFull, "The server's disk is full: free some space, then run again."),
            (
                errors.ForeignKeyViolation,
                "The marts refer to a row that is not there: run `parindex run` again.",
            ),
            (errors.ReadOnlySqlTransaction, "The server takes no changes: give the address of its primary."),
            (
                errors.LockNotAvailable,
                "Another session works on the tables (an index, a vacuum full?): run again later.",
            ),
            (errors.InvalidCatalogName, f"Create it: `create database {database} encoding 'UTF8';`."),
            (
                errors.TooManyConnections,
                "Readers use all connections: raise max_connections, or run again later.",
            ),
        ]
        for kind, advice in by_kind:
            if isinstance(error, kind):
                return advice
        by_text = [
            (
                "authentication failed",
                "Check user and password (characters such as @ : / in it as %40 %3A %2F).",
            ),
            ("no password supplied", "Put the password into the address, or into ~/.pgpass."),
            (
                "pg_hba.conf",
                "The server does not let this user in from here: ask its administrator (pg_hba.conf).",
            ),
            (
                "does not exist",
                f"Create it: `create database {database} encoding 'UTF8';`, or check the name.",
            ),
            ("connection refused", "Is the server running, and listening on that host and port?"),
            (
                "no such file or directory",
                "Is the server running? Give HOST and PORT for a connection by network.",
            ),
            ("resolve", "Check the host's name."),
            ("name or service not known", "Check the host's name."),
            ("timeout", "The host does not answer: check host, port and firewall."),
            ("timed out", "The host does not answer: check host, port and firewall."),
            ("ssl", "Check sslmode in the address, e.g. ?sslmode=require."),
        ]
        for words, advice in by_text:
            if words in text:
                return advice
        if isinstance(error, psycopg.OperationalError):
            return "The connection broke; readers keep the old night. Run again."
        return "Nothing was changed; readers keep the old night."


def _detail(error: BaseException) -> list[str]:
    diagnosis = getattr(error, "diag", None)
    detail = getattr(diagnosis, "message_detail", None) or ""
    return detail.splitlines()[:5]
