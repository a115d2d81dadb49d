"""Whether two contenders came to the same figures."""

from __future__ import annotations

from pathlib import Path

import duckdb


class Unequal(Exception):
    """Figures differ; times of different results are not compared."""


def compare_figures(wanted: Path, got: Path) -> int:
    """How many figures two files figures.parquet hold, which are the same to the unit. Raises Unequal.

    Zero of zero is left out: a night says of each agency that there was nothing to measure, a script does not.
    """
    with duckdb.connect() as connection:
        for name, file in (("wanted", wanted), ("got", got)):
            connection.execute(
                f"create table {name} as select * replace (period_start::date as period_start) from '{file}'"
                " where denominator > 0 or numerator > 0"
            )
        differing = connection.execute("""
            select target_id, variant, agency_code, period_kind, period_start, w.numerator, w.denominator, g.numerator,
                g.denominator
            from wanted as w
            full join got as g using (target_id, variant, agency_code, period_kind, period_start)
            where w.numerator is distinct from g.numerator or w.denominator is distinct from g.denominator
            order by all
        """).fetchall()
        count = connection.execute("select count(*) from wanted").fetchall()[0][0]
    if differing:
        raise Unequal(
            f"{len(differing)} of {count} figures differ; wanted and got of the first: {differing[0]}"
        )
    if not count:
        raise Unequal("no figures at all")
    return count
