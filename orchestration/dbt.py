"""dbt: the manifest that the asset graph is made from, and the build of one night.

In a worker process that is kept, because a dbt command of its own takes longer to start than the build takes to run.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from orchestration import aside
from warehouse.fingerprint import fingerprint
from warehouse.settings import BUILDING, DBT_PROJECT, Settings

MANIFEST = DBT_PROJECT / "target" / "manifest.json"
MANIFEST_AT_NIGHT = MANIFEST.with_name("manifest_at_night.json")
SEMANTIC_MANIFEST = MANIFEST.with_name("semantic_manifest.json")  # what MetricFlow reads
MADE_FROM = MANIFEST.with_name(
    "manifests_made_from"
)  # tells whether the three are those of the project as it stands
# Generic and dialect tests: the gate checks keys and ranges in one pass. Evidence views: made when evidence is asked for.
NOT_AT_NIGHT = "test_type:generic tag:dialect par_index.evidence"
OUT_OF_MEMORY = "Out of Memory Error"  # how DuckDB says it, whoever passes it on
log = logging.getLogger(__name__)


class DbtFailed(Exception):
    """Some model, seed or test of dbt failed; the message names them."""


def _usual_threads() -> int:
    """As many as DuckDB takes by itself."""
    import duckdb

    with duckdb.connect() as connection:
        return connection.execute("select current_setting('threads')").fetchall()[0][0]


@contextmanager
def _environment(warehouse: Path, settings: Settings | None = None) -> Iterator[None]:
    values = {"PARINDEX_WAREHOUSE": str(warehouse), "DO_NOT_TRACK": "1"}
    if settings is not None:
        values["PARINDEX_MEMORY_LIMIT"] = settings.memory_limit
        values["PARINDEX_DUCKDB_THREADS"] = str(settings.threads or _usual_threads())
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)


# What parses the project and what chooses from it.
_PARSERS = ("dbt-core", "dbt-duckdb", "dbt-semantic-interfaces", "dagster-dbt")
_MADE_BY_DBT = ("target", "logs")


def _project() -> str:
    """The fingerprint of all that the manifests are made from."""
    files = [path for path in sorted(DBT_PROJECT.iterdir()) if path.name not in _MADE_BY_DBT]
    return fingerprint([*files, Path(__file__)], *map(version, _PARSERS))


def _as_made(project: str) -> str:
    """What is noted beside the manifests: they themselves count too, since dbt by hand writes over one of them."""
    return fingerprint([SEMANTIC_MANIFEST, MANIFEST_AT_NIGHT, MANIFEST], project)


def _are_current(project: str) -> bool:
    try:
        return MADE_FROM.read_text(encoding="utf-8") == _as_made(project)
    except FileNotFoundError:
        return False


# Any day will do for parsing, but always the same one: dbt parses everything again when a variable has changed.
_PARSING_DAY = date(2024, 12, 31)


def _parse():
    """dbt's own manifest object of the project; quick where dbt finds its last parse beside it.

    The name of the build file is that of the database in every relation, so parsing needs it too, if not the file.
    """
    arguments = ["parse", "--no-write-json", *options(MANIFEST.parent, _PARSING_DAY)]
    return _invoke(arguments, Path(BUILDING)).result


def _write_manifests(project: str) -> None:
    """By renames: another process may be reading those that stand."""
    from dbt.contracts.graph.semantic_manifest import SemanticManifest

    parsed = _parse()
    for path, write in (
        (SEMANTIC_MANIFEST, SemanticManifest(parsed).write_json_to_file),
        (MANIFEST_AT_NIGHT, partial(_write_manifest_at_night, parsed)),
        (MANIFEST, parsed.write),
        (MADE_FROM, lambda new: Path(new).write_text(_as_made(project), encoding="utf-8")),
    ):
        new = path.with_name(f".{path.name}.{os.getpid()}")
        write(str(new))
        new.replace(path)


def _write_manifest_at_night(parsed, path: str) -> None:
    """The same, of what a night builds alone, exposures among the nodes: dagster-dbt takes all nodes when it is without dbt."""
    from dagster_dbt.utils import select_unique_ids

    parsed.write(path)
    whole = json.loads(Path(path).read_text(encoding="utf-8"))
    selected = select_unique_ids("fqn:*", NOT_AT_NIGHT, "", None, whole)
    known = whole["nodes"] | whole["exposures"]
    whole["nodes"] = {name: node for name, node in known.items() if name in selected}
    Path(path).write_text(json.dumps(whole), encoding="utf-8")


def manifest_path() -> Path:
    """The manifest of the project as it stands; parsed again only when a file of the project has changed."""
    project = _project()  # taken first: what changes while dbt parses is parsed again the next time
    if not _are_current(project):
        aside.building.run(_write_manifests, project)
    return MANIFEST


def manifest() -> dict[str, Any]:
    return json.loads(manifest_path().read_text(encoding="utf-8"))


def manifest_at_night() -> dict[str, Any]:
    """The manifest whose nodes are what a night builds, and the exposures."""
    manifest_path()  # all are made together
    return json.loads(MANIFEST_AT_NIGHT.read_text(encoding="utf-8"))


def write_docs(work: Path) -> Path:
    """dbt's own page of models, columns and lineage, in one file, from the manifest alone; into a new folder."""
    work.mkdir()
    for name in (MANIFEST.name, "partial_parse.msgpack"):
        shutil.copyfile(manifest_path().parent / name, work / name)
    arguments = ["docs", "generate", "--static", "--empty-catalog", "--no-compile"]
    _invoke([*arguments, *options(work, _PARSING_DAY)], work / BUILDING)
    return work / "static_index.html"


