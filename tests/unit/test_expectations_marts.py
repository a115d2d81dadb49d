"""The gate of the marts: good marts pass, and every check is seen to fail on its own fault."""

from __future__ import annotations

import re
from datetime import date

import duckdb
import pytest

from expectations.engine import validate
from expectations.marts import PROMISED, marts_checks
from expectations.model import BLOCK, WARN, Check, CheckResult, failures
from warehouse.keys import Keys, mart_keys

AS_OF = date(2024, 6, 30)
KEYS = mart_keys()

MARTS = """
create schema marts;

create table marts.dim_agency as
from (values
    ('H62', 'Vĩnh Phúc', 'toan_tinh', null, date '2020-01-01', null::date, true),
    ('H62.1', 'Sở Nội vụ', 'tinh', null, date '2020-01-01', null, true),
    ('H62.2', 'Huyện Lập Thạch', 'huyen', null, date '2020-01-01', date '2025-06-30', true)
) as t(agency_code, agency_name, level, parent_code, valid_from, valid_to, is_current);

create table marts.dim_target as
select
    *, 'x' as target_name, '>=' as operator, 90.0 as target_value, '%' as unit, 1.0 as max_points,
    'Sở Nội vụ' as lead_agency, '1' as criterion_id, '1' as field_id, date '2024-01-01' as valid_from,
    null::date as valid_to
from (values
    ('3.4.1', 'tthc', 'percent', 'on_time', 'tinh', true, true, true),
    ('1.3.1', 'register', 'percent', 'register', 'reported', true, true, true),
    ('1.5', 'register', 'count', 'register', 'reported', true, false, true),
    ('6.1.1', 'finance', 'percent', 'disbursement', 'disbursed', true, false, true),
    ('6.3.1', 'finance', 'count', 'service_units', 'self_financing', true, false, false),
    ('8.1', 'register', 'text', 'survey', 'sipas', false, true, true),
    ('8.2', 'register', 'percent', 'yearly_numbers', 'fdi', true, false, true)
) as t(target_id, source_system, measure_kind, family, measure, has_verdict, is_part_of_whole, agencies_add_up);

create table marts.fct_indicator as
select
    date '2024-06-30' as as_of_date, target_id, variant, variant = 'headline' as is_headline, agency_code,
    'ytd' as period_kind, date '2024-01-01' as period_start, n::double as numerator, d::double as denominator,
    case when target_id in ('1.5', '6.3.1') then n::double else 100 * n / nullif(d::double, 0) end as value,
    90.0 as target_value,
    case when target_id <> '8.1' then value >= 90 end as meets_target
from (values
    ('3.4.1', 'headline', 'H62', 15, 20),
    ('3.4.1', 'headline', 'H62.1', 9, 10),
    ('3.4.1', 'headline', 'H62.2', 6, 10),
    ('3.4.1', 'register', 'H62', 3, 4),
    ('1.3.1', 'headline', 'H62', null, null),
    ('1.5', 'headline', 'H62', 4, null),
    ('1.5', 'headline', 'H62.1', 4, null),
    ('6.1.1', 'headline', 'H62', 110, 100),
    ('6.1.1', 'headline', 'H62.1', 110, 100),
    ('6.3.1', 'headline', 'H62', 1, null),
    ('6.3.1', 'headline', 'H62.1', 5, null),
    ('8.1', 'headline', 'H62', 8, 10),
    ('8.2', 'headline', 'H62', -5, 100)
) as t(target_id, variant, agency_code, n, d);

create table marts.fct_dossier as
select
    *, '1.000001' as procedure_code, 'H62.1' as agency_code, 'tinh' as level,
    timestamp '2024-02-01' as received_at, timestamp '2024-03-02' as due_at, true as is_online,
    true as is_full_online_procedure, true as is_digitised, true as has_e_result, false as paid_online,
    false as apology_sent
from (values
    ('a-1', '10', true, true, false, timestamp '2024-03-01'),
    ('a-2', '4', false, false, true, null),
    ('a-3', '9', true, false, false, timestamp '2024-03-09')
) as t(dossier_code, status, is_resolved, is_on_time, is_overdue_open, finished_at);

create table marts.rpt_scorecard as
select
    as_of_date, target_id, value, target_value, meets_target, 0.5 as points_estimated, 1.0 as max_points,
    case when value is null then 'no_data' when meets_target then 'met' else 'missed' end as status,
    'Sở Nội vụ' as lead_agency, date '2024-12-31' as deadline
from marts.fct_indicator
where agency_code = 'H62' and is_headline;

create table marts.rpt_field_score as
select
    date '2024-06-30' as as_of_date, '1' as field_id, 5.0 as points_estimated, 9.5 as max_points,
    8.0 as points_2023, 9.0 as goal_2024, 4.0 as gap_to_goal;

create table marts.rpt_agency_ranking as
select date '2024-06-30' as as_of_date, 'tinh' as level, 'ytd' as period_kind, date '2024-01-01' as period_start,
    1 as rank, 'H62.1' as agency_code, 90.0 as score;

create table marts.rpt_late_budget as
select
    date '2024-06-30' as as_of_date, '3.4.1' as target_id, 'H62.1' as agency_code, 9 as resolved, 1 as late,
    0 as late_allowed_at_target, -1 as late_left, 0 as due_next_7_days, 90.0 as projected_year_end_value,
    0 as waiting_overdue;

create table marts.fct_alert as
select
    'k1' as alert_id, '3.4.1' as target_id, 'H62.1' as agency_code, 'high' as severity,
    timestamp '2024-06-01' as opened_at, timestamp '2024-06-30' as last_seen_at,
    null::timestamp as resolved_at, 90.0 as value, 99.0 as threshold, 'text' as message;

create table marts.fct_delivery as
select
    'd1' as delivery_id, 'tthc' as source, 'dossiers' as table_name, 'a.csv' as file_name, 'loaded' as outcome, null as reason,
    10 as rows_in_file, 7 as rows_loaded, 1 as rows_unchanged, 2 as rows_quarantined, 'abc' as content_hash,
    date '2024-06-30' as delivered_on, timestamp '2024-06-30 01:00:00' as loaded_at;

create table marts.fct_integrity_signal as
select
    's1' as signal_key, 'due_date_moved' as kind, 'a-1' as record_key, 'H62.1' as agency_code, 'x' as before, 'y' as after,
    date '2024-06-30' as first_seen, 'text' as detail;

create table marts.dim_date as select date '2024-09-02' as date_day, true as is_holiday;

create table marts.dim_procedure as select '1.000001' as procedure_code;

create table marts.dim_key_task as select '1.2-1' as task_id;

-- Two checks of one delivery, two of whole tables.
create table marts.fct_check_result as
from (values ('c1', 'd1'), ('c2', 'd1'), ('c3', null), ('c4', null)) as t(check_id, delivery_id);

create table marts.rpt_points_to_regain as select date '2024-06-30' as as_of_date, '3.4.1' as target_id;

create table marts.rpt_dossier_at_risk as select date '2024-06-30' as as_of_date, 'a-2' as dossier_code;

create table marts.fct_restatement as
select as_of_date, target_id, variant, agency_code, period_kind, period_start from marts.fct_indicator;
"""
PREVIOUS = {
    "fct_dossier": 3,
    "dim_agency": 3,
    "dim_target": 7,
    "fct_indicator": 13,
    "fct_alert": 1,
    "fct_delivery": 0,
}


