"""A build that starts from the dossiers of the one before is the build that starts from nothing, night after night."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from expectations.engine import validate
from expectations.marts import marts_checks
from orchestration import dbt
from warehouse import carry
from warehouse.build import _create_previous_night, open_build_file, prepare_build
from warehouse.keys import mart_keys
from warehouse.landing import land_inbox
from warehouse.ledger import Ledger
from warehouse.parts import Parts
from warehouse.publish import Version, swap_in, write_version
from warehouse.row_hash import table_hash
from warehouse.settings import Settings

# The days of the sample's deliveries: first lists, changes of procedures, whole lists again, corrections, new pairs, the same
# file again; then days without news on which due dates pass, the year ends, and agencies are reorganised.
NIGHTS = [
    date(2024, 10, 31), date(2024, 11, 14), date(2024, 11, 21), date(2024, 11, 29), date(2024, 11, 30), date(2024, 12, 20),
    date(2025, 7, 2),
]  # fmt: skip
# What one night carries over wrongly, the next ones carry on: every second one is compared, and the last ones.
COMPARED = (1, 3, 5, 6)


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory, sample_inbox: Path) -> Path:
    """A home that has landed the whole sample: read only."""
    settings = Settings(home=tmp_path_factory.mktemp("landed") / "home", inbox=sample_inbox).create()
    ledger = Ledger(settings.ledger)
    land_inbox(settings, ledger, lambda: datetime(2024, 12, 1))
    ledger.close()
    return settings.home


@pytest.fixture
def landed(tmp_path: Path, landing: Path, sample_inbox: Path, monkeypatch: pytest.MonkeyPatch):
    """Settings and ledger of a home of its own that has landed the whole sample."""
    # Only the dossiers are built here, so there are no figures of the night before to show.
    monkeypatch.setattr(
        "warehouse.build._show_previous_night",
        lambda settings, connection, as_of: _create_previous_night(connection),
    )
    shutil.copytree(landing, tmp_path / "home")
    settings = Settings(home=tmp_path / "home", inbox=sample_inbox, whole_build_every=100)
    ledger = Ledger(settings.ledger)
    yield settings, ledger
    ledger.close()


def build(settings: Settings, ledger: Ledger, day: date, *, whole: bool = False) -> None:
    prepare_build(settings, ledger, day, whole=whole)
    dbt.run_models(
        settings,
        day,
        ["resource_type:seed", "+int_signal_dossier", "+int_documents_monthly", "+int_dossier_lists"],
    )


def build_two(settings: Settings, ledger: Ledger, first: date, second: date) -> None:
    """A night, and the one that starts from it, whose build file is left as it was built."""
    build(settings, ledger, first)
    settings.building.replace(settings.warehouse)
    build(settings, ledger, second)


def dossiers(path: Path, settings: Settings, table: str = "marts.fct_dossier") -> str:
    """The hash of all columns of the dossiers in a file, or of another table there."""
    with open_build_file(settings, path) as connection:
        columns = connection.execute(f"select column_name, column_type from (describe {table})").fetchall()
        return table_hash(connection, table, dict(columns))


def signals(path: Path, settings: Settings) -> str:
    """The hash of what the dossiers give away."""
    return dossiers(path, settings, "intermediate.int_signal_dossier")


def versions(path: Path, settings: Settings) -> str:
    """The hash of the versions of what was delivered more than once."""
    return dossiers(path, settings, "intermediate.int_dossier_versions")


def documents(path: Path, settings: Settings) -> list[tuple]:
    """Documents by agency and day. A day that its documents have left keeps a row of zeros where a build carries over."""
    with open_build_file(settings, path) as connection:
        return connection.execute(
            "from intermediate.int_documents_daily where document_count <> 0 order by all"
        ).fetchall()


def rows_in_files(path: Path, settings: Settings) -> str:
    """The hash of how many rows of dossiers landed with each file."""
    return dossiers(path, settings, "intermediate.int_dossier_rows_in_files")


def parquet(version: Version, settings: Settings) -> str:
    """The hash of the dossiers in the Parquet files of a version."""
    with duckdb.connect(str(version.database), read_only=True) as connection:
        columns = connection.execute(
            "select column_name, column_type from (describe marts.fct_dossier)"
        ).fetchall()
        return table_hash(connection, f"'{version.folder}/parquet/fct_dossier.parquet'", dict(columns))


def linked(version: Version) -> set[str]:
    """The Parquet files that a version shares with the one before."""
    files = (version.folder / "parquet" / "fct_dossier.parquet").iterdir()
    return {file.name for file in files if file.stat().st_nlink > 1}


def what_was_built(path: Path) -> carry.Build:
    with duckdb.connect(str(path), read_only=True) as connection:
        return carry.read_build(connection)


def test_nights_that_carry_over_equal_whole_builds(landed, monkeypatch) -> None:
    settings, ledger = landed
    rejudged, shared = [], []
    hashed_since: list[bool] = []
    monkeypatch.setattr(
        "warehouse.publish.Parts.of",
        lambda *told, of=Parts.of: (hashed_since.append(told[3] is not None), of(*told))[1],
    )
    for number, day in enumerate(NIGHTS):
        build(settings, ledger, day)
        assert what_was_built(settings.building).age == number, (
            "every night but the first starts from the one before"
        )
        with open_build_file(settings, settings.building) as connection:
            (count,) = connection.execute("select count(*) from intermediate.int_dossier_rejudged").fetchone()
            rejudged.append(count)
        landed_count = carry.landed(settings).dossiers
        version = write_version(settings, settings.building, day, datetime(2024, 12, 1, number))
        swap_in(settings, version)
        settings.building.replace(settings.warehouse)
        carried = dossiers(settings.warehouse, settings)
        found = signals(settings.warehouse, settings)
        told_again = versions(settings.warehouse, settings)
        counted = documents(settings.warehouse, settings)
        in_files = rows_in_files(settings.warehouse, settings)
        assert landed_count == int(carried.partition("-")[0]), "counted from the build before and what is new"
        assert parquet(version, settings) == carried, day
        shared.append(linked(version))
        assert dossiers(version.database, settings) == version.hashes["fct_dossier"] == carried, day

        if number not in COMPARED:
            continue
        build(settings, ledger, day, whole=True)
        assert what_was_built(settings.building).carried_from is None
        assert carried == dossiers(settings.building, settings), day
        assert found == signals(settings.building, settings), day
        assert told_again == versions(settings.building, settings), day
        assert counted == documents(settings.building, settings), day
        assert in_files == rows_in_files(settings.building, settings), day
    total = int(carried.partition("-")[0])
    assert rejudged[0] == 0
    assert all(0 < count < total for count in rejudged[1:]), rejudged
    assert not shared[0] and shared[5] >= {"2024-01.parquet", "2024-10.parquet"}, (
        "a night without news links what is settled"
    )
    assert all("open.parquet" not in names for names in shared)
    assert hashed_since == [False] + [True] * (len(NIGHTS) - 1), (
        "every night but the first hashes what changed"
    )


def test_a_last_build_that_cannot_be_read_makes_the_gate_count_all(landed) -> None:
    settings, ledger = landed
    build_two(settings, ledger, NIGHTS[0], NIGHTS[1])
    counted = carry.landed(settings).dossiers
    with duckdb.connect(str(settings.building), read_only=True) as connection:
        (codes,) = connection.execute(
            "select count(distinct dossier_code) from landing.tthc__dossiers"
        ).fetchone()
    assert counted == codes > 0
    settings.warehouse.write_bytes(b"no database")
    assert carry.landed(settings) == carry.Landed(codes)
    shutil.copyfile(
        settings.building, settings.warehouse
    )  # a build, but not the one that tonight's started from
    assert carry.landed(settings) == carry.Landed(codes)


def test_the_gate_looks_for_keys_that_repeat_among_what_was_judged_tonight(landed) -> None:
    settings, ledger = landed
    build_two(settings, ledger, NIGHTS[0], NIGHTS[3])
    unseen = carry.landed(settings).unseen
    checks = [
        check
        for check in marts_checks(
            as_of=NIGHTS[3], keys=mart_keys(), province="H62", unseen_dossiers=unseen, tables=["fct_dossier"]
        )
        if check.expectation == "key_unique"
    ]
    with open_build_file(settings, settings.building) as connection:
        (good,) = validate(connection, checks)
        for code in ("rejudged.dossier_code from intermediate.int_dossier_rejudged as rejudged",
                     "new.dossier_code from landing.tthc__dossiers_new as new"):  # fmt: skip
            connection.execute(
                f"insert into marts.fct_dossier from marts.fct_dossier where dossier_code in (select {code} limit 1)"
            )
            (bad,) = validate(connection, checks)
            connection.execute(
                "delete from marts.fct_dossier where rowid = (select max(rowid) from marts.fct_dossier)"
            )
            assert bad.element_count == good.element_count + 1
            assert not bad.passed and bad.unexpected_count == 1
        (total,) = connection.execute("select count(*) from marts.fct_dossier").fetchone()
    assert good.passed and good.element_count == total, "the same is told of a whole build"


def test_parquet_of_the_night_before_that_is_damaged_is_not_shared(landed) -> None:
    settings, ledger = landed
    build(settings, ledger, NIGHTS[0])
    version = write_version(settings, settings.building, NIGHTS[0], datetime(2024, 12, 1))
    swap_in(settings, version)
    folder = version.folder / "parquet" / "fct_dossier.parquet"
    (folder / "2024-01.parquet").write_bytes(b"no parquet")
    (folder / "2024-02.parquet").unlink()
    shutil.copyfile(folder / "2024-04.parquet", folder / "2024-03.parquet")
    settings.building.replace(settings.warehouse)
    build(settings, ledger, NIGHTS[1])
    version = write_version(settings, settings.building, NIGHTS[1], datetime(2024, 12, 2))
    assert parquet(version, settings) == dossiers(version.database, settings)
    assert "2024-04.parquet" in linked(version) and not linked(version) & {
        f"2024-0{m}.parquet" for m in (1, 2, 3)
    }


def test_parquet_is_shared_by_what_is_in_it(landed) -> None:
    """Whatever a build started from, months with the same rows are links; but not to files of other columns."""
    settings, ledger = landed
    build(settings, ledger, NIGHTS[0])
    swap_in(settings, write_version(settings, settings.building, NIGHTS[0], datetime(2024, 12, 1)))
    build(settings, ledger, NIGHTS[1], whole=True)
    version = write_version(settings, settings.building, NIGHTS[1], datetime(2024, 12, 2))
    assert parquet(version, settings) == dossiers(version.database, settings)
    assert "2024-04.parquet" in linked(version) and "open.parquet" not in linked(version)

    swap_in(settings, version)
    manifest = version.folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace("paid_online BOOLEAN", "paid_by_card BOOLEAN"))
    version = write_version(settings, settings.building, NIGHTS[1], datetime(2024, 12, 3))
    assert parquet(version, settings) == dossiers(version.database, settings)
    assert not linked(version)


def test_what_cannot_be_started_from_is_built_whole(landed, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, ledger = landed
    first, second, third = NIGHTS[:3]
    assert carry.usable(settings, second, ledger.deliveries(second)) is None, "there is no build yet"
    prepare_build(settings, ledger, second)
    settings.building.replace(settings.warehouse)
    assert carry.usable(settings, third, ledger.deliveries(third)) is not None
    assert carry.usable(settings, second, ledger.deliveries(second)) is not None, "the same night again"
    earlier = second - timedelta(days=1)
    assert carry.usable(settings, earlier, ledger.deliveries(second)) is None, (
        "an earlier day, of the same deliveries"
    )
    assert carry.usable(settings, first, ledger.deliveries(first)) is None
    assert carry.usable(replace(settings, whole_build_every=1), third, ledger.deliveries(third)) is None
    fewer = [d for d in ledger.deliveries(third) if d.file_name != "dossiers_20241114.csv"]
    assert carry.usable(settings, third, fewer) is None, "a delivery that counted counts no more"
    with monkeypatch.context() as patch:
        patch.setattr(carry, "rules_fingerprint", lambda: "other rules")
        assert carry.usable(settings, third, ledger.deliveries(third)) is None
    settings.warehouse.write_bytes(b"no database")
    assert carry.usable(settings, third, ledger.deliveries(third)) is None


def test_what_landed_again_under_the_same_id_is_built_whole(landed) -> None:
    """`run --full-refresh` killed after landing: the rows of the last build may not be those that count now."""
    settings, ledger = landed
    day = NIGHTS[-1]
    prepare_build(settings, ledger, day)
    settings.building.replace(settings.warehouse)
    before = what_was_built(settings.warehouse).deliveries
    assert before and carry.usable(settings, day, ledger.deliveries(day)) is not None
    land_inbox(
        settings,
        ledger,
        lambda: datetime(2024, 12, 2),
        wanted=lambda arrival: arrival.table is not None and arrival.table.name == "documents",
        again=True,
    )
    now = ledger.deliveries(day)
    assert {d.delivery_id for d in now} >= {delivery_id for delivery_id, _ in before}
    assert carry.usable(settings, day, now) is None
    last = what_was_built(settings.warehouse)
    assert {d.table_name for d in carry.new_deliveries(now, last)} == {"documents"}


def test_a_last_build_of_an_earlier_release_is_not_started_from(landed) -> None:
    settings, ledger = landed
    prepare_build(settings, ledger, NIGHTS[1])
    settings.building.replace(settings.warehouse)
    with open_build_file(settings, settings.warehouse) as connection:
        connection.execute("alter table landing.build_delivery drop column loaded_at")
    assert carry.usable(settings, NIGHTS[2], ledger.deliveries(NIGHTS[2])) is None


def test_a_last_build_without_its_tables_is_no_end_of_the_night(landed) -> None:
    settings, ledger = landed
    prepare_build(settings, ledger, NIGHTS[1])  # prepared, but dbt never ran on it
    shutil.copyfile(settings.building, settings.warehouse)
    build(settings, ledger, NIGHTS[2])
    assert what_was_built(settings.building).carried_from is None


def test_a_last_build_without_a_seed_is_no_end_of_the_night(landed) -> None:
    settings, ledger = landed
    build(settings, ledger, NIGHTS[1])
    settings.building.replace(settings.warehouse)
    with open_build_file(settings, settings.warehouse) as connection:
        connection.execute("drop table seeds.scoring_scale")
    build(settings, ledger, NIGHTS[2])
    assert what_was_built(settings.building).carried_from is None


@pytest.mark.parametrize(
    "rows",
    [
        ["in_process", "resolved", "in_process", None, "paused"],
        ["resolved", "paused"],
        ["in_process"],
        [],
    ],
)
def test_what_is_in_process_is_put_last_and_nothing_else_happens(rows: list[str | None]) -> None:
    with duckdb.connect() as connection:
        connection.execute("create schema marts")
        connection.execute("create table marts.fct_dossier (dossier_code int not null, count_class varchar)")
        connection.execute(
            "insert into marts.fct_dossier select range, ($1::varchar[])[range + 1] from range(len($1::varchar[]))",
            [rows],
        )

        def there() -> list[tuple]:
            return connection.execute("select rowid, * from marts.fct_dossier order by rowid").fetchall()

        before = there()
        carry.put_open_last(connection)
        after = there()
        assert sorted(row[1:] for row in after) == sorted(row[1:] for row in before)
        classes = [row[2] == "in_process" for row in after]
        assert classes == sorted(classes)
        carry.put_open_last(connection)
        assert there() == after, "what lies last already stays where it is"


def test_dossiers_that_cannot_be_moved_stay_where_they_are() -> None:
    with duckdb.connect() as connection:
        connection.execute("create schema marts")
        connection.execute("create table marts.fct_dossier (dossier_code int, count_class varchar)")
        connection.execute("insert into marts.fct_dossier values (1, 'in_process'), (2, 'resolved')")
        connection.execute("create temp table open_dossiers (there_is int)")
        carry.put_open_last(connection)
        assert connection.execute("from marts.fct_dossier").fetchall() == [(1, "in_process"), (2, "resolved")]
