"""Exports of the one-stop-shop system but for its dossiers: catalogues, feedback, grades."""

from __future__ import annotations

from .citizens import feedback, service_quality
from .exports_dossiers import deliver_dossiers
from .flat import Csv, Json
from .inbox import Inbox, shown, spoil
from .sheets import LEVEL_SHEETS, NATION, Form, HtmlTable, Workbook
from .spelling import ISO_LOCAL, ISO_UTC, Habit, broken, decomposed, old_tones, shouted
from .world import World


def deliver(world: World, inbox: Inbox) -> None:
    """All deliveries of the source `tthc`."""
    _agencies(world, inbox)
    _procedures(world, inbox)
    _pairs(world, inbox)
    _feedback(world, inbox)
    _grades(world, inbox)
    _strangers(world, inbox)
    deliver_dossiers(world, inbox)


def _agencies(world: World, inbox: Inbox) -> None:
    agencies, faults = spoil(world.province.agencies, (-1, "level", "Cấp thôn", "unknown_code"))
    titles = (*NATION, "", "DANH MỤC CƠ QUAN, ĐƠN VỊ TỈNH VĨNH PHÚC")
    form = Form(titles=titles, styled=(shouted, broken), signed=True, habit=Habit(labels=True))
    inbox.deliver(world.days[0], "agencies", "_danh-muc", agencies, Workbook(form), faults)


def _procedures(world: World, inbox: Inbox) -> None:
    days = world.days
    by_level = {"by": "authority_level", "key": lambda level: level.map(list(LEVEL_SHEETS).index)}
    procedures = world.province.procedures.sort_values(**by_level, kind="stable")
    data, faults = spoil(
        procedures,
        (12, "processing_days", "0", "out_of_range"),
        (95, "promulgated_on", "30/02/2024", "unreadable_date"),
    )
    form = Form(
        titles=("DANH MỤC THỦ TỤC HÀNH CHÍNH", f"(Tính đến ngày {days[0]:%d/%m/%Y})"),
        groups=(
            ("Công bố", ("promulgation_due_on", "promulgated_on")),
            ("Công khai", ("published_national", "published_provincial")),
        ),
        styled=(decomposed,),
        habit=Habit(labels=True, grouped=True),
    )
    layout = Workbook(
        form,
        excel_dates="serial",
        excel_numbers=False,
        sheet_by="authority_level",
        sheet_names=LEVEL_SHEETS.get,
        guide="Mỗi trang là thủ tục của một cấp. Không sửa dòng tiêu đề.",
    )
    inbox.deliver(days[0], "procedures", "_TTHC", data, layout, faults)
    # One of the two procedures with a rule beyond the province's authority is put right.
    corrected = procedures[procedures.beyond_authority].head(1).assign(beyond_authority=False)
    inbox.deliver(days[1], "procedures", "_dieu-chinh", corrected, Json())


def _pairs(world: World, inbox: Inbox) -> None:
    days, pairs = world.days, world.province.pair_rows
    count = len(pairs)
    data, faults = spoil(
        pairs,
        (count // 5, "online_level", "Mức 5", "unknown_code"),
        (count // 3, "one_stop_served", "chưa rõ", "unreadable_boolean"),
        (count // 2, "procedure_code", None, "missing_value"),
        (count // 2 + 40, "valid_from", "31/06/2023", "unreadable_date"),
    )
    inbox.deliver(days[0], "agency_procedures", "", data, Csv(Habit(labels=True)), faults)
    # Online payment is switched on for a few pairs that lacked it.
    late = pairs[pairs.online_payment_eligible & ~pairs.online_payment_enabled].iloc[::9]
    layout = Csv(Habit(booleans=("1", "0"), dates="%Y-%m-%d"), delimiter="\t", header="name")
    inbox.deliver(days[3], "agency_procedures", "_bo-sung", late.assign(online_payment_enabled=True), layout)


def _feedback(world: World, inbox: Inbox) -> None:
    first = world.days[0]
    entries = feedback(world.province, world.calendar, world.seed, world.as_of)
    later = {"answered_at": [], "published_at": []}
    data, faults = spoil(
        shown(entries, None, first, "received_at", later),
        (20, "due_at", "01/01/2020 08:00", "due_before_receipt"),
        (90, "kind", "Khác", "unknown_code"),
    )
    titles = ("DANH SÁCH PHẢN ÁNH, KIẾN NGHỊ", f"Ngày xuất: {first:%d/%m/%Y}")
    layout = HtmlTable(Form(titles=titles, habit=Habit(times="%d/%m/%Y %H:%M", labels=True)))
    label = decomposed(f"_Danh sách phản ánh {first.day}-{first.month}-{first.year} 8h5")
    inbox.deliver(first, "feedback", label, data, layout, faults)
    layouts = [
        Json(shape="lines"),
        Csv(Habit(times=ISO_LOCAL, labels=True, null="-"), delimiter=";"),
        Json(shape="data"),
        Csv(Habit(null="NULL"), bom=True, header="name"),
        Json(Habit(times=ISO_UTC)),
    ]
    for (since, until), layout in zip(world.windows, layouts, strict=True):
        data = shown(entries, since, until, "received_at", later)
        inbox.deliver(until, "feedback", f"_{until:%Y%m%d}", data, layout)


def _grades(world: World, inbox: Inbox) -> None:
    grades = service_quality(world.province, world.seed, world.as_of)
    cut = int(len(grades) * 0.8)
    data, faults = spoil(grades[:cut], (30, "period", "Quý I", "wrong_shape"))
    inbox.deliver(world.days[0], "service_quality", "", data, Json(Habit(labels=True)), faults)
    titles = ("KẾT QUẢ ĐÁNH GIÁ CHẤT LƯỢNG GIẢI QUYẾT TTHC",)
    layout = HtmlTable(Form(titles=titles, styled=(old_tones,), habit=Habit(labels=True)))
    inbox.deliver(world.days[3], "service_quality", "_bo-sung", grades[cut:], layout)


def _strangers(world: World, inbox: Inbox) -> None:
    """Files that no reader can use."""
    days, few = world.days, world.province.procedures.head(30)
    report = "Tháng,Tổng số\n10,1234\n".encode()
    inbox.place_file("tthc", days[1], "bao_cao_tong_hop.csv", report, "unknown_name")
    lock = b"\x05admin".ljust(165, b" ")
    inbox.place_file("tthc", days[1], "~$dossiers_mot-cua.xlsx", lock, "lock_file")

    torn = inbox.deliver(days[2], "procedures", "_loi-xuat", few, Workbook())
    content = torn.read_bytes()
    torn.write_bytes(content[: len(content) // 2])
    inbox.refuse(torn, "procedures", None, "truncated_workbook")

    lacking = inbox.deliver(days[3], "procedures", "_thieu-cot", few, Csv(without=("owner_code",)))
    inbox.refuse(lacking, "procedures", "owner_code", "column_missing")