def marts_night(**changes):
    options = {
        "as_of": AS_OF,
        "keys": KEYS,
        "province": "H62",
        "staged_dossiers": 3,
        "previous_counts": PREVIOUS,
        "personal_columns": ["note_of_citizen"],
    }
    return marts_checks(**{**options, **changes})


def update(table: str, assignment: str, where: str) -> str:
    return f"update marts.{table} set {assignment} where {where}"


_ONE = "target_id = '{}' and variant = 'headline' and agency_code = '{}'"
MART_FAULTS: list[tuple[str, str, str]] = [
    *(
        (table, "columns_present", f"alter table marts.{table} drop column {PROMISED[table].split()[-1]}")
        for table in PROMISED
    ),
    *(
        (table, "key_filled", f"update marts.{table} set {column} = null")
        for table, known in KEYS.items()
        for column in known.key
        if column not in known.nullable
    ),
    *(
        (table, "key_unique", f"insert into marts.{table} from marts.{table} limit 1")
        for table, known in KEYS.items()
        if known.key
    ),
    ("dim_agency", "in_set", "update marts.dim_agency set level = 'cap_tinh' where agency_code = 'H62.1'"),
    ("fct_indicator", "in_set", update("fct_indicator", "period_kind = 'week'", _ONE.format("1.5", "H62.1"))),
    ("rpt_scorecard", "in_set", "update marts.rpt_scorecard set status = 'good' where target_id = '8.1'"),
    *(
        (table, "as_of_date_single", f"update marts.{table} set as_of_date = date '2024-06-29'")
        for table, known in KEYS.items()
        if "as_of_date" in known.key
    ),
    *(
        (table, "not_suddenly_empty", f"delete from marts.{table}")
        for table in PREVIOUS
        if table[:3] == "dim" or table in ("fct_dossier", "fct_indicator")
    ),
    ("dim_agency", "row_count_not_dropped", "delete from marts.dim_agency where agency_code = 'H62.2'"),
    ("dim_target", "row_count_not_dropped", "delete from marts.dim_target where target_id > '1.5'"),
    ("fct_dossier", "row_count_not_dropped", "delete from marts.fct_dossier where dossier_code = 'a-2'"),
    ("fct_indicator", "row_count_not_dropped", "delete from marts.fct_indicator where target_id >= '6'"),
    ("fct_alert", "row_count_not_dropped", "delete from marts.fct_alert"),
    (
        "dim_agency",
        "one_current_version",
        "insert into marts.dim_agency"
        " select * replace (date '2021-01-01' as valid_from) from marts.dim_agency",
    ),
    ("fct_integrity_signal", "calendar_is_known", "update marts.dim_date set is_holiday = false"),
    ("dim_agency", "validity_in_order", "update marts.dim_agency set valid_to = date '2019-12-31'"),
    (
        "dim_target",
        "every_target_has_its_figure",
        "delete from marts.fct_indicator where target_id = '1.3.1'",
    ),
    (
        "dim_target",
        "every_target_has_its_figure",
        update("fct_indicator", "is_headline = true", "variant = 'register'"),
    ),
    (
        "fct_dossier",
        "states_agree",
        "update marts.fct_dossier set is_on_time = true where dossier_code = 'a-2'",
    ),
    (
        "fct_dossier",
        "states_agree",
        "update marts.fct_dossier set is_overdue_open = true where dossier_code = 'a-1'",
    ),
    ("fct_dossier", "states_agree", "update marts.fct_dossier set finished_at = null"),
    (
        "fct_dossier",
        "no_personal_columns_in_marts",
        "alter table marts.dim_agency add column head_phone varchar",
    ),
    (
        "fct_dossier",
        "no_personal_columns_in_marts",
        "create view marts.extra as select 1 as applicant_name_hash",
    ),
    ("fct_dossier", "no_personal_columns_in_marts", "create table marts.more as select 1 as note_of_citizen"),
    ("fct_dossier", "all_dossiers_kept", "delete from marts.fct_dossier where dossier_code = 'a-1'"),
    ("fct_indicator", "targets_known", "delete from marts.dim_target where target_id = '1.5'"),
    (
        "fct_indicator",
        "share_within_0_100",
        update("fct_indicator", "value = 100.5", _ONE.format("3.4.1", "H62.1")),
    ),
    (
        "fct_indicator",
        "share_within_0_100",
        update("fct_indicator", "value = -1", _ONE.format("3.4.1", "H62.1")),
    ),
    (
        "fct_indicator",
        "share_within_0_100_as_reported",
        update("fct_indicator", "value = 101", "variant = 'register'"),
    ),
    (
        "fct_indicator",
        "share_within_0_100_as_reported",
        update("fct_indicator", "value = 101", _ONE.format("8.1", "H62")),
    ),
    (
        "fct_indicator",
        "numerator_within_denominator",
        update("fct_indicator", "numerator = 11", _ONE.format("3.4.1", "H62.1")),
    ),
    (
        "fct_indicator",
        "numerator_within_denominator",
        update("fct_indicator", "numerator = -1", _ONE.format("3.4.1", "H62.1")),
    ),
    (
        "fct_indicator",
        "numerator_within_denominator_as_reported",
        update("fct_indicator", "numerator = 11", _ONE.format("8.1", "H62")),
    ),
    (
        "fct_indicator",
        "value_follows_from_parts",
        update("fct_indicator", "value = 75.001", _ONE.format("3.4.1", "H62")),
    ),
    (
        "fct_indicator",
        "value_follows_from_parts",
        update("fct_indicator", "value = null", _ONE.format("3.4.1", "H62")),
    ),
    (
        "fct_indicator",
        "value_follows_from_parts",
        update("fct_indicator", "value = 0", _ONE.format("1.3.1", "H62")),
    ),
    (
        "fct_indicator",
        "value_follows_from_parts",
        update("fct_indicator", "value = 5", _ONE.format("1.5", "H62")),
    ),
    (
        "fct_indicator",
        "verdict_only_with_value",
        update("fct_indicator", "meets_target = false", _ONE.format("1.3.1", "H62")),
    ),
    (
        "fct_indicator",
        "verdict_only_with_value",
        update("fct_indicator", "meets_target = null", _ONE.format("8.2", "H62")),
    ),
    (
        "fct_indicator",
        "province_covers_its_agencies",
        update("fct_indicator", "numerator = 14", _ONE.format("3.4.1", "H62")),
    ),
    (
        "fct_indicator",
        "province_covers_its_agencies",
        "delete from marts.fct_indicator where agency_code = 'H62'",
    ),
    (
        "fct_indicator",
        "province_covers_its_agencies",
        update("fct_indicator", "denominator = 99", _ONE.format("6.1.1", "H62")),
    ),
    (
        "fct_indicator",
        "denominator_reported",
        "insert into marts.fct_indicator select * replace ('1.3.1' as target_id, 'H62.1' as agency_code)"
        " from marts.fct_indicator where target_id = '1.5' and agency_code = 'H62.1'",
    ),
    (
        "fct_indicator",
        "province_is_sum_of_agencies",
        update("fct_indicator", "denominator = 21", _ONE.format("3.4.1", "H62")),
    ),
    ("rpt_scorecard", "points_within_maximum", "update marts.rpt_scorecard set points_estimated = 1.1"),
    ("rpt_scorecard", "points_within_maximum", "update marts.rpt_scorecard set points_estimated = -0.1"),
    ("rpt_field_score", "points_within_maximum", "update marts.rpt_field_score set points_estimated = 9.6"),
    ("rpt_scorecard", "status_agrees_with_verdict", "update marts.rpt_scorecard set status = 'met'"),
    ("rpt_scorecard", "status_agrees_with_verdict", "update marts.rpt_scorecard set status = 'missed'"),
    ("rpt_scorecard", "status_agrees_with_verdict", "update marts.rpt_scorecard set status = 'no_data'"),
    (
        "rpt_scorecard",
        "shows_the_headline_figures",
        "update marts.rpt_scorecard set value = 1 where target_id = '3.4.1'",
    ),
    (
        "rpt_scorecard",
        "shows_the_headline_figures",
        "delete from marts.rpt_scorecard where target_id = '1.3.1'",
    ),
    ("rpt_agency_ranking", "ranks_start_at_1", "update marts.rpt_agency_ranking set rank = 0"),
    ("rpt_late_budget", "counts_not_negative", "update marts.rpt_late_budget set late = -1"),
    ("fct_alert", "times_in_order", "update marts.fct_alert set resolved_at = timestamp '2024-05-31'"),
    ("fct_delivery", "rows_reconcile", "update marts.fct_delivery set rows_loaded = 6"),
    (
        "fct_delivery",
        "rows_reconcile",
        "update marts.fct_delivery set rows_loaded = 11, rows_quarantined = -2",
    ),
]


