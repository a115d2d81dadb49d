"""Nights of the alerts over real DuckDB files and a real ledger: what is seen, frozen, and said once."""

from __future__ import annotations

import hashlib
import re
import textwrap
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import count
from pathlib import Path

import duckdb
import pytest
import yaml

from orchestration import alerting, clock
from orchestration.alerting import deliveries, figures, model, wording
from orchestration.alerting.marts import open_marts
from orchestration.alerting.metrics import write_metrics
from orchestration.alerting.store import Store
from orchestration.family_tables import COUNTED, DECIDES, NAMED, tables_of
from orchestration.freshness import last_delivered
from sources.contract import all_tables
from tests.plan import seed
from warehouse.ledger import HELD_BACK, LOADED, REFUSED, Delivery, Ledger
from warehouse.publish import swap_in, write_version
from warehouse.settings import DBT_PROJECT, Settings

ROOT = Path(__file__).resolve().parents[2]
DAY = date(2024, 6, 18)
H62 = "H62"
_RUNS = count()


def at(day: date) -> datetime:
    return datetime.combine(day, time(1, 30))


def agency(number: int) -> str:
    return f"000.{number:02}.10.H62"


class World:
    """A home with a ledger; each night writes the marts that it is told to."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=home, inbox=home / "inbox").create()
        self.ledger = Ledger(self.settings.ledger)
        self.database = home / "warehouse.duckdb"
        self.figures: dict[tuple[str, str], tuple] = {}
        self.targets: dict[str, tuple] = {}
        self.budget: list[tuple] | None = None
        self.scorecard: list[tuple] | None = None
        self.ended: set[str] = set()
        for table in all_tables():
            self.deliver(table.source, table.name, DAY)

    def deliver(
        self, source, table, day, outcome=LOADED, rows=100, bad=0, file=None, loaded=None, rejected=None
    ):
        file = file or f"{table}.csv"
        content = f"{source}{table}{day}{file}{next(_RUNS)}"
        self.ledger.record(
            Delivery(
                delivery_id=hashlib.sha256(content.encode()).hexdigest()[:20],
                source=source,
                table_name=table,
                file_name=file,
                format="csv",
                delivered_on=day,
                outcome=outcome,
                reason=None,
                rows_in_file=rows,
                rows_loaded=rows - bad,
                rows_unchanged=0,
                rows_quarantined=bad,
                rows_rejected=rejected,
                content_hash=content,
                loaded_at=loaded or at(day),
            )
        )

    def target(
        self,
        target,
        family,
        measure,
        operator=">",
        value=99.0,
        kind="percent",
        scope="agency",
        floor=None,
        lead="Sở Nội vụ",
    ):
        self.targets[target] = (
            target,
            f"Tên {target}",
            "3",
            family,
            measure,
            kind,
            scope,
            lead,
            floor,
            operator,
            value,
        )

    def figure(self, target, code, numerator, denominator):
        self.figures[target, code] = (numerator, denominator)

    def write(self, day: date) -> None:
        self.database.unlink(missing_ok=True)
        with duckdb.connect(str(self.database)) as db:
            db.execute("create schema marts")
            db.execute(
                "create table marts.dim_target (target_id text, target_name text, field_id text, family text,"
                " measure text, measure_kind text, agency_scope text, lead_agency_short text, alarm_floor double,"
                " operator text, target_value double, is_in_force boolean)"
            )
            for row in self.targets.values():
                db.execute(f"insert into marts.dim_target values ({', '.join('?' * 11)}, true)", list(row))
            db.execute(
                "create table marts.dim_agency"
                " (agency_code text, agency_name text, is_latest boolean, is_current boolean)"
            )
            codes = sorted({code for _, code in self.figures} | {H62})
            db.executemany(
                "insert into marts.dim_agency values (?, ?, true, ?)",
                [[code, f"Đơn vị {code}", code not in self.ended] for code in codes],
            )
            db.execute(
                "create table marts.fct_indicator (as_of_date date, target_id text, variant text,"
                " is_headline boolean, agency_code text, level text, period_kind text,"
                " numerator double, denominator double, value double,"
                " operator text, target_value double, unit text, meets_target boolean)"
            )
            for (target, code), (numerator, denominator) in self.figures.items():
                kind, operator, wanted = self.targets[target][5], *self.targets[target][9:11]
                value = (
                    numerator if kind == "count" else 100 * numerator / denominator if denominator else None
                )
                if value is None:
                    meets = None
                elif wanted is None:  # asked for in words: every agency has to confirm it
                    meets = numerator == denominator
                else:
                    meets = {">": value > wanted, ">=": value >= wanted, "<=": value <= wanted}[operator]
                db.execute(
                    "insert into marts.fct_indicator"
                    " values (?, ?, 'A', true, ?, 'tinh', 'ytd', ?, ?, ?, ?, ?, '%', ?)",
                    [day, target, code, numerator, denominator, value, operator, wanted, meets],
                )
            if self.budget is not None:
                db.execute(
                    "create table marts.rpt_late_budget"
                    " (target_id text, agency_code text, projected_year_end_value double, is_projected_to_miss boolean)"
                )
                for row in self.budget:
                    db.execute("insert into marts.rpt_late_budget values (?, ?, ?, ?)", list(row))
            if self.scorecard is not None:
                db.execute("create table marts.rpt_scorecard (target_id text, status text, status_code text)")
                for target, status, *code in self.scorecard:
                    db.execute(
                        "insert into marts.rpt_scorecard values (?, ?, ?)",
                        [target, status, *(code or [None])],
                    )

    def night(self, day: date, fresh: bool = True) -> dict[str, model.Alert]:
        """One night that did not fail; with `fresh` the daily and weekly tables deliver first."""
        if fresh:
            for table in all_tables():
                if table.cadence_days <= 7:
                    self.deliver(table.source, table.name, day)
        self.write(day)
        return self.again(day)

    def again(self, day: date) -> dict[str, model.Alert]:
        alerts = alerting.evaluate(self.settings, self.database, self.ledger, day, at(day))
        return {alert.alert_id: alert for alert in alerts}

    def events(self) -> list[tuple]:
        with Store(self.settings) as store, store.transaction() as transaction:
            rows = transaction.connection.exec_driver_sql(
                "select as_of, event.kind, thread.kind, target_id, agency_code, source from event"
                " join thread using (alert_id) order by 1, 2, 3, 4, 5, 6"
            )
            return [tuple(row) for row in rows]

    def routes(self, text: str) -> None:
        (self.settings.home / "alerts.yaml").write_text(textwrap.dedent(text), encoding="utf-8")


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.delenv("PARINDEX_ALERTS", raising=False)
    made = World(tmp_path / "home")
    made.target("3.4.1", "on_time", "tinh", floor=95.0)
    made.figure("3.4.1", H62, 1000, 1000)
    yield made
    made.ledger.close()


def only(alerts):
    assert len(alerts) == 1, alerts
    return next(iter(alerts.values()))


def after(days: int) -> date:
    return DAY + timedelta(days=days)


# --- targets missed


def test_a_missed_target_opens_says_how_far_and_ends_when_it_is_met(world):
    world.figure("3.4.1", H62, 970, 1000)
    alert = only(world.night(DAY))
    assert (alert.kind, alert.target_id, alert.agency_code, alert.status) == (
        "target_missed",
        "3.4.1",
        H62,
        "open",
    )
    assert (alert.value, alert.threshold, alert.severity) == (97.0, 99.0, "high")
    assert alert.message == "Chỉ tiêu 3.4.1 (Tên 3.4.1) chưa đạt: toàn tỉnh 97% (970/1.000), yêu cầu > 99%."
    assert alert.message_en == "Target 3.4.1 is missed: the province 97% (970/1,000), required > 99%."
    assert alert.owner == "Sở Nội vụ"
    world.figure("3.4.1", H62, 999, 1000)
    alert = only(world.night(after(1)))
    assert (alert.status, alert.resolved_at, alert.last_seen_at) == ("resolved", at(after(1)), at(DAY))
    assert [event[:2] for event in world.events()] == [("2024-06-18", "opened"), ("2024-06-19", "resolved")]


@pytest.mark.parametrize(("on_time", "province", "one"), [(950, "high", "medium"), (949, "critical", "high")])
def test_below_the_alarm_floor_it_is_critical_at_once_and_of_one_agency_high(world, on_time, province, one):
    world.figure("3.4.1", H62, on_time, 1000)
    world.figure("3.4.1", agency(1), on_time, 1000)
    assert {a.agency_code: a.severity for a in world.night(DAY).values()} == {H62: province, agency(1): one}


def test_only_the_main_figure_of_the_year_is_judged_by_the_plan_and_the_names_in_force(world):
    """Six agencies are told one by one; seen twice, they would be a dozen and one problem."""
    for number in range(1, 7):
        world.figure("3.4.1", agency(number), 90, 100)
    world.write(DAY)
    with duckdb.connect(str(world.database)) as db:
        db.execute("create temp table figures as from marts.fct_indicator")
        for other in ("false as is_headline", "'month' as period_kind", "date '2024-06-17' as as_of_date"):
            db.execute(f"insert into marts.fct_indicator select * replace ({other}) from figures")
        db.execute(
            "insert into marts.dim_target select * replace (false as is_in_force) from marts.dim_target"
        )
        db.execute("insert into marts.dim_agency select * replace (false as is_latest) from marts.dim_agency")
    assert {a.agency_code for a in world.again(DAY).values()} == {agency(number) for number in range(1, 7)}


def test_what_is_asked_for_in_words_is_clearly_worse_by_those_who_do_not_confirm_it(world):
    """It has no number to be below of; and a promise taken back is no rate that drops."""
    world.target("1.2", "register", "reported", "=", None, "text", scope="province")
    world.figure("1.2", H62, 40, 40)
    assert world.night(DAY) == {}
    for night, confirmed, severity in ((1, 30, "high"), (2, 29, "high"), (3, 20, "critical")):
        world.figure("1.2", H62, confirmed, 40)
        alert = only(world.night(after(night)))
        assert (alert.kind, alert.severity) == ("target_missed", severity)
    assert "toàn tỉnh mới có 20/40 cơ quan xác nhận hoàn thành" in alert.message


def test_the_same_night_again_says_nothing_again(world):
    world.figure("3.4.1", H62, 970, 1000)
    first = world.night(DAY)
    assert world.again(DAY) == first == world.again(DAY)
    assert len(world.events()) == 1


@pytest.mark.parametrize("now", [at(DAY), at(DAY + timedelta(days=1))], ids=["the same day", "later"])
def test_an_earlier_night_changes_nothing(world, now):
    world.figure("3.4.1", H62, 970, 1000)
    stands = world.night(DAY)
    world.figure("3.4.1", H62, 1000, 1000)
    world.write(after(-3))
    said = alerting.evaluate(world.settings, world.database, world.ledger, after(-3), now)
    assert said == [], "what that night saw by itself, not what stands now"
    world.figure("3.4.1", H62, 960, 1000)
    world.write(after(-3))
    (alert,) = alerting.evaluate(world.settings, world.database, world.ledger, after(-3), now)
    assert (alert.value, alert.status) == (96.0, "open")
    assert {alert.alert_id: alert for alert in alerting.open_alerts(world.settings)} == stands


def test_a_night_dated_in_the_future_does_not_silence_the_nights_until_then(world):
    world.write(date(2099, 1, 1))
    alerting.evaluate(world.settings, world.database, world.ledger, date(2099, 1, 1), at(DAY))
    world.figure("3.4.1", H62, 970, 1000)
    missed = [a for a in world.night(after(1)).values() if a.kind == "target_missed"]
    assert [a.status for a in missed] == ["open"]


def test_agencies_are_told_one_by_one_only_with_enough_cases(world):
    world.figure("3.4.1", agency(1), 10, 20)
    world.figure("3.4.1", agency(2), 10, 19)
    alert = only(world.night(DAY))
    assert alert.agency_code == agency(1)
    assert alert.message.startswith(f"Chỉ tiêu 3.4.1 (Tên 3.4.1) chưa đạt: Đơn vị {agency(1)} 50% (10/20)")


def test_what_an_agency_that_is_no_more_has_missed_is_over(world):
    world.scorecard = [("3.4.1", "missed")]
    world.figure("3.4.1", H62, 970, 1000)
    world.figure("3.4.1", agency(1), 10, 20)
    assert {a.status for a in world.night(DAY).values()} == {"open"}
    world.ended, world.scorecard = {agency(1)}, [("3.4.1", "not_applicable")]
    assert {a.agency_code: a.status for a in world.night(after(1)).values()} == {
        H62: "resolved",
        agency(1): "resolved",
    }
    assert {event[1] for event in world.events() if event[0] == str(after(1))} == {"resolved"}


@pytest.mark.parametrize(("scope", "problems"), [("province", 0), ("one_office", 0), ("agency", 1)])
def test_only_what_binds_each_agency_makes_an_alert_of_one(world, scope, problems):
    world.target("7.2.3", "register", "reported", scope=scope)
    world.figure("7.2.3", H62, 100, 100)
    world.figure("7.2.3", agency(1), 10, 50)
    assert len(world.night(DAY)) == problems


def test_many_agencies_are_one_problem_that_names_the_worst(world):
    for number in range(1, 12):
        world.figure("3.4.1", agency(number), 90 - number, 100)
    alert = only(world.night(DAY))
    assert (alert.agency_code, alert.severity, alert.value) == (None, "high", 79.0)
    assert "11 đơn vị chưa đạt; kém nhất: Đơn vị " + agency(11) in alert.message
    # The province misses it too: still one thread for readers.
    world.figure("3.4.1", H62, 970, 1000)
    alerts = {(a.agency_code, a.status) for a in world.night(after(1)).values()}
    assert alerts == {(H62, "open"), (None, "covered")}
    assert [event[1:5] for event in world.events() if event[0] == str(after(1))] == [
        ("opened", "target_missed", "3.4.1", H62)
    ]


def test_an_agency_more_or_less_does_not_turn_one_problem_into_many(world):
    for number in range(1, 11):
        world.figure("3.4.1", agency(number), 80, 100)
    assert len(world.night(DAY)) == 10
    world.figure("3.4.1", agency(11), 80, 100)
    alerts = world.night(after(1))
    assert sum(a.status == "covered" for a in alerts.values()) == 10
    world.figure("3.4.1", agency(11), 100, 100)
    alerts = world.night(after(2))
    assert sum(a.status == "open" for a in alerts.values()) == 1
    for number in range(6, 12):
        world.figure("3.4.1", agency(number), 100, 100)
    alerts = world.night(after(3))
    singles = {a.agency_code for a in alerts.values() if a.status == "open"}
    assert singles == {agency(number) for number in range(1, 6)}
    said = [event[1:] for event in world.events() if event[0] == str(after(3))]
    assert {event[0] for event in said} == {"resolved"}, "the five that stay were told before"
    assert {event[3] for event in said} == {None, *(agency(number) for number in range(6, 11))}


def test_counts_and_less_is_better_are_judged_by_their_own_operator(world):
    world.target("6.3.1", "service_units", "self_financing", ">=", 1.0, "count")
    world.figure("6.3.1", H62, -2, None)
    world.target("4.2.1", "yearly_numbers", "payroll", "<=", 100.0)
    world.figure("4.2.1", H62, 110, 100)
    messages = {a.target_id: a.message_en for a in world.night(DAY).values()}
    assert messages["6.3.1"] == "Target 6.3.1 is missed: the province -2, required ≥ 1."
    assert messages["4.2.1"] == "Target 4.2.1 is missed: the province 110% (110/100), required ≤ 100%."


@pytest.mark.parametrize(
    ("lead", "owner"), [("Văn phòng UBND tỉnh", "Văn phòng UBND tỉnh"), (None, "Nhóm dữ liệu của tỉnh")]
)
def test_who_leads_a_target_answers_for_its_alert(world, lead, owner):
    world.target("3.4.1", "on_time", "tinh", lead=lead)
    world.figure("3.4.1", H62, 970, 1000)
    assert only(world.night(DAY)).owner == owner


# --- what a night cannot see


def test_a_stale_source_freezes_its_targets_and_is_told_once(world):
    world.target("6.1.1", "disbursement", "disbursed", ">=", 95.0)
    world.figure("6.1.1", H62, 50, 100)
    world.figure("3.4.1", H62, 970, 1000)
    world.night(DAY)
    world.figure("3.4.1", H62, 1000, 1000)  # would end it, and the new one would open
    world.figure("3.4.1", agency(1), 10, 100)
    world.figure("6.1.1", H62, 96, 100)
    alerts = world.night(after(3), fresh=False)
    by_kind = {(a.kind, a.target_id or a.source, a.agency_code): a for a in alerts.values()}
    assert by_kind["target_missed", "3.4.1", H62].status == "frozen"
    assert by_kind["target_missed", "3.4.1", H62].last_seen_at == at(DAY)
    assert by_kind["target_missed", "6.1.1", H62].status == "resolved"
    assert ("target_missed", "3.4.1", agency(1)) not in by_kind
    stale = by_kind["stale_source", "tthc.dossiers", None]
    assert (stale.value, stale.threshold, stale.severity) == (3.0, 2.0, "high")
    assert "không gửi số liệu mới từ 18/06/2024: đã 3 ngày, giới hạn 2 ngày" in stale.message
    world.night(after(4), fresh=False)
    assert sum(event[2] == "stale_source" and event[5] == "tthc.dossiers" for event in world.events()) == 1
    alerts = world.night(after(5))
    by_kind = {(a.kind, a.target_id or a.source, a.agency_code): a.status for a in alerts.values()}
    assert by_kind["target_missed", "3.4.1", H62] == "resolved"
    assert by_kind["target_missed", "3.4.1", agency(1)] == "open"
    assert by_kind["stale_source", "tthc.dossiers", None] == "resolved"


def test_a_file_without_rows_does_not_end_that_a_source_is_stale(world):
    assert not world.night(after(2), fresh=False)
    world.deliver("tthc", "dossiers", after(3), rows=0)
    by_source = {a.source: a for a in world.night(after(3), fresh=False).values()}
    assert by_source["tthc.dossiers"].value == 3.0
    world.deliver("tthc", "dossiers", after(4))
    by_source = {a.source: a for a in world.night(after(4), fresh=False).values()}
    assert by_source["tthc.dossiers"].status == "resolved"


def test_the_last_delivery_is_the_same_one_to_status_and_to_alerts(world):
    for number, rows in enumerate((100, 0, 100)):
        for table in all_tables():
            world.deliver(table.source, table.name, after(number), rows=rows)
    for number in range(3):
        with open_marts(world.settings, None, world.ledger, after(number)) as marts:
            by_alerts = {
                row["relation"]: row["last_on"] for row in deliveries.freshness(marts, after(number))
            }
        assert by_alerts == {
            f"{table.source}.{table.name}": last_delivered(table, world.ledger.deliveries(), after(number))
            for table in all_tables()
        }
    assert set(by_alerts.values()) == {after(2)}, "the day of the figures is one of them"


def test_at_exactly_twice_its_cadence_a_source_is_not_stale(world):
    assert world.night(after(2), fresh=False) == {}


def test_a_table_never_delivered_is_stale_from_the_first_delivery_of_any(tmp_path):
    world = World.__new__(World)
    world.settings = Settings(home=tmp_path, inbox=tmp_path / "inbox").create()
    world.ledger = Ledger(world.settings.ledger)
    assert alerting.evaluate(world.settings, _empty(tmp_path), world.ledger, DAY, at(DAY)) == []
    world.deliver("tthc", "agencies", DAY)
    alerts = alerting.evaluate(world.settings, _empty(tmp_path), world.ledger, after(3), at(after(3)))
    assert {a.source for a in alerts} >= {"tthc.dossiers", "tthc.feedback"}
    assert "tthc.agencies" not in {a.source for a in alerts}
    world.ledger.close()


def _empty(folder: Path) -> Path:
    path = folder / "empty.duckdb"
    duckdb.connect(str(path)).close()
    return path


def test_marts_that_are_missing_or_of_another_day_neither_open_nor_end(world):
    world.figure("3.4.1", H62, 970, 1000)
    world.night(DAY)
    missing = alerting.evaluate(
        world.settings, _empty(world.settings.home), world.ledger, after(1), at(after(1))
    )
    assert [a.status for a in missing] == ["frozen"]
    assert only(world.again(after(2))).status == "frozen", "the marts are of DAY"


def test_no_verdict_is_no_end_within_the_year_but_a_new_year_is(world):
    world.figure("3.4.1", H62, 970, 1000)
    world.night(DAY)
    world.figure("3.4.1", H62, 0, 0)
    assert only(world.night(after(1))).status == "frozen"
    new_year = date(2025, 1, 1)
    for table in all_tables():
        world.deliver(table.source, table.name, new_year)
    assert only(world.night(new_year)).status == "resolved"


def test_a_failed_night_is_its_own_alert_and_judges_nothing(world):
    world.figure("3.4.1", H62, 970, 1000)
    world.night(DAY)
    reason = "dbt: Could not convert string 'Nguyễn Văn A' to INT32, id 026 085 001 234\nrow: secret"
    alerting.failed_night(world.settings, after(1), at(after(1)), reason)
    alerts = alerting.failed_night(world.settings, after(2), at(after(2)), reason)
    by_kind = {a.kind: a for a in alerts}
    assert by_kind["target_missed"].status == "frozen"
    failed = by_kind["failed_night"]
    assert failed.message.startswith("Đêm 20/06/2024 không công bố được số liệu")
    for text in (failed.message, failed.message_en):
        assert "Nguyễn" not in text and "085" not in text and "secret" not in text
    assert [event[:3] for event in world.events()][1:] == [("2024-06-19", "opened", "failed_night")]
    statuses = {a.kind: a.status for a in world.night(after(3)).values()}
    assert statuses == {"target_missed": "open", "failed_night": "resolved"}


def test_a_night_that_the_ledger_calls_failed_is_not_judged(world):
    world.figure("3.4.1", H62, 970, 1000)
    world.ledger.start_night("one", DAY, at(DAY))
    world.ledger.end_night("one", at(DAY), "failed", "disk full", None)
    alert = only(world.night(DAY))
    assert alert.kind == "failed_night" and "disk full" in alert.message


def test_what_a_failed_night_had_stored_is_taken_back(world):
    world.night(after(-1))
    world.figure("3.4.1", H62, 970, 1000)
    world.night(DAY)
    alerts = alerting.failed_night(world.settings, DAY, at(DAY), "publication failed")
    assert [a.kind for a in alerts] == ["failed_night"]
    assert [event[1:3] for event in world.events()] == [("opened", "failed_night")]
    alerts = world.again(DAY)  # run again, and this time published
    assert {a.kind: a.status for a in alerts.values()} == {
        "failed_night": "resolved",
        "target_missed": "open",
    }


def test_what_a_failed_night_had_measured_is_no_part_of_what_is_usual(world):
    world.target("7.3.5", "full_online", "dossiers", ">", 50.0)
    for night, percent in enumerate([80, 90]):
        world.figure("7.3.5", H62, percent, 100)
        world.night(after(night))
    alerting.failed_night(world.settings, after(1), at(after(1)), "publication failed")
    world.figure("7.3.5", H62, 79, 100)
    assert "sudden_drop" not in {a.kind for a in world.night(after(2)).values()}


def test_what_a_killed_night_had_stored_is_taken_back_by_the_next(world):
    world.ledger.start_night("one", DAY, at(DAY))
    world.figure("3.4.1", H62, 970, 1000)
    world.night(DAY)
    world.figure("3.4.1", H62, 1000, 1000)
    world.ledger.start_night("two", after(1), at(after(1)))  # closes the killed one as failed
    assert world.night(after(1)) == {}
    assert world.events() == []


def test_a_failed_run_after_a_published_one_of_the_same_day_takes_nothing_back(world):
    world.ledger.start_night("one", DAY, at(DAY))
    world.figure("3.4.1", H62, 970, 1000)
    world.night(DAY)
    world.ledger.end_night("one", at(DAY), "published", None, "v1")
    world.ledger.start_night("two", DAY, at(DAY) + timedelta(hours=1))
    alerts = alerting.failed_night(world.settings, DAY, at(DAY), "out of memory")
    assert {a.kind for a in alerts} == {"failed_night", "target_missed"}


# --- at risk, drops, quarantine


def test_at_risk_comes_from_the_projection_and_from_the_scorecard_for_the_rest(world):
    world.target("7.3.5", "full_online", "dossiers", ">", 50.0)
    world.figure("7.3.5", H62, 60, 100)
    world.target("1.1", "tasks", "par_plan", ">=", 100.0)
    world.figure("1.1", H62, 100, 100)
    world.budget = [("3.4.1", H62, 98.2, True), ("3.4.1", agency(1), 99.5, False)]
    world.figure("3.4.1", agency(1), 100, 100)
    world.scorecard = [("3.4.1", "at_risk"), ("7.3.5", "at_risk"), ("1.1", "met")]
    alerts = {a.target_id: a for a in world.night(DAY).values()}
    assert set(alerts) == {"3.4.1", "7.3.5"}
    assert {a.kind for a in alerts.values()} == {"at_risk"}
    assert alerts["3.4.1"].value == 98.2
    assert "dự kiến cuối năm 98,2%, yêu cầu > 99% (hiện 100%)" in alerts["3.4.1"].message


@pytest.mark.parametrize(
    ("projected", "misses", "is_at_risk"),
    [(99.0, True, True), (99.0, False, False), (None, None, False)],
)
def test_the_mart_says_whether_a_projection_misses(world, projected, misses, is_at_risk):
    world.figure("3.4.1", H62, 10, 10)
    world.budget = [("3.4.1", H62, projected, misses)]
    assert {a.kind for a in world.night(DAY).values()} == ({"at_risk"} if is_at_risk else set())


def test_agencies_that_miss_a_target_are_not_counted_among_those_at_risk_too(world):
    world.budget = []
    for number in range(1, 13):
        world.figure("3.4.1", agency(number), 90 if number > 6 else 100, 100)
        world.budget.append(("3.4.1", agency(number), 90.0, True))
    told = {(a.kind, a.agency_code) for a in world.night(DAY).values()}
    assert told == {
        ("at_risk" if number <= 6 else "target_missed", agency(number)) for number in range(1, 13)
    }


def test_a_target_not_met_yet_but_on_pace_is_less_urgent_until_it_is_not(world):
    world.figure("3.4.1", H62, 970, 1000)
    world.scorecard = [("3.4.1", "at_risk")]
    alert = only(world.night(DAY))
    assert (alert.kind, alert.severity) == ("target_missed", "medium")
    world.scorecard = [("3.4.1", "missed")]
    assert only(world.night(after(1))).severity == "high"
    assert [event[1] for event in world.events()] == ["opened", "escalated"]


def test_a_target_at_risk_that_is_then_missed_is_one_thread_for_readers(world):
    world.budget = [("3.4.1", H62, 98.2, True)]
    world.night(DAY)
    world.figure("3.4.1", H62, 970, 1000)
    assert {a.kind: a.status for a in world.night(after(1)).values()} == {
        "at_risk": "covered",
        "target_missed": "open",
    }
    world.figure("3.4.1", H62, 995, 1000)
    assert {a.kind: a.status for a in world.night(after(2)).values()} == {
        "at_risk": "open",
        "target_missed": "resolved",
    }
    world.budget = [("3.4.1", H62, 99.4, False)]
    assert {a.status for a in world.night(after(3)).values()} == {"resolved"}
    assert [event[:3] for event in world.events()] == [
        ("2024-06-18", "opened", "at_risk"),
        ("2024-06-19", "opened", "target_missed"),
        ("2024-06-20", "resolved", "target_missed"),
        ("2024-06-21", "resolved", "at_risk"),
    ]


def test_a_sudden_drop_is_over_when_it_is_made_good_not_when_it_is_usual(world):
    world.target("7.3.5", "full_online", "dossiers", ">", 50.0)
    for night, percent in enumerate([80, 82, 81, 75.9]):
        world.figure("7.3.5", H62, percent, 100)
        alerts = world.night(after(night))
    alert = only(alerts)
    assert (alert.kind, alert.value, alert.threshold) == ("sudden_drop", 75.9, 76.0)
    assert "các đêm trước khoảng 81%" in alert.message
    for night in (4, 5, 6, 7, 8, 19):
        alerts = world.night(after(night))
    assert only(alerts).status == "open", "half a month at the low level is not made good"
    world.figure("7.3.5", H62, 76, 100)
    assert only(world.night(after(20))).status == "resolved"


@pytest.mark.parametrize("waits", figures.WAITING)
def test_a_figure_held_against_other_months_than_its_own_is_not_judged(world, waits: str):
    """A month that has not come looks like a fall: nothing opens, grows, ends or is remembered from it."""
    world.target("8.3.3", "revenue", "enterprise_growth", ">", 0.0)

    def night(number: int, percent: float, *told: str) -> dict[str, model.Alert]:
        world.scorecard = [("8.3.3", *told)]
        world.figure("8.3.3", H62, percent * 1e6, 1e8)
        return {a.kind: a for a in world.night(after(number)).values()}

    assert night(0, 12.4, "met", "met") == {}
    assert night(1, -1, "at_risk", waits) == {}
    opened = night(2, 1, "met", "met")
    assert set(opened) == {"sudden_drop"}, "against the 12.4 % of eleven months, not the -1 % between"
    assert night(3, -5.8, "at_risk", waits)["sudden_drop"].status == "frozen"
    assert night(4, 60, "at_risk", waits)["sudden_drop"].status == "frozen"
    assert night(5, 1, "met", "met")["sudden_drop"].status == "open"
    judged = night(6, -20, "missed", "missed")
    assert judged["target_missed"].status == "open", (
        "as the scorecard says: of other months, it may be, but no longer to come"
    )


def test_the_codes_that_conclude_nothing_are_those_of_the_models() -> None:
    macro = (DBT_PROJECT / "macros" / "verdict.sql").read_text(encoding="utf-8")
    (told,) = re.findall(r"macro waiting_codes.*?return\(\[(.*?)\]\)", macro, re.DOTALL)
    assert tuple(re.findall(r"'(\w+)'", told)) == figures.WAITING


def test_a_year_that_is_not_over_is_not_judged_against_a_whole_one(world):
    """FDI of ten months is below that of last year: no alert before the year can be told, one once it is missed."""
    world.target("8.2", "yearly_numbers", "fdi", ">", 0.0, scope="province")
    world.figure("8.2", H62, -20e6, 100e6)
    world.scorecard = [("8.2", "at_risk", "year_not_over")]
    assert world.night(DAY) == {}
    world.scorecard = [("8.2", "missed", "missed")]
    assert only(world.night(after(1))).kind == "target_missed"
    world.scorecard = [("8.2", "at_risk", "year_not_over")]
    assert only(world.night(after(2))).status == "resolved", "told as a miss by an earlier release"


def test_what_a_level_left_open_is_over_when_the_level_ends(world):
    world.figure("3.4.1", H62, 970, 1000)
    world.scorecard = [("3.4.1", "missed")]
    world.night(DAY)
    world.figure("3.4.1", H62, None, None)
    world.scorecard = [("3.4.1", "not_applicable")]
    assert only(world.night(after(1))).status == "resolved"


def test_a_missed_target_of_another_year_is_told_as_new(world):
    world.figure("3.4.1", H62, 985, 1000)
    world.night(date(2024, 12, 31))
    world.figure("3.4.1", H62, 28, 30)
    (alert,) = (a for a in world.night(date(2025, 1, 8)).values() if a.target_id == "3.4.1")
    assert (alert.opened_at.date(), alert.severity) == (date(2025, 1, 8), "critical")
    assert [event[:2] for event in world.events() if event[2] == "target_missed"] == [
        ("2024-12-31", "opened"),
        ("2025-01-08", "opened"),
    ]


def test_what_ends_with_the_year_is_not_told_as_put_right(world):
    world.figure("3.4.1", H62, 985, 1000)
    (missed,) = (a for a in world.night(date(2024, 12, 31)).values() if a.target_id == "3.4.1")
    world.figure("3.4.1", H62, 0, 0)
    (over,) = (a for a in world.night(date(2025, 1, 1)).values() if a.target_id == "3.4.1")
    assert over.status == "resolved"
    assert over.message == f"{missed.message} {wording.YEAR_OVER_VI}"
    assert over.message_en == f"{missed.message_en} {wording.YEAR_OVER_EN}"
    (told,) = (event for event in world.events() if event[:3] == ("2025-01-01", "resolved", "target_missed"))
    assert told


def test_a_drop_is_one_of_the_province_against_the_province(world):
    world.target("7.3.5", "full_online", "dossiers", ">", 50.0)
    for night, percent in enumerate([80, 74]):
        world.figure("7.3.5", H62, percent, 100)
        for number in (1, 2, 3):
            world.figure("7.3.5", agency(number), 51 + percent // 80 * 40, 100)
        alerts = world.night(after(night))
    assert [(a.kind, a.agency_code) for a in alerts.values()] == [("sudden_drop", H62)]
    assert "các đêm trước khoảng 80%" in only(alerts).message


def test_less_than_the_limit_or_another_year_is_no_drop(world):
    world.target("7.3.5", "full_online", "dossiers", ">", 50.0)
    for night, percent in enumerate([80, 75]):
        world.figure("7.3.5", H62, percent, 100)
        assert world.night(after(night)) == {}
    world.figure("7.3.5", H62, 55, 100)
    new_year = date(2025, 1, 1)
    for table in all_tables():
        world.deliver(table.source, table.name, new_year)
    assert world.night(new_year) == {}


@pytest.mark.parametrize(
    ("nights", "percent", "is_drop"),
    [([80] * 4 + [76] * 3, 74.9, True), ([84] * 4 + [80] * 4, 76.9, False)],
    ids=["three low nights do not make it usual", "the eighth night back is forgotten"],
)
def test_what_is_usual_is_the_middle_of_the_last_seven_nights(world, nights, percent, is_drop):
    world.target("7.3.5", "full_online", "dossiers", ">", 50.0)
    for number, usual in enumerate(nights):
        world.figure("7.3.5", H62, usual, 100)
        assert world.night(after(number)) == {}
    world.figure("7.3.5", H62, percent, 100)
    assert bool(world.night(after(len(nights)))) is is_drop


def test_a_drop_of_last_year_is_over_with_the_year(world):
    world.target("7.3.5", "full_online", "dossiers", ">", 50.0)
    told = []
    for day, percent in ((date(2024, 12, 30), 80), (date(2024, 12, 31), 74), (date(2025, 1, 8), 60)):
        world.figure("7.3.5", H62, percent, 100)
        told.append([a.status for a in world.night(day).values() if a.kind == "sudden_drop"])
    assert told == [[], ["open"], ["resolved"]]


def test_a_rise_is_a_drop_where_less_is_better(world):
    world.target("4.2.1", "yearly_numbers", "payroll", "<=", 100.0)
    for night, percent in enumerate([80, 86]):
        world.figure("4.2.1", H62, percent, 100)
        alerts = world.night(after(night))
    assert only(alerts).kind == "sudden_drop"


def test_a_delivery_held_back_is_told_until_a_good_one_follows(world):
    world.deliver("finance", "revenue", after(1), HELD_BACK, rows=200, bad=50, file="thu.xlsx")
    alert = only(world.night(after(1)))
    assert (alert.kind, alert.source, alert.value, alert.threshold) == (
        "quarantine_above_limit",
        "finance.revenue",
        25.0,
        10.0,
    )
    assert "tệp thu.xlsx bị giữ lại; tỷ lệ dòng bị loại 25%, giới hạn 10%" in alert.message
    assert alert.owner == "Sở Tài chính"
    assert only(world.night(after(2))).status == "open"
    world.deliver("finance", "revenue", after(3), file="thu2.xlsx")
    assert only(world.night(after(3))).status == "resolved"


def test_a_bad_delivery_that_comes_late_is_told_though_later_days_are_there(world):
    world.deliver("finance", "revenue", after(3), file="thu3.xlsx")
    assert world.night(after(3)) == {}
    world.deliver(
        "finance", "revenue", after(1), HELD_BACK, rows=200, bad=50, file="thu1.xlsx", loaded=at(after(4))
    )
    assert only(world.night(after(4))).status == "open"
    world.deliver("finance", "revenue", after(5), file="thu5.xlsx")
    assert only(world.night(after(5))).status == "resolved"


def test_a_bad_day_of_a_first_load_is_answered_by_the_later_days_of_it(world):
    world.deliver("finance", "revenue", after(1), HELD_BACK, bad=50, file="thu.xlsx", loaded=at(after(4)))
    world.deliver("finance", "revenue", after(2), file="thu.xlsx", loaded=at(after(4)))
    assert world.night(after(4)) == {}


@pytest.mark.parametrize(
    ("table", "status"),
    [("revenue", "open"), ("audit_findings", "resolved")],
    ids=["broken", "nothing to say"],
)
def test_a_file_without_rows_is_no_good_one_but_of_a_table_that_may_have_none(world, table, status):
    world.deliver("finance", table, after(1), HELD_BACK, rows=200, bad=50, file="a.xlsx")
    assert only(world.night(after(1))).status == "open"
    world.deliver("finance", table, after(2), rows=0, file="b.xlsx")
    assert only(world.night(after(2))).status == status


def test_the_latest_of_several_bad_deliveries_is_named(world):
    world.deliver("finance", "revenue", after(1), HELD_BACK, rows=200, bad=200, rejected=100, file="a.xlsx")
    world.deliver("finance", "revenue", after(2), HELD_BACK, rows=200, bad=200, rejected=50, file="z.xlsx")
    alert = only(world.night(after(2)))
    assert alert.value == 25.0, "of rows with a fault of their own, not of all that were held back"
    assert "tệp z.xlsx và 1 tệp khác bị giữ lại; tỷ lệ dòng bị loại 25%" in alert.message


def test_a_file_held_back_beside_the_one_it_was_to_replace_is_no_part_of_what_was_taken(world):
    world.deliver("finance", "revenue", after(1), "partly_quarantined", bad=5, file="taken.xlsx")
    world.deliver("finance", "revenue", after(1), HELD_BACK, bad=100, rejected=90, file="held.xlsx")
    alert = only(world.night(after(1)))
    assert (alert.value, "tệp held.xlsx bị giữ lại" in alert.message) == (90.0, True)


def test_a_file_sent_again_the_same_night_leaves_nothing_to_tell(world):
    world.deliver("finance", "revenue", after(1), HELD_BACK, rows=200, bad=50, file="thu.xlsx")
    world.deliver("finance", "revenue", after(1), rows=200, file="thu.xlsx")
    assert world.night(after(1)) == {}


def test_a_better_file_for_the_same_day_or_in_its_place_ends_it_too(world):
    world.deliver("finance", "revenue", after(1), HELD_BACK, rows=200, bad=50, file="thu.xlsx")
    world.deliver("finance", "disbursements", after(1), HELD_BACK, rows=200, bad=50, file="chi.xlsx")
    assert len(world.night(after(1))) == 2
    world.deliver("finance", "revenue", after(1), file="thu.xlsx", loaded=at(after(2)))
    world.deliver("finance", "disbursements", after(1), file="chi2.xlsx", loaded=at(after(2)))
    assert {a.status for a in world.night(after(2)).values()} == {"resolved"}


def test_refused_files_of_a_source_are_one_problem(world):
    world.deliver("finance", None, after(1), REFUSED, rows=0, file="a.xlsx")
    world.deliver("finance", None, after(1), REFUSED, rows=0, file="b\nc.xlsx")
    alert = only(world.night(after(1)))
    assert (alert.source, alert.severity) == ("finance", "low")
    assert "tệp a.xlsx và 1 tệp khác bị từ chối" in alert.message


def test_a_file_in_no_folder_of_a_source_is_told_as_lying_in_the_inbox(world):
    world.deliver("", None, None, REFUSED, rows=0, file="revenue.json", loaded=at(DAY))
    alert = only(world.night(DAY))
    assert (alert.source, alert.severity) == (None, "low")
    assert alert.message.startswith("Hộp nhận: tệp revenue.json, nằm ngoài thư mục nguồn, bị từ chối")
    assert alert.message_en.startswith("Inbox: file revenue.json, in no source's folder, was refused")


def test_a_partly_loaded_delivery_below_the_limit_is_none(world):
    world.deliver("finance", "revenue", after(1), "partly_quarantined", rows=100, bad=10)
    assert world.night(after(1)) == {}
    world.settings = replace(world.settings, rejected_share_limit_pct=5.0)
    assert only(world.night(after(2))).threshold == 5.0


def test_a_delivery_dated_ahead_is_told_until_something_else_stands_under_its_name(world, monkeypatch):
    monkeypatch.setattr(clock, "today", lambda: after(3))
    world.deliver("finance", "revenue", after(3), file="later.csv")  # to a night of an earlier day only
    assert world.night(after(1)) == {}
    world.deliver("finance", "revenue", date(2042, 11, 30), file="thu.csv")
    alert = only(world.night(after(2)))
    assert (alert.kind, alert.source, alert.severity) == (
        "quarantine_above_limit",
        "finance.revenue",
        "medium",
    )
    assert "tệp thu.csv ghi ngày gửi 30/11/2042 chưa đến: chưa được tính" in alert.message
    assert only(world.night(after(3))).status == "open", "a good file beside it ends nothing"
    world.deliver("finance", "revenue", date(2042, 11, 30), rows=0, file="thu.csv")
    assert only(world.night(after(4))).status == "resolved"


@pytest.mark.parametrize("of_an_earlier_release", [False, True])
def test_a_night_run_again_after_a_later_one_publishes_its_own_alerts(world, of_an_earlier_release):
    """While it is kept: the threads hold the values of the last night."""
    world.figure("3.4.1", H62, 970, 1000)
    said = world.night(DAY)
    with duckdb.connect(str(world.settings.building)) as connection:
        connection.execute("create schema marts")
        alerting.write_alerts(connection, list(said.values()))
        if of_an_earlier_release:
            connection.execute("alter table marts.fct_alert drop column muted_until")
    swap_in(world.settings, write_version(world.settings, world.settings.building, DAY, at(DAY)))
    world.figure("3.4.1", H62, 960, 1000)
    world.target("7.3.5", "full_online", "dossiers", ">", 50.0)
    world.figure("7.3.5", H62, 40, 100)
    later = world.night(after(1))
    assert later != said and len(later) == 2
    again = alerting.evaluate(world.settings, world.database, world.ledger, DAY, at(after(1)))
    assert {alert.alert_id: alert for alert in again} == said
    assert {alert.alert_id: alert for alert in alerting.open_alerts(world.settings)} == later, (
        "and changes nothing"
    )


# --- schedule, escalation, mute


def test_it_is_repeated_each_week_and_escalated_after_two(world):
    world.figure("3.4.1", H62, 970, 1000)
    for night in (0, 6, 7, 13, 14, 20, 21, 28, 29):
        world.night(after(night))
    said = [(event[0], event[1]) for event in world.events()]
    assert said == [
        (str(after(0)), "opened"),
        (str(after(7)), "repeated"),
        (str(after(14)), "aged"),
        (str(after(21)), "repeated"),
        (str(after(28)), "repeated"),
    ]
    assert only(world.again(after(29))).severity == "critical"


def test_age_raises_an_alert_once(world):
    world.target("7.3.5", "full_online", "dossiers", ">", 50.0)
    world.figure("7.3.5", H62, 60, 100)
    world.figure("7.3.5", agency(1), 49, 100)
    severities = []
    for night in (0, 14, 15, 16, 17):
        alerts = world.night(after(night))
        severities += [a.severity for a in alerts.values() if a.kind == "target_missed"]
    assert severities == ["medium", *["high"] * 4]
    assert [event[1] for event in world.events() if event[2] == "target_missed"] == ["opened", "aged"]


def test_what_has_only_grown_old_is_not_told_as_worse(world):
    """Nor what has grown old under a mute; what got worse as well is, and what gets worse after it was told as old."""
    world.target("7.3.5", "full_online", "dossiers", ">", 50.0)
    for code, percents in {
        agency(1): (40, 45, 45),  # better, yet old
        agency(2): (40, 34, 34),  # worse and old
        agency(3): (40, 40, 34),  # old, then worse
        agency(4): (40, 45, 45),  # old under a mute
    }.items():
        world.figures["7.3.5", code] = percents
    shown = dict(world.figures)

    def night(number: int, which: int) -> None:
        for (target, code), percents in shown.items():
            if target == "7.3.5":
                world.figure(target, code, percents[which], 100)
        world.night(after(number))

    night(0, 0)
    muted = next(a for a in alerting.open_alerts(world.settings) if a.agency_code == agency(4))
    alerting.mute(world.settings, muted.alert_id, "đang xử lý", after(14), at(DAY))
    night(14, 1)
    night(15, 2)
    with Store(world.settings) as store, store.transaction() as transaction:
        rows = transaction.connection.exec_driver_sql(
            "select agency_code, as_of, event.kind from event join thread using (alert_id)"
            " where event.kind <> 'opened' order by 1, 2"
        ).all()
    assert [tuple(row) for row in rows] == [
        (agency(1), str(after(14)), "aged"),
        (agency(2), str(after(14)), "escalated"),
        (agency(3), str(after(14)), "aged"),
        (agency(3), str(after(15)), "escalated"),
        (agency(4), str(after(15)), "aged"),
    ]


def test_clearly_worse_escalates_at_once_and_only_as_far_as_there_are_steps(world):
    world.target("7.3.5", "full_online", "dossiers", ">", 50.0)
    for night, percent in enumerate([48, 45, 43, 40, 38]):
        world.figure("7.3.5", H62, percent, 100)
        alerts = world.night(after(night))
    missed = next(a for a in alerts.values() if a.kind == "target_missed")
    assert missed.severity == "critical"
    assert [event[:2] for event in world.events() if event[2] == "target_missed"] == [
        (str(after(0)), "opened"),
        (str(after(2)), "escalated"),
    ]


def test_a_mute_is_silent_until_its_end_and_speaks_again_by_itself(world):
    world.figure("3.4.1", H62, 970, 1000)
    alert = only(world.night(DAY))
    alerting.mute(world.settings, alert.alert_id[:6], "đang xử lý", after(9), at(DAY))
    for night in (1, 7, 9):
        assert only(world.night(after(night))).status == "muted"
    assert only(world.night(after(10))).status == "open"
    assert [event[:2] for event in world.events()] == [(str(DAY), "opened"), (str(after(10)), "repeated")]


def test_a_mute_needs_a_reason_an_end_to_come_and_an_alert(world):
    world.figure("3.4.1", H62, 970, 1000)
    alert = only(world.night(DAY))
    for arguments in (
        (alert.alert_id, " ", after(1)),
        (alert.alert_id, "x", after(-1)),
        ("zz", "x", after(1)),
        ("", "x", after(1)),
    ):
        with pytest.raises(alerting.AlertError):
            alerting.mute(world.settings, *arguments, at(DAY))
    alerting.mute(world.settings, alert.alert_id, "x", DAY, at(DAY))  # the last night itself may be run again
    assert only(world.again(DAY)).status == "muted"


def test_a_mute_shows_its_day_and_reason_at_once_and_can_be_taken_back(world):
    world.figure("3.4.1", H62, 970, 1000)
    world.figure("3.4.1", agency(1), 97, 100)
    world.night(DAY)
    muted, other = alerting.open_alerts(world.settings)
    alerting.mute(world.settings, muted.alert_id, "đang xử lý", after(9), at(DAY))

    def shown() -> list[tuple]:
        alerts = alerting.open_alerts_and_why_muted(world.settings)
        return [(alert.status, alert.muted_until, why) for alert, why in alerts]

    at_once = [("muted", after(9), "đang xử lý"), ("open", None, None)]
    assert shown() == at_once
    of_the_mart = world.night(after(1))
    assert [of_the_mart[a.alert_id].muted_until for a in (muted, other)] == [after(9), None]
    assert shown() == at_once
    alerting.unmute(world.settings, muted.alert_id[:6])
    assert shown() == [("open", None, None), ("open", None, None)]
    with pytest.raises(alerting.AlertError, match="is not muted"):
        alerting.unmute(world.settings, muted.alert_id)
    with pytest.raises(alerting.AlertError, match="alerts unmute ID"):
        alerting.mute(world.settings, muted.alert_id, "x", DAY, at(DAY))
    again = world.night(after(7))
    assert again[muted.alert_id].muted_until is None
    assert (str(after(7)), "repeated") in [event[:2] for event in world.events()]


def test_a_mute_that_is_over_is_not_shown(world):
    world.figure("3.4.1", H62, 970, 1000)
    alert = only(world.night(DAY))
    alerting.mute(world.settings, alert.alert_id, "đang xử lý", DAY, at(DAY))
    assert only(world.again(DAY)).muted_until == DAY
    assert only(world.night(after(1))).muted_until is None
    ((alert, why),) = alerting.open_alerts_and_why_muted(world.settings)
    assert (alert.status, alert.muted_until, why) == ("open", None, None)


def test_open_alerts_come_worst_first_and_make_a_table(world):
    world.figure("3.4.1", H62, 970, 1000)
    world.figure("3.4.1", agency(1), 97, 100)
    alerts = world.night(DAY)
    assert [a.severity for a in alerting.open_alerts(world.settings)] == ["high", "medium"]
    table = alerting.to_arrow(list(alerts.values()))
    assert table.num_rows == 2
    assert table.column_names == [
        *("alert_id", "kind", "target_id", "agency_code", "source", "severity", "status", "opened_at"),
        *("last_seen_at", "resolved_at", "value", "threshold", "message", "message_en", "owner"),
        "muted_until",
    ]
    assert alerting.to_arrow([]).schema == table.schema


def test_an_id_stays_the_same_for_ever():
    assert model.alert_id("target_missed", "3.4.1", H62, None) == "ab03c97667206b3f"
    assert model.alert_id("a", "b", None, None) != model.alert_id("a", None, "b", None)


# --- feeds


def _model_text(name: str) -> str:
    return next((ROOT / "dbt_project" / "models").rglob(f"{name}.sql")).read_text(encoding="utf-8")


def _delivered_tables(name: str) -> set[str]:
    """source.table of every export that a model reads, through staging or as new rows, and all models between."""
    new = re.findall(r"source\('(\w+)', '(\w+)_new'\)", _model_text(name))
    found = {f"{source}.{table}" for source, table in new}
    for ref in re.findall(r"ref\('(\w+)'\)", _model_text(name)):
        if ref.startswith("stg_"):
            found.add(ref.removeprefix("stg_").replace("__", ".", 1))
        elif list((ROOT / "dbt_project" / "models").rglob(f"{ref}.sql")):
            found |= _delivered_tables(ref)
    return found


def test_every_measure_counts_rows_of_tables_that_its_model_reads():
    measures = {(row["family"], row["measure"]) for row in seed("target_measure")}
    for family, measure in measures:
        counted, others = (
            [f"{table.source}.{table.name}" for table in tables_of(family, measure, *roles)]
            for roles in ((COUNTED,), (DECIDES, NAMED))
        )
        assert counted, f"{family} {measure}"
        assert set(counted) <= _delivered_tables(f"ind_{family}"), family
        assert len({*counted, *others}) == len(counted) + len(others), f"{family} {measure}"
    for row in seed("family_table"):
        assert row["role"] in (COUNTED, DECIDES, NAMED)
        assert row["family"] in {family for family, _ in measures}
        assert not row["measure"] or (row["family"], row["measure"]) in measures


# --- metrics


@contextmanager
def _nights(world):
    world.ledger.start_night("one", DAY, at(DAY))
    world.ledger.end_night("one", at(DAY) + timedelta(minutes=2), "published", None, "v1")
    yield


def test_metrics_hold_what_the_rules_watch(world):
    world.figure("3.4.1", H62, 970, 1000)
    world.figure("3.4.1", agency(1), 0, 12)
    world.deliver("finance", "revenue", after(1), HELD_BACK, rows=200, bad=50)
    world.deliver("finance", "disbursements", after(-1), "partly_quarantined", bad=40)
    world.night(after(1))
    with duckdb.connect(str(world.database)) as db:
        db.execute("create temp table figures as from marts.fct_indicator")
        for other in ("false as is_headline", "'month' as period_kind", f"date '{DAY}' as as_of_date"):
            db.execute(
                f"insert into marts.fct_indicator select * replace ({other}, 5.0 as value) from figures"
            )
    alerting.send_pending(world.settings, at(after(1)))
    with _nights(world):
        path = write_metrics(world.settings, world.database, world.ledger, after(1), at(after(1)))
    text = path.read_text(encoding="utf-8")
    assert path == world.settings.published / "metrics.prom"
    assert 'parindex_indicator_value{agency_code="H62",level="tinh",target_id="3.4.1"} 97.0' in text
    assert (
        f'parindex_indicator_value{{agency_code="{agency(1)}",level="tinh",target_id="3.4.1"}} 0.0' in text
    ), "nothing on time is a value"
    assert 'parindex_indicator_meets_target{agency_code="H62",level="tinh",target_id="3.4.1"} 0.0' in text
    assert 'parindex_indicator_target{operator=">",target_id="3.4.1"} 99.0' in text
    assert 'parindex_source_stale{source="tthc",table="dossiers"} 0.0' in text
    assert 'parindex_quarantined_rows{source="finance",table="revenue"} 50.0' in text
    assert 'parindex_deliveries_not_accepted{source="finance",table="revenue"} 1.0' in text
    assert 'parindex_rejected_share_percent{source="finance",table="disbursements"} 0.0' in text, (
        "the last one's"
    )
    assert "parindex_night_last_success 1.0" in text
    assert "parindex_night_last_duration_seconds 120.0" in text
    assert 'parindex_alerts_open{kind="target_missed",severity="high",status="open"} 1.0' in text
    assert "parindex_alerts_unrouted 2.0" in text
    assert list(path.parent.glob("metrics.prom.*")) == []

    rules = yaml.safe_load(
        (ROOT / "orchestration/alerting/prometheus_rules.yaml").read_text(encoding="utf-8")
    )
    names = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if not line.startswith("#")}
    alerts = [rule for group in rules["groups"] for rule in group["rules"]]
    assert set(rules) == {"groups"} and all(set(group) == {"name", "rules"} for group in rules["groups"])
    assert len({rule["alert"] for rule in alerts}) == len(alerts) >= 10
    for rule in alerts:
        assert (
            {"alert", "expr", "labels", "annotations"}
            <= set(rule)
            <= {"alert", "expr", "labels", "annotations", "for"}
        )
        assert set(rule["annotations"]) == {"summary", "description"}
        used = set(re.findall(r"\bparindex_\w+", rule["expr"]))
        assert used and used <= names, rule["alert"]
        assert rule["expr"].count("(") == rule["expr"].count(")")
        assert re.fullmatch(r"\d+[mh]", rule.get("for", "1m"))
        for page in re.findall(r"docs/\S+\.md", rule["annotations"]["description"]):
            assert (ROOT / page).is_file(), page


def test_metrics_know_a_failed_night_though_the_published_file_cannot_be_read(world):
    with _nights(world):
        write_metrics(world.settings, world.database, world.ledger, DAY, at(DAY))
    world.ledger.start_night("two", after(1), at(after(1)))
    world.ledger.end_night("two", at(after(1)), "failed", "the disk is full", None)
    world.database.write_bytes(b"cut off")
    with pytest.raises(duckdb.Error):
        write_metrics(world.settings, world.database, world.ledger, after(1), at(after(1)))
    text = (world.settings.published / "metrics.prom").read_text(encoding="utf-8")
    assert "parindex_night_last_success 0.0" in text
    assert 'parindex_source_stale{source="tthc",table="dossiers"} 0.0' in text
    assert "parindex_indicator_value{" not in text


def _firing(metrics: str) -> dict[str, set[str]]:
    """Rules over the open alerts that fire on these metrics, each with the alerts it fires for: by its labels."""
    series = [
        dict(re.findall(r'(\w+)="([^"]*)"', line))
        for line in metrics.splitlines()
        if line.startswith("parindex_alerts_open{")
    ]
    rules = yaml.safe_load(
        (ROOT / "orchestration/alerting/prometheus_rules.yaml").read_text(encoding="utf-8")
    )
    firing = {}
    for rule in rules["groups"][0]["rules"]:
        expression = re.fullmatch(
            r"(sum)?(?: by \((\w+)\) )?\(?parindex_alerts_open\{(.*)\}\)? > 0", rule["expr"]
        )
        if expression is None:
            assert "parindex_alerts_open" not in rule["expr"]
            continue
        wanted = [
            (name, value if sign == "=~" else re.escape(value))
            for name, sign, value in re.findall(r'(\w+)(=~|=)"([^"]*)"', expression[3])
        ]
        found = [s for s in series if all(re.fullmatch(value, s[name]) for name, value in wanted)]
        if found:
            kept = [expression[2]] if expression[2] else [] if expression[1] else sorted(found[0])
            firing[rule["alert"]] = {str([one[name] for name in kept]) for one in found}
    return firing


def test_a_failed_night_ends_nothing_in_prometheus_and_begins_nothing(world):
    world.scorecard = [("3.4.2", "at_risk"), ("7.3.5", "at_risk")]
    for target in ("3.4.2", "7.3.5", "7.3.6", "7.2.1"):
        world.target(target, "full_online", "dossiers", ">", 50.0)
        world.figure(target, H62, 90, 100)
    world.night(after(-1))

    def told(day: date) -> dict[str, set[str]]:
        return _firing(write_metrics(world.settings, world.database, world.ledger, day, at(day)).read_text())

    assert told(after(-1)) == {"ParindexTargetAtRisk": {"[]"}}
    world.scorecard = [("3.4.2", "missed"), ("7.3.5", "at_risk")]
    world.figure("3.4.2", H62, 10, 100)  # its "at risk" is covered by the miss from now on
    world.figure("7.3.6", H62, 60, 100)  # a drop
    world.deliver("finance", "revenue", DAY, HELD_BACK, rows=200, bad=50)
    missed = next(a for a in world.night(DAY).values() if a.kind == "target_missed")
    assert set(told(DAY)) == {
        *("ParindexTargetMissed", "ParindexTargetAtRisk", "ParindexSuddenDrop", "ParindexQuarantineHigh")
    }
    at_risk = next(a for a in alerting.open_alerts(world.settings) if a.target_id == "7.3.5")
    alerting.mute(world.settings, at_risk.alert_id, "đang xử lý", after(9), at(DAY))
    world.again(DAY)
    before = told(DAY)
    assert "ParindexTargetAtRisk" not in before
    alerting.failed_night(world.settings, after(1), at(after(1)), "the disk is full")
    assert told(after(1)) == before
    stands = {(a.kind, a.target_id): a.status for a in alerting.open_alerts(world.settings)}
    assert stands["target_missed", missed.target_id] == "frozen"
    assert (stands["at_risk", "3.4.2"], stands["at_risk", "7.3.5"]) == ("covered", "muted")
    world.night(after(2))
    assert told(after(2)) == before


def test_when_was_last_published_is_known_of_a_night_that_was_killed_after_it(tmp_path):
    settings = Settings(home=tmp_path, inbox=tmp_path / "inbox").create()
    ledger = Ledger(settings.ledger)
    ledger.start_night("killed", DAY, at(DAY))
    ledger.announce("killed", "v1")
    ledger.start_night("failed", DAY, at(DAY) + timedelta(hours=1), "v1")
    ledger.end_night("failed", at(DAY) + timedelta(hours=2), "failed", "the disk is full", None)
    text = write_metrics(settings, tmp_path / "none.duckdb", ledger, DAY, at(DAY)).read_text()
    assert "parindex_night_last_success 0.0" in text
    assert "parindex_night_last_published_timestamp_seconds" in text
    ledger.close()


def test_a_night_that_was_killed_has_no_length_and_the_one_that_runs_has_not_ended(tmp_path):
    settings = Settings(home=tmp_path, inbox=tmp_path / "inbox").create()
    ledger = Ledger(settings.ledger)
    ledger.start_night("killed", DAY, at(DAY))
    ledger.start_night("running", DAY, at(DAY) + timedelta(hours=1))
    text = write_metrics(settings, tmp_path / "none.duckdb", ledger, DAY, at(DAY)).read_text()
    told = {
        name: float(value)
        for name, value in (line.split(" ") for line in text.splitlines() if line[0] != "#")
        if name.startswith("parindex_night_last")
    }
    assert told == {
        "parindex_night_last_success": 0,
        "parindex_night_last_complete": 0,
        "parindex_night_last_start_timestamp_seconds": at(DAY)
        .replace(tzinfo=clock.PROVINCE_TIME)
        .timestamp(),
    }
    ledger.close()


def test_a_code_that_no_catalogue_has_makes_no_series(world):
    """One mistyped column has as many codes as rows."""
    for code in (agency(1), "gõ nhầm"):
        world.figure("3.4.1", code, 9, 12)
    world.night(DAY)
    with duckdb.connect(str(world.database)) as db:
        db.execute("delete from marts.dim_agency where agency_code = 'gõ nhầm'")
    text = write_metrics(world.settings, world.database, world.ledger, DAY, at(DAY)).read_text(
        encoding="utf-8"
    )
    for name in ("parindex_indicator_value", "parindex_indicator_meets_target"):
        codes = re.findall(rf'^{name}{{agency_code="([^"]*)"', text, flags=re.M)
        assert codes == [agency(1), H62]
        help_ = next(line for line in text.splitlines() if line.startswith(f"# HELP {name} "))
        assert "that the catalogue has" in help_


def test_metrics_say_which_rows_are_counted_as_rejected(world):
    world.deliver("finance", "revenue", DAY, HELD_BACK, rows=200, bad=200, rejected=50)
    text = write_metrics(world.settings, world.database, world.ledger, DAY, at(DAY)).read_text(
        encoding="utf-8"
    )
    assert 'parindex_quarantined_rows{source="finance",table="revenue"} 200.0' in text
    assert (
        "# HELP parindex_quarantined_rows Rejected rows of the deliveries that count, and all rows of those held back"
        in text
    )


def test_metrics_without_marts_and_nights_leave_out_what_is_unknown(tmp_path):
    settings = Settings(home=tmp_path, inbox=tmp_path / "inbox").create()
    ledger = Ledger(settings.ledger)
    text = write_metrics(settings, tmp_path / "none.duckdb", ledger, DAY, at(DAY)).read_text()
    assert "parindex_indicator_value{" not in text
    assert "parindex_night_last" not in text
    assert "parindex_metrics_written_timestamp_seconds" in text
    ledger.close()


def test_every_kind_has_its_page():
    for kind in model.KINDS:
        page = (ROOT / "docs" / "runbook" / "alerts" / f"{kind}.md").read_text(encoding="utf-8")
        assert page.startswith("# "), kind


def test_the_mart_names_every_way_in_which_an_alert_can_stand() -> None:
    from orchestration.alerting import model, table

    ways = {model.OPEN, model.MUTED, model.FROZEN, model.COVERED, model.RESOLVED}
    assert ways <= set(re.findall(r"[a-z]+", table.COLUMN_TEXTS["status"]))
