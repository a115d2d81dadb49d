"""Great Expectations as asset checks: over each table's new deliveries, and over the marts before readers see them."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import dagster as dg

from expectations.deliveries import Delivery as CheckedDelivery
from expectations.deliveries import table_checks
from expectations.marts import MARTS_SUITE, PROMISED, marts_checks
from expectations.model import BLOCK, WARN, CheckResult, failures, to_arrow, to_rows
from orchestration import clock
from orchestration.checking import check_file, check_relations
from orchestration.night import Night
from orchestration.progress import tell
from sources.contract import Table, all_tables
from sources.text import sql_name
from warehouse import carry
from warehouse import publish as publishing
from warehouse.build import open_build_file
from warehouse.holding import share_limit
from warehouse.landing import landed_file, numbered_parquet
from warehouse.ledger import REFUSED, Delivery
from warehouse.settings import Settings, province_code

SUITE_CHECK = "deliveries_keep_the_contract"
FRESHNESS_CHECK = "delivery_is_fresh"
GATE_CHECK = "is_fit_to_publish"


def check_deliveries(night: Night, table: Table, entries: list[Delivery]) -> dg.AssetCheckResult:
    """Run the suite of a table over its new deliveries, keep the results, and say how it went.

    New are those of tonight, and those that landed in a night which was cut off before it checked them.
    """
    # A delivery held back is checked like any other: what its results say is why.
    read = [entry for entry in entries if entry.outcome != REFUSED]
    read += _left_unchecked(night, table, {entry.delivery_id for entry in read})
    results: list[CheckResult] = []
    if read:
        tell("check", table.relation)
        checks = table_checks(
            table,
            _dataset(table),
            _described(night, table, read),
            as_of=night.day,
            limit_pct=share_limit(night.settings, table),
        )
        views = {f"landing.{sql_name(table.relation)}": _new_rows(night, read)}
        results = check_relations(
            views, night.settings.memory_limit, checks, clock.now().replace(microsecond=0)
        )
        night.ledger.record_checks(to_rows(results))
    refused = {entry.file_name: entry.reason or "" for entry in entries if entry.outcome == REFUSED}
    return _verdict(results, SUITE_CHECK, refused=refused)


def _left_unchecked(night: Night, table: Table, tonight: set[str]) -> list[Delivery]:
    """Deliveries in force that have not been checked since they landed, though their rows are there, but for tonight's."""
    checked = night.ledger.last_checked(_dataset(table))
    return [
        entry
        for entry in night.ledger.deliveries(of=(table.source, table.name))
        if entry.delivery_id not in tonight
        and entry.outcome != REFUSED
        and entry.replaced_by is None
        # The moment of a check is kept in whole seconds.
        and checked.get(entry.delivery_id, datetime.min) < entry.loaded_at.replace(microsecond=0)
        and landed_file(night.settings, entry).parquet.exists()
    ]


def _dataset(table: Table) -> str:
    return f"landing.{table.relation}"


def check_freshness(night: Night, table: Table) -> dg.AssetCheckResult:
    """Whether the last accepted delivery of a table is as young as its contract's cadence says.

    Not Dagster's freshness policy: every night materializes the table, also when nothing was delivered.
    """
    last = max(
        (
            entry.delivered_on
            for entry in night.ledger.deliveries(night.day, of=(table.source, table.name))
            if entry.accepted
        ),
        default=None,
    )
    age = None if last is None else (night.day - last).days
    return dg.AssetCheckResult(
        check_name=FRESHNESS_CHECK,
        passed=not table.is_stale(last, night.day),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "last_delivery": str(last or "none"),
            "age_days": -1 if age is None else age,
            "stale_after_days": table.stale_after_days,
        },
    )


def _new_rows(night: Night, entries: list[Delivery]) -> str:
    return " union all by name ".join(
        "select * exclude (_error_no, _error_value) from"
        f" {numbered_parquet([landed_file(night.settings, entry).parquet], entry.first_row)}"
        " where _error_no is null"
        for entry in entries
    )