def options(target: Path, as_of: date, engine: str = "duckdb") -> list[str]:
    return [
        "--project-dir", str(DBT_PROJECT),
        "--profiles-dir", str(DBT_PROJECT),
        "--target", engine,
        "--target-path", str(target),
        "--log-path", str(target / "logs"),
        # Failures only: its 4,000 lines of every night's SQL cost a fifth of the build.
        "--log-level-file", "warn",
        "--vars", json.dumps({"as_of": as_of.isoformat()}),
        "--quiet",
        "--no-use-colors",
    ]  # fmt: skip


def _invoke(
    arguments: list[str], warehouse: Path, settings: Settings | None = None, callbacks=None, parsed=None
):
    from dbt.cli.main import dbtRunner

    with _environment(warehouse, settings):
        result = dbtRunner(manifest=parsed, callbacks=callbacks or []).invoke(arguments)
    # dbt keeps its connection to the file; nobody else in this process could open it.
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    DuckDBConnectionManager.close_all_connections()
    if isinstance(result.exception, KeyboardInterrupt):
        raise KeyboardInterrupt
    if result.exception is not None:
        raise DbtFailed(str(result.exception) or type(result.exception).__name__)
    return result


# In the worker: the project as parsed before the first task came.
_parsed_ahead = None


def begin() -> None:
    """What the worker does before its first task."""
    global _parsed_ahead
    _parsed_ahead = _parse()


def build(settings: Settings, as_of: date, *, data_tests: bool = True) -> Iterator[dict[str, Any]]:
    """Build seeds, models and (unless told otherwise) the singular data tests into the build file, with DuckDB.

    Yields one dict per node when it is done: unique_id, resource_type, name, status, seconds, message, failures. Seeds that
    a build has from the one that it started from are told with the status `kept`: the same rules, the same seeds. Unit
    tests and tests of single columns are for developers: they run in the test suite, not at night, where the gate
    checks keys and ranges of the marts in one pass. Raises DbtFailed when dbt itself fails.
    """
    from warehouse.build import open_build_file  # not by the worker, which has enough to import
    from warehouse.carry import read_build

    seen = set()
    with open_build_file(settings, settings.building) as connection:
        build = read_build(connection)
    keeps_seeds = build is not None and build.carried_from is not None
    done = aside.building.stream(_build, settings, as_of, data_tests, keeps_seeds)
    while True:
        try:
            node = next(done)
        except StopIteration as end:
            # Skipped nodes never finish.
            yield from (node for node in end.value if node["unique_id"] not in seen)
            return
        seen.add(node["unique_id"])
        yield node