def test_good_marts_pass_every_check():
    with duckdb.connect() as connection:
        connection.execute(MARTS)
        connection.execute(
            "create schema staging; create table staging.s as select 'x' as applicant_name, 'y' as phone"
        )
        results = validate(connection, marts_night())
    assert failures(results) == []


def test_every_check_of_the_marts_is_seen_to_fail_below():
    seen = {(table, expectation) for table, expectation, _ in MART_FAULTS}
    assert {(c.dataset.removeprefix("marts."), c.expectation) for c in marts_night()} == seen


@pytest.fixture(scope="module")
def mart_results() -> list[list[CheckResult]]:
    """For each fault the results of its check, from marts of its own; one run for all of them."""
    asked: list[Check] = []
    with duckdb.connect() as connection:
        for number, (table, expectation, fault) in enumerate(MART_FAULTS):
            schema = f"marts_{number}"
            for statement in (MARTS, fault):
                connection.execute(re.sub(r"\bmarts\b", schema, statement))
            wanted = (f"{schema}.{table}", expectation)
            asked += [c for c in marts_night(schema=schema) if (c.dataset, c.expectation) == wanted]
        results = validate(connection, asked)
    of_schema: dict[str, list[CheckResult]] = {}
    for result in results:
        of_schema.setdefault(result.dataset.split(".")[0], []).append(result)
    return [of_schema[f"marts_{number}"] for number in range(len(MART_FAULTS))]


