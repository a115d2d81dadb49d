"""Great Expectations as asset checks: over each table's new deliveries, and over the marts before readers see them."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import dagster as dg
import duckdb

from expectations.deliveries import Delivery as CheckedDelivery
from expectations.deliveries import table_checks
from expectations.marts import MARTS_SUITE, marts_checks
from expectations.model import BLOCK, WARN, CheckResult, failures, to_arrow, to_rows
from orchestration import clock
from orchestration.checking import check_file, check_relations
from orchestration.freshness import is_stale, last_delivered, limit_days
from orchestration.night import Night
from orchestration.progress import tell
from sources.contract import Table, all_tables
from sources.text import sql_name
from warehouse import carry
from warehouse import publish as publishing
from warehouse.build import open_build_file
from warehouse.holding import share_limit
from warehouse.keys import mart_keys
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
        results = check_relations(views, night.settings.duckdb(), checks, clock.now().replace(microsecond=0))
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
    entries = night.ledger.deliveries(night.day, of=(table.source, table.name))
    last = last_delivered(table, entries, night.day)
    age = None if last is None else (night.day - last).days
    return dg.AssetCheckResult(
        check_name=FRESHNESS_CHECK,
        passed=not is_stale(table, last, night.day),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "last_delivery": str(last or "none"),
            "age_days": -1 if age is None else age,
            "stale_after_days": table.stale_after_days if last is None else limit_days(table, last),
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
    taken: dict[date | None, list[Delivery]] = {}
    newest: dict[date | None, dict[str, Delivery]] = {}  # by name: what is held back was judged among these
    for one in known:
        if one.outcome != REFUSED and one.replaced_by is None:
            newest.setdefault(one.delivered_on, {})[one.file_name] = one
            if one.accepted:
                taken.setdefault(one.delivered_on, []).append(one)
    whole = {
        entry.delivery_id: taken[entry.delivered_on]
        if entry.accepted
        else list(newest[entry.delivered_on].values())
        for entry in entries
    }
    return [
        CheckedDelivery(
            entry.delivery_id,
            rows_in_file=entry.rows_in_file,
            rows_rejected=sum(one.rejected for one in whole[entry.delivery_id]),
            rows_in_delivery=sum(one.rows_in_file for one in whole[entry.delivery_id]),
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


def _results(night: Night, marts: list[dg.AssetKey], **known: Any) -> list[CheckResult]:
    """What the suite finds of some marts of the build, which this process has not open."""
    # Of an earlier day: a night that is run again is compared with what it was compared with before.
    earlier = publishing.last_before(night.settings, night.day)
    checks = marts_checks(
        as_of=night.day,
        keys=mart_keys(),
        previous_counts=earlier.counts if earlier else None,
        tables=[key.path[-1] for key in marts],
        province=province_code(),
        **known,
    )
    return check_file(
        night.settings.building, night.settings.duckdb(), checks, clock.now().replace(microsecond=0)
    )


def keep_results(connection: duckdb.DuckDBPyConnection, results: list[CheckResult]) -> None:
    """Published with the data: what was checked on the marts themselves. A check that ran before is answered anew."""
    connection.register("_results", to_arrow(results))
    connection.execute(
        "delete from marts.fct_check_result where delivery_id is null"
        " and check_id in (select check_id from _results)"
    )
    connection.execute("insert into marts.fct_check_result by name select * from _results")
    connection.unregister("_results")


def _told(results: list[CheckResult], marts: list[dg.AssetKey]) -> Iterator[dg.AssetCheckResult]:
    """The verdict on each mart. Raises dg.Failure when one of them must not be published."""
    for key in marts:
        yield _verdict([r for r in results if r.dataset == f"marts.{key.path[-1]}"], GATE_CHECK, key)
    for noted in failures(results, WARN):
        tell("gate", f"note: {noted.dataset} {noted.expectation}: {noted.observed}")
    blocking = failures(results, BLOCK)
    if blocking:
        told = "; ".join(f"{r.dataset} {r.expectation}: {r.observed}" for r in blocking[:5])
        if any(r.observed == duckdb.OutOfMemoryException.__name__ for r in blocking):
            told += " (raise PARINDEX_MEMORY_LIMIT, then run again)"
        tell("gate", told)
        raise dg.Failure(description=f"the marts are not fit to publish: {told}", allow_retries=False)


def gate_check(mart: dg.AssetKey) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(GATE_CHECK, asset=mart, blocking=True)


def gate(marts: list[dg.AssetKey]) -> dg.AssetChecksDefinition:
    """The gate before publishing: a blocking failure on any mart stops the night, readers keep what they have."""

    @dg.multi_asset_check(name="marts_gate", specs=[gate_check(key) for key in marts])
    def marts_gate(night: Night) -> Iterator[Any]:
        tell("gate", "checking the marts")
        landed = carry.landed(night.settings)
        results = _results(
            night,
            marts,
            staged_dossiers=landed.dossiers,
            unseen_dossiers=landed.unseen,
            personal_columns={c.name for t in all_tables() for c in t.columns if c.personal},
        )
        if night.drafting is not None:
            night.drafting.leave_the_build_alone()
        with open_build_file(night.settings, night.settings.building) as connection:
            keep_results(connection, results)
        yield from _told(results, marts)

    return marts_gate


def check_late(night: Night, mart: dg.AssetKey) -> Iterator[dg.AssetCheckResult]:
    """The gate of a mart that is written when the others have passed theirs."""
    results = _results(night, [mart])
    with open_build_file(night.settings, night.settings.building) as connection:
        keep_results(connection, results)
    yield from _told(results, [mart])
