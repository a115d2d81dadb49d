"""The BI bundle in a real Superset: imported by its own command and API, every chart asked for its data.

    make bi-demo                     the published DuckDB file
    make bi-demo POSTGRES=1          the same night in a PostgreSQL of our own
    make bi-demo PICTURES=folder     and a picture of each dashboard (needs Chromium)
    make bi-demo SERVE=1             and leaves it running to be looked at

Ends with 1 when a chart fails, or is empty without saying why it may be.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import sqlalchemy as sa
from rich.markup import escape
from rich.table import Table

from orchestration.bi.model import Bundle, Chart, load_bundle
from orchestration.bi.superset import DATABASE_FILE, DATABASE_NAME, files, identifier, write_bundle
from orchestration.terminal import console
from tests.bi.demo.api import Api, ApiError
from tests.bi.demo.superset import USER, Superset, SupersetError
from warehouse.postgres import publish_to
from warehouse.publish import current
from warehouse.settings import Settings, load_settings


@dataclass(frozen=True)
class Answer:
    chart: Chart
    rows: int
    milliseconds: float
    error: str | None

    @property
    def failed(self) -> bool:
        return self.error is not None or (self.rows == 0 and not self.chart.option("empty"))

    @property
    def remark(self) -> str:
        if self.error:
            return f"[red]{escape(self.error)}"
        if self.rows == 0:
            return self.chart.option("empty") or "[red]no rows"
        return ""


def import_bundle(api: Api, bundle: Bundle, zipped: Path, password: str | None) -> None:
    """By the assets API, which renews what an earlier import made; twice, to see that nothing doubles."""
    passwords = json.dumps({DATABASE_FILE: password} if password else {})
    expected = {
        "chart": {identifier("chart", chart.name) for chart in bundle.charts},
        "dataset": {identifier("dataset", name) for name in bundle.datasets},
        "dashboard": {identifier("dashboard", dashboard.name) for dashboard in bundle.dashboards},
    }
    counts = []
    for _ in range(2):
        api.upload("/api/v1/assets/import/", "bundle", zipped.name, zipped.read_bytes(), passwords=passwords)
        there = {kind: [row["uuid"] for row in api.all(kind, "id", "uuid")] for kind in expected}
        for kind, wanted in expected.items():
            if missing := wanted - set(there[kind]):
                raise SupersetError(f"{len(missing)} of {len(wanted)} {kind}s are not there after the import")
        counts.append({kind: len(rows) for kind, rows in there.items()})
    if counts[0] != counts[1]:
        raise SupersetError(f"a second import added something: {counts[0]}, then {counts[1]}")


def ask(api: Api, bundle: Bundle) -> Iterator[Answer]:
    """What each imported chart answers to the query that Superset keeps with it."""
    numbers = {row["uuid"]: row["id"] for row in api.all("chart", "id", "uuid")}
    for chart in bundle.charts:
        kept = api.get(f"/api/v1/chart/{numbers[identifier('chart', chart.name)]}")["result"]
        rows, error = 0, None
        started = time.monotonic()
        try:
            results = api.post("/api/v1/chart/data", json.loads(kept["query_context"]))["result"]
            rows = sum(result["rowcount"] for result in results)
            error = next((result["error"] for result in results if result["error"]), None)
        except ApiError as refused:
            error = str(refused)
        yield Answer(chart, rows, (time.monotonic() - started) * 1000, error)


def table_of(answers: list[Answer]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("chart", no_wrap=True)
    for heading in ("rows", "ms"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for answer in answers:
        table.add_row(
            answer.chart.name,
            f"{answer.rows:,}",
            f"{answer.milliseconds:,.0f}",
            answer.remark,
        )
    return table


def follows_new_file(api: Api, folder: Path) -> bool:
    """Whether Superset sees a file that takes over the name of the one it has read, as a night is published."""
    file = folder / "follow.duckdb"

    def publish(night: int) -> None:
        fresh = folder / "follow.new.duckdb"
        fresh.unlink(missing_ok=True)
        with duckdb.connect(str(fresh)) as connection:
            connection.execute(f"create table night as select {night} as number")
        fresh.replace(file)

    publish(1)
    made = files(f"duckdb:///{file}")[DATABASE_FILE]
    database = api.post(
        "/api/v1/database/",
        {
            "database_name": f"follow {time.time_ns()}",
            "sqlalchemy_uri": made["sqlalchemy_uri"],
            "extra": json.dumps(made["extra"]),
            "expose_in_sqllab": True,
        },
    )["id"]

    def seen() -> int:
        question = {"database_id": database, "sql": "select number from night", "runAsync": False}
        return api.post("/api/v1/sqllab/execute/", question)["data"][0]["number"]

    before = seen()
    publish(2)
    after = seen()
    file.unlink()
    return (before, after) == (1, 2)


@contextlib.contextmanager
def source(settings: Settings, postgres: bool) -> Iterator[sa.URL]:
    """The address of the published night: its file, or a PostgreSQL that it was sent to, as a reader of it."""
    if not postgres:
        yield sa.make_url(f"duckdb:///{settings.published_file.absolute()}")
        return
    from tests.own_postgres import OwnPostgres

    with OwnPostgres() as server:
        database = server.new_database("par_index")
        night = current(settings)
        assert night is not None
        publish_to(database.render_as_string(hide_password=False), night)
        with server.connect(database) as admin:
            admin.execute("create role superset login password 'đọc/số liệu' in role bi_reader")
        yield server.address("par_index", "superset", "đọc/số liệu").set(drivername="postgresql+psycopg2")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--programs", type=Path, required=True, help="folder with superset and gunicorn")
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--port", type=int)
    wanted = parser.parse_args()
    settings = load_settings().create()
    if not settings.published_file.exists():
        console.print("Nothing is published yet: run `make run` first.")
        return 1
    folder = settings.home / "bi-demo"
    superset = Superset(wanted.programs, folder, wanted.port)
    bundle = load_bundle()
    with source(settings, wanted.postgres) as url:
        console.print(f"Source: {url.render_as_string(hide_password=True)}", soft_wrap=True)
        console.print(f"Preparing Superset in {folder} (a minute the first time) ...", soft_wrap=True)
        superset.prepare()
        zipped = folder / "par_index.zip"
        write_bundle(zipped, url.render_as_string(hide_password=False))
        if not url.password:  # the command has no way to be told a password
            console.print("superset import-dashboards ...")
            superset.command("import-dashboards", "--path", str(zipped), "--username", USER)
        with superset:
            api = superset.api()
            console.print("POST /api/v1/assets/import/ ...")
            import_bundle(api, bundle, zipped, str(url.password) if url.password else None)
            answers = list(ask(api, bundle))
            console.print(table_of(answers))
            failed = [answer for answer in answers if answer.failed]
            console.print(
                f"{len(answers)} charts of {len(bundle.dashboards)} dashboards in database {DATABASE_NAME}:"
                f" {len(failed)} failed; slowest {max(a.milliseconds for a in answers):,.0f} ms"
            )
            follows = wanted.postgres or follows_new_file(api, folder)
            if not wanted.postgres:
                console.print(f"A newly published file is {'followed' if follows else '[red]not followed'}.")
            broken = []
            if wanted.pictures:
                from tests.bi.demo.pictures import take

                broken = take(superset, bundle, wanted.pictures)
                for name, errors in broken:
                    console.print(f"[red]{name} shows errors:[/] {escape('; '.join(errors))}")
                console.print(f"Pictures in {wanted.pictures}", soft_wrap=True)
            if wanted.serve:
                console.print(
                    f"{superset.address}/dashboard/list/   user {USER}, password in {folder / 'password'}   (Ctrl-C ends it)",
                    soft_wrap=True,
                )
                with contextlib.suppress(KeyboardInterrupt):
                    superset.wait()
    return 1 if failed or broken or not follows else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (SupersetError, ApiError) as error:
        console.print(f"[red]{escape(str(error))}", soft_wrap=True)
        sys.exit(1)
