"""The morning page as a file: what is read, what is embedded, what must never be in it."""

from __future__ import annotations

import json
import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import yaml

from expectations.model import BLOCK, HOLD, WARN
from orchestration.alerting.model import SEVERITIES
from orchestration.report import write_report
from orchestration.report.data import ALERTS_SHOWN, COLUMNS, DOSSIERS_SHOWN_PER_AGENCY, _plain, read
from orchestration.report.page import embedded_json, load_texts
from tests.plan import targets_in_force
from warehouse.ledger import ACCEPTED, HELD_BACK, REFUSED

from . import synthetic

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = (
    "</script><script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"
    " \"'`&\u2028 {{7*7}}"
)


def embedded(page: Path, name: str = "data"):
    found = re.search(
        rf'<script type="application/json" id="{name}">(.*?)</script>', page.read_text("utf-8"), re.S
    )
    assert found
    return json.loads(found[1])


def test_the_page_is_one_small_file(page: Path) -> None:
    assert [file.name for file in page.parent.iterdir()] == ["index.html"]
    assert page.stat().st_size < 3_000_000


def test_writing_is_quick_and_gives_the_same_page_again(published: Path, page: Path, tmp_path: Path) -> None:
    again = write_report(published, tmp_path / "new" / "folder")
    assert again.read_bytes() == page.read_bytes()


def test_figures_on_the_page_are_the_columns_of_the_marts(published: Path, page: Path) -> None:
    data = embedded(page)
    with duckdb.connect(str(published), read_only=True) as con:
        for target in data["targets"]:
            value, status, points = con.execute(
                "select value, status, points_estimated from marts.rpt_scorecard where target_id = ?",
                [target["id"]],
            ).fetchone()
            assert target.get("value") == (None if value is None else pytest.approx(value, abs=1e-6))
            assert (target["status"], target["points"]) == (status, pytest.approx(points, abs=1e-6))
        total = con.execute(
            "select points_estimated, points_2023 from marts.rpt_field_score where field_id = 'total'"
        ).fetchone()
        headline = con.execute(
            "select agency_code, numerator, denominator from marts.fct_indicator"
            " where target_id = '3.4.2' and is_headline and period_kind = 'ytd' and agency_code <> 'H62'"
        ).fetchall()
    assert (data["total"]["points"], data["total"]["before"]) == pytest.approx(total, abs=1e-6)
    assert [field["id"] for field in data["fields"]] == list("12345678")
    codes = [agency[0] for agency in data["agencies"]]
    assert sorted((codes[r[0]], r[1], r[2]) for r in data["agency_year"]["3.4.2"]) == sorted(headline)
    assert len(data["targets"]) == len(targets_in_force(synthetic.AS_OF))
    assert len(data["agencies"]) == len(synthetic.agencies())


def test_targets_are_in_the_order_of_the_plan(page: Path) -> None:
    ids = [target["id"] for target in embedded(page)["targets"]]
    assert ids[:4] == ["1.1", "1.2", "1.3.1", "1.3.2"]
    assert (
        ids.index("3.3.1a")
        < ids.index("3.3.1b")
        < ids.index("3.3.2")
        < ids.index("7.3.6c")
        < ids.index("8.1")
    )


def test_only_the_latest_night_is_shown(tmp_path: Path) -> None:
    frames = synthetic.tables()
    older = frames["rpt_scorecard"].copy()
    older["as_of_date"] = synthetic.AS_OF.replace(day=29)
    older["status"] = "met"
    database = synthetic.write(
        tmp_path / "two.duckdb",
        rpt_scorecard=type(older)(
            [*frames["rpt_scorecard"].to_dict("records"), *older.to_dict("records")]
        ).astype(object),
    )
    data = read(database)
    assert data["as_of"] == "2024-09-30"
    assert len(data["targets"]) == len(targets_in_force(synthetic.AS_OF))
    assert any(target["status"] == "missed" for target in data["targets"])


