"""Publishing to PostgreSQL against a bare COPY of the same rows.

    python -m benchmarks postgres [--rows 1000000] [--changed 1] [--night FILE.duckdb]

Bars: the first publish, with keys, indexes, comments and statistics, takes at most twice as long as a COPY of a
CSV file made beforehand into a table without any; after a night with 1 % changed rows the second takes at most a
quarter of the first. The server is one of our own with its default settings, on this machine.
"""

from __future__ import annotations

import argparse
import resource
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

from sources.text import sql_string  # noqa: E402
from warehouse.compare import columns_of, opened  # noqa: E402
from warehouse.postgres import publish_to  # noqa: E402
from warehouse.postgres_shape import postgres_type  # noqa: E402
from warehouse.publish import Version, write_version  # noqa: E402
from warehouse.settings import Settings  # noqa: E402

# Rows of the width of fct_dossier, where no real night is given.
MADE_UP = """
create table marts.fct_dossier as
select 'H62.' || lpad((i % 150)::varchar, 3, '0') || '-' || lpad(i::varchar, 10, '0') as dossier_code,
    '1.' || lpad((hash(i) % 400)::varchar, 6, '0') as procedure_code,
    'H62.' || lpad((hash(i, 1) % 150)::varchar, 3, '0') as agency_code,
    {texts},
    {times},
    {days},
    {flags},
    {counts},
    (hash(i, 9) % 500000)::decimal(24, 6) as fee_amount
from range({rows}) as r(i)
"""


def made_up(rows: int) -> str:
    texts = ", ".join(
        f"['một cửa', 'trực tuyến', 'bưu chính'][(1 + hash(i, {n}) % 3)::bigint] as text_{n}"
        for n in range(9)
    )
    times = ", ".join(
        f"case when hash(i, {n}) % 5 > 1 then timestamp '2024-01-01' + to_seconds((hash(i, {n}) % 28000000)::int)"
        f" end as time_{n}"
        for n in range(9)
    )
    named = ["received_on", "finished_on", "due_on", "original_due_on", "delivered_on"]
    days = ", ".join(f"date '2024-01-01' + (hash(i, '{n}') % 330)::integer as {n}" for n in named)
    flags = ", ".join(f"hash(i, 5, {n}) % 3 > 0 as flag_{n}" for n in range(20))
    counts = ", ".join(f"(hash(i, 6, {n}) % 9)::bigint as count_{n}" for n in range(7))
    return MADE_UP.format(rows=rows, texts=texts, times=times, days=days, flags=flags, counts=counts)


def timed(what: str, work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    seconds = time.monotonic() - started
    print(f"{what:<46} {seconds:8.2f} s", flush=True)
    return seconds


def make_version(settings: Settings, night: Path | None, rows: int, changed: float, number: int) -> Version:
    path = settings.home / "made.duckdb"
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema marts")
        if night is None:
            connection.execute(made_up(rows))
        else:
            connection.execute(f"attach {sql_string(str(night))} as night (read_only)")
            copies = (
                rows // connection.execute("select count(*) from night.marts.fct_dossier").fetchall()[0][0]
                + 1
            )
            connection.execute(
                "create table marts.fct_dossier as select * replace (dossier_code || '-' || i as dossier_code)"
                f" from night.marts.fct_dossier, range({copies}) as c(i) limit {rows}"
            )
        if changed:
            # Most of a day's changes are open dossiers that went on; some are new.
            some = f"hash(dossier_code) % 100000 < {changed * 1000 * 0.7}"
            connection.execute(f"update marts.fct_dossier set finished_on = date '2024-12-01' where {some}")
            fresh = f"hash(dossier_code, 1) % 100000 < {changed * 1000 * 0.3}"
            connection.execute(
                "insert into marts.fct_dossier select * replace (dossier_code || '-new' as dossier_code)"
                f" from marts.fct_dossier where {fresh}"
            )
    return write_version(settings, path, date(2024, 11, 30), datetime(2024, 12, 1, number))


def bare_copy(server: OwnPostgres, version: Version, folder: Path) -> Callable[[], None]:
    """COPY of a CSV file, made beforehand, into a plain table."""
    file = folder / "rows.csv"
    with opened(None, new=version.database) as duck:
        duck.execute(f"copy new.marts.fct_dossier to {sql_string(str(file))} (format csv, header false)")
        columns = columns_of(duck, "new")["fct_dossier"]
    listed = ", ".join(f'"{name}" {postgres_type(kind)}' for name, kind in columns.items())

    def copy() -> None:
        with server.connect() as connection:
            connection.execute(f"create table bare ({listed})")
            with (
                connection.cursor().copy("copy bare from stdin (format csv)") as stream,
                file.open("rb") as lines,
            ):
                while block := lines.read(1 << 20):
                    stream.write(block)
            connection.execute("drop table bare")

    return copy


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="benchmarks postgres", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--changed", type=float, default=1.0, help="per cent of the rows")
    parser.add_argument("--night", type=Path, help="a published file, whose dossiers are repeated")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, OwnPostgres(durable=True) as server:
        folder = Path(name)
        settings = Settings(folder / "home", folder / "inbox").create()
        first = make_version(settings, wanted.night, wanted.rows, 0, 1)
        second = make_version(settings, wanted.night, wanted.rows, wanted.changed, 2)
        address = server.url.render_as_string(hide_password=False)
        copy = bare_copy(server, first, folder)
        print(f"{first.counts['fct_dossier']:,} rows of fct_dossier\n")
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        bare = timed("bare COPY of a CSV file", copy)
        publish = timed("first publish", lambda: publish_to(address, first, kept=[first, second]))
        bare = (bare + timed("bare COPY of a CSV file, again", copy)) / 2
        sent = []
        again = timed(
            f"second publish, {wanted.changed:g} % changed",
            lambda: sent.append(publish_to(address, second, kept=[first, second])),
        )
        nothing = timed("third publish, nothing changed", lambda: publish_to(address, second, kept=[second]))
        timed("fourth publish, base version unknown", lambda: publish_to(address, first, kept=[]))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(f"\nrows sent by the second publish: {sent[0].sent:,}; by the third: none, in {nothing:.2f} s")
        print(f"peak memory: {peak / 1024:,.0f} MB (before publishing: {memory / 1024:,.0f} MB)")
        for what, figure, bar in (
            ("first publish / bare COPY", publish / bare, 2.0),
            ("second publish / first", again / publish, 0.25),
        ):
            print(f"{what:<30} {figure:6.2f}   bar {bar:4.2f}   {'kept' if figure <= bar else 'MISSED'}")


if __name__ == "__main__":
    main()
