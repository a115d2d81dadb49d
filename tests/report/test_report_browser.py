"""The morning page in a real headless browser: from a file, without a network, wide and on a phone."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from orchestration.report import write_report
from tests.plan import targets_in_force

from . import synthetic
from .browser import Browser
from .test_report_page import HOSTILE

AXE = (Path(__file__).parent / "axe.min.js").read_text("utf-8")
DRAWN = "document.documentElement.dataset.drawn === 'yes'"
TEXT = "document.querySelector('{}').innerText"


@pytest.fixture
def wide(chromium: Browser, page: Path) -> Browser:
    chromium.size(1440, 1000)
    chromium.open(page)
    chromium.wait_for(DRAWN)
    return chromium


def click(browser: Browser, selector: str) -> None:
    browser.run(f"document.querySelector({selector!r}).click()")


def choose(browser: Browser, name: str, value: str) -> None:
    browser.run(
        f"(() => {{ const s = document.querySelector('[name={name}]'); s.value = {value!r};"
        " s.dispatchEvent(new Event('change', {bubbles: true})); })()"
    )


def rows(browser: Browser, section: str) -> list[str]:
    return browser.run(f"[...document.querySelectorAll('#{section} tbody tr')].map(r => r.innerText)")


def axe(browser: Browser) -> list[str]:
    browser.run(AXE + "; undefined")
    return browser.run(
        "axe.run(document, {resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a',"
        " 'wcag21aa', 'wcag22aa', 'best-practice']}).then(r => r.violations.map(v => v.id + ': ' +"
        " v.nodes.slice(0, 5).map(n => n.target + ' ' + n.failureSummary).join(' / ')))"
    )


def test_it_asks_for_nothing_and_has_no_errors(wide: Browser, page: Path) -> None:
    assert wide.errors == []
    assert [url for url in wide.requests if not url.startswith("data:")] == [page.resolve().as_uri()]


def test_it_says_when_it_is_ready(chromium: Browser, page: Path) -> None:
    """The page notes when text, filters and details work; how long that takes is printed by the benchmark."""
    chromium.open(page)
    assert int(chromium.run("document.documentElement.dataset.ready")) > 0


def test_the_first_screen_says_total_missed_and_who(wide: Browser) -> None:
    overview = wide.run(TEXT.format("#overview"))
    assert "Tổng điểm" in overview and "86,44" in overview
    assert "Chưa đạt: cơ quan nào chủ trì" in overview and "Sở Tài chính" in overview
    missed = int(wide.run(TEXT.format("button[data-status=missed] b")))
    bottom = wide.run("document.querySelector('#overview').getBoundingClientRect().bottom")
    assert missed > 0 and bottom < 1000
    assert wide.run("document.querySelectorAll('.chart svg').length") >= 3


def test_points_are_labelled_as_estimates_in_both_languages(wide: Browser) -> None:
    for label in ("Ước tính, chưa có thang điểm chính thức", "Estimate, official scale not loaded"):
        for section in ("#estimate", "#overview", "#fields", "#targets", "#regain"):
            assert label.lower() in wide.run(TEXT.format(section)).lower(), section
        click(wide, "#lang")


def test_filters_narrow_the_targets(wide: Browser) -> None:
    everything = len(targets_in_force(synthetic.AS_OF))
    assert len(rows(wide, "targets")) == everything
    choose(wide, "field", "3")
    of_field = len([target for target in targets_in_force(synthetic.AS_OF) if target.startswith("3.")])
    assert len(rows(wide, "targets")) == of_field
    choose(wide, "level", "xa")
    communes = rows(wide, "targets")
    assert 0 < len(communes) < of_field and any("3.4.3" in row for row in communes)
    click(wide, "#reset")
    click(wide, "button[data-status=missed]")
    assert all("Chưa đạt" in row for row in rows(wide, "targets"))
    click(wide, "#reset")
    wide.run(
        "(() => { const q = document.querySelector('[name=q]'); q.value = 'XIN LOI nguoi dan';"
        " q.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )
    assert [row for row in rows(wide, "targets") if "3.4.4" in row] == rows(wide, "targets")
    click(wide, "#reset")
    choose(wide, "agency", "2")
    assert "Sở Tư pháp" in wide.run(TEXT.format("#targets"))
    assert 0 < len(rows(wide, "targets")) < everything
    assert wide.run("document.querySelector('#ranking tr.mine').innerText").count("Sở Tư pháp") == 1


def test_an_agency_sees_the_alerts_of_what_it_misses_with_many_others(wide: Browser) -> None:
    """What many miss is one alert; "no alert" would be read as "all is well"."""
    tables = synthetic.tables()
    agencies, figures, alerts = (tables[name] for name in ("dim_agency", "fct_indicator", "fct_alert"))
    (code,) = set(agencies[agencies["agency_name"] == "Sở Tư pháp"]["agency_code"])
    own = figures[
        (figures["agency_code"] == code) & figures["is_headline"] & (figures["period_kind"] == "ytd")
    ]
    missed = set(own[own["meets_target"].eq(False)]["target_id"])
    told = set(alerts[alerts["kind"] == "target_missed"]["target_id"])
    assert missed & told and told - missed
    choose(wide, "agency", "2")
    shown = rows(wide, "alerts")
    assert len(shown) == len(missed & told)
    assert all(any(f"Chỉ tiêu {target} " in row for row in shown) for target in missed & told)


def test_a_target_opens_to_everything_behind_it_by_keyboard(wide: Browser) -> None:
    wide.run("document.querySelector('#targets button[data-target=\"3.4.2\"]').focus()")
    wide.press("Enter", 13)
    wide.wait_for("document.querySelector('#dialog').open")
    text = wide.run(TEXT.format("#dialog"))
    for word in (
        "Tử số",
        "Mẫu số",
        "Cách tính",
        "Nguồn dữ liệu",
        "Nghị định 61/2018/NĐ-CP",
        "Chủ trì",
        "30/09/2024",
        "Kế hoạch có chỗ chưa thống nhất",
        "Theo đơn vị",
    ):
        assert word in text
    assert "UBND Thành phố Vĩnh Yên" in text
    assert "t=3.4.2" in wide.run("location.hash")
    wide.press("Escape", 27)
    wide.wait_for("!document.querySelector('#dialog').open")
    assert wide.run("document.activeElement.dataset.target") == "3.4.2"


def test_a_link_opens_the_target_in_english(chromium: Browser, page: Path) -> None:
    chromium.size(1440, 1000)
    chromium.open(page, "#lang=en&t=3.4.1")
    assert "Numerator" in chromium.run(TEXT.format("#dialog"))
    assert chromium.run("document.documentElement.lang") == "en"


def test_english_changes_every_heading_and_number(wide: Browser) -> None:
    click(wide, "#lang")
    text = wide.run("document.body.innerText")
    assert "Points by field" in text and "30 Sep 2024" in text and "86.44" in text
    assert "Chưa đạt" not in text and "Xếp hạng đơn vị" not in text


def test_the_late_budget_tells_what_waits_and_no_day_for_what_is_overspent(wide: Browser) -> None:
    click(wide, "#budget button[data-v='3.4.2']")
    cells = "r => [...r.cells].map(c => c.innerText)"
    heads = wide.run(f"({cells})(document.querySelector('#budget thead tr'))")
    budgets = [
        dict(zip(heads, row, strict=True))
        for row in wide.run(f"[...document.querySelectorAll('#budget tbody tr')].map({cells})")
    ]
    assert {"Đến hạn", "Tạm dừng, đã qua ngày hẹn trả"} <= set(heads) and "Đã giải quyết" not in heads
    assert all(row["Tạm dừng, đã qua ngày hẹn trả"] == str(int(row["Trễ"]) // 3) for row in budgets)
    overspent = [row for row in budgets if "đã vượt" in row["Còn lại"]]
    assert 0 < len(overspent) < len(budgets)
    for row in budgets:
        assert (row["Hết hạn mức"] == "đã hết") == (row in overspent)


def test_a_stale_source_is_told_at_the_top_and_marked_in_its_own_row(wide: Browser) -> None:
    assert "Nguồn finance chưa giao số liệu tháng 8" in wide.run(TEXT.format("#overview #stale"))
    marked = "[...document.querySelectorAll('#quality tr')].filter((r) => r.querySelector('.tag'))"
    assert wide.run(f"{marked}.map((r) => r.querySelector('th').innerText).join()") == "revenue"


def test_a_failed_check_says_what_must_hold(wide: Browser) -> None:
    assert "Hồ sơ TTHC: ngày hẹn trả từ năm 2000" in wide.run(TEXT.format("#quality"))


def test_what_is_on_hold_and_what_still_runs_is_marked(chromium: Browser, tmp_path: Path) -> None:
    frames = synthetic.tables()
    frames["fct_alert"].loc[0, "status"] = "frozen"
    caption = "document.querySelector('#ranking caption').innerText"

    def shown(name: str) -> None:
        chromium.open(write_report(synthetic.write(tmp_path / f"{name}.duckdb", **frames), tmp_path / name))
        click(chromium, "#ranking button[data-v=month]")

    shown("over")
    assert "09/2024" in chromium.run(caption) and "đến" not in chromium.run(caption)
    marks = "[...document.querySelectorAll('#alerts .dim')].map((n) => n.innerText).join()"
    click(chromium, "#alerts .more")
    assert chromium.run(marks).count("đang treo") == 1
    assert chromium.run(marks).count("đang tạm tắt đến 04/10/2024") == 1
    assert "đang treo" in rows(chromium, "alerts")[-1]
    for name in ("rpt_agency_ranking", "rpt_scorecard", "rpt_field_score", "fct_indicator"):
        frames[name]["as_of_date"] = synthetic.AS_OF.replace(day=29)
    shown("runs")
    assert "09/2024 (đến 29/09/2024)" in chromium.run(caption)


def test_ranking_by_level_and_district(wide: Browser) -> None:
    click(wide, "#ranking button[data-v=huyen]")
    assert len(rows(wide, "ranking")) == 9
    click(wide, "#ranking button[data-v=xa]")
    wide.run(
        "(() => { const s = document.querySelector('#rank-district'); s.value = 'H62.243';"
        " s.dispatchEvent(new Event('change')); })()"
    )
    assert len(rows(wide, "ranking")) == 9
    assert "Hạng trong huyện" in wide.run(TEXT.format("#ranking"))
    click(wide, "#ranking tbody button")
    assert "3.4.1" in wide.run(TEXT.format("#dialog"))


def test_dossiers_at_risk_show_codes_only(wide: Browser) -> None:
    click(wide, "#risk tbody button")
    assert "H62." in wide.run(TEXT.format("#dialog tbody th"))


def test_what_an_ended_agency_left_open_names_who_took_over(chromium: Browser, tmp_path: Path) -> None:
    frames = synthetic.tables()
    agencies, risk = frames["dim_agency"], frames["rpt_dossier_at_risk"]
    merged, dissolved, other = agencies[agencies.level == "xa"].index[:3]
    ended = agencies.index.isin([merged, dissolved])
    agencies.loc[ended, ["valid_to", "is_current"]] = [synthetic.AS_OF.replace(day=1), False]
    agencies.loc[merged, "successor_code"] = agencies.agency_code[other]
    for name in ("fct_indicator", "rpt_agency_ranking"):  # of a year in which they were no more
        frames[name] = frames[name][~frames[name].agency_code.isin(agencies.agency_code[ended])]
    risk.loc[risk.index[:2], "agency_code"] = agencies.agency_code[ended].tolist()
    frames["rpt_dossier_at_risk"] = risk.iloc[:3]
    chromium.open(write_report(synthetic.write(tmp_path / "ended.duckdb", **frames), tmp_path))
    chromium.wait_for(DRAWN)
    told = rows(chromium, "risk")
    end = f"Kết thúc hoạt động ngày {synthetic.AS_OF.replace(day=1):%d/%m/%Y} · "
    assert sum(f"{end}đơn vị kế thừa: {agencies.agency_name[other]}" in row for row in told) == 1
    assert sum(f"{end}danh mục không ghi đơn vị kế thừa" in row for row in told) == 1
    assert sum("Kết thúc hoạt động" in row for row in told) == 2
    assert sum(agencies.agency_name[merged] in row for row in told) == 1, "by its name, not its code"


@pytest.mark.parametrize("size", [(1440, 1000, False), (390, 844, True)], ids=["wide", "phone"])
def test_it_is_accessible(chromium: Browser, page: Path, size: tuple[int, int, bool]) -> None:
    chromium.size(*size)
    chromium.open(page)
    chromium.wait_for(DRAWN)
    assert axe(chromium) == []
    click(chromium, "#targets button[data-target='3.4.1']")
    assert axe(chromium) == []


def test_tables_and_charts_have_words(wide: Browser) -> None:
    assert wide.run("[...document.querySelectorAll('table')].every(t => t.caption && t.caption.textContent)")
    assert wide.run("[...document.querySelectorAll('th')].every(t => t.scope)")
    assert wide.run(
        "[...document.querySelectorAll('.chart')].every(c => c.getAttribute('role') === 'img'"
        " && c.getAttribute('aria-label').length > 40)"
    )


def test_a_phone_needs_no_sideways_scrolling(chromium: Browser, page: Path) -> None:
    chromium.size(390, 844, phone=True)
    chromium.open(page)
    chromium.wait_for(DRAWN)
    assert chromium.run("document.documentElement.scrollWidth") == 390
    wide_boxes = (
        "[...document.querySelectorAll('.scroll')].filter(b => b.scrollWidth > b.clientWidth + 1)"
        ".map(b => b.ariaLabel)"
    )
    assert chromium.run(wide_boxes) == []
    assert chromium.run("document.querySelector('#filters').open") is False


def test_it_prints_on_paper(wide: Browser, tmp_path: Path) -> None:
    wide.pdf(tmp_path / "page.pdf")
    paper = (tmp_path / "page.pdf").read_bytes()
    assert paper.startswith(b"%PDF") and b"/Type /Page" in paper


@pytest.mark.parametrize(
    ("without_data", "told"), [(0.0, "(-6,44)"), (6.0, "(-6,44)"), (6.44, ""), (93.58, "")]
)
def test_no_fall_against_2023_is_told_that_missing_data_could_close(
    chromium: Browser, tmp_path: Path, without_data: float, told: str
) -> None:
    frames = synthetic.tables()
    fields = frames["rpt_field_score"]
    whole = fields.iloc[0].to_dict() | {
        "field_id": "total",
        "points_estimated": 80.0,
        "max_points": 100.0,
        "points_2023": 86.44,
        "points_without_data": without_data,
    }
    rest = fields[fields["field_id"] != "total"]
    frames["rpt_field_score"] = pd.concat([rest, pd.DataFrame([whole])], ignore_index=True).astype(object)
    page = write_report(synthetic.write(tmp_path / "early.duckdb", **frames), tmp_path)
    chromium.size(1440, 1000)
    chromium.open(page)
    chromium.wait_for(DRAWN)
    (line,) = re.findall(r"Năm 2023: 86,44[^\n]*", chromium.run(TEXT.format(".total")))
    assert line == f"Năm 2023: 86,44 {told}".strip()
    assert chromium.errors == []


def test_a_figure_is_not_shown_as_the_target_it_missed(chromium: Browser, tmp_path: Path) -> None:
    frames = synthetic.tables()
    scores, ranking, alerts = (frames[name] for name in ("rpt_scorecard", "rpt_agency_ranking", "fct_alert"))
    on_time = scores.target_id == "3.4.1"
    scores.loc[on_time, ["value", "operator", "target_value"]] = [100 * 24_751 / 25_002, ">", 99]
    scores.loc[on_time, ["points_estimated", "max_points"]] = [0.4299, 0.43]
    shared = scores.target_id == "3.4.2"  # a third of 1.3 points
    scores.loc[shared, ["points_estimated", "max_points"]] = [0.4316, 1.3 / 3]
    monthly = frames["fct_indicator"]
    of_month = (
        monthly["is_headline"] & (monthly["agency_code"] == "H62") & (monthly["period_kind"] == "month")
    )
    monthly.loc[of_month & (monthly["target_id"] == "3.4.1"), "value"] = 100 * 287 / 290
    part = {"target_id": "3.4.1", "value": 98.996, "target_value": 99.0, "attainment": 99.996}
    ranking["parts"] = json.dumps([part])
    alerts.loc[:, ["value", "threshold"]] = [99.9967, 100.0]
    page = write_report(synthetic.write(tmp_path / "near.duckdb", **frames), tmp_path)
    chromium.size(1440, 1000)
    chromium.open(page)
    chromium.wait_for(DRAWN)
    row = next(text for text in rows(chromium, "targets") if text.startswith("3.4.1"))
    assert "98,996%" in row and "> 99%" in row and "0,4299 / 0,43" in row
    spoken = "document.querySelector('#targets button[data-target=\"3.4.1\"]').closest('tr').querySelector('.sr').textContent"
    assert chromium.run(spoken).endswith(" 98,97"), "of 98.9655, required more than 99"
    assert any(text.startswith("3.4.2") and "0,432 / 0,433" in text for text in rows(chromium, "targets"))
    assert "99,997" in rows(chromium, "alerts")[0]
    click(chromium, "#ranking tbody button")
    assert "98,996" in (dialog := chromium.run(TEXT.format("#dialog"))) and "99,996" in dialog
    assert chromium.errors == []


def test_a_rule_by_steps_tells_its_steps(chromium: Browser, tmp_path: Path) -> None:
    frames = synthetic.tables()
    plan = frames["dim_target"]
    plan.loc[plan.target_id == "3.4.1", ["rule_kind", "scoring_steps"]] = ["steps", "80.0: 0.25; 99.5: 1.0"]
    page = write_report(synthetic.write(tmp_path / "steps.duckdb", **frames), tmp_path)
    chromium.open(page, "#t=3.4.1")
    chromium.wait_for(DRAWN)
    assert "tính điểm theo bậc (80%: 0,25; 99,5%: 1)" in chromium.run(TEXT.format("#dialog"))
    chromium.open(page, "#t=3.4.2")
    chromium.wait_for(DRAWN)
    assert "theo bậc" not in chromium.run(TEXT.format("#dialog"))
    assert chromium.errors == []


def test_hostile_names_do_nothing(chromium: Browser, tmp_path: Path) -> None:
    frames = synthetic.tables()
    frames["dim_agency"].loc[:, "agency_name"] = HOSTILE
    for column in ("target_name", "lead_agency", "plan_note", "status_reason"):
        frames["rpt_scorecard"].loc[:, column] = HOSTILE
    frames["dim_target"].loc[:, "lead_agency_short"] = HOSTILE
    frames["fct_alert"].loc[:, ["message", "message_en"]] = HOSTILE
    frames["fct_delivery"].loc[:, ["file_name", "reason"]] = HOSTILE
    page = write_report(synthetic.write(tmp_path / "hostile.duckdb", **frames), tmp_path)
    chromium.size(1440, 1000)
    chromium.open(page, "#t=3.4.1")
    chromium.wait_for(DRAWN)
    chromium.run("document.querySelector('#dialog').close(); document.querySelector('#lang').click()")
    chromium.wait_for(DRAWN)
    assert "taken" not in chromium.run("document.title")
    assert chromium.run("document.images.length") == 0
    assert chromium.errors == []


@pytest.mark.parametrize("what", ["missing", "empty"])
def test_without_marts_it_says_so(chromium: Browser, tmp_path: Path, what: str) -> None:
    frames = synthetic.tables()
    changes = {name: None if what == "missing" else frame.iloc[:0] for name, frame in frames.items()}
    page = write_report(synthetic.write(tmp_path / "none.duckdb", **changes), tmp_path)
    chromium.open(page)
    chromium.wait_for(DRAWN)
    for section in (
        "overview",
        "fields",
        "targets",
        "trend",
        "regain",
        "ranking",
        "budget",
        "risk",
        "quality",
    ):
        assert "chưa có dữ liệu" in chromium.run(TEXT.format(f"#{section}")).lower(), section
    assert chromium.errors == []
