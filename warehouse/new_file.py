"""A file that readers see whole or not at all: drafted beside its place, and renamed into it when all is well.

Each writer has a draft of its own: two commands may write into one folder at once, and the last one's file stays. A draft
is locked for as long as somebody writes it; the lock is the operating system's, so that what a kill left can be told. The
next writer into the folder removes that, whatever it writes: a backup of every night has another name, and takes gigabytes.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MODE = 0o640  # for the data team
_LONGEST = 200  # bytes of the name in a draft's: a file system takes 255


@contextmanager
def new_file(path: Path, mode: int = MODE) -> Iterator[Path]:
    """A draft to write, for those of `mode` only, that takes the place of `path` at the end; nothing is left on failure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beginning = "." + os.fsencode(path.name)[:_LONGEST].decode(errors="ignore")
    _remove_abandoned(path.parent, beginning)
    try:
        handle, draft = _locked_draft(path.parent, beginning, mode)
    except OSError as error:
        error.filename = str(path)  # what was asked for: nobody knows the draft's name
        raise
    try:
        yield draft
        draft.chmod(mode)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    finally:
        os.close(handle)


def _locked_draft(folder: Path, beginning: str, mode: int) -> tuple[int, Path]:
    while True:
        # A name that is never used again: whoever removes it removes this draft or none.
        draft = folder / f"{beginning}.{secrets.randbelow(10**16):016d}.new"
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with suppress(OSError):  # a network folder without locks: nobody can take it for abandoned there
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return handle, draft
        os.close(handle)  # another writer took it for abandoned, an instant before it was locked


def _remove_abandoned(folder: Path, beginning: str) -> None:
    """What writers left that were killed; of earlier releases those of this name alone can be told."""
    drafts = re.compile(re.escape(beginning) + r"\.new|\..+\.\d{16}\.new", re.DOTALL)
    with suppress(OSError):  # of another account, or in a folder that cannot be listed: not in anybody's way
        for draft in [path for path in folder.iterdir() if drafts.fullmatch(path.name)]:
            handle = os.open(draft, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                with suppress(BlockingIOError):
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    draft.unlink(missing_ok=True)
            finally:
                os.close(handle)
