"""A reader that never stops, in a process of its own; it imports as little as it can, to start quickly."""

from __future__ import annotations

import time

import psycopg

# One statement over several tables, and the same as several statements of one transaction.
PARTS = (
    "select min(as_of_date)::text, max(as_of_date)::text, max(denominator)::bigint from marts.fct_indicator",
    "select count(*) from marts.fct_dossier",
    "select max(checked_at)::date::text, count(*) from marts.fct_check_result",
    "select count(*) from marts.dim_agency",
)
WHOLE = "select * from " + ", ".join(f"({part}) as p{number}" for number, part in enumerate(PARTS))


def hammer(settings: dict, ready, stop, results) -> None:
    """Read as fast as can be; report each different answer and the slowest one."""
    answers, slowest, reads = set(), 0.0, 0
    try:
        with psycopg.connect(**settings, autocommit=True) as connection:
            snapshot = psycopg.IsolationLevel.REPEATABLE_READ
            while not stop.is_set():
                started = time.monotonic()
                if reads % 2:
                    answers.add(connection.execute(WHOLE).fetchone())
                else:
                    connection.isolation_level = snapshot
                    with connection.transaction():
                        answers.add(sum((connection.execute(part).fetchone() for part in PARTS), ()))
                slowest = max(slowest, time.monotonic() - started)
                reads += 1
                ready.set()
        results.put((answers, slowest, reads, None))
    except Exception as error:  # told to the test, which fails
        results.put((answers, slowest, reads, f"{type(error).__name__}: {error}"))
