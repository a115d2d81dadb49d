"""The data dictionary: every table and column of the exports, the staging views, the evidence and the marts.

    python -m orchestration.dictionary            writes docs/data_dictionary.md
    python -m orchestration.dictionary --check    says what is missing or out of date, and exits 1

Contracts and the dbt descriptions are the only sources; nothing is written here by hand.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from orchestration.alerting import table as alert_table
from sources.contract import Column, SourceContract, Table, load_contracts
from sources.text import both
from sources.yaml_file import read_yaml
from warehouse.settings import DBT_PROJECT, PROJECT

TARGET = PROJECT / "docs" / "data_dictionary.md"
LAYERS = ("staging", "evidence", "marts")

_TITLES = {
    "staging": "Staging: bản mới nhất của từng khóa | the latest version of each key",
    "evidence": "Bằng chứng: các dòng đứng sau số liệu | evidence: the rows behind the figures",
    "marts": "Marts: bảng cho báo cáo và công cụ BI | what reports and BI tools read",
}
# Where a staged row came from: added to every export by the landing layer.
_PLACE = {
    "delivered_on": "date",
    "file_name": "varchar",
    "sheet_no": "integer",
    "row_number_in_file": "bigint",
}
_UNITS = (
    ("_vnd", "đồng | VND"),
    ("fee_amount", "đồng | VND"),
    ("_usd", "USD"),
    ("_pct", "%"),
    ("_days", "ngày | days"),
    ("_count", "số lượng | number"),
    ("_at", "giờ địa phương | local time"),
    ("_on", "ngày | day"),
    ("_hash", "SHA-256"),
)
_HEAD = """# Từ điển dữ liệu | Data dictionary

Sinh tự động từ `sources/contracts/` và mô tả trong `dbt_project/models/` bằng
`python -m orchestration.dictionary`; không sửa tay. Cột “cá nhân” chỉ được nạp dưới dạng mã băm có khóa,
hoặc đọc để kiểm tra rồi bỏ; không cột nào như vậy có ở staging, bằng chứng và marts.

