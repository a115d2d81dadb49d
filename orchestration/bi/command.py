"""`parindex superset`: the bundle as a zip for Superset's import."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import sqlalchemy as sa
import typer

from orchestration.out_option import check_out_file
from orchestration.terminal import console, plain
from warehouse.settings import load_settings

EXAMPLES = (
    "Examples: parindex superset --out par_index.zip    |    parindex superset --out par_index.zip --database"
    " postgresql+psycopg2://superset:SECRET@db.example.gov.vn/par_index    then: Superset, Dashboards, Import"
)
_BACKENDS = ("duckdb", "postgresql")


def superset(
    out: Annotated[Path, typer.Option(help="File to write, .zip.")] = Path("par_index_superset.zip"),
    database: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="SQLAlchemy address under which Superset reaches the marts; a password in it is not written,"
            " Superset asks for it. \\[default: the published DuckDB file]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Datasets, charts and dashboards for Apache Superset, as its own import takes them."""
    from orchestration.bi.model import load_bundle
    from orchestration.bi.superset import write_bundle

    settings = load_settings()
    check_out_file(settings, out, ".zip")
    url = database or f"duckdb:///{settings.published_file.absolute()}"
    try:
        backend = sa.make_url(url).get_backend_name()
    except sa.exc.ArgumentError:
        backend = ""
    if backend not in _BACKENDS:
        raise typer.BadParameter(
            "write the database as duckdb:////path/to/par_index.duckdb or postgresql+psycopg2://USER@HOST/DATABASE"
        )
    write_bundle(out, url)
    bundle = load_bundle()
    charts = sum(1 for _ in bundle.charts)
    console.print(
        f"Wrote {plain(out)}: {len(bundle.dashboards)} dashboards, {charts} charts, {len(bundle.datasets)} datasets."
        " Superset: Dashboards, Import; how in docs/bi.md",
        soft_wrap=True,
    )
