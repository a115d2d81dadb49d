"""Exports of the electronic document office: documents, tasks, reports."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from .flat import Csv, Json
from .inbox import KEEP, RAGGED, Fault, Inbox, shown, spoil
from .office import assigned_tasks, documents, periodic_reports
from .sheets import Form, HtmlTable, Workbook
from .spelling import ISO_LOCAL, Habit, broken, decomposed, shouted
from .world import World

_REGISTER_ROWS = 160  # of a register kept as a sheet, whatever the sample's size
_DIRECTIONS = {"in": "I. VĂN BẢN TIẾP NHẬN", "out": "II. VĂN BẢN PHÁT HÀNH"}


def deliver(world: World, inbox: Inbox) -> None:
    """All deliveries of the source `document_office`."""
    _documents(world, inbox)
    _tasks(world, inbox)
    _reports(world, inbox)


def _documents(world: World, inbox: Inbox) -> None:
    first, last = world.days[0], world.days[-1]
    bulk = Csv(Habit(times=ISO_LOCAL, dates="%Y-%m-%d", booleans=("1", "0")), header="name")
    later = []
    parts = documents(world.province, world.calendar, world.seed, world.as_of, world.dossiers // 2)
    for part, data in enumerate(parts, 1):
        later.append(_between(data, first, last))
        data, faults = _between(data, date(1970, 1, 1), first), []
        if part == 1:
            count = data.num_rows
            data, faults = spoil(
                data,
                (count // 7, "registered_at", "2024-02-30T08:00:00", "unreadable_date"),
                (count // 5, "agency_code", None, "missing_value"),
                (count // 3, "secrecy", "Bình thường", "unknown_code"),
                (count // 2, "processed_online", "đang xử lý", "unreadable_boolean"),
            )
            faults.append(Fault(data.num_rows, None, KEEP, RAGGED))
        inbox.deliver(first, "documents", f"_p{part:02d}", data, bulk, faults)

    rest = pa.concat_tables(later)
    for turn, (since, until) in enumerate(world.windows, 1):
        data = _between(rest, since, until)
        if turn in (2, 4):  # part of it from registers kept as sheets
            _register(inbox, until, data.slice(0, _REGISTER_ROWS), as_workbook=turn == 2)
            data = data.slice(_REGISTER_ROWS)
        layout = Csv(Habit(labels=True), delimiter=";", bom=True)
        inbox.deliver(until, "documents", f"_{until:%Y%m%d}", data, layout)


def _register(inbox: Inbox, day: date, data: pa.Table, as_workbook: bool) -> None:
    title = f"SỔ LƯU CẤP SỐ VĂN BẢN NĂM {day.year}"
    if as_workbook:
        form = Form(titles=(title, ""), styled=(shouted,), habit=Habit(labels=True, booleans=("Đúng", "Sai")))
        layout = Workbook(form)
    else:
        data = data.sort_by([("direction", "ascending"), ("document_code", "ascending")])
        groups = {"group_rows": "direction", "group_text": _DIRECTIONS.get}
        layout = HtmlTable(Form(titles=(title,), habit=Habit(labels=True), **groups))
    inbox.deliver(day, "documents", "_so-van-ban", data, layout)


def _between(data: pa.Table, since: date, until: date) -> pa.Table:
    """Documents registered from the day `since` to the eve of `until`."""
    moment = data["registered_at"]
    start, end = (pa.scalar(day).cast(pa.timestamp("s")) for day in (since, until))
    return data.filter(pc.and_(pc.greater_equal(moment, start), pc.less(moment, end)))


def _tasks(world: World, inbox: Inbox) -> None:
    first = world.days[0]
    tasks = assigned_tasks(world.province, world.calendar, world.seed, world.as_of)
    later = {"completed_on": ["evidence_ref"]}
    data, faults = spoil(
        shown(tasks, None, first, "assigned_on", later).sort_values(["agency_code", "task_code"]),
        (15, "due_on", "2024-13-05", "unreadable_date"),
        (40, "task_name", None, "missing_value"),
    )
    form = Form(
        titles=("THEO DÕI NHIỆM VỤ ĐƯỢC GIAO", f"(Đến ngày {first:%d/%m/%Y})"),
        groups=(("Thời gian", ("assigned_on", "due_on", "completed_on")),),
        styled=(broken,),
        group_rows="agency_code",
        group_text=world.province.offices.set_index("agency_code").agency_name.get,
        signed=True,
        habit=Habit(labels=True),
    )
    inbox.deliver(first, "assigned_tasks", "_theo-doi", data, Workbook(form), faults)
    layouts = [
        Json(shape="data"),
        Csv(Habit(dates="%Y-%m-%d"), header="name", delimiter=";"),
        Json(Habit(labels=True), shape="lines"),
        Csv(Habit(labels=True, null="N/A"), bom=True),
        Json(),
    ]
    for (since, until), layout in zip(world.windows, layouts, strict=True):
        data = shown(tasks, since, until, "assigned_on", later)
        inbox.deliver(until, "assigned_tasks", f"_{until:%Y%m%d}", data, layout)


def _reports(world: World, inbox: Inbox) -> None:
    reports = periodic_reports(world.seed, world.as_of)
    later = {"sent_on": ["complete"]}
    form = Form(titles=("BÁO CÁO CẢI CÁCH HÀNH CHÍNH ĐỊNH KỲ",), styled=(decomposed,))
    first = shown(reports, None, world.days[0], "listed_on", later)
    inbox.deliver(world.days[0], "periodic_reports", "", first, HtmlTable(form))
    whole = shown(reports, None, world.as_of, "listed_on", later)
    inbox.deliver(world.days[4], "periodic_reports", "", whole, Csv(Habit(null="-")))