def test_at_risk_codes_are_capped_and_the_counts_are_not(published: Path) -> None:
    data = read(published)
    counts = {row[0]: sum(row[2:5]) for row in data["at_risk_by_agency"]}
    assert max(counts.values()) > DOSSIERS_SHOWN_PER_AGENCY
    for agency, rows in data["at_risk"].items():
        assert len(rows) == min(counts[agency], DOSSIERS_SHOWN_PER_AGENCY)
        assert [row[2] for row in rows] == sorted(row[2] for row in rows)


def test_the_codes_that_are_shown_are_the_most_urgent(tmp_path: Path) -> None:
    """Overdue longest first, then by code, so that two nights do not show other ones of the same day."""
    frames = synthetic.tables()
    first = frames["rpt_dossier_at_risk"].to_dict("records")[0]
    days = [n % 5 - 2 for n in range(2 * DOSSIERS_SHOWN_PER_AGENCY)]
    rows = [
        first
        | {"dossier_code": f"D{97 * n % 100:02}", "procedure_code": f"P{day}"}
        | {"due_on": synthetic.AS_OF + timedelta(days=day), "working_days_left": day}
        for n, day in enumerate(days)
    ]
    quiet = next(a[0] for a in synthetic.agencies() if a[0] != first["agency_code"])
    other = first | {
        "agency_code": quiet,
        "dossier_code": "A",
        "due_on": synthetic.AS_OF - timedelta(days=30),
    }
    frames["rpt_dossier_at_risk"] = pd.DataFrame([*rows, other]).astype(object)
    frames["dim_procedure"] = pd.DataFrame(
        [{"procedure_code": f"P{day}", "procedure_name": f"Thủ tục {day}"} for day in range(-2, 3)]
    )
    data = read(synthetic.write(tmp_path / "urgent.duckdb", **frames))
    codes = [agency[0] for agency in data["agencies"]]
    urgent = sorted((row["due_on"].isoformat(), row["dossier_code"]) for row in rows)
    shown = data["at_risk"][codes.index(first["agency_code"])]
    assert [(row[2], row[0]) for row in shown] == urgent[:DOSSIERS_SHOWN_PER_AGENCY]
    assert set(data["procedures"]) == {row[1] for row in shown} == {"P-2", "P-1", "P0"}
    assert [(codes[row[0]], *row[2:]) for row in data["at_risk_by_agency"]] == [
        (first["agency_code"], 24, 12, 24, "2024-09-28"),
        (quiet, 1, 0, 0, "2024-08-31"),
    ], "most overdue first; what is due today is neither overdue nor yet to come"


def test_an_ended_agency_names_who_has_its_work_by_now(tmp_path: Path) -> None:
    frames = synthetic.tables()
    agencies = frames["dim_agency"]
    a, b, c, d, e = agencies[agencies.level == "xa"].index[:5]
    code = agencies.agency_code
    agencies.loc[[a, b, d, e], ["valid_to", "is_current"]] = [date(2024, 6, 30), False]
    for ended, heir in ((a, b), (b, c), (d, e), (e, d)):  # the last two in a circle
        agencies.loc[ended, "successor_code"] = code[heir]
    data = read(synthetic.write(tmp_path / "ended.duckdb", **frames))
    told = {row[0]: row[4:] for row in data["agencies"]}
    assert told[code[a]] == told[code[b]] == ["2024-06-30", code[c]]
    assert told[code[c]] == [None, None]
    assert told[code[d]][0] == "2024-06-30" and told[code[d]][1] in (code[d], code[e])


