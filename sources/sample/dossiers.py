"""Dossiers: first the whole life of each, then what an export of a given moment shows of it.

A life holds moments as seconds since 1970 (local time), `NEVER` where something does not happen. An export
at `until` shows only what has happened by then, so that deliveries of different days agree with each other:
a dossier that is open in one is finished in a later one, never the other way round.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .calendar import WorkCalendar, as_date
from .chance import stream
from .people import People
from .province import LEVEL_SHARE, Province

NEVER = 2**40
DAY = 86_400
CHUNK = 250_000  # dossiers drawn and written at once; bounds memory at any total

_OPENING, _CLOSING = 7 * 3600 + 1800, 17 * 3600
_EVENTS = (
    "received",
    "supplement_requested",
    "supplement_received",
    "waits_from",
    "waits_to",
    "apologised",
    "moved",
    "entered",
    "returned",
    "stopped",
)


class Dossiers:
    """Draws lives of dossiers for a province and shows them as exports."""

    def __init__(self, province: Province, calendar: WorkCalendar, seed: int, apart: list[str]):
        """`apart`: agency codes that keep their own lists and get no share of the bulk."""
        self._calendar, self._seed = calendar, seed
        self._offices = {name: province.offices[name].to_numpy() for name in province.offices}
        self._procedures = {name: province.procedures[name].to_numpy() for name in province.procedures}
        self._pairs = {name: province.pairs[name].to_numpy() for name in province.pairs}
        self._apart = np.isin(self._offices["agency_code"], apart)
        self._codes = pa.array(self._procedures["procedure_code"])
        self._agencies = pa.array(self._offices["agency_code"])
        self._units = pa.array(self._offices["unit"])
        offices = province.offices
        districts = offices.loc[offices.level == "huyen", ["agency_code", "agency_name"]]
        self._people = People(
            offices.merge(
                districts, left_on="parent_code", right_on="agency_code", suffixes=("", "_of_parent")
            )
        )

    def days(self, count: int, first: int, last: int) -> np.ndarray:
        """Receipt days of `count` dossiers, ascending: working days `first`..`last`, busier on Mondays."""
        rng = stream(self._seed, "dossier days", first)
        days = self._calendar.between(first, last)
        weekday = (days + 3) % 7  # 1970-01-01 was a Thursday
        weight = np.array([1.2, 1.1, 1, 0.95, 0.95, 0.8, 0.8])[weekday] * rng.uniform(0.85, 1.15, len(days))
        return np.repeat(days, rng.multinomial(count, weight / weight.sum()))

    def chunks(self, days: np.ndarray, name: str) -> Iterator[pd.DataFrame]:
        """Lives for all `days`, in parts of whole days: dossier codes count within agency and day."""
        start, part = 0, 0
        while start < len(days):
            stop = np.searchsorted(days, days[min(start + CHUNK, len(days)) - 1], side="right")
            yield self.draw(stream(self._seed, name, part), days[start:stop])
            start, part = stop, part + 1

    def draw(self, rng: np.random.Generator, day: np.ndarray, only: str | None = None) -> pd.DataFrame:
        """Lives of dossiers received on `day` (ascending), at all agencies or `only` one, ordered by code."""
        pair = self._choose(rng, day, only)
        second = _office_hours(rng, len(day))
        order = np.argsort((day * 1000 + self._pairs["office"][pair]) * DAY + second, kind="stable")
        day, pair, second = day[order], pair[order], second[order]
        office, procedure = self._pairs["office"][pair], self._pairs["procedure"][pair]
        lives = {
            "office": office.astype("int32"),
            "procedure": procedure.astype("int32"),
            "day": day,
            "counter": _count_within(day * 1000 + office),
            "received": day * DAY + second,
            **self._reception(rng, pair, day, day * DAY + second),
            **self._people.draw(rng, self._offices["level"][office]),
        }
        lives |= self._handling(rng, office, procedure, day, second, lives)
        return pd.DataFrame(lives)

    def _choose(self, rng: np.random.Generator, day: np.ndarray, only: str | None) -> np.ndarray:
        """The pair (office x procedure) of each dossier, among those whose office exists on the day."""
        office, procedure = self._pairs["office"], self._pairs["procedure"]
        wanted = self._offices["agency_code"][office] == only if only else ~self._apart[office]
        weight = self._offices["activity"][office] * self._procedures["weight"][procedure] * wanted
        first, last = self._offices["first_day"], self._offices["last_day"]
        # Agencies begin or end only on these days; between two of them the choice is the same.
        borders = np.unique(np.concatenate([first, last + 1]))
        era = np.searchsorted(borders, day, side="right")
        chosen = np.empty(len(day), "int64")
        for number in np.unique(era):
            here = era == number
            alive = (first[office] < borders[number]) & (last[office] >= borders[number - 1])
            share = np.where(alive, weight, 0.0)
            for level, part in LEVEL_SHARE.items():
                of_level = self._pairs["level"] == level
                share[of_level] *= part / max(share[of_level].sum(), 1e-9)
            chosen[here] = np.searchsorted(
                np.cumsum(share / share.sum()), rng.random(here.sum()), side="right"
            )
        return np.minimum(chosen, len(weight) - 1)

    def _reception(self, rng, pair, day, received) -> dict[str, np.ndarray]:
        """What is settled at the counter: channel, submission, fee, components."""
        count = len(pair)
        office, procedure = self._pairs["office"][pair], self._pairs["procedure"][pair]
        level = np.where(day < self._pairs["changed_day"][pair], 3, self._pairs["online_level"][pair])
        online = self._offices["online"][office] * np.select([level == 4, level == 3], [1.0, 0.55], 0.0)
        draw = rng.random(count)
        channel = np.select([draw < online, draw > 0.97], [2, 3], 1).astype("int8")
        before = np.select(
            [channel == 2, channel == 3],
            [rng.integers(60, 40 * 3600, count), rng.integers(DAY, 3 * DAY, count)],
            0,
        )
        fee = self._procedures["fee_vnd"][procedure]
        copies = np.where((fee > 0) & (fee <= 10_000), rng.integers(1, 9, count), 1)
        exempt = (fee > 0) & (rng.random(count) < 0.05)
        cashless = self._offices["cashless"][office] * np.where(channel == 2, 1.0, 0.15)
        paid_online = self._pairs["online_payment_enabled"][pair] & ~exempt & (rng.random(count) < cashless)
        total = np.maximum(self._procedures["components"][procedure] + rng.integers(-1, 2, count), 1)
        digitises = rng.random(count) < self._offices["digitises"][office] * np.where(channel == 2, 1.1, 0.85)
        return {
            "channel": channel,
            "submitted": received - before,
            "fee_amount": np.where(exempt & (rng.random(count) < 0.7), 0, fee * copies),
            "fee_exempt": exempt,
            "paid_online": paid_online,
            "components_total": total.astype("int16"),
            "components_digitised": np.where(
                digitises, 1 + (rng.random(count) * total).astype(int), 0
            ).astype("int16"),
            "components_reused": (rng.random(count) < 0.1).astype("int16"),
            "components_from_national": (rng.random(count) < 0.04).astype("int16"),
            "synced_national": rng.random(count) >= self._offices["unsynced"][office],
            "published_provincial": rng.random(count) >= 0.3 * self._offices["unsynced"][office],
        }

    def _handling(self, rng, office, procedure, day, second, lives) -> dict[str, np.ndarray]:
        """How the dossier goes on: due date, supplement, delay, apology, end. Days first, then moments."""
        calendar, count = self._calendar, len(day)
        limit = self._procedures["processing_days"][procedure].astype("int64")  # half a day = the same day
        due = calendar.add(day, limit)

        late = rng.random(count) < self._offices["late"][office] * np.where(limit == 0, 0.3, 1.0)
        overrun = rng.geometric(0.3, count)
        pace = rng.beta(2.5, 1.6, count)
        finish = calendar.add(day, np.where(late, limit + overrun, (limit * pace).astype("int64")))
        stuck = late & (rng.random(count) < 0.1)

        # An apology in time moves the due date (NĐ 61/2018 Đ19.9); a belated one does not.
        apologises = late & (rng.random(count) < self._offices["apologises"][office])
        in_time = apologises & (limit >= 2) & (rng.random(count) < 0.55)
        apology = calendar.add(due, np.where(in_time, -1, 1))
        moves = in_time & (rng.random(count) < 0.8)

        # Waiting for a supplement is added to the due date; the request comes within 3 working days (Đ19.4).
        asked = ~late & (limit >= 5) & (rng.random(count) < 0.04)
        requested = calendar.add(day, rng.integers(1, 4, count))
        answered = calendar.add(requested, 1 + (rng.random(count) * np.maximum(limit - 4, 0)).astype("int64"))
        unanswered = asked & (rng.random(count) < 0.08)
        extended = calendar.add(due, calendar.distance(requested, answered))
        left = calendar.distance(answered, np.maximum(extended, answered))
        finish = np.where(asked, calendar.add(answered, (left * pace).astype("int64")), finish)

        # Land tax is paid while the clock stands still.
        waits = ~late & ~asked & (limit >= 10) & (lives["fee_amount"] > 0) & (rng.random(count) < 0.1)
        waits_to = calendar.add(day, 8)
        finish = np.where(waits, np.maximum(finish, waits_to), finish)

        outcome = rng.random(count)
        refused_entry = (lives["channel"] == 2) & (outcome < 0.012)
        withdrawn = ~refused_entry & (limit >= 2) & (outcome > 0.991)
        stopped = ~refused_entry & (limit >= 2) & (outcome > 0.987) & ~withdrawn
        ended = refused_entry | withdrawn | stopped
        plain = ~ended

        hour = np.where(rng.random(count) < 0.004, 83_400, rng.integers(8 * 3600, _CLOSING + 900, count))
        hour = np.where(finish == day, np.minimum(second + 300 + (hour - 28_800) // 8, 86_000), hour)
        finished = _moment(finish, hour, plain & ~stuck & ~unanswered)
        lag = np.where(rng.random(count) < 0.6, 0, rng.integers(1, 5, count))
        returned = np.where(
            lag == 0, finished + 1200, calendar.add(finish, lag) * DAY + 9 * 3600 + hour % 3600
        )
        handed = (finished != NEVER) & (rng.random(count) < 0.92)
        at_once = (limit == 0) & (rng.random(count) < 0.35) | (rng.random(count) < 0.002)
        return {
            "outcome": np.select([refused_entry, withdrawn, stopped], [3, 7, 8], 0).astype("int8"),
            "due": _moment(due, _CLOSING, ~refused_entry & ~at_once),
            "due_moved": np.select(
                [moves, asked],
                [_moment(calendar.add(due, overrun + 1), _CLOSING), _moment(extended, _CLOSING)],
                NEVER,
            ),
            "keeps_original": moves | (rng.random(count) < 0.12),
            "supplement_requested": _moment(requested, 10 * 3600, asked & plain),
            "supplement_received": _moment(answered, 15 * 3600, asked & plain & ~unanswered),
            "waits_from": _moment(calendar.add(day, 3), 10 * 3600, waits & plain),
            "waits_to": _moment(waits_to, 7 * 3600, waits & plain),
            "apologised": _moment(apology, 8 * 3600 + 900, apologises & plain & ~at_once),
            "moved": np.select(
                [moves & plain & ~at_once, asked & plain & ~unanswered & ~at_once],
                [_moment(apology, 8 * 3600 + 900), _moment(answered, 15 * 3600)],
                NEVER,
            ),
            "finished": finished,
            "entered": finished,
            "returned": np.where(handed, returned, NEVER),
            "stopped": _moment(calendar.add(day, np.minimum(limit, 2)), 11 * 3600, ended),
            "attached": self._procedures["has_result"][procedure]
            & (rng.random(count) < self._offices["attaches"][office]),
            "satisfaction": np.where(
                rng.random(count) < 0.12, 1 + np.searchsorted([0.01, 0.03, 0.08, 0.35], rng.random(count)), 0
            ).astype("int8"),
        }

    def changed(self, lives: pd.DataFrame, since: int, until: int) -> np.ndarray:
        """Which lives an export of the changes after `since` and up to `until` has to show (mask)."""
        hit = np.zeros(len(lives), bool)
        for event in _EVENTS:
            moment = lives[event].to_numpy()
            hit |= (moment > since) & (moment <= until)
        return hit & (lives.received.to_numpy() <= until)

    def show(self, lives: pd.DataFrame, until: int) -> pa.Table:
        """The dossiers as an export at `until` shows them: the columns of the contract, in its order."""
        life = {name: lives[name].to_numpy() for name in lives}
        seen = {name: life[name] <= until for name in _EVENTS}
        entry_refused = life["outcome"] == 3
        accepted = ~entry_refused
        ended = seen["stopped"] & (life["outcome"] > 3)
        done, handed = seen["entered"], seen["returned"] & seen["entered"]
        withdrawn = ended & (life["outcome"] == 7)
        status = np.select(
            [
                entry_refused & seen["stopped"],
                entry_refused,
                ended,
                handed,
                done,
                seen["supplement_requested"] & ~seen["supplement_received"],
                seen["waits_from"] & ~seen["waits_to"],
                until - life["received"] < DAY,
            ],
            [3, 1, life["outcome"], 10, 9, 5, 6, 2],
            4,
        )
        due = np.where(seen["moved"], life["due_moved"], life["due"])
        original = seen["moved"] & life["keeps_original"]
        touched = np.max([np.where(seen[name], life[name], 0) for name in _EVENTS], axis=0)
        columns = {
            "dossier_code": self._dossier_codes(lives),
            "procedure_code": self._codes.take(pa.array(lives.procedure)),
            "agency_code": self._agencies.take(pa.array(lives.office)),
            "channel": pa.array(life["channel"]).cast(pa.string()),
            **self._people.spell(lives),
            "submitted_at": _stamps(life["submitted"]),
            "received_at": _stamps(life["received"], accepted),
            "due_at": _stamps(due, due != NEVER),
            "due_at_original": _stamps(life["due"], original),
            "supplement_requested_at": _stamps(life["supplement_requested"], seen["supplement_requested"]),
            "supplement_received_at": _stamps(life["supplement_received"], seen["supplement_received"]),
            "supplement_count": pa.array(seen["supplement_requested"].astype("int64")),
            "finished_at": _stamps(np.where(withdrawn, life["stopped"], life["finished"]), done | withdrawn),
            "returned_at": _stamps(life["returned"], handed),
            "status": pa.array(status).cast(pa.string()),
            "fee_amount": pa.array(life["fee_amount"]),
            "fee_exempt": pa.array(life["fee_exempt"]),
            "paid_online": pa.array(life["paid_online"] & accepted),
            "components_total": pa.array(life["components_total"]),
            "components_digitised": pa.array(life["components_digitised"]),
            "components_reused": pa.array(life["components_reused"]),
            "components_from_national": pa.array(life["components_from_national"]),
            "result_attached": pa.array(life["attached"] & done),
            "synced_national": pa.array(life["synced_national"]),
            "published_provincial": pa.array(life["published_provincial"]),
            "apology_sent_at": _stamps(life["apologised"], seen["apologised"]),
            "satisfaction": pa.array(life["satisfaction"], mask=~(handed & (life["satisfaction"] > 0))),
            "updated_at": _stamps(touched),
        }
        return pa.table(columns)

    def _dossier_codes(self, lives: pd.DataFrame) -> pa.Array:
        """`<unit>-YYMMDD-XXXX` (TT 01/2018 Đ19): agency, day of receipt, counter of the day."""
        days, position = np.unique(lives.day.to_numpy(), return_inverse=True)
        stamp = pa.array([f"{as_date(day):%y%m%d}" for day in days], pa.string()).take(pa.array(position))
        highest = lives.counter.max() if len(lives) else 0
        counter = pa.array([f"{number:04d}" for number in range(highest + 1)]).take(pa.array(lives.counter))
        return pc.binary_join_element_wise(self._units.take(pa.array(lives.office)), stamp, counter, "-")


def _office_hours(rng: np.random.Generator, count: int) -> np.ndarray:
    """Seconds of the day within office hours, more in the morning."""
    morning = rng.random(count) < 0.58
    return np.where(
        morning,
        rng.integers(_OPENING, 11 * 3600 + 1800, count),
        rng.integers(13 * 3600 + 1800, _CLOSING, count),
    )


def _count_within(key: np.ndarray) -> np.ndarray:
    """1, 2, 3 ... within each run of equal keys."""
    position = np.arange(len(key))
    starts = np.concatenate([[True], key[1:] != key[:-1]])[: len(key)]
    return position - np.maximum.accumulate(np.where(starts, position, 0)) + 1


def _moment(day: np.ndarray, second: np.ndarray | int, happens: np.ndarray | bool = True) -> np.ndarray:
    """Seconds since 1970 of a day and a second of it, or NEVER."""
    return np.where(happens, day * DAY + second, NEVER)


def _stamps(moments: np.ndarray, known: np.ndarray | None = None) -> pa.Array:
    """Timestamps, null where not `known`."""
    return pa.array(moments.astype("datetime64[s]"), mask=None if known is None else ~known)
