"""Runs checks with Great Expectations on a DuckDB file, and is the only module that imports it.

The import costs seconds, so it happens inside functions, when there is something to check. Nothing is sent
anywhere, nothing is written: the context lives in memory and the connection is closed before `validate`
returns.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from expectations.model import Check, CheckResult
from sources.casting import TIME_ZONE
from sources.text import sql_name

LOCAL_TIME = ZoneInfo(TIME_ZONE)
DELIVERY_COLUMN = "_file_id"
NO_ANSWER = "no answer"

# Expectations of the library that a check may name, and how its columns and params are handed over.
NATIVE: dict[str, Callable[[Check], tuple[str, dict[str, Any]]]] = {
    "columns_present": lambda c: (
        "ExpectTableColumnsToMatchSet",
        {"column_set": list(c.columns), "exact_match": False},
    ),
    "in_set": lambda c: (
        "ExpectColumnValuesToBeInSet",
        {"column": _one(c), "value_set": list(c.params["values"])},
    ),
}


def _one(check: Check) -> str:
    (column,) = check.columns
    return column


@dataclass(frozen=True)
class Finding:
    """What was found for one check and one delivery (or the whole table, for None)."""

    passed: bool
    observed: str
    unexpected: int | None = None
    elements: int | None = None
    delivery_id: str | None = None


def validate(
    database: Path | str | duckdb.DuckDBPyConnection,
    checks: Sequence[Check],
    *,
    schema: str = "main",
    checked_at: datetime | None = None,
    config: Mapping[str, Any] | None = None,
) -> list[CheckResult]:
    """Run the checks, a suite per suite name and dataset; results come in the order of the checks.

    `database` is a DuckDB file, opened read-only where it can be and closed again, or an open connection,
    which stays open and unchanged. `config` is how a file is opened. `schema` is where a dataset without one is looked for. A check that
    cannot be evaluated has failed, with the class of the error as what was observed; only a file that
    cannot be opened raises.
    """
    if not checks:
        return []
    moment = checked_at or datetime.now(LOCAL_TIME).replace(tzinfo=None, microsecond=0)
    groups: dict[tuple[str, str], list[int]] = {}
    for position, check in enumerate(checks):
        groups.setdefault((check.suite, check.dataset), []).append(position)
    findings: dict[int, list[Finding]] = {}
    with _connection(database, config) as connection, _datasources(connection) as datasource:
        for (suite, dataset), positions in groups.items():
            table_schema, _, table = dataset.rpartition(".")
            found = _run_suite(
                lambda s=table_schema or schema: datasource(s), suite, table, [checks[p] for p in positions]
            )
            findings.update(zip(positions, found, strict=True))
    return [
        CheckResult(
            check_id=check.check_id,
            suite=check.suite,
            dataset=check.dataset,
            delivery_id=finding.delivery_id,
            expectation=check.expectation,
            column_name=", ".join(check.columns) or None,
            severity=check.severity,
            passed=finding.passed,
            observed=finding.observed,
            unexpected_count=finding.unexpected,
            element_count=finding.elements,
            checked_at=moment,
            description=check.description,
            description_en=check.description_en,
        )
        for position, check in enumerate(checks)
        for finding in findings[position]
    ]


@contextmanager
def _connection(
    database: Path | str | duckdb.DuckDBPyConnection, config: Mapping[str, Any] | None
) -> Iterator[duckdb.DuckDBPyConnection]:
    if isinstance(database, duckdb.DuckDBPyConnection):
        yield database
        return
    try:
        connection = duckdb.connect(str(database), read_only=True, config=dict(config or {}))
    except duckdb.ConnectionException:
        # Open for writing in this process: DuckDB then gives no read-only connection, but a further one.
        connection = duckdb.connect(str(database), config=dict(config or {}))
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def _datasources(connection: duckdb.DuckDBPyConnection) -> Iterator[Callable[[str], Any]]:
    """A Great Expectations SQL data source for any schema of the connection."""
    gx = _great_expectations()
    from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults

    from expectations import dialect

    context = gx.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(),
            analytics_enabled=False,
            progress_bars={"globally": False, "metric_calculations": False},
        ),
    )
    numbers = count()

    with dialect.session(connection) as key:

        def datasource(schema: str) -> Any:
            # A fresh one each time: the library writes out all assets of a data source whenever one is
            # added.
            return context.data_sources.add_sql(
                f"duckdb_{next(numbers)}",
                connection_string=f"{dialect.NAME}://",
                kwargs={"connect_args": {"session": key, "schema": schema}},
            )

        yield datasource


def load_library() -> None:
    """Pay for the import now, for a process that has nothing better to do yet."""
    _great_expectations()


@cache
def _great_expectations() -> Any:
    os.environ["GX_ANALYTICS_ENABLED"] = "False"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import great_expectations as gx
    return gx


def _run_suite(
    datasource: Callable[[], Any], suite_name: str, table: str, checks: Sequence[Check]
) -> list[list[Finding]]:
    gx = _great_expectations()
    try:
        asset = datasource().add_table_asset(table, table_name=table)
        batch = asset.get_batch(asset.build_batch_request())
        expectations = list(_expectations(checks))
        suite = gx.ExpectationSuite(name=f"{suite_name}:{table}", expectations=expectations)
        outcome = batch.validate(
            suite, result_format={"result_format": "BASIC", "partial_unexpected_count": 0}
        )
    except Exception as error:
        return [_broken(check, type(error).__name__) for check in checks]
    answers = {result.expectation_config.meta["position"]: result for result in outcome.results}
    return [_judged(check, answers.get(position)) for position, check in enumerate(checks)]


def _expectations(checks: Sequence[Check]) -> Iterator[Any]:
    """One expectation per check. All checks with a predicate on rows are counted in one scan of the table."""
    gx_expectations = _great_expectations().expectations
    scan = _scan_query(checks)
    for position, check in enumerate(checks):
        meta = {"position": position}
        if "where" in check.params:
            yield _counted_rows()(query=scan, counted=f"u{position}", meta=meta)
        elif "query" in check.params:
            query = _without_binds(_filled(check.params["query"], check.facts))
            yield _counted_rows()(query=query, counted="unexpected", meta=meta)
        else:
            name, arguments = NATIVE[check.expectation](check)
            yield getattr(gx_expectations, name)(**arguments, meta=meta)


def _scan_query(checks: Sequence[Check]) -> str:
    """One query for all predicates: u<check> counts bad rows, u<check>_<part> those of one part."""
    judged, counted = [], ["count(*) as elements"]
    by_delivery = False
    for position, check in enumerate(checks):
        names = [f"u{position}_{number}" for number, _ in enumerate(check.params.get("where", ()))]
        if not names:
            continue
        by_delivery |= bool(check.deliveries)
        # Judged first and counted outside: written twice, a predicate would be computed twice.
        for name, part in zip(names, check.params["where"].values(), strict=True):
            judged.append(f"coalesce({_filled(part, check.facts)}, false) as {name}")
            counted.append(f"coalesce(count_if({name}), 0) as {name}")  # null where there is no row at all
        counted.append(f"coalesce(count_if({' or '.join(names)}), 0) as u{position}")
    if by_delivery:
        judged.append(f"cast({sql_name(DELIVERY_COLUMN)} as varchar) as delivery_id")
        counted.append("delivery_id")
    query = f"select {', '.join(counted)} from (select {', '.join(judged)} from {{batch}})"
    return _without_binds(query + (" group by delivery_id" if by_delivery else ""))


def _filled(sql: str, facts: Mapping[str, str]) -> str:
    """SQL with the facts in their places and, for the library's str.format, only {batch} left to fill."""

    def piece(found: re.Match[str]) -> str:
        if found[1] == "batch":
            return "{batch}"
        return facts.get(found[1], found[0]).replace("{", "{{").replace("}", "}}")

    return re.sub(r"\{(\w+)\}|[{}]", piece, sql)


