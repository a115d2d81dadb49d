"""Faults of the machine around a night: disk, memory, network, clock, readers, a calendar that ends."""

from __future__ import annotations

import json
import random
import re
import resource
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from landing_kit import Desk, csv_text
from typer.testing import CliRunner

from orchestration.cli import app
from tests.conftest import parindex
from tests.faults.kills import (
    TONIGHT,
    World,
    alerts_of,
    copy_home,
    landed,
    ledger_of,
    leftovers,
    nights_of,
    read,
    run_night,
    said,
    texts_of,
)
from tests.read_only import read_only
from warehouse.publish import version_name, versions
from warehouse.settings import Settings, SettingsError


def seen(home: Path) -> tuple:
    found = read(home)
    assert len(found.names) == 1
    return (found.file, found.parquet, found.as_of)


def assert_as_undisturbed(world: World, home: Path) -> None:
    """But for the alerts: that a night failed stays told there, and counts in what is found of them."""

    def figures(found: tuple) -> list[dict]:
        aside = ("fct_alert", "fct_check_result")
        return [{name: rows for name, rows in part.items() if name not in aside} for part in found[:2]]

    assert figures(seen(home)) == figures(world.new.seen)
    assert checks_of(home) == checks_of(world.after) != []
    assert seen(home)[2] == world.new.seen[2]
    assert (ledger_of(home), landed(home)) == (world.new.ledger, world.new.landed)
    assert leftovers(home) == []


def checks_of(home: Path) -> list[tuple]:
    """What was found of all else, without its moment."""
    with duckdb.connect(str(home / "published" / "par_index.duckdb"), read_only=True) as connection:
        return connection.execute(
            "select * exclude (checked_at) from marts.fct_check_result where dataset <> 'marts.fct_alert' order by all"
        ).fetchall()


