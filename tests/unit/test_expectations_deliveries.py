"""The gate of deliveries: every check seen to pass and to fail on its own fault, for its own delivery."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest

from expectations.deliveries import Delivery, table_checks
from expectations.engine import validate
from expectations.marts import marts_checks
from expectations.model import BLOCK, HOLD, WARN, CheckResult, failures
from sources.contract import Table, all_tables, load_contracts
from warehouse.keys import mart_keys

AS_OF = date(2024, 6, 30)
SECRET = "Nguyễn Văn An 026085001234"
DOSSIERS = load_contracts()["tthc"].tables["dossiers"]
GOOD_DOSSIER = {
    "dossier_code": "000.17.22.H62-240315-0001",
    "procedure_code": "1.010708.000.00.00.H62",
    "agency_code": "H62.001",
    "channel": "2",
    "applicant_name_hash": "5f1d",
    "submitted_at": "2024-03-14 21:00:00",
    "received_at": "2024-03-15 08:00:00",
    "due_at": "2024-03-20 17:00:00",
    "finished_at": "2024-03-19 10:00:00",
    "status": "10",
    "components_total": 3,
    "components_digitised": 3,
}


def stopped(results: list[CheckResult]) -> dict[str | None, list[CheckResult]]:
    """By delivery, None for all of the table: the failures that keep it from going on."""
    found: dict[str | None, list[CheckResult]] = {}
    for result in failures(results, BLOCK, HOLD):
        found.setdefault(result.delivery_id, []).append(result)
    return found


def land(connection, table: Table, rows: list[dict], schema: str = "landing") -> str:
    columns = ", ".join(f'"{c.landed_name}" {c.sql_type}' for c in table.columns)
    connection.execute(f"create schema if not exists {schema}")
    connection.execute(f"create table {schema}.{table.relation} ({columns}, _file_id varchar)")
    for row in rows:
        marks = ", ".join("?" for _ in row)
        names = ", ".join(row)
        connection.execute(
            f"insert into {schema}.{table.relation} ({names}) values ({marks})", list(row.values())
        )
    return f"{schema}.{table.relation}"


def dossiers(**changes) -> list[dict]:
    """Two good dossiers in f1 and two in f2, the first of f2 changed."""
    rows = []
    for number in range(4):
        row = {**GOOD_DOSSIER, "_file_id": "f1" if number < 2 else "f2"}
        row["dossier_code"] = f"000.17.22.H62-240315-000{number}"
        if number == 2:
            row.update(changes)
        rows.append(row)
    return rows


def two_deliveries(**second) -> list[Delivery]:
    counts = {"rows_in_file": 2, "rows_rejected": 0, "rows_landed": 2, "earlier_rows": (2, 4, 2)}
    return [Delivery("f1", **counts), Delivery("f2", **{**counts, **second})]


def failed(results) -> dict[str, set[str | None]]:
    found: dict[str, set[str | None]] = {}
    for result in failures(results):
        found.setdefault(result.expectation, set()).add(result.delivery_id)
    return found


def validate_dossiers(rows: list[dict], deliveries: list[Delivery], table: Table = DOSSIERS, **options):
    with duckdb.connect() as connection:
        relation = land(connection, table, rows)
        return validate(connection, table_checks(table, relation, deliveries, as_of=AS_OF, **options))


def test_good_deliveries_pass_every_check_with_a_result_for_each():
    results = validate_dossiers(dossiers(), two_deliveries())
    assert failures(results) == []
    of_f2 = {r.expectation for r in results if r.delivery_id == "f2"}
    assert of_f2 == {
        "required_filled",
        "codes_known",
        "contract_rules_hold",
        "code_shape",
        "code_day_is_receipt_day",
        "dates_plausible",
        "key_unique_in_delivery",
        "rejected_share_within_limit",
        "not_empty",
        "volume_as_usual",
        "all_rows_landed",
    }
    assert {r.expectation for r in results if r.delivery_id is None} == {"columns_present"}


DOSSIER_FAULTS = [
    ({"agency_code": None}, "required_filled", BLOCK, "1/2 (agency_code: 1)"),
    ({"status": "11"}, "codes_known", BLOCK, "1/2 (status: 1)"),
    ({"satisfaction": 6}, "contract_rules_hold", BLOCK, "1/2 (satisfaction_in_range: 1)"),
    ({"finished_at": None}, "contract_rules_hold", BLOCK, "1/2 (finished_at_known: 1)"),
    ({"procedure_code": "1.010708.000"}, "code_shape", WARN, "1/2 (procedure_code: 1)"),
    ({"dossier_code": "240315-0001"}, "code_shape", WARN, "1/2 (dossier_code: 1)"),
    ({"dossier_code": "000.17.22.H62-240315-001"}, "code_shape", WARN, "1/2 (dossier_code: 1)"),
    ({"dossier_code": "000.17.22.H62-240315-0001a"}, "code_shape", WARN, "1/2 (dossier_code: 1)"),
    ({"procedure_code": "1.10708"}, "code_shape", WARN, "1/2 (procedure_code: 1)"),
    ({"dossier_code": "H62.001-240316-0009"}, "code_day_is_receipt_day", WARN, "1/2 (dossier_code: 1)"),
    ({"apology_sent_at": "1999-12-31 10:00:00"}, "dates_plausible", WARN, "1/2 (apology_sent_at: 1)"),
    ({"updated_at": "2034-07-01 00:00:00"}, "dates_plausible", WARN, None),
    ({"dossier_code": "000.17.22.H62-240315-0003"}, "key_unique_in_delivery", WARN, "1/2"),
]


@pytest.mark.parametrize(
    ("change", "expectation", "severity", "observed"), DOSSIER_FAULTS, ids=[str(f[0]) for f in DOSSIER_FAULTS]
)
def test_a_fault_in_a_row_fails_its_check_for_its_delivery_alone(change, expectation, severity, observed):
    results = validate_dossiers(dossiers(**change), two_deliveries())
    assert failed(results) == {expectation: {"f2"}}
    (result,) = failures(results)
    assert result.severity == severity
    assert result.unexpected_count == 1
    assert observed is None or result.observed == observed


@pytest.mark.parametrize(
    "change",
    [
        {"dossier_code": "H62.1.2a-240314-0009".upper()},
        {"dossier_code": "000.17.22.H62-240314-0009"},
        {"dossier_code": "000.17.22.H62-240315-100009"},
        {"procedure_code": "2.000815"},
        {"due_at": None},
        {"status": "1", "received_at": None, "finished_at": None},
        {"updated_at": "2034-06-28 23:59:59"},
        {"submitted_at": "2000-01-01 00:00:00"},
    ],
    ids=str,
)
def test_what_the_law_and_the_contract_allow_passes(change):
    assert failed(validate_dossiers(dossiers(**change), two_deliveries())) == {}


@pytest.mark.parametrize(
    ("second", "expectation", "severity"),
    [
        ({"rows_in_file": 19, "rows_rejected": 2}, "rejected_share_within_limit", HOLD),
        ({"rows_landed": 3}, "all_rows_landed", BLOCK),
        ({"earlier_rows": (5, 5, 5)}, "volume_as_usual", WARN),
    ],
    ids=["rejected", "landed", "volume"],
)
def test_counts_that_are_wrong_fail_their_check(second, expectation, severity):
    results = validate_dossiers(dossiers(), two_deliveries(**second))
    assert failed(results) == {expectation: {"f2"}}
    assert failures(results)[0].severity == severity


def test_the_limit_itself_is_allowed_and_can_be_set():
    at_limit = two_deliveries(rows_in_file=20, rows_rejected=2)
    assert failed(validate_dossiers(dossiers(), at_limit)) == {}
    lower = validate_dossiers(dossiers(), at_limit, limit_pct=9.9)
    assert failed(lower) == {"rejected_share_within_limit": {"f2"}}
    assert failures(lower)[0].observed == "1/20 (2 rejected = 10.0 %)"


def test_a_delivery_without_rows_is_told_and_not_called_small():
    rows = [row for row in dossiers() if row["_file_id"] == "f1"]
    nothing = two_deliveries(rows_in_file=0, rows_landed=0)
    assert failed(validate_dossiers(rows, nothing)) == {"not_empty": {"f2"}}


def test_a_small_delivery_is_small_only_against_enough_earlier_ones():
    assert failed(validate_dossiers(dossiers(), two_deliveries(earlier_rows=(500, 500)))) == {}
    assert failed(validate_dossiers(dossiers(), two_deliveries(earlier_rows=(4, 4, 4)))) == {}


def test_a_file_whose_rows_did_not_arrive_is_seen():
    rows = [row for row in dossiers() if row["_file_id"] == "f1"]
    results = validate_dossiers(rows, two_deliveries())
    assert failed(results) == {"all_rows_landed": {"f2"}}
    assert failures(results)[0].observed == "2/0 (0 rows, 2 expected)"


def test_a_delivery_in_several_files_is_judged_as_one():
    same_key = dossiers(dossier_code="000.17.22.H62-240315-0000")
    together = [Delivery("ngày 15", 4, 0, file_ids=("f1", "f2"), rows_landed=4)]
    results = validate_dossiers(same_key, together)
    assert failed(results) == {"key_unique_in_delivery": {"ngày 15"}}
    apart = validate_dossiers(same_key, two_deliveries())
    assert failed(apart) == {}


def test_codes_that_look_alike_to_the_hash_of_the_engine_are_not_called_the_same():
    rows = dossiers()
    for row, code in zip(rows[2:], ("000.00.03.H62-240315-0080", "000.00.43.H62-240315-0040"), strict=True):
        row["dossier_code"] = code
    with duckdb.connect() as connection:
        (alike,) = connection.execute(
            "select hash($1) = hash($2)", [rows[2]["dossier_code"], rows[3]["dossier_code"]]
        ).fetchone()
    assert alike, "else this shows nothing"
    assert failed(validate_dossiers(rows, two_deliveries())) == {}


def test_bad_rows_of_a_file_that_nobody_announced_stop_everything():
    results = validate_dossiers(dossiers(status="11"), two_deliveries()[:1])
    assert failed(results) == {"codes_known": {None}, "all_rows_landed": {None}}
    assert list(stopped(results)) == [None]


def test_good_rows_of_a_file_that_nobody_announced_stop_everything_too():
    results = validate_dossiers(dossiers(), two_deliveries()[:1])
    assert failed(results) == {"all_rows_landed": {None}}
    assert failures(results)[0].observed == "2/2 (2 rows, 0 expected)"


def test_a_relation_without_a_contract_column_blocks():
    with duckdb.connect() as connection:
        relation = land(connection, DOSSIERS, dossiers())
        connection.execute(f"alter table {relation} drop column satisfaction")
        results = validate(connection, table_checks(DOSSIERS, relation, two_deliveries(), as_of=AS_OF))
    assert failed(results)["columns_present"] == {None}
    assert failed(results)["contract_rules_hold"] == {"f1", "f2"}


def test_only_what_blocks_or_holds_stops_a_delivery():
    warned = validate_dossiers(dossiers(procedure_code="?"), two_deliveries())
    assert stopped(warned) == {}
    held = validate_dossiers(dossiers(), two_deliveries(rows_in_file=19, rows_rejected=9))
    assert [r.expectation for r in stopped(held)["f2"]] == ["rejected_share_within_limit"]


def test_more_deliveries_than_the_library_shows_rows_are_all_judged():
    rows = [{**GOOD_DOSSIER, "_file_id": f"f{n}", "dossier_code": f"?{n}"} for n in range(300)]
    deliveries = [Delivery(f"f{n}", 1, 0, rows_landed=1) for n in range(300)]
    results = validate_dossiers(rows, deliveries)
    assert len(failed(results)["code_shape"]) == 300
    assert failed(results).keys() == {"code_shape"}


def test_ids_with_quotes_braces_and_colons_are_only_text():
    nasty = "o'file {batch} ${x} :y %s.xlsx"
    rows = [{**row, "_file_id": nasty} for row in dossiers(status="11")]
    results = validate_dossiers(rows, [Delivery(nasty, 4, 0, rows_landed=4)])
    assert failed(results) == {"codes_known": {nasty}}


def test_no_value_of_a_row_gets_into_a_result():
    changes = dict.fromkeys(("procedure_code", "status", "dossier_code", "applicant_name_hash"), SECRET)
    results = validate_dossiers(dossiers(**changes), two_deliveries())
    assert {"codes_known", "code_shape"} <= failed(results).keys()
    assert SECRET not in str(results)


def test_every_table_of_every_contract_has_a_suite_that_can_be_answered():
    with duckdb.connect() as connection:
        checks = []
        for table in all_tables():
            relation = land(connection, table, [])
            checks += table_checks(table, relation, [Delivery("f1", 0, 0, rows_landed=0)], as_of=AS_OF)
        results = validate(connection, checks)
    assert failed(results) == {"not_empty": {"f1"}}
    assert {r.suite for r in results} == {f"landing.{table.relation}" for table in all_tables()}


def test_descriptions_are_written_in_both_languages():
    night = [
        c for table in all_tables() for c in table_checks(table, "l.t", [Delivery("f", 0, 0)], as_of=AS_OF)
    ]
    assert all(
        c.description and c.description_en
        for c in night + marts_checks(as_of=AS_OF, keys=mart_keys(), province="H62")
    )


def test_ids_of_delivery_checks_do_not_depend_on_the_night():
    def ids(as_of, *deliveries):
        return [c.check_id for c in table_checks(DOSSIERS, "landing.d", deliveries, as_of=as_of)]

    tonight = ids(AS_OF, *two_deliveries())
    assert tonight == ids(date(2028, 2, 29), Delivery("other", 7, 1, earlier_rows=(1, 2, 3)))
    assert len(set(tonight)) == len(tonight)