Generated from the contracts and the dbt descriptions; not edited by hand. Columns marked personal are landed
as a keyed hash only, or read, judged and dropped; none of them is in staging, evidence or marts.
"""


@dataclass(frozen=True)
class Described:
    """One column of a dbt model."""

    name: str
    vi: str
    en: str
    type: str
    rules: str


@dataclass(frozen=True)
class Model:
    """One dbt model, as its yml describes it."""

    layer: str
    name: str
    vi: str
    en: str
    owner: str
    columns: tuple[Described, ...]


def _both(text: str) -> tuple[str, str]:
    """A description in both languages; one in one language is English."""
    vi, en = both(text)
    return (vi, en) if en else ("", vi)


@cache
def models(layer: str) -> list[Model]:
    """The described models of a layer, in the order of their files."""
    found = []
    for entry in _entries(layer):
        vi, en = _both(entry.get("description") or "")
        owner = (entry.get("config", {}).get("meta") or {}).get("owner", "")
        found.append(Model(layer, entry["name"], vi, en, owner, tuple(_columns(layer, entry))))
    return [*found, _alerts()] if layer == "marts" else found


def _alerts() -> Model:
    """The one mart that dbt does not make: the night writes it when dbt is done."""
    fields = {field.name: field for field in alert_table.schema()}
    columns = (
        Described(
            name,
            *_both(text),
            alert_table.SQL_TYPES[str(fields[name].type)],
            "" if fields[name].nullable else "not null",
        )
        for name, text in alert_table.COLUMN_TEXTS.items()
    )
    return Model("marts", "fct_alert", *_both(alert_table.TABLE_TEXT), "Data team", tuple(columns))


def _columns(layer: str, entry: dict[str, Any]) -> Iterator[Described]:
    contract = _contract_of(entry["name"]) if layer == "staging" else None
    for column in entry.get("columns") or []:
        vi, en = _both(column.get("description") or "")
        name = column["name"]
        known = next((c for c in contract.columns if c.name == name), None) if contract else None
        kind = column.get("data_type") or (known.sql_type if known else _PLACE.get(name, ""))
        yield Described(name, vi or _vietnamese().get(name, ""), en, kind, _rules_of_model(column))


def _contract_of(model: str) -> Table | None:
    source, _, table = model.removeprefix("stg_").partition("__")
    contract = load_contracts().get(source)
    return contract.tables.get(table) if contract else None


@cache
def _vietnamese() -> dict[str, str]:
    """Vietnamese labels by column name: for columns whose own description is English only."""
    labels: dict[str, str] = {}
    for layer in ("marts", "evidence"):
        for entry in _entries(layer):
            for column in entry.get("columns") or []:
                vi, _ = _both(column.get("description") or "")
                if vi:
                    labels.setdefault(column["name"], vi)
    return labels


@cache
def _entries(layer: str) -> list[dict[str, Any]]:
    files = sorted((DBT_PROJECT / "models" / layer).rglob("*.yml"))
    return [entry for path in files for entry in read_yaml(path).get("models") or []]


def _rules_of_model(column: dict[str, Any]) -> str:
    rules = []
    for constraint in column.get("constraints") or []:
        rules.append(constraint["type"].replace("_", " "))
    for test in column.get("data_tests") or column.get("tests") or []:
        name = test if isinstance(test, str) else next(iter(test))
        arguments = {} if isinstance(test, str) else (test[name] or {}).get("arguments", test[name] or {})
        if name == "accepted_values":
            rules.append("một trong | one of: " + ", ".join(f"`{v}`" for v in arguments["values"]))
        elif name == "relationships":
            rules.append(f"có trong | known to {_table_named(arguments['to'])}")
        elif name not in ("not_null", "unique") or name.replace("_", " ") not in rules:
            rules.append(name.replace("_", " "))
    return "; ".join(rules)


def _table_named(reference: str) -> str:
    return "`" + reference.removeprefix("ref('").removesuffix("')") + "`"


def missing() -> list[str]:
    """What lacks a description, a label or a type: one line each, with its place."""
    lacks = [
        f"marts fct_alert.{name}: not described"
        for name in alert_table.schema().names
        if name not in alert_table.COLUMN_TEXTS
    ]
    staging = {model.name: model for model in models("staging")}
    for contract in load_contracts().values():
        for table in contract.tables.values():
            place = f"contract {contract.name}.{table.name}"
            if not (table.vi and table.description and table.grain):
                lacks.append(f"{place}: label, description or grain")
            lacks += [
                f"{place}.{c.name}: label or description"
                for c in table.columns
                if not (c.vi and c.description)
            ]
            staged = staging.get(f"stg_{table.relation}")
            if staged is None:
                lacks.append(f"staging stg_{table.relation}: not described")
                continue
            wanted = [c.name for c in table.columns if not c.personal] + list(_PLACE)
            named = {column.name for column in staged.columns}
            lacks += [f"staging {staged.name}.{name}: not described" for name in wanted if name not in named]
    for layer in LAYERS:
        described = models(layer)
        names = {model.name for model in described}
        sql = {path.stem for path in (DBT_PROJECT / "models" / layer).rglob("*.sql")}
        lacks += [f"{layer} {name}: not described" for name in sorted(sql - names)]
        for model in described:
            if not model.en:
                lacks.append(f"{layer} {model.name}: description")
            if not model.columns:
                lacks.append(f"{layer} {model.name}: columns")
            for column in model.columns:
                place = f"{layer} {model.name}.{column.name}"
                if not column.en:
                    lacks.append(f"{place}: description")
                if not column.vi:
                    lacks.append(f"{place}: Vietnamese label")
                if layer == "marts" and not column.type:
                    lacks.append(f"{place}: type")
    return lacks


def _cell(text: str) -> str:
    return " ".join(text.split()).replace(" | ", " / ").replace("|", "\\|")


def _row(*cells: str) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _table(*headings: str) -> list[str]:
    return [_row(*headings), "|" + " --- |" * len(headings)]


def unit_of(name: str) -> str:
    """The unit that a column's name tells; blank for codes, words and flags."""
    return next((unit for ending, unit in _UNITS if name.endswith(ending)), "")


