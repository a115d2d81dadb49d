"""Pages of the project: every link leads somewhere, every alert has its page, and the site needs no network."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
from lxml import html

from orchestration import docs_site
from orchestration.alerting import model
from tests.report import browser
from warehouse.settings import DBT_PROJECT, PROJECT

# MyST's own; it goes away with its next release for Sphinx 9.
pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")

RUNBOOK = PROJECT / "docs" / "runbook"
# A link that a reader may follow is no asset that a page loads.
_LOADED = "//script/@src | //link[not(@rel='canonical')]/@href | //img/@src | //iframe/@src | //source/@src"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Raises when a page does not build or one of its links leads nowhere."""
    return docs_site.build(tmp_path_factory.mktemp("docs")).parent


def built_pages(site: Path) -> list[Path]:
    """Without dbt's page, which is written while it runs."""
    return [page for page in sorted(site.rglob("*.html")) if page.parent.name != "dbt"]


def test_every_page_of_the_project_is_in_the_site(site: Path) -> None:
    missing = [page for page in docs_site.pages() if not (site / page.with_suffix(".html")).exists()]
    assert missing == []
    assert (site / "sources" / "contracts" / "index.html").exists()
    contents = html.parse(site / "index.html")
    listed = {urldefrag(link)[0] for link in contents.xpath("//nav//a/@href | //aside//a/@href")}
    assert {str(page.with_suffix(".html")) for page in docs_site.pages()} <= listed


