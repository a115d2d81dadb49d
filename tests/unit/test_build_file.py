"""The build file and what else has to know its tables: dbt's sources, Dagster's assets, the ledger's columns."""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import date
from pathlib import Path

import duckdb
import pytest

from expectations.model import BLOCK, HOLD, WARN
from orchestration import dbt
from orchestration.assets import LANDING, SHOWN
from sources.contract import Table, all_tables
from tests import province
from warehouse import carry, ledger
from warehouse.build import RECORDS, prepare_build
from warehouse.settings import Settings

DAY = date(2024, 11, 30)


def test_the_build_file_has_the_tables_that_others_are_told_of(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, inbox=tmp_path / "inbox").create()
    file = prepare_build(settings, ledger.Ledger(settings.ledger), DAY)
    with duckdb.connect(str(file), read_only=True) as connection:
        found = connection.execute(
            "select table_schema, table_name from information_schema.tables"
            " where table_name not in ('build', 'build_delivery')"
        ).fetchall()
    landed = {table.relation for table in all_tables()}
    landed |= {f"{source}__{name}_new" for source, name in carry.FOLLOWED}
    assert {(schema, name) for schema, name in found if name not in landed} == {
        (schema, name) for schema, names in RECORDS.items() for name in names
    }


def test_every_source_of_dbt_is_an_asset() -> None:
    sources = {(node["schema"], node["identifier"]) for node in dbt.manifest()["sources"].values()}
    assets = {tuple(key.path) for key in SHOWN} | {(LANDING, table.relation) for table in all_tables()}
    assert sources <= assets


def test_what_stays_in_the_build_file_are_the_incremental_models() -> None:
    incremental = {
        (node["schema"], node["name"])
        for node in dbt.manifest()["nodes"].values()
        if node["resource_type"] == "model" and node["config"]["materialized"] == "incremental"
    }
    assert set(carry.KEPT) == incremental


def _before(names: set[str], parents: dict[str, list[str]]) -> set[str]:
    """The nodes of these names with all that they are made from."""
    found, new = set(), names
    while new:
        found |= new
        new = {parent for name in new for parent in parents.get(name, [])} - found
    return found


def test_a_dossier_is_judged_again_by_every_column_that_it_is_judged_by() -> None:
    """What is carried over was judged by the catalogues as they stood: each column read of one is compared."""
    manifest = dbt.manifest()
    code = {f"{node['schema']}.{node['name']}": node["raw_code"] for node in manifest["nodes"].values()}
    ids = {f"{node['schema']}.{node['name']}": name for name, node in manifest["nodes"].items()}
    catalogues = {ids[relation]: name for name, relation in carry.CATALOGUES.items()}
    carried = {ids[".".join(kept)] for kept in carry.KEPT} | {ids[carry.CARRIED["signals"]]}
    judged = _before(carried, manifest["parent_map"]) - catalogues.keys()
    readers = {
        relation
        for relation, name in ids.items()
        if name in judged and catalogues.keys() & set(manifest["parent_map"][name])
    }
    compares = "intermediate.int_dossier_rejudged"
    reads: dict[str, set[str]] = {name: set() for name in carry.CATALOGUES}
    for relation in readers - {compares}:
        refs = re.findall(r"ref\('(\w+)'\) }} as (\w+)", code[relation])
        for name, table in carry.CATALOGUES.items():
            aliases = {alias for model, alias in refs if model == table.partition(".")[2]}
            reads[name] |= {
                column for alias in aliases for column in re.findall(rf"\b{alias}\.(\w+)", code[relation])
            }
    compared = {
        name: set(re.findall(r"'(\w+)'", columns))
        for name, columns in re.findall(
            r"source\('carried', '(\w+)'\), ref[^\[]+\[([^\]]+)\]", code[compares]
        )
    }
    assert compared == reads
    assert readers == {compares, "intermediate.int_dossiers_assessed", "intermediate.int_signal_dossier"}


_KEY_IN_SQL = re.compile(
    r"(?:(?:version_rank|latest_versions)\((?:.*, )?|set key = )\[([^\]]+)\]|; key ([\w, ]+)\."
)


def _keys_in(node: dict, macros: dict[str, dict]) -> set[tuple[str, ...]]:
    """The keys by which a model ranks versions, or says that it does; those of macros that it calls among them."""
    called = [macros[name]["macro_sql"] for name in node["depends_on"]["macros"]]
    found = _KEY_IN_SQL.findall("\n".join([node["raw_code"], *called]))
    return {tuple(re.findall(r"\w+", listed or told)) for listed, told in found}


@pytest.mark.parametrize("table", all_tables(), ids=lambda table: table.relation)
def test_the_key_of_a_contract_is_the_one_that_the_models_go_by(table: Table) -> None:
    manifest = dbt.manifest()
    nodes, macros = manifest["nodes"], manifest["macros"]
    staged = next(name for name, node in nodes.items() if node["name"] == f"stg_{table.relation}")
    (tested,) = (
        node["test_metadata"]["kwargs"]["columns"]
        for node in nodes.values()
        if (node.get("test_metadata") or {}).get("name") == "key_is_unique"
        and node["attached_node"] == staged
    )
    assert tuple(tested) == table.key
    # By its text: what a model reads only when it goes on from another build is no parent of it.
    source = re.compile(rf"source\('{table.source}', '{table.name}(_new)?'\)")
    readers = [node for node in nodes.values() if source.search(node.get("raw_code", ""))]
    assert nodes[staged] in readers
    assert {key for node in readers for key in _keys_in(node, macros)} == {table.key}


def test_a_delivery_has_the_columns_of_its_table() -> None:
    assert {field.name for field in fields(ledger.Delivery)} == set(ledger.delivery.columns.keys())


def test_a_column_without_a_value_in_the_random_province_is_named() -> None:
    row = dict.fromkeys(column.name for column in province.contracts()["tthc__feedback"])
    province.name_what_is_missing("tthc__feedback", [row])
    name, _ = row.popitem()
    with pytest.raises(LookupError, match=rf"tthc__feedback: tests/province\.py makes no value for {name};"):
        province.name_what_is_missing("tthc__feedback", [row])


def test_the_values_that_readers_are_told_of_are_those_that_are_written() -> None:
    said = {}
    for node in dbt.manifest()["nodes"].values():
        test = node.get("test_metadata") or {}
        if test.get("name") == "accepted_values":
            arguments = test["kwargs"].get("arguments", test["kwargs"])
            model = node["attached_node"].rpartition(".")[2]
            said[model, node["column_name"]] = set(arguments["values"])
    outcomes = {ledger.LOADED, ledger.PARTLY_QUARANTINED, ledger.HELD_BACK, ledger.REFUSED}
    assert said["stg_landing__deliveries", "outcome"] == outcomes
    assert said["fct_delivery", "outcome"] == {*outcomes, "unchanged"}
    for model in ("stg_landing__check_results", "fct_check_result"):
        assert said[model, "severity"] == {BLOCK, HOLD, WARN}
