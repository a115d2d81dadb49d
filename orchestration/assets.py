"""The assets of a night, in the order of the data: landing, dbt, published."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import dagster as dg

from orchestration import aside, clock, dbt, engines, failure
from orchestration.ahead import dated_ahead, last_day
from orchestration.checks import (
    FRESHNESS_CHECK,
    SUITE_CHECK,
    check_deliveries,
    check_freshness,
    check_late,
    gate_check,
    refuse_unchecked,
)
from orchestration.dagster_dbt_alone import DagsterDbtTranslator, dbt_assets, get_asset_check_key_for_test
from orchestration.night import Night
from orchestration.progress import tell
from sources.contract import Table, all_tables
from warehouse import carry
from warehouse import publish as publishing
from warehouse.build import RECORDS, prepare_build
from warehouse.landing import land_inbox
from warehouse.ledger import HELD_BACK, REFUSED, Delivery
from warehouse.personal_key import remember_key
from warehouse.settings import Settings

LANDING = "landing"
INBOX = dg.AssetKey([LANDING, "inbox"])
# What the build file shows dbt beside the landed tables: the ledgers, the night before, what the last build left.
SHOWN = [
    *(dg.AssetKey([schema, name]) for schema, names in RECORDS.items() for name in names),
    *(dg.AssetKey([LANDING, f"{source}__{table}_new"]) for source, table in carry.FOLLOWED),
]
PUBLISHED = dg.AssetKey(["published", "par_index"])


def landing_key(table: Table) -> dg.AssetKey:
    return dg.AssetKey([LANDING, table.relation])


def _told(place: str, entry: Delivery | None) -> None:
    if entry is None:
        tell("land", f"{place}: unchanged")
        return
    aside.checking.warm_up()
    if entry.outcome == REFUSED:
        tell("land", f"{place}: refused, {entry.reason}")
    else:
        rejected = f", {entry.rows_quarantined:,} rejected" if entry.rows_quarantined else ""
        tell("land", f"{place}: {entry.rows_loaded:,} rows{rejected}")


@dg.asset(
    key=INBOX,
    group_name=LANDING,
    kinds={"file"},
    description="Files of the inbox that belong to no table: refused and listed. Opens the night.",
)
def inbox(context: dg.AssetExecutionContext, night: Night) -> dg.MaterializeResult:
    seen = publishing.current(night.settings)
    for version in night.ledger.unpublished_versions():
        publishing.discard(night.settings, version)
    night.ledger.start_night(context.run.run_id, night.day, clock.now(), seen.version if seen else None)
    tell("land", f"inbox {night.settings.inbox}")
    entries = land_inbox(
        night.settings,
        night.ledger,
        clock.now,
        wanted=lambda arrival: arrival.table is None,
        judged=(),
        again=night.full_refresh,
        on_file=_told,
    )
    return dg.MaterializeResult(metadata={"refused": len(entries)})


def _turn(table: Table) -> int:
    """Large tables land first, the largest before all: Great Expectations is imported beside their typing.

    A small one that comes first would wait for that import with nothing else to do.
    """
    large = list(reversed(carry.FOLLOWED))
    return large.index(known) + 1 if (known := (table.source, table.name)) in large else 0


def landing_asset(table: Table) -> dg.AssetsDefinition:
    """The asset of one table of the contracts: lands what is new of it and checks it."""

    @dg.asset(
        op_tags={"dagster/priority": str(_turn(table))},
        key=landing_key(table),
        group_name=LANDING,
        deps=[INBOX],
        kinds={"parquet"},
        description=f"{table.vi}. {table.description} Grain: {table.grain}.",
        metadata={"owner": table.owner, "source": table.source},
        check_specs=[
            dg.AssetCheckSpec(
                SUITE_CHECK,
                asset=landing_key(table),
                description="Great Expectations suite of the contract over the new deliveries.",
            ),
            dg.AssetCheckSpec(
                FRESHNESS_CHECK,
                asset=landing_key(table),
                description=f"A delivery every {table.cadence_days} days; stale after {table.stale_after_days},"
                " or the next working day where that is a day off.",
            ),
        ],
    )
    def land(night: Night) -> Iterator[Any]:
        entries = land_inbox(
            night.settings,
            night.ledger,
            clock.now,
            wanted=lambda a: a.table is not None and a.table.relation == table.relation,
            judged=[table],
            again=night.full_refresh,
            on_file=_told,
        )
        for day, reason in sorted({(e.delivered_on, e.reason) for e in entries if e.outcome == HELD_BACK}):
            tell("land", f"{table.source}/{day}/{table.name}: held back, {reason}")
        for day in sorted({e.delivered_on for e in dated_ahead(entries, last_day(night.day))}):
            tell("land", f"{table.source}/{day}/{table.name}: dated ahead, it does not count before that day")
        verdict = check_deliveries(night, table, entries)
        yield dg.MaterializeResult(
            metadata={
                "new_files": len(entries),
                "rows_loaded": sum(e.rows_loaded for e in entries),
                "rows_quarantined": sum(e.rows_quarantined for e in entries),
                "refused": sum(e.outcome == REFUSED for e in entries),
            },
            check_results=[verdict, check_freshness(night, table)],
        )

    return land


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            key,
            group_name=LANDING,
            deps=[INBOX, *(landing_key(table) for table in all_tables())],
            description="Ledger of the landing layer as known on the night's day, or what the last build left to start from.",
        )
        for key in SHOWN
    ],
    name="build_file",
)
def build_file(night: Night) -> Iterator[dg.MaterializeResult]:
    """A build file that shows the accepted deliveries up to the night's day."""
    tell("build", f"as of {night.day}")
    prepare_build(night.settings, night.ledger, night.day, whole=night.full_refresh or night.whole_build)
    for key in SHOWN:
        yield dg.MaterializeResult(asset_key=key)


