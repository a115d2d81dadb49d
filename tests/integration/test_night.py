"""A whole night over the sample, as the data team runs it."""

from __future__ import annotations

import csv
import itertools
import json
import shutil
import sqlite3
import unicodedata
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration import dictionary
from sources.contract import load_contracts
from tests.conftest import SAMPLE_DAY, parindex
from tests.plan import targets_in_force

BI_CONTRACT = {
    "dim_agency": "agency_code agency_name level parent_code valid_from valid_to is_current",
    "dim_procedure": "procedure_code",
    "dim_date": "date_day",
    "dim_target": "target_id criterion_id field_id target_name operator target_value unit max_points lead_agency"
    " source_system valid_from valid_to",
    "fct_dossier": "dossier_code procedure_code agency_code level received_at due_at finished_at status is_resolved"
    " is_on_time is_overdue_open is_online is_full_online_procedure is_digitised has_e_result paid_online apology_sent",
    "fct_indicator": "as_of_date target_id variant is_headline agency_code period_kind period_start numerator"
    " denominator value target_value meets_target",
    "fct_delivery": "source table_name file_name outcome reason rows_in_file rows_loaded rows_unchanged"
    " rows_quarantined content_hash delivered_on loaded_at",
    "fct_check_result": "check_id suite dataset expectation severity passed",
}


@pytest.fixture
def marts(night: Path):
    with duckdb.connect(str(night / "published" / "par_index.duckdb"), read_only=True) as connection:
        yield connection


@pytest.mark.parametrize("table", BI_CONTRACT)
def test_published_table_has_the_columns_of_the_bi_contract(marts, table: str) -> None:
    rows = marts.execute(
        "select column_name from duckdb_columns() where schema_name = 'marts' and table_name = $1", [table]
    ).fetchall()
    assert set(BI_CONTRACT[table].split()) <= {name for (name,) in rows}


def test_only_marts_are_published(marts) -> None:
    schemas = marts.execute("select distinct schema_name from duckdb_tables()").fetchall()
    assert schemas == [("marts",)]


def test_each_column_is_described(marts) -> None:
    bare = marts.execute(
        "select table_name, column_name from duckdb_columns() where schema_name = 'marts' and comment is null"
    ).fetchall()
    assert bare == []


def test_a_published_column_takes_no_null_where_its_contract_says_so(marts) -> None:
    said = {
        (mart.name, column.name)
        for mart in dictionary.models("marts")
        for column in mart.columns
        if "not null" in column.rules
    }
    held = marts.execute(
        "select table_name, column_name from duckdb_columns() where schema_name = 'marts' and not is_nullable"
    ).fetchall()
    assert set(held) == said
    assert {table for table, _ in held} == {mart.name for mart in dictionary.models("marts")}


def test_every_mart_was_looked_at_before_it_was_published(marts) -> None:
    """The gate's eyes are on what dbt has left, those of the alerts on what they have written."""
    looked_at = marts.execute(
        "select dataset from marts.fct_check_result where suite = 'marts' and expectation = 'key_unique' and passed"
    ).fetchall()
    published = marts.execute("select 'marts.' || table_name from duckdb_tables()").fetchall()
    assert sorted(looked_at) == sorted(published)


def test_every_check_says_in_a_sentence_what_must_hold(marts) -> None:
    told, bare = marts.execute(
        "select count(*), count(*) filter (where description is null or description_en is null or"
        " description = description_en) from marts.fct_check_result"
    ).fetchall()[0]
    assert told > 100 and bare == 0


def test_every_target_of_the_plan_has_its_row(marts) -> None:
    targets, shown = marts.execute("""
        select (select count(*) from marts.dim_target where is_in_force), count(distinct target_id)
        from marts.fct_indicator
        where agency_code = 'H62' and period_kind = 'ytd' and is_headline
    """).fetchall()[0]
    assert targets == shown == len(targets_in_force(SAMPLE_DAY))


def test_rows_of_every_file_reconcile(marts) -> None:
    off = marts.execute(
        "select * from marts.fct_delivery where rows_in_file <> rows_loaded + rows_unchanged + rows_quarantined"
    ).fetchall()
    assert off == []


def test_planted_faults_are_found_and_nothing_else(night: Path, sample_inbox: Path, marts) -> None:
    planted = json.loads((sample_inbox / "planted_faults.json").read_text(encoding="utf-8"))
    found = {
        f"{source}/{day}/{name}": (rows, rejected, outcome)
        for source, day, name, rows, rejected, outcome in marts.execute(
            "select source, delivered_on, file_name, rows_in_file, rows_quarantined, outcome from marts.fct_delivery"
        ).fetchall()
    }
    for file, expected in planted["expected"].items():
        rows, rejected, outcome = found[unicodedata.normalize("NFC", file)]
        assert rows == expected["rows_in_file"], file
        if outcome != "held_back":
            assert rejected == expected["rows_quarantined"], file
    listed = night / "quarantine.csv"
    parindex("quarantine", "export", "--out", str(listed), home=night)
    with listed.open(encoding="utf-8-sig", newline="") as file:
        places = {
            (f"{r['source']}/{r['delivered_on']}/{r['file_name']}", r["row_number"])
            for r in csv.DictReader(file)
        }
    for fault in planted["faults"]:
        if fault["expect"] == "row_rejected":
            assert (unicodedata.normalize("NFC", fault["file"]), str(fault["row"])) in places, fault


