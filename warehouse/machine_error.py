"""Whose fault an error is, the file's or the machine's: memory, threads, handles, a disk that is full or may not be written.

Python, DuckDB and the reader of workbooks each tell what the system said in a way of their own.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from pathlib import Path

import duckdb

from warehouse.settings import Settings, SettingsError

_LEAST_FREE = 32 << 20  # bytes; below, whatever failed to be written failed for want of room
# Reading ends in none of these.
_OF_WRITING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG})
_OS_ERROR = re.compile(r"\(os error (\d+)\)")
# How Python and DuckDB, each in a kind of error of its own, say that the system gives no thread or handle more.
_NO_MORE = ("can't start new thread", *map(os.strerror, (errno.EAGAIN, errno.EMFILE, errno.ENFILE)))


def is_full(settings: Settings) -> bool:
    """Whether the disk of the home has no room left that anything could be written into."""
    return shutil.disk_usage(settings.home).free < _LEAST_FREE


def cannot_be_written(settings: Settings, told: str) -> str:
    """In words, with what the system says."""
    return f"PARINDEX_HOME={settings.home} cannot be written ({told}): put that right, then run again"


def said_of_writing(message: str) -> str | None:
    """What a message quotes of the system about a write: a full disk, a quota, a limit of the shell, a mount."""
    return next((told for told in map(os.strerror, sorted(_OF_WRITING)) if told in message), None)


def failed_write(settings: Settings, error: Exception, source: Path) -> Exception | None:
    """What to raise when the home could not be written, which is no fault of the file: the night fails, nothing is lost.

    Told by what failed, not by the room that is left: DuckDB removes its half of a file, and the disk has room again.
    """
    if not isinstance(error, OSError | duckdb.IOException):
        return None
    number, text = number_of(error), str(error)
    if number not in _OF_WRITING and not source.exists():
        return None  # it is read under a name in our scratch, but what is gone is the file itself
    ours = (
        number in _OF_WRITING
        or str(settings.work) in text
        or str(settings.landing) in text
        or ("write" in text and str(source) not in text)
        or is_full(settings)
        or not os.access(settings.landing, os.W_OK)
    )
    return not_written(settings, error) if ours else None


def not_written(settings: Settings, error: Exception) -> Exception:
    """A failed write in words that a night can be told to have failed with."""
    number = number_of(error)
    if number in (errno.ENOSPC, errno.EDQUOT) or is_full(settings):
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return SettingsError(cannot_be_written(settings, os.strerror(number) if number else type(error).__name__))


def number_of(error: Exception) -> int | None:
    """The number of an error of the system; DuckDB tells it in words, the reader of workbooks in its text."""
    if isinstance(error, OSError) and error.errno:
        return error.errno
    if told := _OS_ERROR.search(str(error)):
        return int(told[1])
    return next((number for number in errno.errorcode if os.strerror(number) in str(error)), None)


def is_the_machines(error: Exception) -> bool:
    """Whether memory, threads, handles or a disk gave way while a file was read: the same file may be read tomorrow.

    An OSError without a number is a parser's word for a damaged file, and so is a place that no file has (EINVAL).
    """
    if isinstance(error, OSError) or _OS_ERROR.search(str(error)):
        return number_of(error) not in (None, errno.EINVAL)
    if isinstance(
        error, MemoryError | duckdb.OutOfMemoryException | duckdb.IOException | duckdb.FatalException
    ):
        return True
    return isinstance(error, RuntimeError | duckdb.Error) and any(told in str(error) for told in _NO_MORE)


def reader_failed(error: Exception) -> str:
    """A reader's own error without the cells it may quote."""
    if isinstance(error, FileNotFoundError):
        return "tệp biến mất trong khi đọc: gửi lại | the file vanished while it was read: deliver it again"
    if isinstance(error, PermissionError):
        return (
            f"hệ điều hành không cho đọc tệp ({error.strerror}): kiểm tra quyền | the file cannot be opened"
        )
    if isinstance(error, duckdb.OutOfMemoryException | MemoryError):
        return (
            "tệp quá lớn cho bộ nhớ cho phép: chia nhỏ, hoặc tăng PARINDEX_MEMORY_LIMIT rồi gửi lại"
            " | the file needs more memory than PARINDEX_MEMORY_LIMIT: split it or raise the limit"
        )
    if is_the_machines(error):
        number = number_of(error)
        told = os.strerror(number) if number else type(error).__name__
        return (
            f"máy không đọc được tệp ({told}), không phải lỗi của tệp: lần chạy sau sẽ đọc lại"
            f" | the machine failed ({told}), not the file: the next run reads it again"
        )
    return (
        f"không đọc được ({type(error).__name__}): mở thử tệp rồi xuất lại"
        " | the file cannot be read: open it, then export it again"
    )
