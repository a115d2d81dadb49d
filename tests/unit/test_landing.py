"""From the inbox to landing: nothing lost, nothing silent, nothing personal in clear."""

from __future__ import annotations

import errno
import hashlib
import hmac
import os
import sqlite3
import stat
import threading
import time
import unicodedata
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from landing_kit import (
    CRITERIA,
    NOW,
    Desk,
    criteria_csv,
    criteria_row,
    csv_text,
    desk,
    html_row,
    html_table,
    json_bytes,
    table_of,
    xlsx_bytes,
)

from sources.inbox import Arrival
from sources.readers import excel_file, html_file
from warehouse import landing
from warehouse.landing import land_inbox, landed_file
from warehouse.ledger import Ledger
from warehouse.settings import SettingsError

__all__ = ["desk"]


def rows_csv(good: int, bad: int = 0) -> str:
    rows = [criteria_row(n) for n in range(good)]
    return criteria_csv(*rows, *(criteria_row(1000 + n, reported_on="hỏng") for n in range(bad)))


def test_files_are_landed_side_by_side(desk, monkeypatch: pytest.MonkeyPatch) -> None:
    both = threading.Barrier(2, timeout=30)

    def met(*arguments, of=landing.land_file):
        both.wait()
        return of(*arguments)

    monkeypatch.setattr(landing, "land_file", met)
    for number in range(4):
        desk.put(f"criteria_results_{number}.csv", rows_csv(number + 1))
    assert [entry.rows_loaded for entry in desk.land()] == [1, 2, 3, 4]