@pytest.mark.parametrize("number", range(len(MART_FAULTS)), ids=[f"{t}-{e}" for t, e, _ in MART_FAULTS])
def test_a_fault_in_the_marts_fails_its_check(mart_results, number):
    results = mart_results[number]
    assert [r for r in results if not r.passed and r.unexpected_count], results


@pytest.mark.parametrize("key", [("a",), ("a", "b")])
def test_a_key_may_have_nulls_where_it_is_said_to(key):
    with duckdb.connect() as connection:
        connection.execute(
            "create schema marts; create table marts.t as from (values (1, 2), (null, 2)) t(a, b)"
        )
        checks = marts_checks(as_of=AS_OF, keys={"t": Keys(key, frozenset("a"))}, province="H62")
        assert failures(validate(connection, checks)) == []
        connection.execute("insert into marts.t values (null, 2)")
        (repeated,) = failures(validate(connection, checks))
        assert (repeated.expectation, repeated.unexpected_count) == ("key_unique", 1)


def test_marts_without_a_row_break_no_rule_on_rows():
    with duckdb.connect() as connection:
        connection.execute(MARTS)
        for table in KEYS:
            connection.execute(f"delete from marts.{table}")
        results = failures(validate(connection, marts_checks(as_of=AS_OF, keys=KEYS, province="H62")))
    assert {(r.dataset, r.expectation) for r in results} == {
        ("marts.fct_integrity_signal", "calendar_is_known")
    }


