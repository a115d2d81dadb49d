"""Every chart of the BI bundle on a year of data, from the published file and from PostgreSQL.

    python -m benchmarks.dashboards --night data/published/par_index.duckdb [--rows 1000000]

The night's dossiers are repeated until they are a year of a province; the other marts are as they are, for their size
follows targets, agencies and months. Bar: no chart takes a second on either door. Each time is the median of five runs
of the chart's SQL, connecting to the file included, as Superset does. The server is one of our own with its default
settings, on this machine.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import duckdb

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests")]

from own_postgres import OwnPostgres  # noqa: E402

from orchestration.bi.model import load_bundle  # noqa: E402
from orchestration.bi.query import query_of  # noqa: E402
from sources.text import sql_name, sql_string  # noqa: E402
from warehouse.postgres import publish_to  # noqa: E402
from warehouse.publish import Version, write_version  # noqa: E402
from warehouse.settings import Settings  # noqa: E402

BAR_MS = 1_000
RUNS = 5


def a_year(settings: Settings, night: Path, rows: int) -> Version:
    """A version with all marts of the night, its dossiers repeated under other codes."""
    path = settings.home / "year.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"attach {sql_string(str(night))} as night (read_only)")
        connection.execute("create schema marts")
        tables = connection.execute(
            "select table_name from duckdb_tables() where database_name = 'night' and schema_name = 'marts'"
        ).fetchall()
        for (table,) in tables:
            name = sql_name(table)
            connection.execute(f"create table marts.{name} as from night.marts.{name}")
        (there,) = connection.execute("select count(*) from marts.fct_dossier").fetchall()[0]
        connection.execute(
            "create or replace table marts.fct_dossier as"
            " select * replace (dossier_code || '-' || i as dossier_code)"
            f" from night.marts.fct_dossier, range({rows // there + 1}) as c(i) limit {rows}"
        )
        connection.execute("detach night")
    return write_version(settings, path, date(2024, 11, 30), datetime(2024, 12, 1, 1))


def median_ms(ask: Callable[[], object]) -> float:
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        ask()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--night", type=Path, required=True, help="a published file")
    parser.add_argument("--rows", type=int, default=1_000_000)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, OwnPostgres() as server:
        settings = Settings(Path(name) / "home", Path(name) / "inbox").create()
        version = a_year(settings, wanted.night, wanted.rows)
        publish_to(server.url.render_as_string(hide_password=False), version)

        def from_file(sql: str) -> None:
            with duckdb.connect(str(version.database), read_only=True) as connection:
                connection.execute(sql).fetchall()

        def from_server(sql: str) -> None:
            with server.connect() as connection:
                connection.execute(sql).fetchall()

        figures = []
        for chart in load_bundle().charts:
            sql = query_of(chart).sql()
            figures.append(
                (
                    chart.name,
                    median_ms(lambda sql=sql: from_file(sql)),
                    median_ms(lambda sql=sql: from_server(sql)),
                )
            )
    print(f"{wanted.rows:,} dossiers; {len(figures)} charts; ms, median of {RUNS}\n")
    print(f"{'slowest charts':<36}{'file':>10}{'PostgreSQL':>12}")
    for chart, file, postgres in sorted(figures, key=lambda row: -max(row[1:]))[:15]:
        print(f"{chart:<36}{file:>10,.0f}{postgres:>12,.0f}")
    kept = True
    for door, place in (("file", 1), ("PostgreSQL", 2)):
        slowest = max(row[place] for row in figures)
        kept &= slowest <= BAR_MS
        median = statistics.median(row[place] for row in figures)
        verdict = "kept" if slowest <= BAR_MS else "MISSED"
        print(
            f"\n{door:<12} median {median:6,.0f}   slowest {slowest:6,.0f}   bar {BAR_MS:,}   {verdict}",
            end="",
        )
    print()
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