def of_a_night(data_tests: bool = True, keeps_seeds: bool = False) -> list[str]:
    """dbt's arguments for what a night builds of the project."""
    left_out = ["unit_test", *([] if data_tests else ["test"]), *(["seed"] if keeps_seeds else [])]
    return ["--exclude-resource-type", *left_out, "--exclude", *NOT_AT_NIGHT.split()]


def _finished(
    unique_id: str,
    kind: str,
    name: str,
    status: str,
    seconds: float,
    message: str | None,
    failures: int | None,
) -> dict[str, Any]:
    return {
        "unique_id": unique_id,
        "resource_type": kind,
        "name": name,
        "status": status,
        "seconds": seconds,
        "message": message,
        "failures": failures,
    }


def _build(settings: Settings, as_of: date, data_tests: bool, keeps_seeds: bool) -> list[dict[str, Any]]:
    global _parsed_ahead

    def listen(event) -> None:
        if event.info.name == "NodeFinished":
            node, of = event.data.node_info, event.data.run_result
            aside.tell_parent(
                _finished(
                    node.unique_id,
                    node.resource_type,
                    node.node_name,
                    of.status,
                    of.execution_time,
                    of.message or None,
                    of.num_failures,
                )
            )

    arguments = [
        "build",
        *options(settings.work / "dbt", as_of),
        *of_a_night(data_tests, keeps_seeds),
        "--no-write-json",  # a manifest every night, which nobody reads: a third of a second
    ]
    parsed, _parsed_ahead = _parsed_ahead or _parse(), None
    if keeps_seeds:  # told first: Dagster takes what is made of them only after them
        for seed in (node for node in parsed.nodes.values() if node.resource_type == "seed"):
            aside.tell_parent(_finished(seed.unique_id, "seed", seed.name, "kept", 0.0, None, None))
    result = _invoke(arguments, settings.building, settings, [listen], parsed=parsed)
    return [
        _finished(
            of.node.unique_id,
            str(of.node.resource_type),
            of.node.name,
            str(of.status),
            of.execution_time,
            of.message,
            of.failures,
        )
        for of in result.result.results
    ]


def rows_found(settings: Settings, test: str, most: int = 3) -> str:
    """The first rows that a failed data test found, as `column value, ...; ...`: which field, which target, how much.

    Empty where they cannot be read again: the test did not run, or another engine compiled it.
    """
    import duckdb

    compiled = settings.work / "dbt" / "compiled" / "par_index" / "tests" / f"{test}.sql"
    try:
        query = compiled.read_text(encoding="utf-8")
        with duckdb.connect(str(settings.building), read_only=True, config=settings.duckdb()) as connection:
            found = connection.execute(f"select * from (\n{query}\n) limit {most}")
            names = [column[0] for column in found.description]
            rows = found.fetchall()
    except (OSError, duckdb.Error):
        return ""
    return "; ".join(
        ", ".join(f"{name} {str(value)[:80]}" for name, value in zip(names, row, strict=True)) for row in rows
    )


def run_models(settings: Settings, as_of: date, select: list[str]) -> None:
    """Seeds and models of a selection into the build file, without tests. Raises DbtFailed."""
    arguments = [
        "build",
        *options(settings.work / "dbt", as_of),
        "--select", *select,
        "--exclude-resource-type", "test", "unit_test",
        "--log-level", "none",  # on the terminal: whoever asked for the models is told what failed, and of Ctrl-C knows
    ]  # fmt: skip
    result = _invoke(arguments, settings.building, settings)
    if not result.success:
        failed = [node for node in result.result.results if str(node.status) == "error"]
        names = ", ".join(node.node.name for node in failed) or "unknown"
        # Of the reasons this one alone: a message can quote a row.
        of_memory = any(OUT_OF_MEMORY in (node.message or "") for node in failed)
        raise DbtFailed(f"models failed: {names}" + (f" ({OUT_OF_MEMORY})" if of_memory else ""))
