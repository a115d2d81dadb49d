"""Exports of dossiers: nearly all in the first delivery, then what is new or changed, in other layouts."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa

from .calendar import day_number
from .chance import stream
from .dossiers import DAY, Dossiers
from .flat import Csv, Json, PortalJson
from .inbox import KEEP, RAGGED, Fault, Inbox
from .integrity import LIST_SIZE, LIST_TURNS, OwnList
from .sheets import LEVEL_SHEETS, NATION, Form, HtmlTable, Workbook
from .spelling import ISO_LOCAL, Habit, broken, decomposed, old_tones, shouted
from .world import World

# Rows of the slow layouts, whatever the sample's size.
_WORKBOOK_ROWS, _HTML_ROWS, _PORTAL_ROWS = 240, 150, 120
_SPACED = "%Y-%m-%d %H:%M:%S"


def deliver_dossiers(world: World, inbox: Inbox) -> None:
    """All deliveries of the table `dossiers`."""
    # A department with few dossiers and the last two communes of the catalogue keep lists of their own.
    apart = ["H62.18", *world.province.codes_on(world.as_of, "xa")[-2:]]
    exports = _Exports(world, inbox, Dossiers(world.province, world.calendar, world.seed, apart))
    changing, repaired = exports.bulk(world.dossiers - LIST_SIZE * len(apart))
    windows = [changing[exports.book.changed(changing, *window)] for window in pairwise(exports.cuts)]
    exports.second(windows[0])
    exports.third(windows[1])
    exports.fourth(windows[2], pd.concat([repaired, _unsynced(windows[0])]))
    exports.last_two(windows[3], windows[4])
    exports.own_lists(apart)


class _Exports:
    """The deliveries one by one; lives go in, files come out."""

    def __init__(self, world: World, inbox: Inbox, book: Dossiers):
        self.book = book
        self.cuts = [day_number(day) * DAY for day in world.days]
        self._world, self._inbox, self._days = world, inbox, world.days

    def bulk(self, total: int) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The first delivery: the year so far, and the end of last year as an archive.

        Gives the lives that later deliveries have to show, and those whose bad rows are to be repaired.
        """
        year = self._world.as_of.year
        new_year, last = day_number(date(year, 1, 1)), day_number(self._world.as_of) - 1
        archive = Csv(Habit(times=_SPACED, booleans=("true", "false")), delimiter="\t", header="name")
        running = Csv(delimiter=";", bom=True)
        # In the first days of January all dossiers are last year's.
        before = total // 25 if self._world.calendar.between(new_year, last).size else total
        batches = [
            (year - 1, archive, self.book.days(before, day_number(date(year - 1, 11, 1)), new_year - 1)),
            (year, running, self.book.days(total - before, new_year, last)),
        ]
        changing, repaired = [], []
        for batch, layout, days in batches:
            for part, lives in enumerate(self.book.chunks(days, f"dossiers {batch}"), 1):
                known = lives[self.book.changed(lives, 0, self.cuts[0])]
                data = self.book.show(known, self.cuts[0])
                faults = _bulk_faults(data) if (batch, part) == (year, 1) else []
                self._send(0, f"_{batch}_p{part:02d}", data, layout, faults)
                repaired.append(known.iloc[[fault.row for fault in faults[:4]]])
                changing.append(lives[self.book.changed(lives, self.cuts[0], self.cuts[-1])])
        return pd.concat(changing), pd.concat(repaired)

    def second(self, lives: pd.DataFrame) -> None:
        """A workbook, an HTML table and a message of the national portal beside the CSV."""
        chosen = stream(self._world.seed, "small layouts").permutation(len(lives))
        sizes = [min(size, len(chosen) // 5) for size in (_WORKBOOK_ROWS, _HTML_ROWS, _PORTAL_ROWS)]
        workbook, html, portal, rest = (
            self.book.show(lives.iloc[np.sort(rows)], self.cuts[1])
            for rows in np.split(chosen, np.cumsum(sizes))
        )
        self._one_stop_workbook(workbook)
        faults = _spread(html, ("due_at", "không rõ", "unreadable_date"), ("status", "Treo", "unknown_code"))
        form = Form(titles=("DANH SÁCH HỒ SƠ",), styled=(old_tones,), habit=Habit(labels=True, grouped=True))
        day = self._days[1]
        self._send(1, f" {day.day}-{day.month}-{day.year} 14h7", html, HtmlTable(form), faults)
        faults = _spread(portal, ("due_at", "20240231170000", "unreadable_date"))
        self._send(1, "_DVCQG", portal, PortalJson(shape="data"), faults)
        layout = Csv(Habit(times=ISO_LOCAL, booleans=("1", "0")), header="name")
        self._send(1, f"_{day:%Y%m%d}", rest, layout)

    def _one_stop_workbook(self, data: pa.Table) -> None:
        """Three sheets by level, group rows with the agency's name, a two-row header, totals, signatures."""
        offices = self._world.province.offices.set_index("agency_code")
        level = offices.level.reindex(data["agency_code"].to_pylist()).to_numpy()
        data = data.append_column("level", pa.array(level))
        order = [("level_order", "ascending"), ("agency_code", "ascending"), ("dossier_code", "ascending")]
        position = pa.array(pd.Series(level).map(list(LEVEL_SHEETS).index).astype("int64"))
        data = data.append_column("level_order", position).sort_by(order)
        faults = _spread(
            data,
            ("received_at", "31/02/2024", "unreadable_date"),
            ("fee_amount", "-1.000", "negative_amount"),
            ("components_total", "nhiều", "unreadable_number"),
        )
        components = [name for name in data.column_names if name.startswith("components_")]
        form = Form(
            titles=(*NATION, "", "SỔ THEO DÕI HỒ SƠ", f"(Đến ngày {self._days[1]:%d/%m/%Y})"),
            groups=(
                ("Người nộp", ("applicant_name", "applicant_id", "applicant_kind", "phone", "address")),
                ("Các mốc thời gian", ("submitted_at", "received_at", "due_at", "due_at_original")),
                ("Thành phần", tuple(components)),
            ),
            styled=(old_tones, broken),
            group_rows="agency_code",
            group_text=offices.agency_name.get,
            totals="fee_amount",
            signed=True,
            habit=Habit(labels=True),
        )
        guide = "Xuất từ Hệ thống thông tin giải quyết TTHC"
        layout = Workbook(form, sheet_by="level", sheet_names=LEVEL_SHEETS.get, guide=guide)
        self._send(1, "_mot-cua", data, layout, faults)

    def third(self, lives: pd.DataFrame) -> None:
        """Labels and Vietnamese numbers in the CSV; portal objects line by line."""
        data = self.book.show(lives, self.cuts[2])
        split = min(_PORTAL_ROWS, data.num_rows // 4)
        portal, rest = data.slice(0, split), data.slice(split)
        faults = _spread(portal, ("channel", "9", "unknown_code"))
        self._send(2, "_dvcqg", portal, PortalJson(shape="lines", as_text=False), faults)
        habit = Habit(booleans=("Đúng", "Sai"), labels=True, grouped=True)
        self._send(2, f"_{self._days[2]:%Y%m%d}", rest, Csv(habit, delimiter=";", bom=True))

    def fourth(self, lives: pd.DataFrame, corrected: pd.DataFrame) -> None:
        """Crosses for booleans; and corrections by key: repaired rows, late marks of the national portal."""
        layout = Csv(Habit(times="%d/%m/%Y %H:%M", booleans=("x", "")), delimiter="\t", bom=True)
        self._send(3, f"_{self._days[3]:%Y%m%d}", self.book.show(lives, self.cuts[3]), layout)
        self._send(3, "_dinh-chinh", self.book.show(corrected, self.cuts[3]), Json())

    def last_two(self, fifth: pd.DataFrame, sixth: pd.DataFrame) -> None:
        """A column that no contract names; the same file again a day later, before that day's own changes."""
        note = Fault(None, "Email", KEEP, "unknown_column", "warning")
        layout = Csv(Habit(labels=True), extra=(("Email", "nguoi.nop@vi-du.invalid"),))
        data = self.book.show(fifth, self.cuts[4])
        sent = self._send(4, f"_{self._days[4]:%Y%m%d}", data, layout, [note])
        self._inbox.resend(sent, "dossiers", self._days[5])

        # An older state of one dossier stands above its newer one: the later row of a file wins.
        data, faults = self.book.show(sixth, self.cuts[5]), []
        stale = self.book.show(sixth[sixth.received <= self.cuts[4]].tail(1), self.cuts[4])
        if stale.num_rows:
            data = pa.concat_tables([stale, data])
            more = {"record_key": stale["dossier_code"][0].as_py()}
            faults = [Fault(0, "dossier_code", KEEP, "duplicate_key", "none", more)]
        layout = Csv(Habit(times=_SPACED), bom=True, header="name")
        self._send(5, f"_{self._days[5]:%Y%m%d}", data, layout, faults)

    def own_lists(self, agencies: list[str]) -> None:
        """Three small agencies send their whole list each time, always under the same name."""
        serial = Form(titles=("DANH SÁCH HỒ SƠ TOÀN BỘ",), habit=Habit(labels=True))
        layouts = [
            Workbook(serial, excel_dates="serial"),
            HtmlTable(Form(titles=("Danh sách hồ sơ",), habit=Habit(labels=True, null="-"))),
            Workbook(
                Form(styled=(shouted, decomposed), signed=True),
                as_numbers=("channel", "applicant_kind", "status"),
            ),
        ]
        stories = [
            ("dossier_vanished", "due_moved_twice"),
            ("finish_backdated", "due_beyond_limit"),
            ("finish_rewritten", "due_moved_after_passed"),
        ]
        for code, layout, kinds in zip(agencies, layouts, stories, strict=True):
            own = OwnList(self._world, self.book, code, kinds)
            for turn in LIST_TURNS:
                self._send(turn, f"_toan-bo_{code}", own.show(turn), layout, own.signals(turn))

    def _send(self, turn: int, label: str, data: pa.Table, layout, faults: list[Fault] = ()):
        return self._inbox.deliver(self._days[turn], "dossiers", label, data, layout, faults)


def _unsynced(lives: pd.DataFrame) -> pd.DataFrame:
    """Some dossiers that the national portal had not got, once it has got them."""
    return lives[~lives.synced_national].head(40).assign(synced_national=True)


def _bulk_faults(data: pa.Table) -> list[Fault]:
    """One fault of each kind, on finished dossiers, which no later delivery would replace by itself."""
    done = np.flatnonzero(data["status"].to_numpy() == "10")
    if len(done) < 200:
        return []
    rows = iter(done[len(done) // 40 :: len(done) // 20])

    def fault(column: str, text: str | None, kind: str, expect: str = "row_rejected") -> Fault:
        row = int(next(rows))
        return Fault(row, column, text, kind, expect, {"record_key": data["dossier_code"][row].as_py()})

    return [
        fault("received_at", "31/02/2024", "unreadable_date"),
        fault("finished_at", "05/01/2015 09:00:00", "finished_before_received"),
        fault("fee_amount", "-50000", "negative_amount"),
        fault("status", "Đã giải quyết xong xuôi", "unknown_code"),
        fault("procedure_code", None, "missing_value"),
        fault("components_digitised", "99", "more_digitised_than_total"),
        fault("finished_at", None, "finished_missing"),
        fault("channel", "4", "unknown_code"),
        fault("satisfaction", "6", "out_of_range"),
        fault("paid_online", "có lẽ", "unreadable_boolean"),
        fault("agency_code", "H62.99", "unknown_agency", "integrity"),
        fault("procedure_code", "9.999999.000.00.00.H62", "unknown_procedure", "integrity"),
        Fault(data.num_rows, None, KEEP, RAGGED),
    ]


def _spread(data: pa.Table, *wanted: tuple[str, str, str]) -> list[Fault]:
    """Faults (column, text, kind) on rows spread over a small file."""
    faults = []
    for place, (column, text, kind) in enumerate(wanted, 1):
        row = data.num_rows * place // (len(wanted) + 1)
        if row < data.num_rows:
            more = {"record_key": data["dossier_code"][row].as_py()}
            faults.append(Fault(row, column, text, kind, more=more))
    return faults
