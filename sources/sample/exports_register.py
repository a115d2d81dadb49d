"""Exports of the register of criteria: reported results, surveys, yearly numbers."""

from __future__ import annotations

from . import register
from .flat import Csv
from .inbox import Inbox, shown, spoil
from .sheets import Form, HtmlTable, Workbook
from .spelling import Habit, decomposed, loose, shouted
from .world import World


def deliver(world: World, inbox: Inbox) -> None:
    """All deliveries of the source `register`."""
    first, last = world.days[0], world.days[4]
    results = register.criteria_results(world.province, world.seed, world.as_of)
    data, faults = spoil(
        shown(results, None, first, "reported_on"),
        (12, "denominator", "0", "out_of_range"),
        (45, "self_score", "-0.5", "out_of_range"),
        (70, "target_id", None, "missing_value"),
    )
    titles = ("SỔ THEO DÕI TIÊU CHÍ CẢI CÁCH HÀNH CHÍNH",)
    form = Form(titles=titles, styled=(shouted, decomposed), signed=True)
    inbox.deliver(first, "criteria_results", "_so-theo-doi", data, Workbook(form), faults)
    data = shown(results, first, world.as_of, "reported_on")
    form = Form(titles=("Báo cáo bổ sung",), habit=Habit(null="N/A"))
    inbox.deliver(last, "criteria_results", "_bo-sung", data, HtmlTable(form))

    data, faults = spoil(register.survey_scores(world.as_of), (3, "satisfaction_pct", "120", "out_of_range"))
    layout = Csv(Habit(grouped=True, labels=True), delimiter=";")
    inbox.deliver(first, "survey_scores", "", data, layout, faults)

    data, faults = spoil(register.indicators(world.as_of), (20, "value", "N/A", "missing_value"))
    form = Form(titles=("SỐ LIỆU HẰNG NĂM",), styled=(loose,), habit=Habit(grouped=True))
    inbox.deliver(first, "indicators", "_hang-nam", data, Workbook(form, excel_numbers=False), faults)
