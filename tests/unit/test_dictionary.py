"""The data dictionary is complete, and the committed file is the one that contracts and models give."""

from __future__ import annotations

import pytest

from orchestration import dbt, dictionary
from orchestration.evidence import words
from sources.contract import all_tables
from tests.plan import seed


def test_nothing_lacks_a_description() -> None:
    assert dictionary.missing() == []


def test_the_committed_file_is_up_to_date() -> None:
    assert dictionary.TARGET.read_text(encoding="utf-8") == dictionary.render(), (
        "run python -m orchestration.dictionary"
    )


def test_every_model_has_a_key_that_is_tested() -> None:
    """Or says in its yml why it has none."""
    nodes = dbt.manifest()["nodes"]
    tested = {
        node["attached_node"]
        for node in nodes.values()
        if (node.get("test_metadata") or {}).get("name") == "key_is_unique"
    }
    found = {name: node for name, node in nodes.items() if node["resource_type"] == "model"}
    assert len(found) > 100
    keyed = {name for name, node in found.items() if not node["config"]["meta"].get("no_key")}
    assert keyed == found.keys() & tested


def test_every_column_of_the_contracts_is_in_it() -> None:
    text = dictionary.render()
    for table in all_tables():
        part = text.partition(f"#### `{table.source}.{table.name}`")[2].partition("####")[0]
        for column in table.columns:
            assert f"| `{column.name}` | {column.vi} |" in part, f"{table.relation}.{column.name}"


def test_personal_columns_stand_in_no_later_layer() -> None:
    for table in all_tables():
        personal = {column.name for column in table.columns if column.personal}
        for layer in dictionary.LAYERS:
            for model in dictionary.models(layer):
                assert not personal & {column.name for column in model.columns}, model.name


@pytest.mark.parametrize("gap", ["description", "column"])
def test_a_gap_is_named_with_its_place(monkeypatch: pytest.MonkeyPatch, gap: str) -> None:
    real = dictionary.models

    def with_a_gap(layer: str) -> list[dictionary.Model]:
        found = []
        for model in real(layer):
            if model.name == "stg_tthc__dossiers":
                first, *rest = model.columns
                blank = dictionary.Described(first.name, "", "", first.type, "")
                columns = (blank, *rest) if gap == "description" else tuple(rest)
                model = dictionary.Model(model.layer, model.name, model.vi, model.en, model.owner, columns)
            found.append(model)
        return found

    monkeypatch.setattr(dictionary, "models", with_a_gap)
    assert any("stg_tthc__dossiers.dossier_code" in line for line in dictionary.missing())


def test_a_bar_in_a_text_does_not_break_the_table() -> None:
    assert dictionary._row("a | b", "c|d", "e\nf") == "| a / b | c\\|d | e f |"


def test_every_family_of_the_plan_has_a_formula_and_tables() -> None:
    for row in seed("target_measure"):
        rule = words.rule_of(row["family"], row["measure"], row["headline_variant"])
        assert all(rule.numerator) and all(rule.rule) and all(rule.legal), row["target_id"]
        assert (rule.denominator is not None) or row["measure_kind"] == "count" or row["family"] == "register"
        counted, _ = words.tables_of(row["family"], row["measure"])
        assert counted, row["target_id"]