def _without_binds(sql: str) -> str:
    """SQL in which SQLAlchemy's text() finds no :parameter."""
    return re.sub(r"(?<!:):(?!:)", r"\\:", sql)


@cache
def _counted_rows() -> type:
    """An expectation of our own: a query counts what is unexpected, and every count must be 0.

    The library's UnexpectedRowsExpectation would run the query twice and keep 200 rows of it.
    """
    _great_expectations()
    from great_expectations.expectations.expectation import BatchExpectation

    class ExpectCountsToBeZero(BatchExpectation):
        query: str
        fetch_all: bool = True
        counted: str

        metric_dependencies = ("query.table",)
        success_keys = ("query", "fetch_all", "counted")
        domain_keys = ("batch_id",)

        def _validate(
            self, metrics: dict, runtime_configuration: Any = None, execution_engine: Any = None
        ) -> dict:
            rows = metrics["query.table"]
            return {
                "success": all(row[self.counted] == 0 for row in rows),
                "result": {"rows": [_own_counts(row, self.counted) for row in rows]},
            }

    return ExpectCountsToBeZero


def _own_counts(row: dict[str, Any], counted: str) -> dict[str, Any]:
    shared = ("delivery_id", "elements", "detail")
    return {
        name: value
        for name, value in row.items()
        if name in shared or re.fullmatch(rf"{counted}(_\d+)?", name)
    }