def test_an_ended_agency_is_listed_while_anything_is_told_of_it(tmp_path: Path) -> None:
    """And once, by its latest name: of an earlier one nothing is told."""
    frames = synthetic.tables()
    agencies = frames["dim_agency"]
    measured, ranked, waiting, silent, current = agencies.agency_code[agencies.level == "xa"][:5]
    codes = [measured, ranked, waiting, silent]
    agencies.loc[agencies.agency_code.isin(codes), ["valid_to", "is_current"]] = [date(2024, 6, 30), False]
    for mart, code in (
        ("fct_indicator", measured),
        ("rpt_agency_ranking", ranked),
        ("rpt_dossier_at_risk", waiting),
    ):
        rows = frames[mart]
        one = rows[rows.agency_code != "H62"].iloc[:1].assign(agency_code=code)
        frames[mart] = pd.concat([rows[~rows.agency_code.isin([*codes, current])], one])
    for mart in ("rpt_late_budget", "fct_integrity_signal"):
        frames[mart] = frames[mart][~frames[mart].agency_code.isin([*codes, current])]
    before = agencies[agencies.agency_code == measured].assign(agency_name="Tên cũ", is_latest=False)
    frames["dim_agency"] = pd.concat([agencies, before])
    data = read(synthetic.write(tmp_path / "listed.duckdb", **frames))
    listed = [agency[0] for agency in data["agencies"]]
    assert len(listed) == len(set(listed)) and set(codes) & set(listed) == {measured, ranked, waiting}
    assert current in listed, "of which nothing is told yet"
    assert "Tên cũ" not in {agency[1] for agency in data["agencies"]}
    levels = [agency[2] for agency in data["agencies"]]
    assert list(dict.fromkeys(levels)) == ["tinh", "huyen", "xa"] and levels == sorted(
        levels, key=["tinh", "huyen", "xa"].index
    )


@pytest.mark.parametrize(
    "missing", [[name] for name in COLUMNS] + [list(COLUMNS)], ids=lambda names: ",".join(names)[:30]
)
def test_a_missing_mart_leaves_an_honest_page(missing: list[str], tmp_path: Path) -> None:
    page = write_report(synthetic.write(tmp_path / "part.duckdb", **dict.fromkeys(missing)), tmp_path)
    state = embedded(page)["state"]
    assert all(state[name] == "missing" for name in missing)
    assert all(state[name] == "ok" for name in set(COLUMNS) - set(missing))


def test_empty_marts_and_missing_columns_are_told(tmp_path: Path) -> None:
    frames = synthetic.tables()
    database = synthetic.write(
        tmp_path / "empty.duckdb",
        fct_alert=frames["fct_alert"].iloc[:0],
        rpt_scorecard=frames["rpt_scorecard"].drop(columns=["plan_note", "plan_note_en", "status_reason"]),
        rpt_late_budget=frames["rpt_late_budget"].drop(columns="waiting_overdue"),  # an older home has none
    )
    data = read(database)
    assert data["state"]["fct_alert"] == "empty"
    assert data["alerts"] == []
    assert not any("note" in target for target in data["targets"])
    assert {row[10] for row in data["late_budget"]} == {None}


def test_only_the_main_way_of_counting_stands_for_an_agency_or_a_month(
    published: Path, tmp_path: Path
) -> None:
    frames = synthetic.tables()
    rows = frames["fct_indicator"].to_dict("records")
    others = [
        row | {"variant": "B", "is_headline": False, "numerator": 0, "denominator": 7, "value": 0.0}
        for row in rows
        if row["target_id"] == "3.4.2" and (row["agency_code"] != "H62" or row["period_kind"] == "month")
    ]
    frames["fct_indicator"] = pd.DataFrame([*rows, *others]).astype(object)
    found, usual = read(synthetic.write(tmp_path / "others.duckdb", **frames)), read(published)
    for part in ("agency_year", "agency_months", "province_months", "variants", "targets"):
        assert found[part] == usual[part], part
    assert [row[0] for row in usual["variants"]["3.4.2"]] == ["B", "N", "S"]


def test_the_worst_or_first_stands_on_top_of_each_list(tmp_path: Path) -> None:
    frames = synthetic.tables()
    for mart in ("rpt_agency_ranking", "rpt_points_to_regain"):
        frames[mart] = pd.DataFrame(frames[mart].to_dict("records")[::-1]).astype(object)
    frames["rpt_scorecard"]["sort_order"] = frames["rpt_scorecard"]["sort_order"].to_list()[::-1]
    signals = frames["fct_integrity_signal"].to_dict("records")
    one, other = (row[0] for row in synthetic.agencies()[:2])
    frames["fct_integrity_signal"] = pd.DataFrame(
        [signals[0] | {"kind": "x", "agency_code": code} for code in (one, other, other)]
    )
    data = read(synthetic.write(tmp_path / "order.duckdb", **frames))
    assert [target["id"] for target in data["targets"]] == frames["rpt_scorecard"]["target_id"].to_list()[
        ::-1
    ]
    places: dict[tuple, list[int]] = {}
    for row in data["ranking"]:
        places.setdefault((row[0], row[1]), []).append(row[4])
    assert len(places) == 6 and all(found == sorted(found) for found in places.values())
    assert [row[6] for row in data["regain"]] == list(range(1, len(data["regain"]) + 1))
    left = [row[5] for row in data["late_budget"] if row[0] == "3.4.2"]
    assert left == sorted(left) and left[0] < 0 < left[-1]
    codes = [agency[0] for agency in data["agencies"]]
    assert [(codes[row[1]], row[2]) for row in data["integrity"]] == [(other, 2), (one, 1)]


