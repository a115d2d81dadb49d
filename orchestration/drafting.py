"""A version written ahead: while the gate looks at a build, most of what readers would get is made already.

Only of a build that started from the one before, in which little is new: of a whole one the two together would need twice
the memory. What the gate finds unfit is thrown away.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime

from warehouse import publish as publishing
from warehouse.settings import Settings


class Drafting:
    """The draft of a settled build, written in a thread from now on."""

    def __init__(self, settings: Settings, version: str, as_of: date, now: datetime) -> None:
        self.version = version
        self._settings = settings
        self._copied = threading.Event()
        self._lane = ThreadPoolExecutor(1, thread_name_prefix="draft")
        self._draft = self._lane.submit(self._write, as_of, now)

    def _write(self, as_of: date, now: datetime) -> publishing.Draft:
        try:
            return publishing.draft_version(
                self._settings,
                self._settings.building,
                self.version,
                as_of,
                now,
                without=publishing.WRITTEN_LAST,
                copied=self._copied.set,
            )
        finally:
            self._copied.set()

    def leave_the_build_alone(self) -> None:
        """Wait until the build may be written to: what is copied must be what dbt left."""
        self._copied.wait()

    def finish(self) -> publishing.Version:
        """The whole version, with what the gate and the alerts have added. Raises what writing it raised."""
        draft = self._draft.result()
        publishing.write_last_tables(self._settings, self._settings.building, draft, publishing.WRITTEN_LAST)
        return publishing.finish_version(draft)

    def abandon(self) -> None:
        """Wait for the thread; a version that is not the one that readers see is removed."""
        self._lane.shutdown()
        publishing.discard(self._settings, self.version)
