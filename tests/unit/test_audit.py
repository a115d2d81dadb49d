"""The audit of the pinned versions: which of them an advisory names, and that nothing checked is no clean answer."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import yaml
from packaging.version import Version

from orchestration import audit
from tests.conftest import PROJECT


def ranges(*events: dict[str, str], kind: str = "ECOSYSTEM") -> dict[str, Any]:
    return {"ranges": [{"type": kind, "events": list(events)}]}


def entry(name: str = "jinja2", ecosystem: str = "PyPI", **more: Any) -> dict[str, Any]:
    """CVE-2024-56201 of Jinja as PYSEC and GitHub have it, or what `more` makes of it."""
    affected = {"package": {"ecosystem": ecosystem, "name": name}}
    affected |= more.pop("affected", ranges({"introduced": "3.0.0"}, {"fixed": "3.1.5"}))
    whole = {"id": "GHSA-gmj6-6f8f-6699", "aliases": ["CVE-2024-56201"], "modified": "2025-01-08T16:28:29Z"}
    return whole | {"summary": "Sandbox breakout through malicious filenames", "affected": [affected]} | more


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Runs the command on a lock and a folder of entries: exit code, lines of the answer, what went wrong."""

    def run(lock: str, *entries: dict[str, Any], osv: Path | None = None, options: tuple[str, ...] = ()):
        folder = tmp_path / "osv"
        folder.mkdir(exist_ok=True)
        for number, one in enumerate(entries):
            (folder / f"{number}.json").write_text(json.dumps(one), encoding="utf-8")
        (tmp_path / "a.lock").write_text(lock, encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["audit", "--osv", str(osv or folder), *options, "a.lock"])
        code = audit.main()
        said = capsys.readouterr()
        return code, said.out.splitlines(), said.err

    return run


@pytest.mark.parametrize(
    ("version", "affected", "expected"),
    [
        # from the version that introduced it up to the fix, which is not affected any more
        ("2.11.3", ranges({"introduced": "3.0.0"}, {"fixed": "3.1.5"}), False),
        ("3.0.0", ranges({"introduced": "3.0.0"}, {"fixed": "3.1.5"}), True),
        ("3.1.4", ranges({"introduced": "3.0.0"}, {"fixed": "3.1.5"}), True),
        ("3.1.5", ranges({"introduced": "3.0.0"}, {"fixed": "3.1.5"}), False),
        ("3.1.10", ranges({"introduced": "3.0.0"}, {"fixed": "3.1.5"}), False),
        # "0" comes before every version, and without an end all are affected
        ("0.dev0", ranges({"introduced": "0"}), True),
        ("99", ranges({"introduced": "0"}), True),
        # the last affected one is affected
        ("1.2", ranges({"introduced": "0"}, {"last_affected": "1.2"}), True),
        ("1.2.post1", ranges({"introduced": "0"}, {"last_affected": "1.2"}), False),
        ("1.2", ranges({"last_affected": "1.2"}, {"introduced": "1.2"}), True),
        # urllib3's CVE-2023-45803: two lines, each with its fix, and the events in no order
        ("1.26.17", ranges({"introduced": "2.0.0"}, {"fixed": "1.26.18"}, {"introduced": "0"}, {"fixed": "2.0.7"}), True),
        ("1.26.18", ranges({"introduced": "2.0.0"}, {"fixed": "1.26.18"}, {"introduced": "0"}, {"fixed": "2.0.7"}), False),
        ("2.0.6", ranges({"introduced": "2.0.0"}, {"fixed": "1.26.18"}, {"introduced": "0"}, {"fixed": "2.0.7"}), True),
        # before the release: a candidate of the fix is not the fix, one of what introduced it is before it
        ("5.0rc1", ranges({"introduced": "0"}, {"fixed": "5.0"}), True),
        ("5.0rc1", ranges({"introduced": "5.0"}), False),
        ("5.0rc1", ranges({"introduced": "5.0a1"}, {"fixed": "5.0rc1"}), False),
        # listed by itself, however it is written, and whatever the ranges say
        ("1.1", {"versions": ["1.0", "1.1.0"]}, True),
        ("1.2", {"versions": ["1.0", "1.1.0"]}, False),
        ("2.9.0", {"versions": ["2.9"]} | ranges({"introduced": "3"}), True),
        # a limit ends a range, "*" ends none
        ("2.0", ranges({"introduced": "1.0"}, {"limit": "2.0"}), False),
        ("2.0", ranges({"introduced": "1.0"}, {"limit": "*"}), True),
        # commits are no versions; what was a version before PEP 440 comes before all that are one
        ("1.0", ranges({"introduced": "0"}, kind="GIT"), False),
        ("2026.6", ranges({"introduced": "0"}, {"fixed": "2004d"}), False),
        ("1.0", {}, False),
    ],
)  # fmt: skip
def test_what_is_affected(version: str, affected: dict[str, Any], expected: bool) -> None:
    assert audit.is_affected(Version(version), affected) is expected