def test_the_checks_are_those_of_the_last_night_and_what_stops_it_comes_first(tmp_path: Path) -> None:
    frames = synthetic.tables()
    passed, *_, failed = frames["fct_check_result"].to_dict("records")
    night = datetime(2024, 9, 30, 1, 9)
    rows = [
        passed,
        failed | {"severity": "warn", "dataset": "a", "checked_at": night - timedelta(hours=3)},
        failed | {"severity": "hold", "dataset": "b"},
        failed | {"severity": "block", "dataset": "c"},
        failed | {"severity": "block", "dataset": "of last week", "checked_at": night - timedelta(days=7)},
    ]
    frames["fct_check_result"] = pd.DataFrame(rows).astype(object)
    data = read(synthetic.write(tmp_path / "checks.duckdb", **frames))
    assert data["checks"] == [4, 3, "2024-09-30 01:09"]
    assert [row[2] for row in data["failed_checks"]] == ["c", "b", "a"]


def test_points_are_held_against_goals_only_where_there_is_one(published: Path) -> None:
    total = read(published)["total"]
    fields = [
        row for row in synthetic.tables()["rpt_field_score"].to_dict("records") if row["field_id"] != "total"
    ]
    with_goal = [row for row in fields if not pd.isna(row["goal_2024"])]
    assert total["points_with_goal"] == pytest.approx(sum(row["points_estimated"] for row in with_goal))
    assert total["goal"] == pytest.approx(sum(row["goal_2024"] for row in with_goal))
    assert (total["fields_with_goal"], total["fields"]) == (len(with_goal), len(fields)) == (7, 8)


def test_whoever_leads_has_lost_the_points_of_what_is_missed_not_of_what_is_at_risk(tmp_path: Path) -> None:
    frames = synthetic.tables()
    scores, plan = frames["rpt_scorecard"], frames["dim_target"]
    ids = list(scores["target_id"])[:6]
    scores["status"] = "met"
    for target, status in zip(
        ids, ["missed", "missed", "at_risk", "no_data", "missed", "at_risk"], strict=True
    ):
        scores.loc[scores["target_id"] == target, "status"] = status
    for target, lead in zip(ids, ["Sở A", "Sở A", "Sở A", "Sở A", "Sở B", "Sở C"], strict=True):
        plan.loc[plan["target_id"] == target, "lead_agency_short"] = lead
    frames["rpt_points_to_regain"] = pd.DataFrame(
        [
            frames["rpt_points_to_regain"].to_dict("records")[0] | {"target_id": target, "points_lost": lost}
            for target, lost in zip(ids, [0.25, 0.5, 8.0, 8.0, 1.0, 8.0], strict=True)
        ]
    )
    assert read(synthetic.write(tmp_path / "leads.duckdb", **frames))["leads"] == [
        ["Sở B", 1, 0, 1, ids[4]],
        ["Sở A", 2, 1, 0.75, f"{ids[1]} {ids[0]}"],
        ["Sở C", 0, 1, None, None],
    ]