def test_a_second_night_changes_nothing(own_night: Path, sample_inbox: Path) -> None:
    before = json.loads((own_night / "published" / "manifest.json").read_text())
    parindex("run", "--inbox", str(sample_inbox), home=own_night)
    after = json.loads((own_night / "published" / "manifest.json").read_text())
    assert after["version"] != before["version"]
    assert after["hashes"] == before["hashes"]


def test_rebuild_from_landing_gives_identical_marts(own_night: Path) -> None:
    before = json.loads((own_night / "published" / "manifest.json").read_text())
    (own_night / "warehouse.duckdb").unlink()
    result = parindex("rebuild", "--as-of", SAMPLE_DAY.isoformat(), home=own_night)
    after = json.loads((own_night / "published" / "manifest.json").read_text())
    assert after["hashes"] == before["hashes"]
    assert "All marts are identical" in result.stdout


def test_no_personal_value_is_anywhere_under_the_home(night: Path, sample_inbox: Path) -> None:
    """Names, ID numbers, phones and addresses of the exports are in no file that the night wrote."""
    export = next((sample_inbox / "tthc").glob("*/dossiers_2024_p01.csv"))
    personal = ("Chủ hồ sơ", "Số giấy tờ chủ hồ sơ", "Số điện thoại", "Địa chỉ")
    with export.open(encoding="utf-8-sig", newline="") as file:
        rows = list(itertools.islice(csv.DictReader(file, delimiter=";"), 60))
    values = {row[name] for row in rows for name in personal if row[name]}
    assert len(values) > 150
    with duckdb.connect() as connection:
        # Parquet and DuckDB compress: looked into by reading their values.
        for parquet in (night / "landing").rglob("*.parquet"):
            texts = connection.execute(f"select columns(*)::varchar from '{parquet}'").fetchall()
            assert not values & {cell for row in texts for cell in row}, parquet
    needles = [value.encode() for value in values if len(value) > 8]
    for path in night.rglob("*"):
        if path.is_file() and path.suffix != ".parquet":
            content = path.read_bytes()
            assert not any(needle in content for needle in needles), path


def test_status_tells_what_was_refused(night: Path) -> None:
    shown = parindex("status", home=night).stdout
    assert "published" in shown
    assert "bao_cao_tong_hop.csv" in shown
    assert "owner_code" in shown


@pytest.mark.parametrize("arguments", [("run", "--as-of", "31/12/2024"), ("sample",), ("nonsense",)])
def test_wrong_usage_ends_with_2(home: Path, arguments: tuple[str, ...]) -> None:
    assert parindex(*arguments, home=home, check=False).returncode == 2


def test_a_mistyped_inbox_is_wrong_usage_and_no_new_folder(home: Path, tmp_path: Path) -> None:
    typo = tmp_path / "inbxo"
    assert parindex("run", "--inbox", str(typo), home=home, check=False).returncode == 2
    assert not typo.exists()


def test_without_a_landed_file_nothing_is_rebuilt(home: Path) -> None:
    result = parindex("rebuild", home=home, check=False)
    assert (result.returncode, "parindex run" in result.stderr) == (1, True)
    assert not (home / "published" / "par_index.duckdb").exists()


def test_the_gate_keeps_a_hollow_night_from_readers(
    own_night: Path, sample_inbox: Path, tmp_path: Path
) -> None:
    """All dossiers gone at once: Great Expectations blocks, readers keep the night before, and it is told."""
    published = own_night / "published" / "par_index.duckdb"
    before = published.read_bytes()
    inbox = tmp_path / "inbox"
    shutil.copytree(sample_inbox, inbox)
    header = ",".join(column.name for column in load_contracts()["tthc"].tables["dossiers"].columns)
    for file in (inbox / "tthc").glob("*/dossiers*"):
        file.unlink()
        file.with_suffix(".csv").write_text(header + "\n")
    # Each takes the place of the file of its name: what was landed counts no longer.
    with sqlite3.connect(own_night / "landing" / "ledger.sqlite") as ledger:
        ledger.execute("update delivery set file_name = replace(file_name, '.' || format, '.csv')")
    day = (SAMPLE_DAY + timedelta(days=1)).isoformat()
    result = parindex("run", "--inbox", str(inbox), "--as-of", day, home=own_night, check=False)
    assert result.returncode == 1
    assert "not fit to publish" in result.stderr and "fct_dossier" in result.stderr
    assert published.read_bytes() == before
    assert "failed" in parindex("status", home=own_night).stdout


def test_a_night_that_fails_leaves_the_published_marts(
    own_night: Path, sample_inbox: Path, tmp_path: Path
) -> None:
    """A gate that finds the marts unfit: nothing is published, the exit code says so."""
    published = own_night / "published" / "par_index.duckdb"
    before = published.read_bytes()
    # An as-of day before any delivery: no target of the plan has anything, and no agency is known.
    ledger = own_night / "landing" / "ledger.sqlite"
    assert ledger.exists()
    for parquet in (own_night / "landing" / "tthc" / "dossiers").rglob("*.parquet"):
        parquet.write_bytes(b"PAR1 damaged PAR1")
    result = parindex("run", "--inbox", str(sample_inbox), home=own_night, check=False)
    assert result.returncode == 1
    assert "Readers keep the last published night" in result.stderr
    assert published.read_bytes() == before
