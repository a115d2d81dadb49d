"""Twenty readers in processes of their own while nights are published: whole nights, one after the other, no error."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from tests.faults.kills import FORKS, World, copy_home
from warehouse.publish import swap_in, versions
from warehouse.settings import Settings

READERS = 20
PARTS = (
    "select min(as_of_date)::varchar, max(as_of_date)::varchar, count(*) from {fct_indicator}",
    "select count(*) from {fct_dossier}",
    "select max(delivered_on)::varchar, count(*) from {fct_delivery}",
    "select count(*), count(distinct as_of_date), max(as_of_date)::varchar from {rpt_scorecard}",
)
WHOLE = "select * from " + ", ".join(f"({part}) as p{number}" for number, part in enumerate(PARTS))
TABLES = ("fct_indicator", "fct_dossier", "fct_delivery", "rpt_scorecard")


def _answer(connection, published: Path, kind: str) -> tuple:
    if kind == "parquet":
        night = os.path.realpath(
            published / "parquet"
        )  # the folder of one night, whatever is published meanwhile
        return connection.execute(
            WHOLE.format(**{name: f"read_parquet('{night}/{name}.parquet')" for name in TABLES})
        ).fetchone()
    return connection.execute(WHOLE.format(**{name: f"marts.{name}" for name in TABLES})).fetchone()


def read_on(published: Path, kind: str, stop, results) -> None:
    """Open, ask, close, as fast as can be; then report the different answers and the first error."""
    import duckdb

    answers: set[tuple] = set()
    reads, error = 0, None
    try:
        while not stop.is_set() or reads < 2:
            if kind == "file":
                with duckdb.connect(str(published / "par_index.duckdb"), read_only=True) as connection:
                    answers.add(_answer(connection, published, kind))
            else:
                with duckdb.connect() as connection:
                    answers.add(_answer(connection, published, kind))
            reads += 1
    except Exception as problem:
        error = f"{type(problem).__name__}: {problem}"
    results.put((answers, reads, error))


def test_twenty_readers_see_whole_nights(world: World, tmp_path: Path) -> None:
    import duckdb

    home = copy_home(world.after, tmp_path / "home", world.sink)
    settings = Settings(home=home, inbox=world.inbox)
    nights = versions(settings)
    assert len(nights) == 2
    whole = set()
    for night in nights:
        with duckdb.connect(str(night.database), read_only=True) as connection:
            whole.add(_answer(connection, night.folder, "file"))
    assert len(whole) == 2
    stop, results = FORKS.Event(), FORKS.Queue()
    readers = [
        FORKS.Process(
            target=read_on, args=(settings.published, "parquet" if n % 4 == 3 else "file", stop, results)
        )
        for n in range(READERS)
    ]
    for reader in readers:
        reader.start()
    try:
        for number in range(60):
            swap_in(settings, nights[number % 2])
            time.sleep(0.05)
    finally:
        stop.set()
        told = [results.get(timeout=60) for _ in readers]
        for reader in readers:
            reader.join(60)
    assert [error for _, _, error in told if error] == []
    seen = set().union(*(answers for answers, _, _ in told))
    assert seen == whole
    assert sum(reads for _, reads, _ in told) >= 2 * READERS
    shutil.rmtree(home)