def test_an_unchanged_file_was_taken_and_is_no_file_to_look_into(tmp_path: Path) -> None:
    frames = synthetic.tables()
    one = frames["fct_delivery"].to_dict("records")[0] | {"source": "tthc", "table_name": "dossiers"}
    known = {
        "outcome": "loaded",
        "delivered_on": date(2024, 9, 1),
        "rows_quarantined": 0,
        "file_name": "a known",
    }
    later = {
        "outcome": "unchanged",
        "delivered_on": date(2024, 9, 8),
        "rows_quarantined": 0,
        "file_name": "c again",
    }
    bad = {
        "outcome": "unchanged",
        "delivered_on": date(2024, 9, 7),
        "rows_quarantined": 3,
        "file_name": "b rows",
    }
    held = {
        "outcome": "held_back",
        "delivered_on": date(2024, 9, 9),
        "rows_quarantined": 0,
        "file_name": "z held",
    }
    frames["fct_delivery"] = pd.DataFrame(
        [
            one
            | change
            | {"reason": None, "loaded_at": datetime.combine(change["delivered_on"], datetime.min.time())}
            for change in (known, later, bad, held)
        ]
    ).astype(object)
    data = read(synthetic.write(tmp_path / "unchanged.duckdb", **frames))
    ((source, table, last_on, days_old, files, not_loaded, _, rejected, handled_at),) = data["sources"]
    assert (source, table, last_on, days_old) == ("tthc", "dossiers", "2024-09-08", 22)
    assert (files, not_loaded, rejected, handled_at) == (4, 1, 3, "2024-09-08 00:00")
    assert [row[3] for row in data["deliveries"]] == ["z held", "b rows"]


def test_a_file_that_was_corrected_is_no_more(tmp_path: Path) -> None:
    """The office has sent what was asked for."""
    frames = synthetic.tables()
    one = frames["fct_delivery"].to_dict("records")[0] | {
        "source": "tthc",
        "table_name": "dossiers",
        "reason": None,
    }
    counts = {"outcome": "loaded", "rows_in_file": 10, "rows_loaded": 10, "rows_quarantined": 0}
    replaced = {"outcome": "partly_quarantined", "rows_in_file": 10, "rows_loaded": 9, "rows_quarantined": 1}
    refused = {"outcome": "refused", "rows_in_file": 0, "rows_loaded": 0, "rows_quarantined": 0}
    frames["fct_delivery"] = pd.DataFrame(
        [one | counts, one | replaced | {"replaced_by": "b"}, one | refused | {"replaced_by": "b"}]
    ).astype(object)
    data = read(synthetic.write(tmp_path / "corrected.duckdb", **frames))
    ((_, _, _, _, files, not_loaded, loaded, rejected, _),) = data["sources"]
    assert (files, not_loaded, loaded, rejected) == (1, 0, 10, 0)
    assert data["deliveries"] == []
    assert [row[:4] for row in data["delivery_counts"]] == [["loaded", 1, 10, 10]]


def test_alerts_that_are_over_are_not_shown_and_the_worst_come_first(tmp_path: Path) -> None:
    frames = synthetic.tables()
    one = frames["fct_alert"].to_dict("records")[-1]  # of a stale source
    late = datetime(2024, 9, 29)
    told = [
        ("old", {"severity": "high"}),
        ("new", {"severity": "high", "opened_at": late}),
        ("worst", {"severity": "critical", "opened_at": late}),
        ("little", {"severity": "low"}),
        ("middle", {"severity": "medium"}),
        (
            "muted",
            {"severity": "medium", "status": "muted", "opened_at": late, "muted_until": date(2024, 10, 4)},
        ),
        ("unknown", {"severity": "medium", "status": None, "opened_at": datetime(2024, 9, 30)}),
        ("waits", {"severity": "critical", "status": "frozen"}),
        ("over", {"severity": "critical", "status": "resolved"}),
        ("spoken for", {"severity": "critical", "status": "covered"}),
        ("ended", {"severity": "critical", "resolved_at": late}),
    ]
    rows = [one | change | {"alert_id": name, "message": name, "source": name} for name, change in told]
    database = synthetic.write(tmp_path / "over.duckdb", fct_alert=pd.DataFrame(rows).astype(object))
    data = read(database)
    assert [row[9] for row in data["alerts"]] == [
        *("worst", "old", "new", "middle", "muted", "unknown", "little", "waits")
    ]
    assert {row[9]: row[11] for row in data["alerts"] if row[11]} == {"muted": "2024-10-04"}
    assert {row[0] for row in data["stale"]} == {name for name, _ in told} - {"over", "ended"}