def test_what_had_too_little_memory_beside_another_is_read_again_alone(
    desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_work: list[str] = []
    refused: list[str] = []

    def read(connection, path, *arguments, of=landing.read_parts, **options):
        at_work.append(path.name)
        assert threading.current_thread() is not threading.main_thread(), "which hears Ctrl-C meanwhile"
        if path.name == "criteria_results_1.csv" and not refused:
            refused.append(path.name)
            raise duckdb.OutOfMemoryException("failed to allocate")
        return of(connection, path, *arguments, **options)

    monkeypatch.setattr(landing, "read_parts", read)
    for number in range(3):
        desk.put(f"criteria_results_{number}.csv", rows_csv(number + 1))
    assert [(e.file_name, e.rows_loaded) for e in desk.land()] == [
        ("criteria_results_0.csv", 1),
        ("criteria_results_2.csv", 3),
        ("criteria_results_1.csv", 2),
    ]
    assert refused and at_work[-1] == "criteria_results_1.csv"
    assert {entry.outcome for entry in desk.ledger.deliveries()} == {"loaded"}
    assert desk.land() == []


@pytest.mark.parametrize("kind", ["xlsx", "xls"])
def test_one_lane_at_a_time_holds_many_cells(desk, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """They are held outside of DuckDB's memory, until they are stored."""
    monkeypatch.setattr(excel_file, "_MANY_CELLS", 6)
    monkeypatch.setattr(html_file, "_LARGE", 6)
    now, most = set(), []

    def store(settings, connection, base, *arguments, of=landing._store):
        now.add(base.file_name)
        most.append(len(now))
        time.sleep(0.2)
        entry = of(settings, connection, base, *arguments)
        now.remove(base.file_name)
        return entry

    monkeypatch.setattr(landing, "_store", store)
    rows = [CRITERIA, criteria_row(1)]
    large = xlsx_bytes(*rows) if kind == "xlsx" else html_table(*(html_row(*row) for row in rows))
    for number in range(4):
        desk.put(f"criteria_results_{number}.{kind}", large)
    assert [entry.rows_loaded for entry in desk.land()] == [1] * 4
    assert max(most) == 1


def test_little_is_stored_that_the_ledger_does_not_know(desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such a file counts nowhere, and is not found any more once its delivery has been corrected."""
    stored: list[str] = []

    def store(settings, connection, base, *arguments, of=landing._store):
        if base.file_name == "criteria_results_0.csv":
            time.sleep(1)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        stored.append(base.file_name)
        return of(settings, connection, base, *arguments)

    monkeypatch.setattr(landing, "_store", store)
    for number in range(9):
        desk.put(f"criteria_results_{number}.csv", rows_csv(number + 1))
    with pytest.raises(OSError, match="No space left"):
        desk.land()
    assert len(stored) <= 2 and not desk.ledger.deliveries()


def test_a_file_that_vanishes_while_it_is_read_is_no_fault_of_the_home(
    desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(settings, connection, base, table, parts, *arguments, of=landing._store):
        path.unlink(missing_ok=True)
        return of(settings, connection, base, table, parts, *arguments)

    monkeypatch.setattr(landing, "_store", gone)
    path = desk.put("criteria_results.csv", rows_csv(3))
    (entry,) = desk.land()
    assert entry.outcome == "refused" and "read" in entry.reason, entry.reason


def test_times_of_landing_follow_the_order_of_the_files(desk) -> None:
    """Else the latest file would be another one each time: the one that took longest to read."""
    running_back = iter(range(10, 0, -1))
    for number in range(4):
        desk.put(f"criteria_results_{number}.csv", rows_csv(number + 1))
    entries = land_inbox(desk.settings, desk.ledger, lambda: NOW + timedelta(seconds=next(running_back)))
    assert [entry.rows_loaded for entry in sorted(entries, key=lambda entry: entry.loaded_at)] == [1, 2, 3, 4]
    assert len({entry.loaded_at for entry in entries}) == 4
    assert {e.delivery_id: e.loaded_at for e in desk.ledger.deliveries()} == {
        e.delivery_id: e.loaded_at for e in entries
    }


def test_rows_reconcile_and_outcomes(desk) -> None:
    cases = {(10, 0): "loaded", (18, 2): "partly_quarantined", (17, 2): "held_back", (0, 3): "held_back"}
    for number, ((good, bad), outcome) in enumerate(cases.items()):
        day = f"2024-11-0{number + 1}"
        entry = desk.one(f"criteria_results_{number}.csv", rows_csv(good, bad), day=day)
        assert (entry.outcome, entry.rows_in_file) == (outcome, good + bad)
        assert entry.rows_in_file == entry.rows_loaded + entry.rows_unchanged + entry.rows_quarantined
        assert entry.rows_loaded == (good if outcome != "held_back" else 0)
        told = [row for row in desk.rejected() if row["file_name"] == entry.file_name]
        assert len(told) == entry.rows_quarantined


def test_the_limit_is_a_setting(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.settings = replace(desk.settings, rejected_share_limit_pct=50)
    assert desk.one("criteria_results.csv", rows_csv(5, 5)).outcome == "partly_quarantined"


def test_a_held_back_delivery_says_why_for_each_row(desk) -> None:
    desk.one("criteria_results.csv", rows_csv(2, 1))
    reasons = [row["reason"] for row in desk.rejected()]
    assert ["held back" in reason for reason in reasons] == [True, True, False]


def test_the_files_of_a_delivery_are_judged_together(desk) -> None:
    """Cut into files or not, the delivery has 2 of 40 rows rejected."""
    desk.put("criteria_results_1.csv", rows_csv(1, 1))
    desk.put("criteria_results_2.csv", rows_csv(37, 1))
    assert [entry.outcome for entry in desk.land()] == ["partly_quarantined"] * 2
    assert len(desk.rejected()) == 2


def test_a_delivery_is_held_back_with_its_good_files(desk) -> None:
    desk.put("criteria_results_1.csv", rows_csv(6))
    desk.put("criteria_results_2.csv", rows_csv(2, 2))
    first, second = desk.land()
    assert (first.outcome, first.rows_loaded, first.rows_quarantined, first.rejected) == (
        "held_back",
        0,
        6,
        0,
    )
    assert (second.rows_loaded, second.rows_quarantined, second.rejected) == (0, 4, 2)
    assert "2/10" in first.reason and first.reason == second.reason
    told = {(row["file_name"], row["row_number"]): row["reason"] for row in desk.rejected()}
    assert len(told) == 10 and sum("held back" in reason for reason in told.values()) == 8


def test_a_file_that_joins_a_delivery_releases_it_or_holds_it_back(desk) -> None:
    first = desk.one("criteria_results_1.csv", rows_csv(3, 1))
    assert first.outcome == "held_back"
    desk.put("criteria_results_2.csv", rows_csv(16))
    added, released = desk.land()
    assert (added.outcome, released.outcome) == ("loaded", "partly_quarantined")
    assert (released.delivery_id, released.rows_loaded, released.reason) == (first.delivery_id, 3, None)
    assert desk.land() == []
    desk.put("criteria_results_3.csv", rows_csv(0, 9))
    assert {entry.outcome for entry in desk.land()} == {"held_back"}
    # Another day is another delivery.
    assert desk.one("criteria_results_1.csv", rows_csv(1), day="2024-11-09").outcome == "loaded"


def test_a_corrected_file_releases_its_delivery(desk) -> None:
    desk.put("criteria_results_1.csv", rows_csv(9))
    desk.put("criteria_results_2.csv", rows_csv(5, 5))
    assert {entry.outcome for entry in desk.land()} == {"held_back"}
    desk.put("criteria_results_2.csv", rows_csv(10))
    assert {entry.outcome for entry in desk.land()} == {"loaded"}


def test_a_raised_limit_releases_what_was_held_back(desk) -> None:
    desk.one("criteria_results.csv", rows_csv(3, 1))
    desk.settings = replace(desk.settings, rejected_share_limit_pct=30)
    (released,) = desk.land()
    assert (released.outcome, released.rows_loaded) == ("partly_quarantined", 3)


def _states(desk: Desk) -> dict[tuple[str, int, int], tuple[str, bool]]:
    """What each content has come to, by name, rows and rejected rows: outcome, and whether it stands."""
    return {
        (entry.file_name[17:18], entry.rows_in_file, entry.rejected): (
            entry.outcome,
            entry.replaced_by is None,
        )
        for entry in desk.ledger.deliveries()
    }


def test_a_file_sent_again_with_too_many_faults_takes_nothing_away(desk) -> None:
    first = desk.one("criteria_results_1.csv", rows_csv(10))
    desk.put("criteria_results_1.csv", rows_csv(8, 3))
    (worse,) = desk.land()
    assert (worse.outcome, worse.rows_loaded) == ("held_back", 0)
    assert "3/11" in worse.reason and "the one before it counts on" in worse.reason
    assert [e.delivery_id for e in desk.ledger.deliveries() if e.accepted] == [first.delivery_id]
    assert desk.land() == []
    # Another limit takes it after all, also when the inbox is empty, and gives it back.
    (desk.settings.inbox / "register" / "2024-11-01" / "criteria_results_1.csv").unlink()
    desk.settings = replace(desk.settings, rejected_share_limit_pct=30)
    desk.land()
    assert _states(desk) == {("1", 10, 0): ("loaded", False), ("1", 11, 3): ("partly_quarantined", True)}
    desk.settings = replace(desk.settings, rejected_share_limit_pct=None)
    desk.land()
    assert _states(desk) == {("1", 10, 0): ("loaded", True), ("1", 11, 3): ("held_back", True)}


def test_what_was_replaced_long_ago_is_not_fallen_back_on(desk) -> None:
    """Its rows are removed after a time; another limit holds the delivery back as if there had been no other."""
    first = desk.one("criteria_results_1.csv", rows_csv(10))
    desk.settings = replace(desk.settings, rejected_share_limit_pct=30)
    desk.put("criteria_results_1.csv", rows_csv(8, 3))
    desk.land()
    landed_file(desk.settings, first).parquet.unlink()
    desk.settings = replace(desk.settings, rejected_share_limit_pct=None)
    (held,) = desk.land()
    assert (held.outcome, "delivery is held back" in held.reason) == ("held_back", True)
    assert not any(entry.accepted for entry in desk.ledger.deliveries())


def test_of_files_sent_again_no_more_are_held_back_than_it_takes(desk) -> None:
    for name, data in (("1", rows_csv(10)), ("2", rows_csv(10)), ("3", rows_csv(5))):
        desk.put(f"criteria_results_{name}.csv", data)
    desk.land()
    desk.put("criteria_results_1.csv", rows_csv(11, 1))
    desk.put("criteria_results_2.csv", rows_csv(8, 4))
    desk.land()
    assert _states(desk) == {
        ("1", 10, 0): ("loaded", False),
        ("1", 12, 1): ("partly_quarantined", True),
        ("2", 10, 0): ("loaded", True),
        ("2", 12, 4): ("held_back", True),
        ("3", 5, 0): ("loaded", True),
    }
    # A file that was never good leaves nothing to fall back on.
    desk.put("criteria_results_4.csv", rows_csv(0, 9))
    desk.land()
    assert {state for state in _states(desk).values() if state[1]} == {("held_back", True)}


def test_a_content_that_comes_back_takes_the_place_of_one_held_back(desk) -> None:
    good = desk.one("criteria_results_1.csv", rows_csv(10))
    desk.put("criteria_results_1.csv", rows_csv(8, 3))
    desk.land()
    desk.put("criteria_results_1.csv", rows_csv(10))
    assert desk.land() == []
    assert _states(desk) == {("1", 10, 0): ("loaded", True), ("1", 11, 3): ("held_back", False)}
    desk.settings = replace(desk.settings, rejected_share_limit_pct=30)
    assert desk.land() == []
    assert [e.delivery_id for e in desk.ledger.deliveries() if e.accepted] == [good.delivery_id]
    # And a better one the place of both.
    desk.put("criteria_results_1.csv", rows_csv(12))
    desk.land()
    assert [e.rows_in_file for e in desk.ledger.deliveries() if e.replaced_by is None] == [12]


def test_a_night_killed_before_it_judged_is_made_good_by_the_next(desk, monkeypatch) -> None:
    desk.put("criteria_results.csv", rows_csv(5, 5))
    with monkeypatch.context() as patch:
        patch.setattr("warehouse.landing.hold_back", lambda *_: {})
        (taken,) = desk.land()
    assert taken.outcome == "partly_quarantined"
    (desk.settings.inbox / "register" / "2024-11-01" / "criteria_results.csv").unlink()
    (held,) = desk.land()
    assert (held.delivery_id, held.outcome) == (taken.delivery_id, "held_back")


def test_a_ledger_of_an_earlier_version_gets_its_new_columns(desk) -> None:
    entry = desk.one("criteria_results.csv", rows_csv(18, 2))
    desk.ledger.close()
    with sqlite3.connect(desk.settings.ledger) as connection:
        connection.execute("alter table delivery drop column rows_rejected")
        connection.execute("pragma user_version = 0")  # as 0.1.0 left it
    connection.close()
    before = desk.settings.ledger.read_bytes()
    looked_at = Ledger.to_look_at(desk.settings.ledger)
    assert [known.rows_rejected for known in looked_at.deliveries()] == [None]
    looked_at.close()
    assert desk.settings.ledger.read_bytes() == before, "whoever looks leaves the way back to that release"
    desk.ledger = Ledger(desk.settings.ledger)
    (known,) = desk.ledger.deliveries()
    assert (known.delivery_id, known.rows_rejected, known.rejected) == (entry.delivery_id, None, 2)
    assert desk.land() == []


def test_the_same_file_on_the_same_date_is_a_no_op(desk) -> None:
    desk.one("criteria_results.csv", rows_csv(2))
    assert desk.land() == []
    desk.put("criteria_results.csv", rows_csv(2))  # written again, the same bytes
    assert desk.land() == []


def test_the_same_content_on_a_later_date_is_a_delivery(desk) -> None:
    first = desk.one("criteria_results.csv", rows_csv(2))
    second = desk.one("criteria_results.csv", rows_csv(2), day="2024-11-02")
    assert (first.content_hash, first.delivery_id) != (second.content_hash, second.delivery_id)
    assert second.rows_loaded == 2
    assert [entry.accepted for entry in desk.ledger.deliveries()] == [True, True]


def test_changed_content_under_the_same_name_and_date_replaces(desk) -> None:
    desk.one("criteria_results.csv", rows_csv(2))
    second = desk.one("criteria_results.csv", rows_csv(1))  # a resent smaller file
    in_force = [entry for entry in desk.ledger.deliveries() if entry.accepted]
    assert [entry.delivery_id for entry in in_force] == [second.delivery_id]
    third = desk.one("criteria_results.csv", rows_csv(2))  # and the first again
    in_force = [entry for entry in desk.ledger.deliveries() if entry.accepted]
    assert [entry.delivery_id for entry in in_force] == [third.delivery_id]
    assert desk.land() == []


@pytest.mark.parametrize("content", ["", "\x00", "no,header\n1,2\n"], ids=["empty", "NUL bytes", "no header"])
def test_what_is_refused_takes_no_place(desk, content: str) -> None:
    """A copy that broke off under the name of a good file: the good one stays in force, the refusal is told beside it."""
    good = desk.one("criteria_results.csv", rows_csv(2))
    refused = desk.one("criteria_results.csv", content)
    assert refused.outcome == "refused"

    def standing() -> set[str]:
        return {entry.delivery_id for entry in desk.ledger.deliveries() if entry.replaced_by is None}

    assert standing() == {good.delivery_id, refused.delivery_id}
    assert [entry.delivery_id for entry in desk.ledger.deliveries() if entry.accepted] == [good.delivery_id]
    other = desk.one("criteria_results.csv", content + "\x00")
    assert standing() == {good.delivery_id, other.delivery_id}
    desk.put("criteria_results.csv", rows_csv(2))  # the same again: known, and the refusal is over
    assert desk.land() == []
    assert standing() == {good.delivery_id}
    better = desk.one("criteria_results.csv", rows_csv(3))
    assert standing() == {better.delivery_id}


def test_a_file_that_is_copied_again_in_place_stays_in_force(desk, monkeypatch: pytest.MonkeyPatch) -> None:
    path = desk.put("criteria_results.csv", rows_csv(2))
    (good,) = desk.land()
    usual = Arrival.content_hash

    def while_copying(arrival):
        found = usual(arrival)
        path.write_text(rows_csv(2))
        return found + "half"

    path.write_text(rows_csv(1))
    monkeypatch.setattr(Arrival, "content_hash", while_copying)
    (changing,) = desk.land()
    assert (changing.outcome, "next run" in changing.reason) == ("refused", True)
    (kept,) = desk.settings.landing.rglob("*.parquet")
    assert good.delivery_id in kept.name, "what landed of a file that nobody knows is gone"
    assert [entry.delivery_id for entry in desk.ledger.deliveries() if entry.accepted] == [good.delivery_id]
    monkeypatch.undo()
    assert desk.land() == []
    assert [entry.delivery_id for entry in desk.ledger.deliveries()] == [good.delivery_id]


def test_two_files_of_one_table_on_one_date_both_count(desk) -> None:
    desk.put("criteria_results_1.csv", rows_csv(2))
    desk.put("criteria_results_2.csv", rows_csv(3))
    assert [entry.rows_loaded for entry in desk.land()] == [2, 3]


def test_duplicate_keys_are_no_fault(desk) -> None:
    entry = desk.one("criteria_results.csv", criteria_csv(criteria_row(1), criteria_row(1, numerator="5")))
    assert (entry.outcome, entry.rows_loaded) == ("loaded", 2)


def test_a_blank_in_a_later_row_stays_a_blank(desk) -> None:
    desk.one("criteria_results.csv", criteria_csv(criteria_row(1, note="a")))
    later = desk.one("criteria_results.csv", criteria_csv(criteria_row(1, note="")), day="2024-11-02")
    assert desk.values(later, "note") == [None]


def test_received_at_may_be_blank_for_two_statuses_only(desk) -> None:
    head = ["dossier_code", "procedure_code", "agency_code", "channel", "received_at", "status"]
    rows = [[f"HS-{status}", "1", "H62", "1", "", str(status)] for status in range(1, 9)]
    desk.settings = replace(desk.settings, rejected_share_limit_pct=100)
    entry = desk.one("dossiers.csv", csv_text(head, *rows), source="tthc")
    assert desk.values(entry, "status") == ["1", "3"]


def test_checks_of_dates_and_parts(desk) -> None:
    head = [
        "dossier_code",
        "procedure_code",
        "agency_code",
        "channel",
        "received_at",
        "due_at",
        "finished_at",
        "status",
    ]
    head += ["components_total", "components_digitised"]
    good = ["HS", "1", "H62", "1", "02/10/2024 10:00", "02/10/2024 08:00", "02/10/2024", "9", "2", "2"]
    wrong = {
        "due_at": "01/10/2024",
        "finished_at": "01/10/2024",
        "components_digitised": "3",
        "components_total": "-1",
    }
    rows = [good, *([*good[: head.index(n)], v, *good[head.index(n) + 1 :]] for n, v in wrong.items())]
    rows.append([*good[:6], "", *good[7:]])  # finished without a day
    desk.settings = replace(desk.settings, rejected_share_limit_pct=100)
    entry = desk.one("dossiers.csv", csv_text(head, *rows), source="tthc")
    assert entry.rows_loaded == 1
    assert [row["column_name"] for row in desk.rejected()] == [*list(wrong), "finished_at"]


def test_stored_files_are_for_owner_and_group_only(desk) -> None:
    entry = desk.one("criteria_results.csv", rows_csv(18, 1))
    stored = landed_file(desk.settings, entry)
    for path in (stored.parquet, stored.rejected):
        assert stat.S_IMODE(path.stat().st_mode) == 0o640


NAMES = ["Nguyễn Văn Bí Mật", "001099987654", "0987654321", "Thôn Kín, xã Giấu"]
PERSONAL = ["applicant_name", "applicant_id", "phone", "address"]


def planted(number: int, broken: str | None) -> dict:
    row = {
        "dossier_code": f"HS-{number}",
        "procedure_code": "1.0",
        "agency_code": "H62.1",
        "channel": "2",
        "status": "4",
    }
    row |= {
        "received_at": "01/10/2024",
        **dict(zip(PERSONAL, NAMES, strict=True)),
        "Tên người thân": NAMES[0],
    }
    return row | ({broken: f"không phải {broken}"} if broken else {})


FAULTY = [None] * 40 + ["received_at", "status"]


def personal_files() -> dict[str, bytes]:
    rows = [planted(n, broken) for n, broken in enumerate(FAULTY)]
    heads = list(rows[0])
    cells = [[row[h] for h in heads] for row in rows]
    text = csv_text(heads, *cells, [*cells[0], "thừa"]) + f'HS-9,"{NAMES[0]}\n'
    html = html_table(html_row(*heads), *(html_row(*row) for row in cells))
    lines = "\n".join(json_bytes(row).decode() for row in rows) + f'\n{{"applicant_name": "{NAMES[0]}'
    return {
        "dossiers.csv": text.encode(),
        "dossiers.xlsx": xlsx_bytes(["STT", *heads], *([n, *row] for n, row in enumerate(cells, 1))),
        "dossiers_list.xls": html.encode(),
        "dossiers.jsonl": lines.encode(),
        "dossiers_held.csv": csv_text(heads, *([*row[:5], "hỏng", *row[6:]] for row in cells)).encode(),
        "dossiers_broken.json": json_bytes(rows)[:-20],
        "dossiers_noheader.csv": csv_text(*cells).encode(),
        "dossiers_old.csv": csv_text(heads, *cells).encode("utf-16"),
    }


def everything_written(home: Path) -> str:
    """All that was written, in readable form: the ledger, each Parquet file, and the bytes of the rest."""
    pieces = []
    with duckdb.connect() as connection:
        for path in sorted(home.rglob("*.parquet")):
            pieces.append(str(connection.sql(f"select * from read_parquet('{path}')").fetchall()))
    for path in home.rglob("*"):
        if path.is_file() and home / "inbox" not in path.parents:
            pieces.append(
                path.read_bytes().decode("utf-8", "ignore") + path.read_bytes().decode("utf-16", "ignore")
            )
    with sqlite3.connect(home / "landing" / "ledger.sqlite") as ledger:
        pieces.append(str(ledger.execute("select * from delivery").fetchall()))
    return "\n".join(pieces)


def test_personal_data_are_hashed_and_nowhere_in_clear(desk) -> None:
    for name, data in personal_files().items():
        desk.put(name, data, source="tthc", day="2024-11-02" if "held" in name else "2024-11-01")
    entries = {entry.file_name: entry for entry in desk.land()}
    outcomes = {name: entry.outcome for name, entry in entries.items()}
    assert outcomes == {
        "dossiers.csv": "partly_quarantined",
        "dossiers.xlsx": "partly_quarantined",
        "dossiers_list.xls": "partly_quarantined",
        "dossiers.jsonl": "partly_quarantined",
        "dossiers_held.csv": "held_back",
        "dossiers_broken.json": "refused",
        "dossiers_noheader.csv": "refused",
        "dossiers_old.csv": "refused",
    }
    written = everything_written(desk.settings.home)
    assert "HS-1" in written
    for secret in NAMES:
        assert secret not in written
    key = desk.settings.key_file.read_text().strip().encode()
    row = desk.good(entries["dossiers.xlsx"])[0]
    for column, name in zip(PERSONAL, NAMES, strict=True):
        assert column not in row
        if table_of("tthc", "dossiers").column(column).kept:
            digest = hmac.new(key, name.encode(), hashlib.sha256).hexdigest()
            assert len(row[f"{column}_hash"]) >= 32 and digest.startswith(row[f"{column}_hash"])
        else:
            assert f"{column}_hash" not in row


def test_a_rejected_row_keeps_no_number_that_may_be_a_persons(desk) -> None:
    slipped = planted(1, "received_at") | {"supplement_count": "0977665544", "fee_amount": "026999888777"}
    usual = planted(2, "received_at") | {"supplement_count": "3", "fee_amount": "350000"}
    good = [planted(n, None) | {"fee_amount": "350000000"} for n in range(3, 40)]
    entry = desk.one("dossiers.json", json_bytes([slipped, usual, *good]), source="tthc")
    first, second, third, *_ = desk.all_rows(entry)
    assert [row["_error_no"] is None for row in (first, second, third)] == [False, False, True]
    assert (first["supplement_count"], first["fee_amount"]) == (None, None)
    assert (second["supplement_count"], second["fee_amount"]) == (3, 350000)
    assert third["fee_amount"] == 350000000


def test_the_hash_does_not_depend_on_nfc_or_nfd_or_blanks(desk) -> None:
    numbers = ["GIẤY-01", " " + unicodedata.normalize("NFD", "GIẤY-01") + "\u00a0", "GIẤY-02"]
    rows = [planted(n, None) | {"applicant_id": number} for n, number in enumerate(numbers)]
    entry = desk.one("dossiers.json", json_bytes(rows), source="tthc")
    first, second, third = desk.values(entry, "applicant_id_hash")
    assert first == second != third


def test_personal_data_in_clear_only_when_asked_for(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.settings = replace(desk.settings, personal_data="plain")
    entry = desk.one("dossiers.json", json_bytes([planted(1, None)]), source="tthc")
    assert desk.values(entry, "applicant_name") == [NAMES[0]]


def test_the_same_rows_in_every_format_land_alike(desk) -> None:
    rows = [criteria_row(n, numerator=str(n), note=f"ghi chú {n}") for n in range(1, 6)]
    files = {
        "criteria_results.csv": criteria_csv(*rows).encode(),
        "criteria_results.xlsx": xlsx_bytes(["STT", *CRITERIA], *([n, *row] for n, row in enumerate(rows))),
        "criteria_results.xls": html_table(html_row(*CRITERIA), *(html_row(*row) for row in rows)).encode(),
        "criteria_results.json": json_bytes([dict(zip(CRITERIA, row, strict=True)) for row in rows]),
    }
    landed = {}
    for name, data in files.items():
        entry = desk.one(name, data)
        landed[name] = [[row[column] for column in CRITERIA] for row in desk.good(entry)]
    first, *others = landed.values()
    assert all(other == first for other in others) and len(first) == 5


FAILED_WRITES = {
    "full": OSError(errno.ENOSPC, "No space left on device"),
    "full, as DuckDB tells it": duckdb.IOException(
        'IO Error: Async write failed: {"exception_message":"Could not write file: No space left on device"}'
    ),
    "quota": OSError(errno.EDQUOT, "Disk quota exceeded"),
    "largest file": duckdb.IOException('IO Error: Could not write file "typed.parquet": File too large'),
}


@pytest.mark.parametrize("error", FAILED_WRITES.values(), ids=FAILED_WRITES)
def test_a_full_disk_is_no_fault_of_the_file(desk, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Nor when there is room again by the time somebody looks: DuckDB has removed its half of a file."""

    def full(*_args) -> None:
        raise error

    desk.put("criteria_results.csv", rows_csv(2))
    monkeypatch.setattr("warehouse.landing._store", full)
    with pytest.raises((OSError, SettingsError), match=r"No space|cannot be written"):
        desk.land()
    monkeypatch.undo()
    assert desk.ledger.deliveries() == []
    assert [entry.outcome for entry in desk.land()] == ["loaded"]


def test_what_cannot_be_put_in_place_is_no_fault_of_the_file(desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(path: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    desk.put("criteria_results.csv", rows_csv(2))
    monkeypatch.setattr("warehouse.landing.flush_to_disk", broken)
    with pytest.raises(SettingsError, match=r"PARINDEX_HOME.* cannot be written \(Input/output error\)"):
        desk.land()
    monkeypatch.undo()
    assert desk.ledger.deliveries() == []
    assert [entry.outcome for entry in desk.land()] == ["loaded"]


@pytest.mark.parametrize(
    "error",
    [
        OSError("a parser's word"),
        OSError(errno.EINVAL, os.strerror(errno.EINVAL)),
        ValueError(f"I/O error: {os.strerror(errno.EINVAL)} (os error {errno.EINVAL})"),
    ],
    ids=["without a number", "a place that no file has", "as a workbook's reader tells it"],
)
def test_what_a_damaged_file_does_to_its_reader_is_no_fault_of_the_machine(
    desk, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def broken(*_args, **_options) -> None:
        raise error

    monkeypatch.setattr(landing, "read_parts", broken)
    entry = desk.one("criteria_results.csv", rows_csv(2))
    assert (entry.outcome, "the file cannot be read" in entry.reason) == ("refused", True)
    monkeypatch.undo()
    assert desk.land() == [], "refused for good"


def test_the_ledger_survives_being_opened_again(desk) -> None:
    desk.one("criteria_results.csv", rows_csv(2))
    assert len(Ledger(desk.settings.ledger).deliveries()) == 1


def test_a_file_that_nobody_touched_is_not_read_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its size, times and inode say so; a full refresh asks its bytes all the same."""
    place = desk.put("criteria_results.csv", criteria_csv(criteria_row()))
    assert len(desk.land()) == 1
    read = []
    real = Arrival.content_hash
    monkeypatch.setattr(Arrival, "content_hash", lambda self: read.append(self.place) or real(self))
    assert desk.land() == []
    assert read == []
    before = place.stat()
    place.write_bytes(criteria_csv(criteria_row(2)).encode())
    os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert len(desk.land()) == 1, "the same size and time, but other bytes"
    land_inbox(desk.settings, desk.ledger, lambda: NOW, again=True)
    assert len(read) == 2


def test_what_a_kill_left_in_the_scratch_folder_goes_though_nothing_new_came(desk) -> None:
    """A copy of a file that was being read: persons and all."""
    left = desk.settings.work / "landing0" / "newlines.csv"
    left.parent.mkdir(parents=True)
    left.write_text("Trần Thị Bí Mật")
    assert land_inbox(desk.settings, desk.ledger, lambda: NOW) == []
    assert not left.parent.exists()
