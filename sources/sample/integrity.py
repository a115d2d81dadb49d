"""Small agencies that send their whole list each time, and what does not add up between two lists."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa

from .calendar import day_number
from .chance import stream
from .dossiers import DAY, NEVER, Dossiers
from .inbox import KEEP, Fault
from .world import World

LIST_TURNS = (0, 2, 4)  # the deliveries that bring whole lists
LIST_SIZE = 55
_NOTHING_YET = {
    "outcome": 0,
    "keeps_original": False,
    **dict.fromkeys(
        ("supplement_requested", "supplement_received", "waits_from", "waits_to", "apologised", "moved"),
        NEVER,
    ),
    **dict.fromkeys(("finished", "entered", "returned", "stopped"), NEVER),
}
_SHOWS_IN = {  # kind of signal -> the column that gives it away
    "due_moved_after_passed": "due_at",
    "due_moved_twice": "due_at",
    "due_beyond_limit": "due_at",
    "finish_backdated": "finished_at",
    "finish_rewritten": "finished_at",
    "dossier_vanished": "dossier_code",
}


class OwnList:
    """The list of one agency over its deliveries, with one dossier for each kind of signal told in it."""

    def __init__(self, world: World, book: Dossiers, agency_code: str, kinds: tuple[str, ...]):
        self._world, self._book, self._agency_code = world, book, agency_code
        self._acts = _acts(world)
        calendar, office = world.calendar, world.province.offices.set_index("agency_code").loc[agency_code]
        start = max(day_number(date(world.as_of.year, 1, 1)), office.first_day)
        story_day = calendar.add(day_number(world.days[2]), -13)
        end = day_number(world.days[4]) - 1
        rng = stream(world.seed, f"dossiers of {agency_code}")
        days = rng.choice(calendar.between(min(start, story_day), end), LIST_SIZE - len(kinds))
        self._lives = book.draw(rng, np.sort(np.append(days, [story_day] * len(kinds))), only=agency_code)
        self._stories = dict(zip(kinds, self._lives.index[self._lives.day == story_day], strict=False))
        # Told of the procedure with the longest limit, so that a due date is too late only where meant.
        pairs, limits = world.province.pairs, world.province.procedures.processing_days
        own = pairs.procedure[pairs.agency_code == agency_code]
        for life in self._stories.values():
            self._lives.loc[life, "procedure"] = limits[own].idxmax()
            self._lives.loc[life, list(_NOTHING_YET)] = list(_NOTHING_YET.values())

    def show(self, turn: int) -> pa.Table:
        """The whole list as delivery `turn` shows it."""
        lives, until = self._lives.copy(), day_number(self._world.days[turn]) * DAY
        for kind, life in self._stories.items():
            for begins, changes in self._acts[kind].items():
                if begins <= turn:
                    lives.loc[life, list(changes)] = list(changes.values())
        if turn == LIST_TURNS[-1] and "dossier_vanished" in self._stories:
            lives = lives.drop(index=self._stories["dossier_vanished"])
        return self._book.show(lives[self._book.changed(lives, 0, until)], until)

    def signals(self, turn: int) -> list[Fault]:
        """What the list of delivery `turn` gives away against the list before; only the last one does."""
        if turn != LIST_TURNS[-1]:
            return []
        codes = self._book.show(self._lives, NEVER)["dossier_code"].to_pylist()
        before, after = (self.show(turn).to_pandas() for turn in LIST_TURNS[1:])
        faults = []
        for kind, life in self._stories.items():
            code, column = codes[life], _SHOWS_IN[kind]
            old, new = (list_.loc[list_.dossier_code == code, column] for list_ in (before, after))
            more = {
                "record_key": code,
                "agency_code": self._agency_code,
                "before": _text(old),
                "after": _text(new),
            }
            row = int(new.index[0]) if len(new) else None
            faults.append(Fault(row, column, KEEP, kind, "integrity", more))
        return faults


def _acts(world: World) -> dict[str, dict[int, dict[str, int | bool]]]:
    """For each kind: from which delivery on which moments of the dossier are what.

    Between the second list and the last one lie 8 days; a dossier is received 13 working days before the
    second.
    """
    middle, last = (day_number(world.days[turn]) for turn in LIST_TURNS[1:])

    def at(base: int, working_days: int, hour: int = 17) -> int:
        return int(world.calendar.add(base, working_days)) * DAY + hour * 3600

    passed = at(middle, -2)
    return {
        "due_moved_after_passed": {0: {"due": passed, "moved": at(last, -1, 9), "due_moved": at(last, 4)}},
        "due_moved_twice": {
            0: {
                "due": at(middle, -6),
                "moved": at(middle, -7, 9),
                "apologised": at(middle, -7, 9),
                "due_moved": at(middle, 1),
                "keeps_original": True,
            },
            4: {"due_moved": at(last, 5)},
        },
        "due_beyond_limit": {0: {"due": at(middle, 45)}},
        "finish_backdated": {0: {"due": passed, "finished": at(middle, -3, 16), "entered": at(last, -1, 16)}},
        "finish_rewritten": {
            0: {"due": at(middle, -4), "finished": at(middle, -3, 10), "entered": at(middle, -3, 10)},
            4: {"finished": at(middle, -5, 10)},
        },
        "dossier_vanished": {0: {"due": at(middle, 2)}},
    }


def _text(values: pd.Series) -> str | None:
    """The only value of `values` as text, None where there is none."""
    found = values.dropna()
    return str(found.iloc[0]) if len(found) else None
