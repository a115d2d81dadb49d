"""Exports of the finance data: plans, payments, findings, compliance, service units, revenue."""

from __future__ import annotations

import pandas as pd

from . import finance
from .flat import Csv, Json
from .inbox import KEEP, Fault, Inbox, shown, spoil
from .sheets import Form, HtmlTable, Workbook
from .spelling import Habit, broken, old_tones, shouted
from .world import World


def deliver(world: World, inbox: Inbox) -> None:
    """All deliveries of the source `finance`."""
    plans = finance.capital_plans(world.province, world.seed, world.as_of)
    _plans(world, inbox, plans)
    _payments(world, inbox, plans)
    _findings(world, inbox)
    _compliance(world, inbox)
    _units(world, inbox)
    _revenue(world, inbox)


def _plans(world: World, inbox: Inbox, plans: pd.DataFrame) -> None:
    data, faults = spoil(
        plans.sort_values(["budget_year", "agency_code"], kind="stable"),
        (30, "planned_vnd", "-5.000.000.000", "negative_amount"),
        (70, "planned_vnd", "12 tỷ", "unreadable_number"),
        (110, "capital_source", None, "missing_value"),
    )
    form = Form(
        titles=("KẾ HOẠCH VỐN ĐẦU TƯ CÔNG", "Đơn vị tính: đồng"),
        styled=(shouted,),
        group_rows="agency_code",
        group_text=world.province.offices.set_index("agency_code").agency_name.get,
        totals="planned_vnd",
        signed=True,
    )
    layout = Workbook(form, sheet_by="budget_year", sheet_names="Năm {}".format)
    inbox.deliver(world.days[0], "capital_plans", "_dau-tu-cong", data, layout, faults)
    # Some plans of the running year are raised.
    raised = plans[plans.budget_year == world.as_of.year].iloc[::23]
    raised = raised.assign(planned_vnd=raised.planned_vnd + 500 * finance.MILLION)
    inbox.deliver(world.days[3], "capital_plans", "_dieu-chinh", raised, Json(shape="data"))


def _payments(world: World, inbox: Inbox, plans: pd.DataFrame) -> None:
    first, middle, last = world.days[0], world.days[2], world.days[4]
    payments = finance.disbursements(plans, world.calendar, world.seed, world.as_of)
    data, faults = spoil(
        shown(payments, None, first, "paid_on"),
        (100, "amount_vnd", "mười triệu", "unreadable_number"),
        (250, "project_code", None, "missing_value"),
        (400, "paid_on", "29/02/2023", "unreadable_date"),
    )
    inbox.deliver(first, "disbursements", "", data, Csv(Habit(grouped=True), delimiter=";", bom=True), faults)
    data = shown(payments, first, middle, "paid_on")
    form = Form(titles=("SAO KÊ CHỨNG TỪ",), totals="amount_vnd")
    inbox.deliver(
        middle, "disbursements", f"_{middle:%Y%m%d}", data, Workbook(form, as_numbers=("project_code",))
    )

    # A voucher for a project that has no plan: no fault of the row, but the money is counted nowhere.
    data = shown(payments, middle, last, "paid_on")
    orphan = payments.tail(1).assign(voucher_code=f"CT{last.year}-KHV01", project_code="7999999")
    more = {"record_key": f"CT{last.year}-KHV01", "before": None, "after": "7999999"}
    fault = Fault(len(data), "project_code", KEEP, "payment_without_plan", "integrity", more)
    layout = Csv(Habit(dates="%Y-%m-%d"), header="name", delimiter="\t")
    inbox.deliver(last, "disbursements", f"_{last:%Y%m%d}", pd.concat([data, orphan]), layout, [fault])


def _findings(world: World, inbox: Inbox) -> None:
    days = world.days
    findings = finance.audit_findings(world.province, world.seed, world.as_of)
    later = {"completed_on": []}
    first = shown(findings, None, days[0], "issued_on", later)
    data, faults = spoil(first, (22, "recovered_vnd", "-1", "negative_amount"))
    form = Form(
        titles=("TỔNG HỢP KIẾN NGHỊ SAU THANH TRA, KIỂM TOÁN", "Đơn vị tính: đồng"),
        groups=(("Số tiền", ("amount_vnd", "recovered_vnd")),),
        habit=Habit(grouped=True),
    )
    layout = Workbook(form, excel_dates=None, excel_numbers=False)
    inbox.deliver(days[0], "audit_findings", "", data, layout, faults)
    data = shown(findings, days[0], days[4], "issued_on", later)
    inbox.deliver(days[4], "audit_findings", "_cap-nhat", data, Json(Habit(dates="%d/%m/%Y")))
    # A correction typed by hand: so many bad rows that the whole delivery has to be held back.
    faults = [
        Fault(1, "amount_vnd", "khoảng 2 tỷ", "unreadable_number"),
        Fault(4, "issued_on", "32/10/2024", "unreadable_date"),
        Fault(6, "agency_code", None, "missing_value"),
        Fault(9, "recovered_vnd", "-200000", "negative_amount"),
        Fault(None, None, KEEP, "too_many_rejected_rows", "delivery_held_back"),
    ]
    corrected = findings.head(12)
    inbox.deliver(days[3], "audit_findings", "_dinh-chinh", corrected, Csv(bom=True), faults, capped=False)


def _compliance(world: World, inbox: Inbox) -> None:
    data, faults = spoil(
        finance.budget_compliance(world.province, world.seed, world.as_of),
        (60, "premises_approved", "99", "more_approved_than_total"),
    )
    titles = ("TÌNH HÌNH SỬ DỤNG KINH PHÍ, TÀI SẢN CÔNG",)
    layout = HtmlTable(Form(titles=titles, styled=(old_tones,), habit=Habit(booleans=("x", ""))))
    inbox.deliver(world.days[0], "budget_compliance", "", data, layout, faults)


def _units(world: World, inbox: Inbox) -> None:
    data, faults = spoil(
        finance.service_units(world.province, world.seed, world.as_of),
        (50, "direct_budget_vnd", "-1000000", "negative_amount"),
        (260, "self_financing_pct", "bảy mươi", "unreadable_number"),
    )
    form = Form(styled=(broken,), habit=Habit(grouped=True, booleans=("Đúng", "Sai")))
    layout = Workbook(form, excel_numbers=False, sheet_by="budget_year", sheet_names=str)
    inbox.deliver(world.days[0], "service_units", "_tu-chu", data, layout, faults)


def _revenue(world: World, inbox: Inbox) -> None:
    months = finance.revenue(world.seed, world.as_of)
    closed = months.month < f"{world.days[0]:%Y-%m}"
    data, faults = spoil(months[closed], (5, "month", "2024-13", "wrong_shape"))
    inbox.deliver(world.days[0], "revenue", "", data, Json(), faults)
    layout = Json(Habit(labels=True), shape="lines")
    inbox.deliver(world.days[4], "revenue", "_bo-sung", months[~closed], layout)