def _described(night: Night, table: Table, entries: list[Delivery]) -> list[CheckedDelivery]:
    known = night.ledger.deliveries(of=(table.source, table.name))
    whole: dict[date | None, list[Delivery]] = {}
    for one in known:
        if one.outcome != REFUSED and one.replaced_by is None:
            whole.setdefault(one.delivered_on, []).append(one)
    return [
        CheckedDelivery(
            entry.delivery_id,
            rows_in_file=entry.rows_in_file,
            rows_rejected=sum(one.rejected for one in whole[entry.delivered_on]),
            rows_in_delivery=sum(one.rows_in_file for one in whole[entry.delivered_on]),
            file_ids=(entry.delivery_id,),
            rows_landed=entry.rows_in_file - entry.rejected,
            earlier_rows=tuple(
                d.rows_in_file for d in known if d.accepted and d.delivered_on < entry.delivered_on
            ),
        )
        for entry in entries
    ]


def _verdict(
    results: list[CheckResult],
    name: str,
    asset_key: dg.AssetKey | None = None,
    *,
    refused: dict[str, str] | None = None,
) -> dg.AssetCheckResult:
    failed = failures(results)
    severe = [result for result in failed if result.severity != WARN]
    return dg.AssetCheckResult(
        asset_key=asset_key,
        check_name=name,
        passed=not failed and not refused,
        severity=dg.AssetCheckSeverity.ERROR if severe or refused else dg.AssetCheckSeverity.WARN,
        metadata={
            "checks": len(results),
            "refused": [f"{file}: {reason}" for file, reason in list((refused or {}).items())[:20]],
            "failed": [f"{r.expectation} {r.column_name or ''}: {r.observed}" for r in failed[:20]],
        },
    )


def refuse_unchecked(settings: Settings) -> None:
    """Raise dg.Failure for a build that the gate has not passed: some assets, picked by hand, may leave it out."""
    with open_build_file(settings, settings.building) as connection:
        checked, blocking = connection.execute(
            "select count(*), count(*) filter (where not passed and severity = $1)"
            " from marts.fct_check_result where suite = $2",
            [BLOCK, MARTS_SUITE],
        ).fetchall()[0]
    if not checked or blocking:
        raise dg.Failure(
            description="the marts were not checked, or not found fit to publish: run the job `nightly` as a whole",
            allow_retries=False,
        )


def gate(marts: list[dg.AssetKey]) -> dg.AssetChecksDefinition:
    """The gate before publishing: a blocking failure on any mart stops the night, readers keep what they have."""

    @dg.multi_asset_check(
        name="marts_gate",
        specs=[dg.AssetCheckSpec(GATE_CHECK, asset=key, blocking=True) for key in marts],
    )
    def marts_gate(night: Night) -> Iterator[Any]:
        tell("gate", "checking the marts")
        # Of an earlier day: a night that is run again is compared with what it was compared with before.
        earlier = publishing.last_before(night.settings, night.day)
        personal = {c.name for t in all_tables() for c in t.columns if c.personal}
        building = night.settings.building
        landed = carry.landed(night.settings)
        results = check_file(
            building,
            marts_checks(
                as_of=night.day,
                staged_dossiers=landed.dossiers,
                unseen_dossiers=landed.unseen,
                previous_counts=earlier.counts if earlier else None,
                personal_columns=personal,
                tables=[key.path[-1] for key in marts if key.path[-1] in PROMISED],
                province=province_code(),
            ),
            clock.now().replace(microsecond=0),
        )
        if night.drafting is not None:
            night.drafting.leave_the_build_alone()
        with open_build_file(night.settings, building) as connection:
            # Published with the data: what was checked on the marts themselves.
            connection.register("_results", to_arrow(results))
            connection.execute("insert into marts.fct_check_result by name select * from _results")
            connection.unregister("_results")
        for key in marts:
            yield _verdict([r for r in results if r.dataset == f"marts.{key.path[-1]}"], GATE_CHECK, key)
        for noted in failures(results, WARN):
            tell("gate", f"note: {noted.dataset} {noted.expectation}: {noted.observed}")
        blocking = failures(results, BLOCK)
        if blocking:
            told = "; ".join(f"{r.dataset} {r.expectation}: {r.observed}" for r in blocking[:5])
            tell("gate", told)
            raise dg.Failure(description=f"the marts are not fit to publish: {told}", allow_retries=False)

    return marts_gate