def _judged(check: Check, result: Any) -> list[Finding]:
    error = NO_ANSWER if result is None else _error_class(result.exception_info)
    if error:
        return _broken(check, error)
    try:
        if "query" in check.params:
            return _counted(check, result.result["rows"], "unexpected")
        if "where" in check.params:
            return _counted(check, result.result["rows"], f"u{result.expectation_config.meta['position']}")
        return [_native_finding(check, result)]
    except Exception as error:
        return _broken(check, type(error).__name__)


def _counted(check: Check, rows: Sequence[dict[str, Any]], counted: str) -> list[Finding]:
    """The counts of a query or a scan, per delivery where the check has some. No row: nothing unexpected."""
    if not check.deliveries:
        return [_finding(check, None, rows, counted)]
    of_delivery: dict[str | None, list[dict]] = {delivery: [] for delivery in check.deliveries.values()}
    for row in rows:
        of_delivery.setdefault(check.deliveries.get(row["delivery_id"]), []).append(row)
    findings = [_finding(check, delivery, own, counted) for delivery, own in of_delivery.items()]
    # Rows of a file that nobody announced belong to no delivery; they matter when they fail.
    return [finding for finding in findings if finding.delivery_id is not None or not finding.passed]


def _finding(check: Check, delivery: str | None, rows: Sequence[dict[str, Any]], counted: str) -> Finding:
    unexpected = sum(row[counted] for row in rows)
    elements = sum(row["elements"] for row in rows if row.get("elements"))
    known = check.deliveries or any("elements" in row for row in rows)
    notes = [str(row["detail"]) for row in rows if row.get("detail") and row[counted]]
    for number, part in enumerate(check.params.get("where", ())):
        bad = sum(row[f"{counted}_{number}"] for row in rows)
        if bad:
            notes.append(f"{part}: {bad}")
    return Finding(
        passed=all(row[counted] == 0 for row in rows),
        observed=_observed(unexpected, elements if known else None, notes),
        unexpected=unexpected,
        elements=elements if known else None,
        delivery_id=delivery,
    )


def _native_finding(check: Check, result: Any) -> Finding:
    found, passed = result.result, bool(result.success)
    if check.expectation == "columns_present":
        missing = sorted((found.get("details") or {}).get("mismatched", {}).get("missing", []))
        return Finding(passed, _observed(len(missing), None, missing), len(missing))
    # Without counts the library would call it a success; here it is a KeyError, so a failure.
    unexpected, elements = found["unexpected_count"], found["element_count"]
    return Finding(passed, _observed(unexpected, elements, ()), unexpected, elements)


def _observed(unexpected: int | None, elements: int | None, notes: Iterable[str]) -> str:
    counts = f"{unexpected}" if elements is None else f"{unexpected}/{elements}"
    notes = list(notes)
    shown = ", ".join(notes[:10]) + (", …" if len(notes) > 10 else "")
    return f"{counts} ({shown})" if shown else counts


def _broken(check: Check, error: str) -> list[Finding]:
    """The check could not be answered: failed, for each delivery that it was to judge."""
    return [
        Finding(False, error, delivery_id=delivery)
        for delivery in dict.fromkeys(check.deliveries.values()) or [None]
    ]


def _error_class(info: dict[str, Any] | None) -> str | None:
    """The class of the first error in the library's info; never its message, which may quote values."""
    if not info:
        return None
    infos = [info] if "raised_exception" in info else list(info.values())
    for entry in infos:
        values = entry if isinstance(entry, dict) else getattr(entry, "__dict__", {})
        if values.get("raised_exception"):
            return _class_in(values.get("exception_traceback") or "")
    return None


def _class_in(traceback: str) -> str:
    """The innermost error of a traceback: the first line that names one."""
    for line in traceback.splitlines():
        found = re.match(r"([A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Warning))\b", line)
        if found:
            return found[1].rsplit(".", 1)[-1]
    return "Exception"
