"""Problems of the deliveries themselves: sources that went quiet, files that were not taken."""

from __future__ import annotations

from datetime import date
from typing import Any

from orchestration.alerting import wording
from orchestration.alerting.marts import Marts
from orchestration.alerting.model import QUARANTINE, STALE_SOURCE, Problem, problem_of
from orchestration.freshness import is_stale, limit_days
from sources.contract import all_tables
from warehouse.ledger import HELD_BACK, REFUSED


def freshness(marts: Marts, as_of: date) -> list[dict[str, Any]]:
    """Each table of the contracts with its last accepted delivery.

    One never delivered ages since the first delivery of all: an alert has an age, and where nothing at all has come there
    is nothing yet to be late for.
    """
    tables = {(table.source, table.name): table for table in all_tables()}
    rows = marts.rows(
        """
        with first_of_all as (select min(delivered_on) as day from delivered where tells_something),
        last_of_each as (
            select source, table_name, max(delivered_on) as last_on
            from delivered
            where tells_something
            group by source, table_name
        )
        select
            contract.source,
            contract.table_name,
            contract.source || '.' || contract.table_name as relation,
            contract.vi,
            contract.owner,
            last_of_each.last_on,
            coalesce(last_of_each.last_on, first_of_all.day) as since,
            date_diff('day', since, cast($as_of as date)) as age_days
        from contract
        cross join first_of_all
        left join last_of_each using (source, table_name)
        order by relation
        """,
        {"as_of": as_of},
    )
    for row in rows:
        since, table = row.pop("since"), tables[row["source"], row["table_name"]]
        row["is_stale"] = since is not None and is_stale(table, since, as_of)
        row["limit_days"] = table.stale_after_days if since is None else limit_days(table, since)
    return rows


def stale_sources(marts: Marts, as_of: date) -> list[Problem]:
    return [
        problem_of(
            STALE_SOURCE,
            wording.stale_source(row),
            source=row["relation"],
            severity="high",
            value=float(row["age_days"]),
            threshold=float(row["limit_days"]),
            owner=row["owner"],
        )
        for row in freshness(marts, as_of)
        if row["is_stale"]
    ]


def bad_deliveries(marts: Marts) -> list[Problem]:
    """Deliveries held back, refused or over the limit, until a good one of the same table follows; and those that are
    dated ahead, until their day comes or something else stands under their name.
    """
    rows = marts.rows(
        """
        with judged as (
            select
                *,
                is_ahead or outcome in ($held, $refused) or coalesce(share > limit_pct, false) as is_bad
            from delivered_or_ahead
        ),
        bad as (
            select
                judged.*,
                source || coalesce('.' || table_name, '') as relation
            from judged
            where
                is_ahead
                or is_bad
                and not exists (
                    select 1
                    from judged as good
                    where
                        not good.is_bad
                        and good.tells_something
                        and good.source = judged.source
                        and (judged.table_name is null or good.table_name = judged.table_name)
                        -- One that was there before the bad one is no answer to it, whatever its day.
                        and (
                            (good.delivered_on > judged.delivered_on and good.loaded_at >= judged.loaded_at)
                            or (
                                good.loaded_on > judged.loaded_on
                                and coalesce(good.delivered_on >= judged.delivered_on, true)
                            )
                        )
                )
        )
        select
            bad.*,
            contract.owner,
            count(*) over (partition by relation) as files
        from bad
        left join contract using (source, table_name)
        qualify row_number() over (
            partition by relation
            order by coalesce(delivered_on, loaded_on) desc, share desc nulls last, file_name
        ) = 1
        order by relation
        """,
        {"held": HELD_BACK, "refused": REFUSED},
    )
    return [
        problem_of(
            QUARANTINE,
            wording.quarantine(row),
            source=row["relation"] or None,
            severity="low" if row["table_name"] is None else "medium",
            value=row["share"],
            threshold=row["limit_pct"],
            owner=row["owner"] or wording.DATA_TEAM,
        )
        for row in rows
    ]


def quarantined(marts: Marts) -> list[dict[str, Any]]:
    """Rejected rows and files not taken, per table, with the share of the last delivery."""
    return marts.rows(
        """
        select
            source,
            coalesce(table_name, '') as table_name,
            sum(rows_quarantined) as rows_quarantined,
            count(*) filter (where not is_accepted) as not_accepted,
            arg_max(share, (coalesce(delivered_on, loaded_on), loaded_at, file_name)) as last_share
        from delivered
        group by all
        order by all
        """
    )
