"""The documentation as one site that opens without a server or the internet: `python -m orchestration.docs_site`.

The pages are the Markdown files of the project as they stand, by Sphinx; beside them dbt's own page with every
model, column and the lineage, in one file. Written to build/docs.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from orchestration import dbt
from warehouse.settings import PROJECT

TARGET = PROJECT / "build" / "docs"
CONTRACTS = Path("sources/contracts")

# Caption -> pages in reading order; a folder stands for the pages in it.
_SHELVES = {
    "Use": ["README.md", "docs/report.md", "docs/postgresql.md"],
    "Figures": ["DECISIONS.md", "docs/data_dictionary.md", str(CONTRACTS / "index.md"), "CHANGELOG.md"],
    "When something happens": ["docs/runbook"],
    "Work on it": ["CONTRIBUTING.md", "docs"],
}

_INDEX = """\
# PAR INDEX

From the province's exports to figures that can be trusted: every page of the project, readable without a network.

| you want | read |
|---|---|
| to run it | [README](README.md) |
| to know how a disputed definition was decided | [DECISIONS](DECISIONS.md) |
| to know what a column means | [data dictionary](docs/data_dictionary.md) |
| to see where a figure comes from | <a href="dbt/index.html">models and lineage</a> (dbt; the round button at the lower right opens the graph) |
| to put something right | [runbook](docs/runbook/README.md) |
| to work on it | [CONTRIBUTING](CONTRIBUTING.md) |
"""

_CONF = """\
project = "PAR INDEX"
version = release = {version!r}
extensions = ["myst_parser"]
source_suffix = {{".md": "markdown"}}
root_doc = "index"
language = "en"
html_theme = "furo"
html_title = "PAR INDEX"
html_extra_path = ["_extra"]
html_static_path = ["_own"]
html_css_files = ["wide.css"]
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
html_show_sourcelink = False
myst_heading_anchors = 4
suppress_warnings = ["myst.header"]
pygments_style = "friendly"
"""


# The tables of the dictionary have eight columns.
_CSS = "@media (min-width: 97em) { .content { width: 72em; } }\n"


class DocsFailed(Exception):
    """A page does not build, or one of its links leads nowhere; the message names page and line."""


def pages() -> list[Path]:
    """Every Markdown page, relative to the project."""
    found = [*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")]
    return sorted(path.relative_to(PROJECT) for path in found)


def build(target: Path = TARGET) -> Path:
    """Write the whole site; returns its first page. Raises DocsFailed."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        _gather(source)
        _lineage(Path(folder) / "dbt", source / "_extra" / "dbt" / "index.html")
        _render(source, Path(folder) / "doctrees", target)
    return target / "index.html"


def _gather(source: Path) -> None:
    shutil.copytree(PROJECT / "docs", source / "docs")  # pictures and all
    for page in pages():
        copy = source / page
        copy.parent.mkdir(parents=True, exist_ok=True)
        text = (PROJECT / page).read_text(encoding="utf-8")
        # A link to the folder of the contracts leads to the page that shows them.
        copy.write_text(re.sub(rf"\(((?:\.\./)*{CONTRACTS})/?\)", r"(\1/index.md)", text), encoding="utf-8")
    contracts = source / CONTRACTS
    contracts.mkdir(parents=True)
    text = "# Contracts of the exports\n\nTables, columns, spellings and row rules, written once here.\n"
    for contract in sorted((PROJECT / CONTRACTS).glob("*.yaml")):
        shutil.copyfile(contract, contracts / contract.name)
        text += f"\n## {contract.stem}\n\n```{{literalinclude}} {contract.name}\n:language: yaml\n```\n"
    (contracts / "index.md").write_text(text, encoding="utf-8")
    (source / "index.md").write_text(_INDEX + _shelves(), encoding="utf-8")
    (source / "_own").mkdir()
    (source / "_own" / "wide.css").write_text(_CSS, encoding="utf-8")
    (source / "conf.py").write_text(_CONF.format(version=metadata.version("parindex")), encoding="utf-8")


def _shelves() -> str:
    """The table of contents: named pages, then what else is in a folder."""
    named = {page for shelf in _SHELVES.values() for page in shelf}
    placed: set[str] = set()
    text = ""
    for caption, shelf in _SHELVES.items():
        entries: list[str] = []
        for name in shelf:
            inside = [
                str(p) for p in pages() if str(p).startswith(f"{name}/") and str(p) not in named | placed
            ]
            entries += [name] if name.endswith(".md") else sorted(inside, key=_overview_first)
        placed.update(entries)
        text += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n:titlesonly:\n\n"
        text += "\n".join(entry.removesuffix(".md") for entry in entries) + "\n```\n"
    return text


def _overview_first(page: str) -> tuple[int, bool, str]:
    return page.count("/"), not page.endswith("README.md"), page


def _lineage(work: Path, page: Path) -> None:
    """dbt's page with models, columns and lineage inside; it may ask for nothing from anywhere."""
    policy = "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'"
    policy += "; img-src data:; font-src data:"
    text = dbt.write_docs(work).read_text(encoding="utf-8")
    page.parent.mkdir(parents=True)
    tag = f'<head><meta http-equiv="Content-Security-Policy" content="{policy}">'
    page.write_text(text.replace("<head>", tag, 1), encoding="utf-8")


def _render(source: Path, doctrees: Path, target: Path) -> None:
    import io

    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    warnings = io.StringIO()
    shutil.rmtree(target, ignore_errors=True)
    with patch_docutils(), docutils_namespace():
        site = Sphinx(source, source, target, doctrees, "html", status=None, warning=warnings)
        site.build(force_all=True)
    if site.statuscode or warnings.getvalue():
        raise DocsFailed(warnings.getvalue().replace(f"{source}/", "").strip())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=TARGET, help="folder to write; what is in it is replaced")
    try:
        first = build(parser.parse_args().out)
    except DocsFailed as failed:
        print(f"The site was not built:\n{failed}", file=sys.stderr)
        return 1
    print(f"Wrote {first}: open it in a browser.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