def test_a_value_that_json_has_no_word_for_is_none() -> None:
    found = [
        _plain(value)
        for value in (float("nan"), float("inf"), Decimal("NaN"), Decimal("2.50"), 3.0, 1 / 3, True)
    ]
    assert found == [None, None, None, 2.5, 3, 0.333333, 1]
    assert [type(value) for value in found[4:]] == [int, float, int]


def test_a_refused_file_does_not_make_the_data_look_new(tmp_path: Path) -> None:
    frames = synthetic.tables()
    deliveries = frames["fct_delivery"]
    deliveries.loc[deliveries["outcome"].isin(["refused", "held_back"]), "loaded_at"] = datetime(2026, 11, 27)
    data = read(synthetic.write(tmp_path / "refused.duckdb", **frames))
    assert max(row[8] for row in data["sources"] if row[8]) == "2024-09-30 01:03"


def test_stale_sources_are_told_however_many_alerts_there_are(tmp_path: Path) -> None:
    frames = synthetic.tables()
    alerts = frames["fct_alert"].to_dict("records")
    many = [alerts[0] | {"alert_id": f"b{n}", "severity": "critical"} for n in range(ALERTS_SHOWN)]
    frozen = alerts[0] | {"alert_id": "hold", "severity": "critical", "status": "frozen"}
    over = alerts[-1] | {"alert_id": "over", "status": "resolved", "source": "tthc.dossiers"}
    database = synthetic.write(
        tmp_path / "many.duckdb", fct_alert=pd.DataFrame([*many, frozen, over, alerts[-1]]).astype(object)
    )
    data = read(database)
    assert not any(row[0] == "stale_source" or row[4] == "frozen" for row in data["alerts"])
    assert [row[0] for row in data["stale"]] == ["finance.revenue"]


@pytest.mark.parametrize(
    ("months", "shown", "runs"),
    [([8, 9], "2024-09-01", 0), ([9, 10], "2024-09-01", 0), ([10], "2024-10-01", 1)],
    ids=["the last day closes a month", "a month that runs waits", "none is over"],
)
def test_the_month_of_the_ranking_is_over(months: list[int], shown: str, runs: int, tmp_path: Path) -> None:
    frames = synthetic.tables()
    rows = frames["rpt_agency_ranking"].to_dict("records")
    monthly = [row for row in rows if row["period_kind"] == "month"]
    moved = [row | {"period_start": date(2024, month, 1)} for row in monthly for month in months]
    database = synthetic.write(
        tmp_path / "months.duckdb", rpt_agency_ranking=pd.DataFrame(moved).astype(object)
    )
    assert {(row[2], row[11]) for row in read(database)["ranking"]} == {(shown, runs)}


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    frames = synthetic.tables()
    frames["dim_agency"].loc[:, "agency_name"] = HOSTILE
    frames["rpt_scorecard"].loc[:, "target_name"] = HOSTILE
    frames["rpt_scorecard"].loc[:, "lead_agency"] = HOSTILE
    frames["dim_target"].loc[:, "lead_agency_short"] = HOSTILE
    page = write_report(synthetic.write(tmp_path / "hostile.duckdb", **frames), tmp_path)
    assert embedded(page)["agencies"][0][1] == HOSTILE  # nothing is lost ...

    class Tags(HTMLParser):
        found: list[str] = []  # noqa: RUF012

        def handle_starttag(self, tag, attrs):
            self.found.append(tag)
            assert not any(name.startswith("on") for name, _ in attrs)

    reader = Tags()
    reader.feed(page.read_text("utf-8"))
    assert reader.found.count("script") == 4  # ... and nothing becomes an element
    assert "img" not in reader.found


def test_embedded_json_ends_no_script_and_starts_no_markup() -> None:
    text = embedded_json({"a": HOSTILE, "b": "<!-- <script>"})
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == {"a": HOSTILE, "b": "<!-- <script>"}


def test_no_column_identifies_a_citizen(page: Path) -> None:
    personal = re.compile(
        r"applicant|citizen|phone|address|identity|id_number|full_name|birth|email|receiver|officer"
    )
    names = {column for columns in COLUMNS.values() for column in columns}
    assert not [name for name in names if personal.search(name)]
    # Free text that could repeat a cell of an export is not read at all.
    assert not names & {"observed", "record_key", "before", "after", "detail", "row_values"}
    assert "fct_dossier" not in COLUMNS
    assert not re.search(r"\b\d{12}\b", json.dumps(embedded(page)))