def test_a_finding_is_told_with_what_ends_it(check) -> None:
    lock = "Jinja2==3.1.4 ; python_version < '3.14' \\\n    --hash=sha256:00\nmarkupsafe==3.0.2 \\\n    --hash=sha256:01\n"
    code, lines, _ = check(
        lock, entry(), entry("markupsafe", id="PYSEC-1", affected=ranges({"introduced": "4"}))
    )
    assert code == 1
    assert lines == [
        "jinja2 3.1.4 in a.lock: GHSA-gmj6-6f8f-6699 (CVE-2024-56201), fixed in 3.1.5: Sandbox breakout through"
        " malicious filenames",
        "2 pinned versions checked against 2 advisories, the newest of 2025-01-08: 1 found, 0 ignored.",
    ]


def test_both_versions_of_a_package_are_checked_and_names_are_normalised(check) -> None:
    bad = ranges({"introduced": "0"}, {"last_affected": "1.0"})
    code, lines, _ = check(
        "zope.interface==1.0\nzope-interface==2.0\n", entry("Zope_Interface", affected=bad)
    )
    assert code == 1
    assert lines[0].startswith(
        "zope-interface 1.0 in a.lock: GHSA-gmj6-6f8f-6699 (CVE-2024-56201), no fix named"
    )
    assert lines[1].startswith("2 pinned versions") and len(lines) == 2


def test_what_is_withdrawn_or_of_others_is_no_finding(check) -> None:
    code, lines, _ = check(
        "jinja2==3.1.4\n",
        entry(withdrawn="2025-02-01T00:00:00Z"),
        entry(ecosystem="npm", modified="2026-01-01T00:00:00Z"),
        entry("mako"),
        {"id": "CVE-1", "modified": "2026-01-01T00:00:00Z", "affected": [ranges({"introduced": "0"}, kind="GIT")]},
    )  # fmt: skip
    assert code == 0
    assert lines == [
        "1 pinned versions checked against 1 advisories, the newest of 2025-01-08: 0 found, 0 ignored."
    ]


def test_zip_and_yaml_say_the_same_as_json(check, tmp_path: Path) -> None:
    bad = {"affected": ranges({"introduced": "3.1"}, {"fixed": "3.10"})}
    code, lines, _ = check("jinja2==3.9\n", entry(**bad))
    assert code == 1 and "fixed in 3.10:" in lines[0]
    with ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("GHSA-gmj6-6f8f-6699.json", json.dumps(entry(**bad)))
    assert check("jinja2==3.9\n", osv=tmp_path / "all.zip") == (1, lines, "")
    vulns = tmp_path / "clone" / "vulns" / "jinja2"
    vulns.mkdir(parents=True)
    text = yaml.safe_dump(entry(**bad)).replace("'", "")  # a version without quotes is a number to YAML
    assert "fixed: 3.10\n" in text
    (vulns / "PYSEC-1.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "clone" / "workflow.yml").write_text("on: push\n", encoding="utf-8")
    assert check("jinja2==3.9\n", osv=tmp_path / "clone") == (1, lines, "")


def test_an_ignored_finding_is_shown_with_its_reason(check) -> None:
    why = ("--ignore", "CVE-2024-56201=no template comes from outside")
    code, lines, _ = check("jinja2==3.1.4\n", entry(), options=why)
    assert code == 0
    assert lines[0].startswith("ignored (no template comes from outside): jinja2 3.1.4")
    assert lines[-1].endswith("0 found, 1 ignored.")
    with pytest.raises(SystemExit):
        check("jinja2==3.1.4\n", entry(), options=("--ignore", "CVE-2024-56201"))


@pytest.mark.parametrize(
    ("lock", "entries", "told"),
    [
        ("jinja2==3.1.4\n", [], "no advisory about PyPI"),
        ("jinja2==3.1.4\n", [entry(ecosystem="npm")], "no advisory about PyPI"),
        ("# nothing\n", [entry()], "no version is pinned"),
        ("jinja2==3.1.4\nmako>=1\n", [entry()], "not a pinned version: mako>=1"),
        ("jinja2==3.*\n", [entry()], "not a pinned version"),
        ("jinja2==3.1.4\n-r other.txt\n", [entry()], "not a pinned version: -r other.txt"),
        ("jinja2==3.1.4\n", [entry(affected={"ranges": [{"type": "ECOSYSTEM"}]})], "GHSA-gmj6-6f8f-6699"),
    ],
)  # fmt: skip
def test_nothing_checked_is_no_clean_answer(
    check, lock: str, entries: list[dict[str, Any]], told: str
) -> None:
    code, lines, wrong = check(lock, *entries)
    assert (code, lines) == (2, []) and told in wrong


def test_a_database_that_cannot_be_read_is_no_clean_answer(check, tmp_path: Path) -> None:
    broken = tmp_path / "all.zip"
    assert check("jinja2==3.1.4\n", osv=broken)[0] == 2  # not there
    broken.write_text("<html>", encoding="utf-8")
    assert check("jinja2==3.1.4\n", osv=broken)[0] == 2
    with ZipFile(broken, "w") as archive:
        archive.writestr("cut.json", '{"id": ')
    assert "cut.json cannot be read" in check("jinja2==3.1.4\n", osv=broken)[2]


def test_every_lock_of_the_project_is_read_and_audited() -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    written = {
        word for line in makefile.splitlines() if "uv pip compile" in line for word in line.split()[-1:]
    }
    (audited,) = (line.split()[2:] for line in makefile.splitlines() if line.startswith("LOCKS :="))
    assert set(audited) == written
    pins = audit.pinned(PROJECT / lock for lock in audited)
    assert len(pins) > 200 and pins["numpy"]