def test_a_payment_that_the_province_recovers_stops_no_night():
    with duckdb.connect() as connection:
        connection.execute(MARTS)
        connection.execute(
            "update marts.fct_indicator set numerator = -10, value = -10, meets_target = false"
            " where target_id = '6.1.1' and agency_code = 'H62'"
        )
        connection.execute("update marts.rpt_scorecard set value = -10 where target_id = '6.1.1'")
        results = failures(validate(connection, marts_night()))
    assert [(r.expectation, r.severity) for r in results] == [("province_is_sum_of_agencies", WARN)]


def test_a_mart_that_is_not_there_blocks_and_one_not_asked_for_does_not():
    with duckdb.connect() as connection:
        connection.execute(MARTS)
        connection.execute("drop table marts.fct_alert")
        results = validate(connection, marts_night())
        assert {r.dataset for r in failures(results)} == {"marts.fct_alert"}
        assert failures(results, BLOCK)
        others = [table for table in KEYS if table != "fct_alert"]
        assert failures(validate(connection, marts_night(tables=others))) == []


def test_a_first_night_has_nothing_to_compare_with():
    named = {c.expectation for c in marts_checks(as_of=AS_OF, keys=KEYS, province="H62")}
    assert not named & {"all_dossiers_kept", "not_suddenly_empty", "row_count_not_dropped"}


def test_of_a_list_that_grows_and_shrinks_no_rows_are_missed():
    """What was promised keeps its rows; who waits, or what was told, may be nobody and nothing tomorrow."""
    before = dict.fromkeys(KEYS, 100)
    compared = {
        c.dataset.removeprefix("marts.")
        for c in marts_night(previous_counts=before)
        if c.expectation in ("not_suddenly_empty", "row_count_not_dropped")
    }
    assert compared == set(PROMISED)
    assert {"rpt_dossier_at_risk", "fct_restatement"} & set(KEYS), "there are lists"


@pytest.mark.parametrize(
    ("as_of", "is_known"),
    [
        (date(2024, 11, 1), True),
        (date(2024, 11, 2), False),
        (date(2025, 1, 1), False),
        (date(2023, 12, 31), False),
    ],
)
def test_the_days_off_of_the_next_year_are_asked_for_in_november(as_of, is_known):
    """Terms that begin now end then. Of the sample here only 2024 has days off."""
    asked = [c for c in marts_night(as_of=as_of) if c.expectation == "calendar_is_known"]
    with duckdb.connect() as connection:
        connection.execute(MARTS)
        (result,) = validate(connection, asked)
    assert result.passed is is_known


def test_ids_of_mart_checks_do_not_depend_on_the_night():
    tonight = [c.check_id for c in marts_night()]
    another = marts_night(
        as_of=date(2025, 1, 1), staged_dossiers=9, previous_counts=dict.fromkeys(PREVIOUS, 7)
    )
    assert set(tonight) <= {c.check_id for c in another}
    assert len(set(tonight)) == len(tonight)
