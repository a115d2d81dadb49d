"""A home that somebody may read and not write: as a colleague of the account that runs the nights, or mounted read-only.

SQLite writes beside a file whose log is written ahead (-shm) also for those who only read. Where it may not, a copy is
looked at.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path


def may_write(path: Path) -> bool:
    """Whether this account may write a file that is there, or into a folder."""
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


@contextmanager
def open_to_read(path: Path) -> Iterator[sqlite3.Connection]:
    """A SQLite file, for reading only, also while somebody writes to it."""
    path = path.resolve()
    with ExitStack() as stack:
        # Whoever writes has made the shared memory; without any, the file and its log do not change.
        if not may_write(path.parent) and not Path(f"{path}-shm").exists():
            scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="parindex-"))
            path = _copied_with_its_log(path, Path(scratch))
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=10)
        yield stack.enter_context(closing(connection))


def _copied_with_its_log(path: Path, folder: Path) -> Path:
    copy = folder / path.name
    shutil.copyfile(path, copy)
    log = Path(f"{path}-wal")  # what a night that was killed, or a copied home, has left
    if log.exists():
        shutil.copyfile(log, folder / log.name)
    return copy
