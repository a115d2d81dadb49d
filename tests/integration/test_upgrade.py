"""A home of the release before opens in this one.

tests/data/home_0_1_0.tar.xz was written by 0.1.0 as of commit 68b7d8a: the sample province of 400 dossiers as of
29/2/2024, landed and published once, under the key below. It is never made again by newer code.
"""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path

import duckdb
import pytest

from orchestration import clock, doctor
from tests.conftest import parindex
from warehouse.publish import current, versions
from warehouse.settings import Settings

HOME = Path(__file__).parent.parent / "data" / "home_0_1_0.tar.xz"
KEY = "not-a-secret-for-tests"


@pytest.fixture(scope="module")
def old_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As the older release left it; tests do not change it."""
    home = tmp_path_factory.mktemp("old") / "home"
    with tarfile.open(HOME) as archive:
        archive.extractall(home, filter="data")
    home.chmod(0o750)
    published = home / "published"
    os.link(
        next(published.glob("versions/*/par_index.duckdb")), published / "par_index.duckdb"
    )  # stored once
    return home


@pytest.fixture(scope="module")
def next_night(tmp_path_factory: pytest.TempPathFactory, old_home: Path) -> Path:
    """A copy of it after the next night of this release, for which nothing was delivered."""
    import shutil

    home = tmp_path_factory.mktemp("next") / "home"
    shutil.copytree(old_home, home)
    parindex("run", "--as-of", "2024-03-01", home=home, PARINDEX_KEY=KEY)
    return home


def test_what_it_holds_can_be_read(old_home: Path) -> None:
    assert "as of 2024-02-29" in parindex("status", home=old_home).stdout
    manifest = json.loads((old_home / "published" / "manifest.json").read_text())
    assert manifest["version"] in parindex("versions", home=old_home).stdout
    assert "no open alerts" not in parindex("alerts", "list", home=old_home).stdout
    settings = Settings(home=old_home, inbox=old_home / "inbox")
    found = {f.about: f for f in doctor.examine(settings, clock.now()) if f.level == doctor.FAIL}
    assert set(found) <= {"key"}  # it came from PARINDEX_KEY


def test_the_next_night_counts_every_row_of_it(old_home: Path, next_night: Path) -> None:
    before = json.loads((old_home / "published" / "manifest.json").read_text())
    settings = Settings(home=next_night, inbox=next_night / "inbox")
    after = current(settings)
    assert after.follows == before["version"] == versions(settings)[0].version
    for table in ("fct_dossier", "fct_delivery", "dim_agency", "dim_procedure"):
        assert after.counts[table] == before["counts"][table], table
    with duckdb.connect(str(after.database), read_only=True) as connection:
        connection.execute(f"attach '{versions(settings)[0].database}' as older (read_only)")
        changed = connection.execute(
            "select count(*) from marts.fct_indicator as a inner join older.marts.fct_indicator as b"
            " using (target_id, variant, agency_code, period_kind, period_start)"
            " where period_kind = 'month' and period_start = date '2024-01-01' and a.is_headline"
            " and a.value is distinct from b.value"
        ).fetchall()[0][0]
        # A month that was over is told the same way by both, or the difference is told.
        restated = connection.execute(
            "select count(*) from marts.fct_restatement where previous_as_of_date = date '2024-02-29'"
        ).fetchall()[0][0]
    assert changed == 0 or restated > 0


def test_nights_of_both_releases_can_be_compared_and_published_again(next_night: Path) -> None:
    assert "→" in parindex("diff", home=next_night).stdout
    assert "Readers see" in parindex("rollback", "2024-02-29", home=next_night).stdout
