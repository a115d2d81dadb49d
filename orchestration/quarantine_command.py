"""`parindex quarantine`: rejected rows, on the screen and in a file to be sent back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestration.out_option import check_out_file
from orchestration.terminal import console, plain
from sources.contract import load_contracts
from sources.text import place_of
from warehouse.new_file import new_file
from warehouse.settings import load_settings

app = typer.Typer(
    help="Rejected rows: file, sheet, row, column, value, reason.",
    epilog="Examples: parindex quarantine list    |    parindex quarantine export --out rejected.xlsx",
    no_args_is_help=True,
)
SourceOption = Annotated[str | None, typer.Option(help="Only this source, e.g. tthc.")]
TableOption = Annotated[str | None, typer.Option(help="Only this table, e.g. dossiers.")]
PersonalOption = Annotated[
    bool,
    typer.Option(
        "--personal",
        help="Show personal data too, where PARINDEX_PERSONAL_DATA=plain has kept them readable.",
    ),
]


def _check_names(source: str | None, table: str | None) -> None:
    """A name that no contract knows would look as if nothing had been rejected."""
    contracts = load_contracts()
    if source is not None and source not in contracts:
        raise typer.BadParameter(f"{source!r}: one of {', '.join(contracts)}", param_hint="--source")
    known = [name for one in contracts.values() if source in (None, one.name) for name in one.tables]
    if table is not None and table not in known:
        raise typer.BadParameter(f"{table!r}: one of {', '.join(known)}", param_hint="--table")


def _show_rejected(row: dict) -> None:
    """One row on one line, as narrow as the terminal may be: a file name that is cut cannot be searched for."""
    place = place_of(row["source"], row["delivered_on"], row["file_name"])
    sheet = f", trang {row['sheet']}" if row["sheet"] else ""
    value = f" = {row['value']!r}" if row["value"] else ""
    cell = f", {row['column_name']}{value}" if row["column_name"] else ""
    console.print(
        f"{place}{sheet}, dòng {row['row_number']}{cell}: {row['reason'] or ''}", markup=False, soft_wrap=True
    )


@app.command("list", epilog="Example: parindex quarantine list --table dossiers --limit 50")
def quarantine_list(
    source: SourceOption = None,
    table: TableOption = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows to show.")] = 100,
    personal: PersonalOption = False,
) -> None:
    """Show rejected rows."""
    import duckdb

    from warehouse.ledger import Ledger
    from warehouse.quarantine import quarantine

    _check_names(source, table)
    settings = load_settings()
    ledger = Ledger.to_look_at(settings.ledger)
    with duckdb.connect(config=settings.duckdb()) as connection:
        relation = quarantine(settings, ledger, connection, source=source, table=table, personal=personal)
        total = relation.aggregate("count(*)").fetchall()[0][0]
        console.print(f"{total:,} dòng bị loại – rejected rows")
        for row in relation.limit(limit).fetchall():
            _show_rejected(dict(zip(relation.columns, row, strict=True)))
    ledger.close()
    if total > limit:
        console.print(f"{total - limit:,} more: `parindex quarantine export --out FILE.xlsx`, or --limit.")


@app.command("export", epilog="Example: parindex quarantine export --out rejected.xlsx --source tthc")
def quarantine_export(
    out: Annotated[Path, typer.Option(help="File to write, .csv or .xlsx.")] = Path("quarantine.csv"),
    source: SourceOption = None,
    table: TableOption = None,
    personal: PersonalOption = False,
) -> None:
    """Write rejected rows to a file, to be sent back to whoever delivered them."""
    import duckdb

    from warehouse.ledger import Ledger
    from warehouse.quarantine import export_quarantine, quarantine

    settings = load_settings()
    check_out_file(settings, out, ".csv", ".xlsx")
    _check_names(source, table)
    ledger = Ledger.to_look_at(settings.ledger)
    with duckdb.connect(config=settings.duckdb()) as connection:
        rejected = quarantine(settings, ledger, connection, source=source, table=table, personal=personal)
        with new_file(out) as draft:
            rows = export_quarantine(rejected, draft, out.suffix)
    ledger.close()
    console.print(f"Wrote {rows:,} rejected rows to {plain(out)}.")
