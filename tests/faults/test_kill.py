"""kill -9 in the middle of a night: readers keep the last whole one, and the next run ends as if nothing had been."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import duckdb

from tests.conftest import PROJECT, parindex

NEXT_DAY = "2024-12-01"
# A child that kills itself with no chance to clean up, when it tells of the stage (and detail) for the n-th time.
CHILD = """
import os, signal, sys
stage, detail, left = sys.argv[1], sys.argv[2], [int(sys.argv[3])]
def listener(told, text):
    if told == stage and detail in text:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
from orchestration.progress import listening
sys.argv = ["parindex", "run", "--as-of", sys.argv[4], "--inbox", sys.argv[5]]
from orchestration.cli import main
with listening(listener):
    main()
"""
STAGES = [
    ("land", "dossiers", 2),
    ("build", "fct_indicator", 1),
    ("gate", "checking", 1),
    ("publish", "writing", 1),
    ("publish", "par_index.duckdb", 1),
]


def _manifest(home: Path) -> dict:
    return json.loads((home / "published" / "manifest.json").read_text())


def _figures(home: Path) -> list:
    with duckdb.connect(str(home / "published" / "par_index.duckdb"), read_only=True) as connection:
        return connection.execute(
            "select count(*), max(as_of_date), sum(numerator) from marts.fct_indicator"
        ).fetchall()


def _more_files(inbox: Path) -> None:
    """Something new to land, so that landing too can be killed."""
    day = inbox / "tthc" / NEXT_DAY
    day.mkdir()
    for file in sorted((inbox / "tthc" / "2024-11-30").glob("dossiers*.csv")):
        shutil.copyfile(file, day / file.name)


def test_a_killed_night_leaves_readers_alone_and_the_next_one_ends_as_undisturbed(
    own_night: Path, sample_inbox: Path, tmp_path: Path
) -> None:
    inbox = tmp_path / "inbox"
    shutil.copytree(sample_inbox, inbox)
    _more_files(inbox)
    undisturbed = tmp_path / "undisturbed"
    shutil.copytree(own_night, undisturbed, symlinks=True)
    before, figures = _manifest(own_night), _figures(own_night)

    for stage, detail, times in STAGES:
        killed = subprocess.run(
            [sys.executable, "-c", CHILD, stage, detail, str(times), NEXT_DAY, str(inbox)],
            cwd=PROJECT,
            env={**os.environ, "PARINDEX_HOME": str(own_night)},
            capture_output=True,
            timeout=600,
        )
        assert killed.returncode == -signal.SIGKILL, (stage, detail, killed.stderr[-2000:])
        if (stage, detail) == ("publish", "par_index.duckdb"):
            # Killed after the swap: readers have the new night, whole.
            assert _manifest(own_night)["as_of"] == NEXT_DAY
        else:
            assert _manifest(own_night) == before, (stage, detail)
            assert _figures(own_night) == figures, (stage, detail)

    parindex("run", "--as-of", NEXT_DAY, "--inbox", str(inbox), home=own_night)
    parindex("run", "--as-of", NEXT_DAY, "--inbox", str(inbox), home=undisturbed)
    ours, theirs = _manifest(own_night)["hashes"], _manifest(undisturbed)["hashes"]
    # The two homes landed their files at different moments, and that moment is published.
    for table in ("fct_delivery", "fct_alert"):
        ours.pop(table), theirs.pop(table)
    assert ours == theirs