def _personal(column: Column) -> str:
    if not column.personal:
        return ""
    return f"cá nhân: lưu `{column.landed_name}`" if column.kept else "cá nhân: không lưu | not kept"


def _rules(table: Table, column: Column) -> str:
    rules = []
    if column.name in table.key:
        rules.append("khóa | key")
    if column.required:
        rules.append("bắt buộc | required")
    elif column.must_be_present:
        rules.append("tệp phải có cột | the file must have the column")
    if column.codes:
        rules.append("mã | codes: " + ", ".join(f"`{code}` {label}" for code, label in column.codes.items()))
    rules += [f"{rule.vi} ({rule.en})" for rule in column.rules]
    return "; ".join(rules)


def _export(contract: SourceContract) -> Iterator[str]:
    yield f"### `{contract.name}`"
    yield ""
    yield contract.title
    for table in contract.tables.values():
        yield ""
        yield f"#### `{contract.name}.{table.name}` – {table.vi}"
        yield ""
        key = ", ".join(f"`{name}`" for name in table.key)
        yield f"{table.description} Mỗi dòng | Grain: {table.grain}. Khóa | Key: {key}."
        yield (
            f"Đơn vị cung cấp | Owner: {table.owner}. Chu kỳ | Cadence: {table.cadence_days} ngày | days."
            f" Giới hạn dòng bị loại | Rejected rows at most: {table.rejected_share_limit_pct:g} %."
        )
        yield ""
        yield from _table(
            "Cột | Column", "Nhãn | Label", "Mô tả | Description", "Kiểu | Type", "Đơn vị | Unit",
            "Tên khác | Other headers", "Cá nhân | Personal", "Quy tắc | Rules",
        )  # fmt: skip
        for column in table.columns:
            yield _row(
                f"`{column.name}`", column.vi, column.description, f"`{column.sql_type}`",
                unit_of(column.name), "; ".join(column.aliases), _personal(column), _rules(table, column),
            )  # fmt: skip


def _layer(layer: str) -> Iterator[str]:
    for model in models(layer):
        yield ""
        yield f"### `{layer}.{model.name}`" + (f" – {model.vi}" if model.vi else "")
        yield ""
        yield model.en + (f" Đơn vị phụ trách | Owner: {model.owner}." if model.owner else "")
        yield ""
        typed = any(column.type for column in model.columns)
        yield from _table(
            "Cột | Column", "Nhãn | Label", "Mô tả | Description", *(["Kiểu | Type"] if typed else []),
            "Đơn vị | Unit", "Quy tắc | Rules",
        )  # fmt: skip
        for column in model.columns:
            kind = [f"`{column.type}`" if column.type else ""] if typed else []
            yield _row(f"`{column.name}`", column.vi, column.en, *kind, unit_of(column.name), column.rules)


def render() -> str:
    """The whole dictionary as Markdown."""
    lines = [_HEAD, "## Dữ liệu đầu vào | Exports"]
    for contract in load_contracts().values():
        lines += ["", *_export(contract)]
    for layer in LAYERS:
        lines += ["", f"## {_TITLES[layer]}", *_layer(layer)]
    return "\n".join(lines).rstrip() + "\n"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m orchestration.dictionary", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 when something is missing"
    )
    asked = parser.parse_args(arguments)
    lacks = missing()
    for line in lacks:
        print(f"lacks {line}", file=sys.stderr)
    text = render()
    if asked.check:
        stale = not TARGET.exists() or TARGET.read_text(encoding="utf-8") != text
        if stale:
            print(f"{TARGET} is out of date: run python -m orchestration.dictionary", file=sys.stderr)
        return 1 if lacks or stale else 0
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(text, encoding="utf-8")
    print(f"Wrote {TARGET.relative_to(Path.cwd()) if TARGET.is_relative_to(Path.cwd()) else TARGET}")
    return 1 if lacks else 0


if __name__ == "__main__":
    sys.exit(main())
