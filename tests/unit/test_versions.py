"""Kept versions: which one readers saw, after nights that were rolled back, run again or pruned."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest
import typer
from typer.testing import CliRunner

from orchestration import doctor
from orchestration.cli import app
from orchestration.evidence import EvidenceError
from orchestration.evidence.night import _version
from orchestration.which_version import find_version
from tests.postgres.nights import Nights
from warehouse.backup import back_up
from warehouse.build import prepare_build
from warehouse.compare import TableChange, figure_changes, table_changes
from warehouse.damaged import DamagedFile
from warehouse.landed_damage import behind_error
from warehouse.ledger import Ledger
from warehouse.publish import (
    Version,
    check_version,
    current,
    last_before,
    of_day,
    prune,
    seen,
    swap_in,
    versions,
    write_version,
)

MONDAY, TUESDAY, WEDNESDAY = date(2024, 11, 25), date(2024, 11, 26), date(2024, 11, 27)


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    made = Nights(tmp_path / "home", tmp_path / "store")
    made.made = {}  # versions are not shared here: each one says what it follows
    return made


def names(found) -> list[str]:
    return [version.version for version in found]


def test_a_night_after_a_rollback_follows_what_readers_saw(nights: Nights) -> None:
    monday = nights.publish(day=MONDAY)
    tuesday = nights.publish(day=TUESDAY, rows=200)
    swap_in(nights.settings, monday)  # Tuesday was wrong
    assert names(seen(nights.settings)) == names([monday])
    assert last_before(nights.settings, WEDNESDAY) == monday
    wednesday = nights.publish(day=WEDNESDAY)
    assert wednesday.follows == monday.version
    assert names(seen(nights.settings)) == names([wednesday, monday])
    assert find_version(nights.settings, "previous") == monday
    again = nights.publish(day=WEDNESDAY)
    assert last_before(nights.settings, WEDNESDAY) == monday  # run again: compared with the same night
    assert names(seen(nights.settings)) == names([again, wednesday, monday])
    # The withdrawn night is kept, and can be named.
    assert of_day(nights.settings, TUESDAY) == tuesday == find_version(nights.settings, "2024-11-26")


def test_previous_is_of_an_earlier_day_however_often_a_day_was_run(nights: Nights) -> None:
    nights.publish(day=MONDAY)
    with pytest.raises(typer.BadParameter, match="no night of a day before 2024-11-25 is kept"):
        find_version(nights.settings, "previous")
    again = nights.publish(day=MONDAY)
    with pytest.raises(typer.BadParameter, match="2024-11-25"):
        find_version(nights.settings, "previous")
    nights.publish(day=TUESDAY, rows=200)
    nights.publish(day=TUESDAY, rows=200)
    assert find_version(nights.settings, "previous") == again


@pytest.fixture
def rollback(nights: Nights, monkeypatch: pytest.MonkeyPatch):
    """The command, for the home of these nights. Their page cannot be written, which undoes nothing."""
    monkeypatch.setenv("PARINDEX_HOME", str(nights.settings.home))

    def command(version: Version) -> str:
        done = CliRunner().invoke(app, ["rollback", version.version])
        assert done.exit_code == 0 and current(nights.settings) == version, done.output
        return done.output

    return command


@pytest.fixture
def ledger(nights: Nights):
    opened = Ledger(nights.settings.ledger)
    yield opened
    opened.close()


def cut_off(ledger: Ledger, version: Version, number: int) -> None:
    """A night that announced a version, and was killed before it ended."""
    ledger.start_night(f"night {number}", version.as_of, datetime(2024, 12, 1, number))
    ledger.announce(f"night {number}", version.version)


def outcomes(ledger: Ledger) -> list[str]:
    return [night["outcome"] for night in ledger.nights()]


def test_a_night_killed_after_publishing_is_kept_when_it_is_rolled_back(
    nights: Nights, ledger: Ledger, rollback
) -> None:
    """Readers have seen it: `diff` and another rollback may ask for it."""
    monday, tuesday = nights.publish(day=MONDAY), nights.publish(day=TUESDAY)
    cut_off(ledger, tuesday, 1)
    rollback(monday)
    assert outcomes(ledger) == ["published"]
    assert ledger.unpublished_versions() == [], "what the next night removes"


def test_a_night_killed_before_publishing_has_failed_however_readers_go_back(
    nights: Nights, ledger: Ledger, rollback
) -> None:
    monday, tuesday = nights.publish(day=MONDAY), nights.publish(day=TUESDAY)
    unseen = nights.publish(day=WEDNESDAY)
    swap_in(nights.settings, tuesday)
    cut_off(ledger, unseen, 1)
    rollback(monday)
    assert outcomes(ledger) == ["failed"] and ledger.unpublished_versions() == [unseen.version]
    rollback(unseen)  # whole, and wanted
    rollback(monday)
    assert outcomes(ledger) == ["published"] and ledger.unpublished_versions() == []


def test_a_ledger_that_cannot_be_written_keeps_nobody_from_going_back(nights: Nights, rollback) -> None:
    monday = nights.publish(day=MONDAY)
    nights.publish(day=TUESDAY)
    nights.settings.ledger.mkdir()
    assert "ledger of nights" in rollback(monday)


def test_restatements_are_told_against_what_readers_saw(nights: Nights) -> None:
    """The build file shows the figures of the night that was not rolled back from."""
    promised = """
        alter table marts.fct_indicator add column target_value double default 90.5;
        create table marts.fct_delivery as
        from (values
            ('counted', 5, 0, null), ('sent again', 0, 5, null), ('held back', 0, 0, null), ('replaced', 5, 0, 'counted')
        ) as t(delivery_id, rows_loaded, rows_unchanged, replaced_by)
    """
    monday = nights.publish(day=MONDAY, rows=300, change=promised)
    nights.publish(day=TUESDAY, rows=100, change=promised)
    swap_in(nights.settings, monday)
    ledger = Ledger(nights.settings.ledger)
    building = prepare_build(nights.settings, ledger, WEDNESDAY)
    ledger.close()
    with duckdb.connect(str(building), read_only=True) as connection:
        assert connection.execute("select as_of_date from landing.previous_night").fetchall() == [(MONDAY,)]
        assert connection.execute(
            "select distinct denominator from landing.previous_indicator"
        ).fetchall() == [(300.0,)]
        assert connection.execute("from landing.previous_delivery order by all").fetchall() == [
            ("counted",),
            ("sent again",),
        ]


def test_of_several_versions_of_a_day_the_one_that_readers_saw_counts(nights: Nights) -> None:
    nights.publish(day=MONDAY)
    good = nights.publish(day=TUESDAY, rows=300)
    bad = nights.publish(day=TUESDAY, rows=200)
    swap_in(nights.settings, good)
    nights.publish(day=WEDNESDAY)
    assert of_day(nights.settings, TUESDAY) == good != bad
    assert _version(nights.settings, TUESDAY) == good  # evidence --as-of
    assert find_version(nights.settings, "2024-11-26") == good  # diff, rollback, report, metrics
    with pytest.raises(EvidenceError, match="2024-11-28"):
        _version(nights.settings, date(2024, 11, 28))
    with pytest.raises(typer.BadParameter, match="kept are the days 2024-11-25, 2024-11-26, 2024-11-27"):
        find_version(nights.settings, "2024-11-28")


def test_a_corrected_day_is_its_correction_when_readers_are_back_at_the_last_day(nights: Nights) -> None:
    """What README advises: run an earlier day again, then roll back to the day that readers saw before."""
    monday, wednesday = nights.publish(day=MONDAY), nights.publish(day=WEDNESDAY)
    corrected = nights.publish(day=MONDAY, rows=310)
    assert of_day(nights.settings, MONDAY) == corrected, "what readers see now"
    swap_in(nights.settings, find_version(nights.settings, str(WEDNESDAY)))
    assert current(nights.settings) == wednesday
    assert of_day(nights.settings, MONDAY) == corrected != monday
    assert _version(nights.settings, MONDAY) == corrected  # evidence --as-of
    assert find_version(nights.settings, str(MONDAY)) == corrected  # diff, rollback, report, metrics, publish
    later = nights.publish(day=date(2024, 11, 28))
    assert of_day(nights.settings, MONDAY) == corrected
    assert names(seen(nights.settings)) == names([later, wednesday, monday]), "what it was compared with"


def test_a_version_that_was_rolled_back_from_to_another_of_its_day_is_not_the_day(nights: Nights) -> None:
    """Also when readers went on to another day without a night in between, which would say what it follows."""
    monday = nights.publish(day=MONDAY)
    wednesday = nights.publish(day=WEDNESDAY)
    wrong = nights.publish(day=MONDAY, rows=200)
    swap_in(nights.settings, monday)
    assert of_day(nights.settings, MONDAY) == monday
    swap_in(nights.settings, wednesday)
    assert of_day(nights.settings, MONDAY) == monday != wrong
    swap_in(nights.settings, find_version(nights.settings, wrong.version))  # and back to it, by its name
    swap_in(nights.settings, wednesday)
    assert of_day(nights.settings, MONDAY) == wrong


def test_a_version_that_no_reader_saw_is_no_version_of_its_day(nights: Nights) -> None:
    """Whole, but cut off before it was published: the next night removes it."""
    monday, tuesday = nights.publish(day=MONDAY), nights.publish(day=TUESDAY)
    file = nights.settings.home / "made.duckdb"
    unseen = [
        write_version(nights.settings, file, day, datetime(2024, 12, 9, hour))
        for hour, day in enumerate((MONDAY, TUESDAY, WEDNESDAY))
    ]
    assert of_day(nights.settings, MONDAY) == monday and of_day(nights.settings, TUESDAY) == tuesday
    with pytest.raises(typer.BadParameter, match="kept are the days"):
        find_version(nights.settings, str(WEDNESDAY))
    assert find_version(nights.settings, unseen[2].version) == unseen[2]


def test_a_full_disk_keeps_nobody_from_another_version(nights: Nights, monkeypatch) -> None:
    from warehouse import publish

    monday, tuesday = nights.publish(day=MONDAY), nights.publish(day=TUESDAY)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(publish.os, "fsync", full)
    swap_in(nights.settings, monday)
    assert current(nights.settings) == monday and of_day(nights.settings, MONDAY) == monday
    assert not [path for path in tuesday.folder.iterdir() if path.name.startswith(".")]


def test_a_day_that_is_run_again_and_again_does_not_push_out_the_night_before(nights: Nights) -> None:
    from dataclasses import replace

    monday = nights.publish(day=MONDAY)
    again = [nights.publish(day=TUESDAY) for _ in range(4)]
    told = prune(replace(nights.settings, keep_versions=2), only_tell=True)
    assert len(versions(nights.settings)) == 5
    removed = prune(replace(nights.settings, keep_versions=2))
    assert removed == told
    assert sorted(removed) == sorted(names(again[:2]))
    assert names(versions(nights.settings)) == names([monday, *again[2:]])
    assert last_before(nights.settings, TUESDAY) == monday


def test_the_days_digits_are_the_start_of_a_version(nights: Nights) -> None:
    only = nights.publish(day=MONDAY)
    assert find_version(nights.settings, only.version[:8]) == only


def test_without_a_current_version_readers_can_be_given_another(nights: Nights) -> None:
    import shutil

    good, broken = nights.publish(day=MONDAY), nights.publish(day=TUESDAY)
    shutil.rmtree(broken.folder)
    assert find_version(nights.settings, "latest") == find_version(nights.settings, "2024-11-25") == good
    with pytest.raises(typer.Exit):
        find_version(nights.settings, "previous")


def test_versions_of_an_earlier_release_stand_in_their_order(nights: Nights) -> None:
    """They do not say what they follow, and neither does one whose predecessor was pruned."""
    from dataclasses import replace

    published = [nights.publish(day=day) for day in (MONDAY, TUESDAY, WEDNESDAY)]
    for version in published:
        manifest = version.folder / "manifest.json"
        told = manifest.read_text().replace('"follows"', '"unknown"').replace('"last_seen"', '"unknown too"')
        manifest.write_text(told)
    assert names(seen(nights.settings)) == names(reversed(published))
    assert names(of_day(nights.settings, one.as_of) for one in published) == names(published)
    prune(replace(nights.settings, keep_versions=2))
    assert names(versions(nights.settings)) == names(published[1:])
    assert last_before(nights.settings, WEDNESDAY).as_of == TUESDAY
    assert last_before(nights.settings, TUESDAY) is None


def test_of_an_earlier_release_the_version_that_the_next_one_follows_counts(nights: Nights) -> None:
    """It did not tell what readers saw last; what they see from now on is told, and counts more."""
    good, bad = nights.publish(day=MONDAY), nights.publish(day=MONDAY, rows=200)
    swap_in(nights.settings, good)
    tuesday = nights.publish(day=TUESDAY)
    for version in (good, bad, tuesday):
        manifest = version.folder / "manifest.json"
        manifest.write_text(manifest.read_text().replace('"last_seen"', '"unknown"'))
    assert of_day(nights.settings, MONDAY) == good
    swap_in(nights.settings, bad)
    swap_in(nights.settings, tuesday)
    assert of_day(nights.settings, MONDAY) == bad


def test_a_clock_that_was_set_back_ends_nowhere_in_a_ring(nights: Nights) -> None:
    late = nights.publish(day=TUESDAY)
    file = nights.settings.home / "made.duckdb"
    early = write_version(nights.settings, file, TUESDAY, datetime(2020, 1, 1))
    swap_in(nights.settings, early)
    assert names(versions(nights.settings)) == names([late, early]), "in the order of publishing"
    assert names(seen(nights.settings)) == names([early, late])
    assert last_before(nights.settings, TUESDAY) is None


def test_rows_that_came_went_and_changed_are_counted_by_their_key(nights: Nights) -> None:
    """Of two days the day itself is left aside: it would make every row another one."""
    first = nights.publish(day=MONDAY)
    quiet = nights.publish(day=TUESDAY)
    busy = nights.publish(
        day=WEDNESDAY,
        rows=310,
        change="update marts.fct_dossier set note = 'sửa' where dossier_code between 'H62.0000001' and 'H62.0000003'",
        then="delete from marts.fct_dossier where dossier_code between 'H62.0000008' and 'H62.0000009';"
        " drop table marts.dim_procedure",
    )
    config = nights.settings.duckdb()
    assert first.hashes["fct_indicator"] != quiet.hashes["fct_indicator"]
    found = {change.table: change for change in table_changes(first, quiet, config)}
    assert [name for name, change in found.items() if not change.same] == []
    found = {change.table: change for change in table_changes(quiet, busy, config)}
    assert found["fct_dossier"] == TableChange("fct_dossier", 300, 308, 10, 2, 3)
    assert found["dim_procedure"] == TableChange("dim_procedure", 5, None)
    assert {name for name, change in found.items() if not change.same} == {
        *("fct_dossier", "fct_indicator", "dim_procedure")
    }
    assert found["fct_indicator"].changed == busy.counts["fct_indicator"], "of more dossiers"


def test_figures_that_differ_are_told_with_another_verdict_first(nights: Nights) -> None:
    def where(target: str, agency: str) -> str:
        return f"where target_id = '{target}' and agency_code = '{agency}'"

    nothing = "numerator = null, denominator = null, value = null, meets_target = null"
    before = nights.publish(
        day=MONDAY, change=f"update marts.fct_indicator set {nothing} {where('T1', 'A004')}"
    )
    after = nights.publish(
        day=MONDAY,
        change=f"update marts.fct_indicator set meets_target = true {where('T1', 'A001')};"
        f"update marts.fct_indicator set numerator = 1 {where('T0', 'A001')};"
        f"update marts.fct_indicator set value = 91, meets_target = true {where('T1', 'H62')};"
        f"update marts.fct_indicator set value = null, meets_target = null {where('T2', 'A002')};",
        then=f"delete from marts.fct_indicator {where('T2', 'A003')};"
        f"delete from marts.fct_indicator {where('T1', 'A004')};"
        "insert into marts.fct_indicator select * replace ('A099' as agency_code, false as is_headline)"
        f" from marts.fct_indicator {where('T0', 'H62')}",
    )
    found = figure_changes(before, after, nights.settings.duckdb())
    assert [(f.target_id, f.agency_code, f.verdict_changed, f.in_after) for f in found] == [
        ("T1", "A001", True, True),
        ("T1", "H62", True, True),
        ("T2", "A002", True, True),
        ("T2", "A003", True, False),
        ("T0", "A001", False, True),
        ("T1", "A004", False, False),
    ]
    told = found[1]
    assert (found[0].is_province, told.is_province) == (False, True)
    assert (round(told.before, 4), told.after, told.met_before, told.met_after) == (90.0003, 91, False, True)
    assert (found[4].numerator_before, found[4].numerator_after, found[4].before) == (270, 1, found[4].after)
    assert figure_changes(before, before, nights.settings.duckdb()) == []


def _cut_off(version: Version) -> None:
    with version.database.open("r+b") as file:
        file.truncate(10_000)


@pytest.mark.parametrize(
    "harm", [_cut_off, lambda version: version.database.unlink()], ids=["cut off", "gone"]
)
def test_a_version_that_nobody_can_read_is_not_shown_and_is_named(nights: Nights, monkeypatch, harm) -> None:
    monkeypatch.setenv("PARINDEX_HOME", str(nights.settings.home))
    monday, tuesday = nights.publish(day=MONDAY), nights.publish(day=TUESDAY)
    harm(monday)
    with pytest.raises(DamagedFile, match="parindex rebuild"):
        swap_in(nights.settings, monday)
    assert current(nights.settings) == tuesday
    assert nights.settings.published_file.resolve() == tuesday.database
    done = CliRunner().invoke(app, ["diff"])
    assert done.exception is not None
    named = behind_error(nights.settings, done.exception)
    assert named is not None and named.path == monday.database
    ledger = Ledger(nights.settings.ledger)
    ledger.close()
    with pytest.raises(DamagedFile, match=str(monday.database)):
        back_up(nights.settings, nights.settings.home.parent / "x.tar", datetime(2024, 12, 1))


def test_a_version_that_has_lost_rows_is_damaged(nights: Nights) -> None:
    version = nights.publish(day=MONDAY)
    with duckdb.connect(str(version.database)) as connection:
        connection.execute(
            "delete from marts.fct_dossier where dossier_code = (select min(dossier_code) from marts.fct_dossier)"
        )
    with pytest.raises(DamagedFile, match=f"fct_dossier do not have the rows of {version.version}"):
        check_version(nights.settings, version)


def test_a_version_that_is_open_is_not_called_damaged(nights: Nights) -> None:
    version = nights.publish(day=MONDAY)
    with duckdb.connect(str(version.database), read_only=True, config={"threads": 1}):
        check_version(nights.settings, version)
    hold = f"import duckdb, sys; held = duckdb.connect({str(version.database)!r}); print(flush=True); sys.stdin.read()"
    editor = subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert editor.stdout.readline()
    with pytest.raises(DamagedFile, match="another program writes to it"):
        check_version(nights.settings, version)
    editor.communicate()


def test_the_next_night_goes_on_without_a_version_that_is_damaged(nights: Nights, caplog) -> None:
    monday = nights.publish(day=MONDAY)
    _cut_off(monday)
    ledger = Ledger(nights.settings.ledger)
    build = prepare_build(nights.settings, ledger, TUESDAY)
    ledger.close()
    with duckdb.connect(str(build)) as connection:
        assert connection.execute("select count(*) from landing.previous_night").fetchone() == (0,)
    assert "changes of closed periods are not told tonight" in caplog.text


def test_a_doctor_says_what_to_do_with_a_damaged_version(nights: Nights) -> None:
    _cut_off(nights.publish(day=MONDAY))
    (found,) = doctor._published(nights.settings, datetime(2024, 12, 1))
    assert found.level == "FAIL" and "is damaged" in found.message and "parindex rebuild" in found.todo