def test_every_link_within_the_site_leads_somewhere(site: Path) -> None:
    anchors: dict[Path, set[str]] = {}
    broken = []
    for page in built_pages(site):
        for link in html.parse(page).xpath("//a/@href"):
            target, fragment = urldefrag(link)
            if re.match(r"[a-z]+:", target):
                continue
            file = (page.parent / unquote(target)).resolve() if target else page
            if file.is_dir():
                file /= "index.html"
            if not file.exists():
                broken.append(f"{page.relative_to(site)}: {link}")
            elif fragment and file.suffix == ".html" and "/dbt/" not in str(file):
                if file not in anchors:
                    anchors[file] = set(html.parse(file).xpath("//@id"))
                if unquote(fragment) not in anchors[file]:
                    broken.append(f"{page.relative_to(site)}: {link}")
    assert broken == []


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    for page in built_pages(site):
        for asset in html.parse(page).xpath(_LOADED):
            if asset.startswith("data:"):
                continue
            assert not re.match(r"([a-z]+:)?//", asset), (page, asset)
            assert (page.parent / unquote(urldefrag(asset)[0].partition("?")[0])).exists(), (page, asset)
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(\s*['\"]?(https?:)?//|@import\s+url\(http", sheet.read_text()), sheet
    lineage = (site / "dbt" / "index.html").read_text(encoding="utf-8")
    assert "Content-Security-Policy\" content=\"default-src 'none'" in lineage
    for name in ("fct_indicator", "ind_on_time", "on_time_rate", "morning_page"):
        assert f".par_index.{name}" in lineage, name


def test_it_opens_in_a_browser_from_the_disk(site: Path, tmp_path: Path) -> None:
    program = browser.find()
    if program is None:
        pytest.skip("no Chromium on this machine: set CHROMIUM=/path, or apt-get install chromium")
    chromium = browser.Browser(program, tmp_path / "profile")
    try:
        chromium.open(site / "index.html")
        assert chromium.run("document.querySelector('h1').innerText").startswith("PAR INDEX")
        assert chromium.errors == []
        seen = list(chromium.requests)
        chromium.open(site / "dbt" / "index.html", "#!/model/model.par_index.fct_indicator")
        chromium.wait_for("document.body.innerText.includes('meets_target')", 20)
        seen += chromium.requests
        assert [url for url in seen if not url.startswith(("file:", "data:"))] == []
    finally:
        chromium.close()


def test_a_link_that_leads_nowhere_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(docs_site, "_INDEX", "# Index\n\n[gone](docs/gone.md)\n")
    monkeypatch.setattr(docs_site, "_SHELVES", {})
    monkeypatch.setattr(docs_site, "pages", lambda: [])
    monkeypatch.setattr(docs_site, "_lineage", lambda work, page: page.parent.mkdir(parents=True))
    with pytest.raises(docs_site.DocsFailed, match=r"index\.md.*docs/gone\.md"):
        docs_site.build(tmp_path / "out")


def test_every_kind_of_alert_has_its_page_and_its_line_in_the_table() -> None:
    pages = {page.stem for page in (RUNBOOK / "alerts").glob("*.md")} - {"README"}
    assert set(model.KINDS) | {"heartbeat"} == pages
    table = (RUNBOOK / "alerts" / "README.md").read_text(encoding="utf-8")
    for page in pages:
        assert f"({page}.md)" in table
        text = (RUNBOOK / "alerts" / f"{page}.md").read_text(encoding="utf-8")
        for part in ("**What it means.**", "**What to check**", "**How to end it.**"):
            assert part in text, (page, part)


def test_every_page_that_a_message_names_exists() -> None:
    named: set[str] = set()
    for path in (PROJECT / "orchestration", PROJECT / "warehouse", PROJECT / "sources"):
        for file in path.rglob("*"):
            if file.suffix in (".py", ".yaml"):
                named |= set(re.findall(r"docs/[\w/]+\.md", file.read_text(encoding="utf-8")))
    assert len(named) > 5
    assert [name for name in sorted(named) if not (PROJECT / name).exists()] == []


def test_every_page_of_the_runbook_is_in_its_table() -> None:
    table = (RUNBOOK / "README.md").read_text(encoding="utf-8")
    for page in RUNBOOK.glob("*.md"):
        assert page.name == "README.md" or f"({page.name})" in table, page


def test_every_command_that_a_page_shows_exists() -> None:
    """`parindex NAME` with its options, in README and the runbook, is what the command line takes."""
    import typer

    from orchestration.cli import app

    root = typer.main.get_command(app)
    shown = 0
    for page in [PROJECT / "README.md", *RUNBOOK.rglob("*.md")]:
        for line in re.findall(
            r"(?:^|[`\s])parindex ([a-z][^`\n|#&>]*)", page.read_text(encoding="utf-8"), re.M
        ):
            words, command = line.split(), root
            while words and words[0] in getattr(command, "commands", {}):
                command = command.commands[words.pop(0)]
            assert command is not root, (page.name, line)
            options = {option for parameter in command.params for option in parameter.opts} | {"--help"}
            for word in words:
                if word.startswith("--"):
                    assert word.strip("`.,;:)]") in options, (page.name, line)
            shown += 1
    assert shown > 30


def _exists(path: str) -> bool:
    """In the project, or in dbt's, whose folders are named without it; stars and ... stand for any name."""
    name = path.rstrip("/").replace("...", "*")
    return any(next(root.glob(name), None) for root in (PROJECT, DBT_PROJECT))


# The folders of the code; others that pages name are those of a home, which is made by running.
_FOLDERS = {"docs", "tests", "benchmarks", "dbt_project", "models", "macros", "seeds"} | {
    package.parent.name for package in PROJECT.glob("*/__init__.py")
}


def _of_the_code(path: str) -> bool:
    return path.partition("/")[0] in _FOLDERS and re.fullmatch(r"[\w.*-]+(/[\w.*-]+)+/?", path) is not None


@pytest.mark.parametrize("page", docs_site.pages(), ids=str)
def test_what_a_page_says_of_the_code_is_there(page: Path) -> None:
    """Its paths, and a name that is said to be in one of them."""
    text = (PROJECT / page).read_text(encoding="utf-8")
    paths = [word for word in re.findall(r"`([^`\s]+)`", text) if _of_the_code(word)]
    assert [path for path in paths if not _exists(path)] == []
    for name, path in re.findall(r"`(\w+)`(?: \([^)]*\))? (?:in|of) `([^`\s]+)`", text):
        if _of_the_code(path):
            found = [
                file
                for root in (PROJECT, DBT_PROJECT)
                for file in root.glob(path.rstrip("/"))
                if file.is_file()
            ]
            assert not found or any(name in file.read_text(encoding="utf-8") for file in found), (name, path)


def test_constants_that_contributors_are_told_of_are_in_the_code() -> None:
    text = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`(_?[A-Z]+(?:_[A-Z]+)*)`", text))
    code = "\n".join(
        file.read_text(encoding="utf-8")
        for folder in _FOLDERS - {"tests"}
        for file in (PROJECT / folder).rglob("*.py")
    )
    assert len(told) > 2
    assert [name for name in sorted(told) if not re.search(rf"\b{name}\b", code)] == []


@pytest.mark.parametrize("page", docs_site.pages(), ids=str)
def test_numbered_lists_count_up_by_one(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", (PROJECT / page).read_text(encoding="utf-8"), flags=re.S | re.M)
    before = 0
    for line in text.splitlines():
        if item := re.match(r"(\d+)\. ", line):
            assert int(item[1]) in (1, before + 1), f"{page}: {line}"
            before = int(item[1])


def test_the_line_for_cron_makes_the_folder_that_it_writes_into() -> None:
    line = next(
        line
        for line in (PROJECT / "README.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("0 1 ")
    )
    made, _, log = line.partition(" > ")
    assert f"mkdir -p {Path(log.split()[0]).parent} &&" in made
