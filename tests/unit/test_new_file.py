"""Files that take their place whole: several writers of one at once, and what killed ones leave."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orchestration.evidence import bundle
from orchestration.report import page, write_report
from warehouse.new_file import new_file

TEXT = "một trang " * 200_000


def write_page(path: Path) -> None:
    write_report(Path("of no night"), path.parent)


def write_index(path: Path) -> None:
    bundle._write(path, TEXT)


@pytest.mark.parametrize("write", [write_page, write_index])
def test_several_write_one_file_at_once(write: Callable[[Path], None], tmp_path, monkeypatch) -> None:
    """Whose draft was another's too took its place half written, or was gone when it should have."""
    monkeypatch.setattr(page, "read", lambda *_: {})
    monkeypatch.setattr(page, "render", lambda _: TEXT)
    file = tmp_path / "index.html"
    with ThreadPoolExecutor(4) as writers:
        for _ in writers.map(write, [file] * 40):
            assert file.read_text(encoding="utf-8") == TEXT
    assert list(tmp_path.iterdir()) == [file]
    assert file.stat().st_mode & 0o777 == 0o640


def test_what_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "3.4.1.xlsx"
    file.write_text("of yesterday")
    with pytest.raises(ValueError), new_file(file) as draft:
        draft.write_text("half")
        raise ValueError
    assert list(tmp_path.iterdir()) == [file] and file.read_text() == "of yesterday"


def test_the_draft_of_a_killed_writer_goes_away_and_that_of_a_living_one_stays(tmp_path: Path) -> None:
    file, other = tmp_path / "index.html", tmp_path / ".index.html.note"
    other.touch()
    child = os.fork()
    if not child:
        with new_file(file):
            os._exit(0)  # as a kill: nothing is cleared away
    os.waitpid(child, 0)
    (left,) = set(tmp_path.iterdir()) - {other}
    left = left.rename(left.with_name(left.name.replace("index", "of yesterday's name")))
    (tmp_path / ".index.html.new").write_text("of a night of an earlier release")
    with new_file(file) as mine, new_file(file) as its:
        assert set(tmp_path.iterdir()) == {mine, its, other} and left not in (mine, its)
        mine.write_text("first")
    assert set(tmp_path.iterdir()) == {file, other} and file.read_text() == "first"


@pytest.mark.parametrize("name", ["b" * 250 + ".xlsx", "bằng" * 41 + ".xlsx"])
def test_a_name_as_long_as_the_file_system_takes(name: str, tmp_path: Path) -> None:
    with new_file(tmp_path / name) as draft:
        draft.touch()
    assert [path.name for path in tmp_path.iterdir()] == [name]
