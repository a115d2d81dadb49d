"""Do the rows of the evidence add up to what is published? Over any build that holds both."""

from __future__ import annotations

import duckdb

from orchestration.evidence import words
from sources.text import sql_string

# Differences of years: an agency without a base year has no figure, but its units count in the province.
DIFFERENCES = ("service_units",)


def differences(
    connection: duckdb.DuckDBPyConnection, marts: str = "marts", province: str = "H62"
) -> list[str]:
    """One line per figure (any reading, the province or an agency, year to date) that its rows do not give,
    and per agency with rows that count and no figure. Nothing to count is published as nothing, or as zero.
    """
    rows = " union all ".join(
        f"select target_id, variant, agency_code, in_numerator, in_denominator from evidence.ev_{family}"
        for family in words.families()
    )
    found = connection.execute(
        f"""
        with rows as ({rows}),
        added as (
            select target_id, variant, agency_code, count(*) as n, sum(in_numerator) as num, sum(in_denominator) as den
            from rows where agency_code <> $1 group by all
            union all
            select target_id, variant, $1, count(*), sum(in_numerator), sum(in_denominator) from rows group by all
        ),
        published as (
            select target_id, variant, agency_code, numerator as num, denominator as den
            from {marts}.fct_indicator where period_kind = 'ytd'
        )
        select target_id, variant, agency_code, a.n, a.num, a.den, p.num, p.den, p.target_id is not null
        from published as p full join added as a using (target_id, variant, agency_code)
        left join {marts}.dim_target as t using (target_id)
        where case
            when p.target_id is null
                then (coalesce(a.num, 0) <> 0 or coalesce(a.den, 0) <> 0)
                and t.agency_scope <> 'province'
                and t.family not in ({", ".join(map(sql_string, DIFFERENCES))})
            when a.n is null then coalesce(p.num, 0) <> 0 or coalesce(p.den, 0) <> 0
            else cast(a.num as double) is distinct from p.num or cast(a.den as double) is distinct from p.den
        end
        order by all
        """,
        [province],
    ).fetchall()
    return [
        f"{target} {variant} {agency}: {n or 0} rows give {num}/{den}, "
        + (f"published {p_num}/{p_den}" if is_published else "nothing is published")
        for target, variant, agency, n, num, den, p_num, p_den, is_published in found
    ]