@contextmanager
def small_disk(folder: Path, size: int):
    """A file system of so many bytes; skips where none can be mounted."""
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if made.returncode:
        pytest.skip(f"no small file system can be mounted here: {made.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


@pytest.mark.parametrize("free", [0.2, 4, 16, 28], ids="{} MB".format)
def test_full_disk(world: World, tmp_path: Path, free: float) -> None:
    used = sum(path.lstat().st_blocks * 512 + 4096 for path in world.before.rglob("*"))
    with small_disk(tmp_path / "disk", used + int(free * (1 << 20))) as disk:
        home = copy_home(world.before, disk / "home", world.sink)
        out = tmp_path / "night.out"
        assert run_night(home, world.inbox, TONIGHT, output=str(out)) == 1
        assert "is full: free some space" in out.read_text(), out.read_text()
        assert "Traceback" not in out.read_text()
        assert seen(home) == world.old.seen
        remount(disk, f"size={used + (400 << 20)}")
        assert run_night(home, world.inbox, TONIGHT, output=str(out)) == 0, out.read_text()
        assert_as_undisturbed(world, home)


def documents(rows: int) -> str:
    """Rows that hardly pack."""
    numbers = random.Random(1)
    row = {"agency_code": "H62.10", "direction": "in", "issued_on": "18/06/2024", "secrecy": "none"}
    row |= {"registered_at": "18/06/2024 08:00:00"}
    row |= dict.fromkeys(("exchanged_electronically", "digitally_signed", "processed_online"), "1")
    head = ["document_code", "number", *row]
    return csv_text(
        head,
        *(
            [f"{numbers.getrandbits(120):x}", f"{numbers.getrandbits(160):x}", *row.values()]
            for _ in range(rows)
        ),
    )


def land_once_more(desk: Desk) -> None:
    assert desk.ledger.deliveries() == []
    assert [(entry.outcome, entry.rows_loaded) for entry in desk.land()] == [("loaded", 100_000)]


def test_full_disk_while_a_large_file_lands(tmp_path: Path) -> None:
    """DuckDB removes its half of the file, so that there is room again by the time somebody looks."""
    text = documents(100_000)
    with small_disk(tmp_path / "disk", 20 << 20) as disk:
        desk = Desk(disk / "home")
        desk.settings = replace(desk.settings, inbox=tmp_path / "inbox")
        desk.put("documents.csv", text, source="document_office")
        filler = disk / "filler"
        filler.write_bytes(bytes(shutil.disk_usage(disk).free - (3 << 20)))
        with pytest.raises(OSError, match="No space left"):
            desk.land()
        filler.unlink()
        land_once_more(desk)
        desk.ledger.close()


def test_a_file_larger_than_the_system_allows(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "home")
    desk.put("documents.csv", documents(100_000), source="document_office")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
    try:
        with pytest.raises(SettingsError, match="cannot be written"):
            desk.land()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    land_once_more(desk)
    desk.ledger.close()


def test_read_only_home(world: World, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 300 << 20) as disk:
        home = copy_home(world.before, disk / "home", world.sink)
        remount(disk, "ro")
        result = parindex("run", "--inbox", str(world.inbox), home=home, check=False)
        assert result.returncode == 1
        assert "cannot be written" in result.stderr
        assert "Traceback" not in result.stderr
        assert seen(home) == world.old.seen
        remount(disk, "rw")
        parindex("status", home=home)


def test_looking_at_a_home_that_may_not_be_written(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a colleague of the account that runs the nights does."""
    home = copy_home(world.before, tmp_path / "home", world.sink)
    monkeypatch.setenv("PARINDEX_HOME", str(home))
    monkeypatch.chdir(tmp_path)

    def shown(*command: str, code: int = 0) -> str:
        done = CliRunner().invoke(app, [*command])
        assert done.exit_code == code, (command, done.output, done.exception)
        return done.output

    looks = [("status",), ("alerts", "list"), ("quarantine", "list"), ("versions",)]
    before = [shown(*command) for command in looks]
    with read_only(home):
        assert [shown(*command) for command in looks] == before
        assert "cannot be looked at" not in shown("doctor", code=1)
        shown("diff", "current", "current")
        shown("metrics", "query", "on_time_rate")
        shown("quarantine", "export", "--out", "rejected.csv")
        shown("report", "--out", "page")
        shown("evidence", "3.4.1", "--out", "3.4.1.xlsx")
    written = [path for name in ("rejected.csv", "page", "3.4.1.xlsx") for path in tmp_path.rglob(name)]
    assert len(written) == 3
    assert leftovers(home) == []


def test_too_little_memory(world: World, tmp_path: Path) -> None:
    home = copy_home(world.before, tmp_path / "memory", world.sink)
    assert run_night(home, world.inbox, TONIGHT, environment={"PARINDEX_MEMORY_LIMIT": "20MB"}) == 1
    assert "raise it, then run again" in said(home) and "Traceback" not in said(home)
    assert seen(home) == world.old.seen
    assert run_night(home, world.inbox, TONIGHT) == 0
    assert_as_undisturbed(world, home)


def test_a_reader_holds_the_published_file(world: World, tmp_path: Path) -> None:
    home = copy_home(world.before, tmp_path / "held", world.sink)
    published = home / "published" / "par_index.duckdb"
    with duckdb.connect(str(published), read_only=True) as reader:
        day = "select max(as_of_date) from marts.fct_indicator"
        before = reader.execute(day).fetchall()
        assert run_night(home, world.inbox, TONIGHT) == 0
        assert reader.execute(day).fetchall() == before  # the night it began with, whole
        assert reader.execute("select count(*) from marts.fct_dossier").fetchall()[0][0] > 0
    assert_as_undisturbed(world, home)


def test_no_network(world: World, tmp_path: Path) -> None:
    """Neither the address of the alerts nor PostgreSQL answers, nor can the page be written: the night is published and says
    what is owed, all of it.
    """
    home = copy_home(world.before, tmp_path / "offline", world.sink)
    working = (home / "alerts.yaml").read_text()
    (home / "alerts.yaml").write_text(
        "routes:\n- name: all\n  severity: low\n  to: ['json://127.0.0.1:9/x']\n"
    )
    nowhere = {"PARINDEX_PUBLISH_TO": "postgresql://someone:geheim@127.0.0.1:9/nowhere?connect_timeout=2"}
    page = home / "reports" / "index.html"
    page.unlink()
    page.mkdir()
    assert run_night(home, world.inbox, TONIGHT, environment=nowhere) == 0
    assert re.search(
        "reports__morning_page: IsADirectoryError.*; published__postgres: PostgreSQL", said(home)
    )
    assert "geheim" not in said(home)
    page.rmdir()
    assert seen(home) == world.new.seen
    assert nights_of(home)[TONIGHT.isoformat(), "published"] == 1
    assert {status for *_, status in alerts_of(home)[2]} == {"pending"}
    (home / "alerts.yaml").write_text(working)
    assert run_night(home, world.inbox, TONIGHT) == 0
    # What was owed, and that this night was not finished at first, which it is now; each of its own night, as it says.
    owed, over = texts_of(world.sink.messages["offline"])
    (expected,) = texts_of(world.messages)
    (news, how_many), (known, undisturbed) = _told(owed), _told(expected)
    (unfinished,) = news - known
    assert "Đêm 30/11/2024 đã công bố số liệu, nhưng" in unfinished and how_many == undisturbed + 1
    assert "Đêm 30/11/2024 đã công bố số liệu, nhưng" in over.partition("ĐÃ HẾT")[2]


def _told(digest: str) -> tuple[set[str], int]:
    """What it writes out, and how many alerts it is about: beyond the longest it may be they are counted."""
    vietnamese = re.sub(r" \(đêm [\d/]+\)", "", digest.partition("--- English ---")[0])
    lines = set(re.findall(r"^- .*", vietnamese, re.MULTILINE))
    more = re.search(r"^\+ (\d+) cảnh báo khác", vietnamese, re.MULTILINE)
    return lines, len(lines) + (int(more[1]) if more else 0)


def test_a_clock_set_back(world: World, tmp_path: Path) -> None:
    """Without a day nothing is computed for a day that cannot be today; with one, order is kept all the same."""
    home = copy_home(world.before, tmp_path / "clock", world.sink)
    manifest = home / "published" / "manifest.json"
    told = json.loads(manifest.read_text())
    ahead = datetime.now() + timedelta(days=400)
    told["published_at"] = ahead.isoformat()
    manifest.resolve().write_text(json.dumps(told))
    empty = tmp_path / "inbox"
    empty.mkdir()
    result = parindex("run", "--inbox", str(empty), home=home, check=False)
    assert result.returncode == 2
    assert "the clock shows" in result.stderr and "--as-of" in result.stderr
    assert read(home).as_of == world.old.seen[2]


def test_versions_keep_their_order_when_the_clock_goes_back(world: World, tmp_path: Path) -> None:
    home = copy_home(world.before, tmp_path / "order", world.sink)
    settings = Settings(home=home, inbox=world.inbox)
    last = versions(settings)[-1].version
    name = version_name(settings, TONIGHT, datetime(1970, 1, 1))
    assert name > last
    shutil.copytree(settings.published / "versions" / last, settings.published / "versions" / name)
    assert version_name(settings, TONIGHT, datetime(1970, 1, 2)) > last


def test_the_calendar_of_next_year_is_missing(world: World, tmp_path: Path) -> None:
    """Figures do not hang on it, signals do: the night is published and says so, and lists what is at risk by weekdays."""
    home = copy_home(world.before, tmp_path / "calendar", world.sink)
    late = date(2031, 1, 15)
    assert run_night(home, world.inbox, late) == 0, said(home)
    with duckdb.connect(str(home / "published" / "par_index.duckdb"), read_only=True) as connection:
        found = connection.execute(
            "select observed from marts.fct_check_result where expectation = 'calendar_is_known' and not passed"
        ).fetchall()
        at_risk, known = connection.execute(
            "select count(*), count(*) filter (working_days_left < -1000) from marts.rpt_dossier_at_risk"
        ).fetchone()
        days = connection.execute(
            "select min(date_day), max(date_day), count(*) filter (is_as_of) from marts.dim_date"
        ).fetchone()
    assert len(found) == 1 and "2031" in found[0][0]
    assert at_risk == known > 0
    assert days == (date(2018, 1, 1), date(2037, 12, 31), 1)


def test_agencies_unknown_or_merged_in_mid_year(world: World, tmp_path: Path) -> None:
    """No dossier goes lost: an ended commune keeps its own, a code of no catalogue counts for the province only."""
    with duckdb.connect(str(world.after / "published" / "par_index.duckdb"), read_only=True) as connection:
        code, name, parent, since, other = connection.execute("""
            select a.agency_code, a.agency_name, a.parent_code, a.valid_from, (
                select max(b.agency_code) from marts.dim_agency as b
                where b.level = 'xa' and b.is_current and b.agency_code <> a.agency_code
            )
            from marts.dim_agency as a
            join marts.fct_dossier as d on a.agency_code = d.agency_code
            where a.level = 'xa' and a.is_current
            group by all order by count(*) desc, a.agency_code limit 1
        """).fetchall()[0]
    inbox = tmp_path / "inbox"
    shutil.copytree(world.inbox, inbox)
    folder = inbox / "tthc" / str(TONIGHT)
    columns = [
        "agency_code",
        "agency_name",
        "level",
        "parent_code",
        "valid_from",
        "valid_to",
        "successor_code",
    ]
    merged = [code, name, "xa", parent, since, "2024-06-30", other]
    (folder / "agencies_merged.csv").write_text(csv_text(columns, merged))
    dossier = ["dossier_code", "procedure_code", "agency_code", "channel", "received_at", "due_at", "status"]
    rows = [
        [f"H62-X-{n}", "1.000001", "H62.UNKNOWN", "1", "2024-10-01 08:00:00", "2024-10-20 17:00:00", "2"]
        for n in range(3)
    ]
    (folder / "dossiers_unknown.csv").write_text(csv_text(dossier, *rows))
    home = copy_home(world.before, tmp_path / "agencies", world.sink)
    assert run_night(home, inbox, TONIGHT) == 0, said(home)

    def ask(place: Path, query: str) -> list[tuple]:
        with duckdb.connect(str(place / "published" / "par_index.duckdb"), read_only=True) as connection:
            return connection.execute(query).fetchall()

    by_agency = "select agency_code, count(*) from marts.fct_dossier group by 1 order by 1"
    expected = dict(ask(world.after, by_agency)) | {"H62.UNKNOWN": 3}
    assert dict(ask(home, by_agency)) == expected
    on_time = """
        select target_id, sum(denominator) from marts.fct_indicator
        where agency_code = 'H62' and period_kind = 'ytd' and variant = 'A' and target_id in ('3.4.1', '3.4.2', '3.4.3')
        group by 1 order by 1
    """
    assert ask(home, on_time) == ask(
        world.after, on_time
    )  # levels: the ended one keeps its own, the unknown has none
    signals = (
        "select distinct record_key from marts.fct_integrity_signal where kind = 'unknown_agency' order by 1"
    )
    assert [row for row in ask(home, signals) if row[0].startswith("H62-X-")] == [
        (f"H62-X-{n}",) for n in range(3)
    ]
