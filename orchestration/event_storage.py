"""Dagster's event log in SQLite with its connections kept.

Dagster opens a new database connection, and compiles every statement anew, for each of the night's 700 events: a third of
the fixed cost of a night. Here the same files are written over connections that stay open.
"""

import os
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.sql import create_engine
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

# The index of all runs, the run at work, and a few that somebody looks at.
_KEPT_FILES = 6
_BUSY_SECONDS = 60


class KeptEventLogStorage(SqliteEventLogStorage):
    """The files are where Dagster itself would put them: `$DAGSTER_HOME/history/runs`."""

    def __init__(self, base_dir: str, inst_data=None):
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._found_tables: set[str] = set()
        super().__init__(base_dir, inst_data)

    @classmethod
    def config_type(cls):
        return {}

    @classmethod
    def from_config_value(cls, inst_data, config_value):
        return cls(str(Path(os.environ["DAGSTER_HOME"]) / "history" / "runs"), inst_data)

    def _engine(self, shard: str) -> Engine:
        engine = self._engines.get(shard)
        if engine is None:
            engine = create_engine(
                self.conn_string_for_shard(shard), connect_args={"timeout": _BUSY_SECONDS}, pool_size=1
            )
            event.listen(engine, "connect", _relax)
            self._engines[shard] = engine
            if len(self._engines) > _KEPT_FILES:
                self._engines.popitem(last=False)[1].dispose()
        self._engines.move_to_end(shard)
        return engine

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        # One user at a time, so a connection never meets two threads at once.
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

    def has_table(self, table_name: str) -> bool:
        """Asked for each event that has tags; a table that is there stays."""
        if table_name not in self._found_tables and super().has_table(table_name):
            self._found_tables.add(table_name)
        return table_name in self._found_tables

    def dispose(self) -> None:
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()
        super().dispose()


def _relax(connection, _record) -> None:
    # In WAL mode this risks the last events at a power cut, never the file.
    connection.execute("pragma synchronous = normal")