class Translator(DagsterDbtTranslator):
    """dbt's names are ours: a source is the landing asset of its table, a model stands under its layer."""

    def get_asset_key(self, dbt_resource_props) -> dg.AssetKey:
        if dbt_resource_props["resource_type"] == "source":
            return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["identifier"]])
        if dbt_resource_props["resource_type"] == "model":
            return dg.AssetKey([dbt_resource_props["config"]["schema"], dbt_resource_props["name"]])
        return super().get_asset_key(dbt_resource_props)

    def get_group_name(self, dbt_resource_props) -> str | None:
        return dbt_resource_props["config"].get("schema")

    def get_asset_check_spec(self, asset_spec, manifest, unique_id, project):
        # Generic tests do not run at night (NOT_AT_NIGHT); a check that never reports would stand there as missing.
        if manifest["nodes"][unique_id].get("test_metadata"):
            return None
        return super().get_asset_check_spec(asset_spec, manifest, unique_id, project)

    def get_owners(self, dbt_resource_props):
        return None  # owners here are departments, which Dagster does not know how to write to


TRANSLATOR = Translator()


def dbt_models(manifest: dict[str, Any]) -> dg.AssetsDefinition:
    """All of dbt as one step: seeds, models and data tests into the build file. `manifest` is that of a night."""

    def meanwhile() -> None:
        """While dbt works in its own process: what the steps after it import and read."""
        from orchestration import alerting, publish_command, report  # noqa: F401
        from warehouse import postgres  # noqa: F401

        publishing.mart_keys()
        aside.checking.warm_up()

    @dbt_assets(manifest=manifest, name="dbt", dagster_dbt_translator=TRANSLATOR)
    def models(context: dg.AssetExecutionContext, night: Night) -> Iterator[Any]:
        nodes = manifest["nodes"]
        expected = {spec.key for spec in models.check_specs}
        failed = []
        threading.Thread(target=meanwhile, daemon=True).start()
        for result in _told_plainly(engines.build(night.settings, night.day)):
            if result["status"] != "kept":
                tell("build", result["name"])
            node = nodes.get(result["unique_id"])
            if node is None:
                continue
            if result["status"] in ("error", "fail", "runtime error"):
                failed.append(result)
            if result["resource_type"] in ("model", "seed") and result["status"] in ("success", "kept"):
                yield dg.MaterializeResult(
                    asset_key=TRANSLATOR.get_asset_key(node),
                    metadata={
                        "seconds": round(result["seconds"], 3),
                        "kept_from_the_last_build": result["status"] == "kept",
                    },
                )
            elif result["resource_type"] == "test":
                check = _check_result(manifest, result, expected)
                if check is not None:
                    yield check
        if failed:
            raise dg.Failure(
                # after the name of the step, which is dbt
                description="; ".join(_in_words(night.settings, result) for result in failed[:10]),
                metadata={"failed": len(failed)},
                allow_retries=False,
            )
        night.draft_ahead(context.run.run_id)

    return models


def _in_words(settings: Settings, result: dict[str, Any]) -> str:
    """A node that failed; of a data test what it found, as dbt itself only counts it."""
    found = dbt.rows_found(settings, result["name"]) if result["resource_type"] == "test" else ""
    return f"{result['name']}: {found or result['message']}"