def test_nothing_in_the_page_points_outside(page: Path) -> None:
    text = page.read_text("utf-8")
    allowed = {"http://www.w3.org"}
    assert set(re.findall(r"https?://[\w.-]+", text)) <= allowed
    assert not re.search(r"<(?:link|script|img|iframe|object|embed)[^>]+(?:src|href)=(?![\"']data:)", text)
    assert not re.search(r"@import|url\(", text.split("<style>")[1].split("</style>")[0])
    assert "default-src 'none'" in text


def _texts_used() -> set[str]:
    """Keys of the page's words: those that stand in its code, and those that are words of the marts."""
    app = (ROOT / "orchestration/report/app.js").read_text("utf-8")
    template = (ROOT / "orchestration/report/template.html.j2").read_text("utf-8")
    ranking = (ROOT / "dbt_project/models/marts/reports/rpt_agency_ranking.sql").read_text("utf-8")
    used = {
        key
        for call in re.findall(r"\bT\(([^()]*)", app)
        for key in re.findall(r'(?<!=== )"(\w+)"', call.partition("{")[0])
    }
    used |= set(re.findall(r'(?:\bt\.|data-(?:t|label)=")(\w+)', template))
    for name in ("STATUSES", "LEVELS"):
        used |= set(re.findall(r'"(\w+)"', re.search(rf"const {name} = \[(.*?)\]", app)[1]))
    sections = re.findall(r"\w+", re.search(r"const SECTIONS = {(.*?)}", app)[1])
    used |= {*sections, *(f"nav_{name}" for name in sections)}
    used |= {
        f"{doubt}{end}"
        for doubt in re.findall(r'&& "(\w+)"', re.search(r"const doubts = .*", app)[0])
        for end in ("", "_why")
    }
    used |= set(re.findall(r'\\"(\w+)\\":', ranking)) - {"target_id"}
    return used | {*SEVERITIES, BLOCK, HOLD, WARN, *ACCEPTED, HELD_BACK, REFUSED, "unchanged"}


def test_every_text_is_used_and_there_in_both_languages() -> None:
    texts = load_texts()
    for key, value in texts["ui"].items():
        assert isinstance(value, list) and len(value) == 2 and all(value), key
        assert " | " not in value[1], key
        assert set(re.findall(r"\{(\w+)\}", value[0])) == set(re.findall(r"\{(\w+)\}", value[1])), key
    assert _texts_used() == set(texts["ui"])
    for name, rule in texts["rules"].items():
        assert all(isinstance(rule[part], list) and len(rule[part]) == 2 for part in rule), name


def test_every_measure_of_the_plan_has_its_rule_in_words() -> None:
    texts = load_texts()
    for target in synthetic._csv(synthetic.SEEDS / "target_measure.csv"):
        rule = texts["rules"].get(f"{target['family']}.{target['measure']}") or texts["rules"].get(
            target["family"]
        )
        assert rule, target["target_id"]
        assert {"num", "rule", "legal"} <= set(rule), target["target_id"]
        assert "den" in rule or target["measure_kind"] == "count", target["target_id"]
        assert target["target_id"] in texts["plan"]["targets_en"]


def test_the_columns_read_are_those_of_the_mart_contract() -> None:
    models = {}
    for file in sorted((ROOT / "dbt_project/models/marts").rglob("*.yml")):
        models |= {
            model["name"]: model for model in yaml.safe_load(file.read_text("utf-8")).get("models", [])
        }
    for table, columns in COLUMNS.items():
        if table in models:
            known = {column["name"] for column in models[table]["columns"]}
            assert set(columns) <= known, (table, set(columns) - known)


def test_a_page_that_cannot_be_written_leaves_the_old_one(page: Path, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("old", "utf-8")
    with pytest.raises(duckdb.Error):
        write_report(tmp_path / "no such file.duckdb", tmp_path)
    assert (tmp_path / "index.html").read_text("utf-8") == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["index.html"]
