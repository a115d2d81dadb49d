"""What lies in the inbox, and what it is called, are data from outside."""

from __future__ import annotations

import os
import unicodedata
from datetime import date

import pytest
from landing_kit import DAY, criteria_csv, criteria_row, desk

from sources.inbox import find_arrivals

__all__ = ["desk"]


def arrival(desk, name: str, **place):
    desk.put(name, "x", **place)
    (found,) = find_arrivals(desk.settings.inbox)
    return found


@pytest.mark.parametrize(
    "name",
    ["criteria_results.csv", "CRITERIA_RESULTS.CSV", "criteria_results 1_11_2024 8_05.xls", "criteria_results-kỳ 2.xlsx",
     "criteria_results[1].json", "criteria_results*.csv", "criteria_results; drop table x;--.csv", "criteria_results'\".jsonl",
     "criteria_results😀.csv", "criteria_results" + "x" * 230 + ".csv", "criteria_results..csv", "criteria_results%2e%2e.csv"],
)  # fmt: skip
def test_names_that_are_taken(desk, name: str) -> None:
    found = arrival(desk, name)
    assert (found.table.name, found.reason, found.delivered_on) == (
        "criteria_results",
        None,
        date(2024, 11, 1),
    )


@pytest.mark.parametrize(
    ("name", "place", "reason"),
    [
        ("kết quả.csv", {}, "no table's name"),
        ("criteria_results.pdf", {}, "unknown extension"),
        ("criteria_results", {}, "unknown extension"),
        ("~$criteria_results.xlsx", {}, "lock file"),
        ("criteria_results.csv", {"source": "unknown"}, "unknown source"),
        ("criteria_results.csv", {"day": "2024-13-01"}, "no delivery date"),
        ("criteria_results.csv", {"day": "20241101"}, "no delivery date"),
        ("criteria_results.csv", {"day": "0001-01-01"}, "no delivery date"),
        ("criteria_results.csv", {"day": "9999-12-31"}, "no delivery date"),
        ("criteria_results.csv", {"day": "2024-11-01/sub"}, "sub-folder"),
        ("criteria_results.csv", {"day": "."}, "no delivery date"),
        ("criteria_results.csv", {"source": ".", "day": "."}, "no source's folder"),
        ("agencies.csv", {}, "no table's name"),
    ],
)
def test_names_that_are_refused_and_listed(desk, name: str, place: dict, reason: str) -> None:
    assert reason in arrival(desk, name, **place).reason
    (entry,) = desk.land()
    assert (entry.outcome, entry.rows_in_file) == ("refused", 0)
    assert desk.land() == []


def test_hidden_files_do_not_count(desk) -> None:
    desk.put(".DS_Store", "x")
    desk.put("criteria_results.csv", "x", day=".git")
    assert find_arrivals(desk.settings.inbox) == []


def test_order_is_by_date_and_code_points_of_the_nfc_name(desk) -> None:
    names = [
        "criteria_results_b.csv",
        "criteria_results_B.csv",
        "criteria_results_ă.csv",
        "criteria_results_a\u0301.csv",
    ]
    for name in names:
        desk.put(name, "x")
    desk.put("criteria_results_z.csv", "x", day="2024-10-31")
    found = [a.file_name for a in find_arrivals(desk.settings.inbox)]
    assert found == ["criteria_results_z.csv", "criteria_results_B.csv", "criteria_results_b.csv",
                     "criteria_results_á.csv", "criteria_results_ă.csv"]  # fmt: skip


def test_two_names_that_differ_in_nfc_and_nfd_only_are_two_files(desk) -> None:
    name = "criteria_results kỳ.csv"
    desk.put(unicodedata.normalize("NFC", name), criteria_csv(criteria_row(1)))
    desk.put(unicodedata.normalize("NFD", name), criteria_csv(criteria_row(2)))
    entries = desk.land()
    assert [entry.rows_loaded for entry in entries] == [1, 1]
    assert all(entry.replaced_by is None for entry in desk.ledger.deliveries())
    assert desk.land() == []


def test_links_pipes_and_folders_are_no_files(desk, tmp_path) -> None:
    folder = desk.put("criteria_results.csv", criteria_csv(criteria_row(1))).parent
    secret = tmp_path / "secret.csv"
    secret.write_text(criteria_csv(criteria_row(2)))
    (folder / "criteria_results_link.csv").symlink_to(secret)
    (folder / "criteria_results_loop.csv").symlink_to(folder / "criteria_results_loop.csv")
    (folder.parent / "2024-11-02").symlink_to(tmp_path)
    (folder.parent.parent / "around").symlink_to(desk.settings.inbox)
    os.mkfifo(folder / "criteria_results_pipe.csv")
    (folder / "criteria_results_folder.csv").mkdir()
    entries = {entry.file_name: entry for entry in desk.land()}
    assert entries["criteria_results.csv"].rows_loaded == 1
    refused = {name: entry.reason for name, entry in entries.items() if entry.outcome == "refused"}
    assert len(refused) == 6
    assert "symbolic link" in refused["around"]
    assert "symbolic link" in refused["criteria_results_link.csv"]
    assert "no ordinary file" in refused["criteria_results_pipe.csv"]
    assert "no ordinary file" in refused["criteria_results_folder.csv"]
    assert desk.land() == []


def test_names_with_control_characters_and_broken_bytes(desk) -> None:
    folder = desk.put("criteria_results\n\x1b[31m.csv", criteria_csv(criteria_row(1))).parent
    broken = os.fsencode(folder) + b"/criteria_results\xff.csv"
    with open(broken, "wb") as file:  # noqa: PTH123
        file.write(criteria_csv(criteria_row(2)).encode())
    entries = desk.land()
    assert [e.file_name for e in entries] == ["criteria_results\\n\\x1b[31m.csv", "criteria_results\\xff.csv"]
    assert [e.rows_loaded for e in entries] == [1, 1]


def test_an_empty_or_missing_inbox(desk, tmp_path) -> None:
    assert find_arrivals(desk.settings.inbox) == []
    assert find_arrivals(tmp_path / "nowhere") == []
    assert DAY