def _told_plainly(results: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The same; what stops dbt as a whole becomes the message of the night."""
    try:
        yield from results
    except dbt.DbtFailed as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error


def _check_result(manifest, result, expected) -> dg.AssetCheckResult | None:
    """The asset check of a dbt test: of the one model it reads, or the one its `meta.dagster.ref` names."""
    key = get_asset_check_key_for_test(manifest, TRANSLATOR, result["unique_id"], project=None)
    if key is None or key not in expected:
        return None
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=result["status"] in ("pass", "success"),
        severity=dg.AssetCheckSeverity.WARN if result["status"] == "warn" else dg.AssetCheckSeverity.ERROR,
        metadata={"failures": result["failures"] or 0},
    )


def mart_keys(manifest: dict[str, Any]) -> list[dg.AssetKey]:
    return sorted(
        TRANSLATOR.get_asset_key(node)
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["config"].get("schema") == publishing.MARTS
    )


def published_asset(manifest: dict[str, Any]) -> dg.AssetsDefinition:
    @dg.asset(
        key=PUBLISHED,
        group_name="published",
        deps=[*mart_keys(manifest), ALERTS],
        kinds={"duckdb", "parquet"},
        description="What readers see: the marts in one DuckDB file and in Parquet, swapped in by a rename.",
        # A night missed is told, two are an error.
        freshness_policy=dg.FreshnessPolicy.time_window(
            warn_window=timedelta(hours=26), fail_window=timedelta(hours=50)
        ),
    )
    def par_index(context: dg.AssetExecutionContext, night: Night) -> dg.MaterializeResult:
        settings = night.settings
        refuse_unchecked(settings)
        tell("publish", "writing the marts")
        if night.drafting is not None:
            version = night.drafting.finish()
        else:
            now = clock.now()
            night.ledger.announce(context.run.run_id, publishing.version_name(settings, night.day, now))
            version = publishing.write_version(settings, settings.building, night.day, now)
        publishing.swap_in(settings, version)
        settings.building.replace(settings.warehouse)
        publishing.prune(settings)
        if night.full_refresh:
            remember_key(settings)
        night.ledger.end_night(context.run.run_id, clock.now(), "published", None, version.version)
        tell("publish", str(settings.published_file))
        return dg.MaterializeResult(
            metadata={"version": version.version, "rows": sum(version.counts.values())}
        )

    return par_index


ALERTS = dg.AssetKey([publishing.MARTS, "fct_alert"])
SENT = dg.AssetKey(["alerts", "sent"])


def alert_asset(manifest: dict[str, Any]) -> dg.AssetsDefinition:
    @dg.asset(
        key=ALERTS,
        group_name=publishing.MARTS,
        deps=mart_keys(manifest),
        kinds={"python"},
        description="Problems with a life: opened, repeated, escalated, resolved. Published with the figures.",
        check_specs=[gate_check(ALERTS)],
    )
    def fct_alert(night: Night) -> Iterator[Any]:
        from orchestration.alerting import evaluate, write_alerts
        from warehouse.build import open_build_file

        tell("alert", "what is missed, at risk or stale")
        alerts = evaluate(night.settings, night.settings.building, night.ledger, night.day, clock.now())
        with open_build_file(night.settings, night.settings.building) as connection:
            write_alerts(connection, alerts)
        yield dg.MaterializeResult(metadata={"alerts": len(alerts)})
        yield from check_late(night, ALERTS)

    return fct_alert


@dg.asset(
    key=SENT,
    group_name="alerts",
    deps=[PUBLISHED],
    kinds={"python"},
    description="Messages to those who answer for a problem, and the metrics that monitoring reads.",
)
def sent(context: dg.AssetExecutionContext, night: Night) -> dg.MaterializeResult:
    from orchestration.alerting import send_pending, write_metrics
    from orchestration.tidy import after_the_night

    report = send_pending(night.settings, clock.now())
    write_metrics(night.settings, night.settings.published_file, night.ledger, night.day)
    tell("alert", report.note)
    removed = after_the_night(night.settings, night.ledger, context.instance)
    return dg.MaterializeResult(metadata={"note": report.note, "removed": removed})


@dg.asset(
    key=dg.AssetKey(["published", "postgres"]),
    group_name="published",
    deps=[PUBLISHED],  # of nothing else: the server gets the night also where the page or the alerts fail
    op_tags={"dagster/priority": "-1"},
    kinds={"postgres"},
    description="The same marts in PostgreSQL, where PARINDEX_PUBLISH_TO names one. Last, so that it holds nothing up.",
)
def postgres(context: dg.AssetExecutionContext, night: Night) -> dg.MaterializeResult:
    from orchestration.publish_command import push

    result = push(night)
    failure.come_to_its_end(night.settings, night.ledger, context.run.run_id, night.day)
    return result


REPORT = dg.AssetKey(["reports", "morning_page"])


@dg.asset(
    key=REPORT,
    group_name="reports",
    deps=[PUBLISHED],
    kinds={"html"},
    description="The morning page: one HTML file that opens without a server or the internet.",
)
def morning_page(night: Night) -> dg.MaterializeResult:
    from orchestration.report import write_report

    tell("report", "writing the morning page")
    page = write_report(night.settings.published_file, night.settings.reports, night.settings.duckdb())
    tell("report", str(page))
    return dg.MaterializeResult(metadata={"bytes": page.stat().st_size})
