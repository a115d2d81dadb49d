"""Writes the page: data, texts, styles and the charting library into one HTML file."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from orchestration.report.data import read
from orchestration.seeds import read_seed
from sources.text import both
from sources.yaml_file import read_yaml
from warehouse.new_file import new_file

HERE = Path(__file__).resolve().parent
FILE_NAME = "index.html"


def write_report(database: Path, out: Path, config: Mapping[str, Any] | None = None) -> Path:
    """Write the page of the published `database` into the folder `out` and return the path of the page.

    `config`: how DuckDB reads it (Settings.duckdb).
    """
    html = render(read(Path(database), config))
    page = Path(out) / FILE_NAME
    with new_file(page) as draft:  # a reader sees the old page or the new one, never half of one
        draft.write_text(html, encoding="utf-8")
    return page


def render(data: dict[str, Any]) -> str:
    texts = load_texts()
    scripts = [_script("app.js"), _script("vendor/echarts.min.js")]  # the words first, then the drawings
    environment = Environment(loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined)
    vi = {key: value[0] for key, value in texts["ui"].items()}
    return environment.get_template("template.html.j2").render(
        t=vi,
        data=data,
        as_of=_day(data["as_of"]) or vi["no_data"],
        missed=[target for target in data["targets"] if target.get("status") == "missed"],
        style=Markup((HERE / "style.css").read_text(encoding="utf-8")),
        scripts=scripts,
        script_hashes=[_hash(script) for script in scripts],
        data_json=embedded_json(data),
        texts_json=embedded_json(texts),
    )


def load_texts() -> dict[str, Any]:
    """All words of the page. A text is written "Vietnamese | English" and comes out as [vi, en]."""
    words = read_yaml(HERE / "texts.yaml")
    rules = read_yaml(HERE / "rules.yaml")
    sources = {row["source"]: [row["name_vi"], row["name_en"]] for row in read_seed("source_name")}
    return {**_in_both(words), **_in_both(rules), "sources": sources}


def _in_both(node: Any) -> Any:
    if isinstance(node, dict):
        return {str(key): _in_both(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_in_both(value) for value in node]
    if isinstance(node, str):
        vi, en = both(node)
        return [vi, en] if en else node
    return node


def embedded_json(value: Any) -> Markup:
    """JSON that can stand inside a script element: no character that ends it or starts markup."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _script(name: str) -> Markup:
    text = (HERE / name).read_text(encoding="utf-8")
    if "</script" in text.lower() or "<!--" in text:
        raise ValueError(f"{name} would end its own script element")
    return Markup(text)


def _hash(script: str) -> str:
    """What the page's content security policy allows to run: these scripts and nothing else."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _day(iso: str | None) -> str | None:
    return date.fromisoformat(iso).strftime("%d/%m/%Y") if iso else None
