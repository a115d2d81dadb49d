"""The log of the nights: a rotating file under the home. The terminal is for people."""

from __future__ import annotations

import logging
import logging.handlers
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from orchestration import clock
from warehouse.settings import Settings, write_for_the_team_only


def log_to_file(settings: Settings) -> Path:
    """Everything of this process goes to the file from now on."""
    _open(settings)
    return _file(settings)


@contextmanager
def logging_to_file(settings: Settings) -> Iterator[None]:
    """Within, everything goes to the file, once only: a command has opened it already, a scheduled run has not."""
    root = logging.getLogger()
    file = str(_file(settings))
    if any(getattr(handler, "baseFilename", None) == file for handler in root.handlers):
        yield
        return
    level = root.level
    handler = _open(settings)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        handler.close()


def _file(settings: Settings) -> Path:
    return settings.home / "logs" / "night.log"


def _open(settings: Settings) -> logging.Handler:
    write_for_the_team_only()
    target = _file(settings)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    handler = logging.handlers.RotatingFileHandler(
        target, maxBytes=5_000_000, backupCount=10, encoding="utf-8"
    )
    lines = logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s")
    # The province's time, as `parindex status` tells a night, whatever the machine's is.
    lines.converter = lambda seconds: datetime.fromtimestamp(seconds, clock.PROVINCE_TIME).timetuple()
    handler.setFormatter(lines)
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    root.addHandler(handler)
    # A full disk is told once, by the night, and not with each line of the log.
    logging.raiseExceptions = False
    return handler
