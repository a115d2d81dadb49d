"""`parindex evidence`: what stands behind a published figure, as a workbook; `--all`: the yearly file."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from orchestration.day_option import day_option
from orchestration.out_option import check_out_file, check_out_folder
from orchestration.terminal import console, errors, plain
from warehouse.settings import load_settings

EPILOG = (
    "Examples: parindex evidence 3.4.1 --out 3.4.1.xlsx    |    "
    "parindex evidence 7.3.5 --agency H62.243 --as-of 2024-11-30 --out vinh-yen.xlsx    |    "
    "parindex evidence --all --out bang-chung-2024/"
)


def evidence(
    out: Annotated[Path, typer.Option(help="Workbook to write (.xlsx); with --all a folder.")],
    target_id: Annotated[str | None, typer.Argument(help="Target of the plan, e.g. 3.4.1.")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every target, with an index page and checksums.")
    ] = False,
    agency: Annotated[
        str | None, typer.Option(help="Only the rows of this agency, by its code. \\[default: the province]")
    ] = None,
    variant: Annotated[
        str | None, typer.Option(help="A further reading, e.g. B for 3.4.1. \\[default: the headline]")
    ] = None,
    as_of: Annotated[
        date | None,
        typer.Option(
            "--as-of",
            parser=day_option,
            metavar="YYYY-MM-DD",
            help="A published night that is kept. \\[default: the last one]",
        ),
    ] = None,
) -> None:
    """What stands behind a published figure, as a workbook: formula, figures, counted and rejected rows."""
    from orchestration.evidence import EvidenceError, Mismatch, UnknownName, open_evidence

    if every == (target_id is not None):
        raise typer.BadParameter("name one target, or say --all", param_hint="TARGET_ID")
    if every and variant is not None:
        raise typer.BadParameter("a reading belongs to one target: not with --all", param_hint="--variant")
    settings = load_settings()
    if not every:
        check_out_file(settings, out, ".xlsx")
    elif out.suffix.lower() == ".xlsx" or (out.exists() and not out.is_dir()):
        raise typer.BadParameter(f"{out} is a file; with --all a folder is needed", param_hint="--out")
    else:
        check_out_folder(settings, out)
    with console.status("...") as status:
        try:
            with open_evidence(settings, as_of, status.update) as night:
                if every:
                    code = _write_all(night, out, agency, status)
                else:
                    code = _write_one(night, target_id, out, agency, variant, status)
        except Mismatch as found:
            errors.print(f"[red]Không khớp – rows and figure disagree:[/] {plain(found)}", soft_wrap=True)
            raise typer.Exit(1) from None
        except EvidenceError as error:
            errors.print(f"[red]Chưa lập được – no evidence written:[/] {plain(error)}", soft_wrap=True)
            raise typer.Exit(2 if isinstance(error, UnknownName) else 1) from None
    if code:
        raise typer.Exit(code)


def _write_one(night, target_id: str, out: Path, agency: str | None, variant: str | None, status) -> int:
    from orchestration.evidence import figures, write_evidence

    one = write_evidence(night, target_id, out, agency=agency, variant=variant, tell=status.update)
    console.print(
        f"{one.target.target_id} {plain(one.agency_name)}: {figures.figure_text(one.target, one.figure)}"
        f" ({figures.number_text(one.figure.numerator)} / {figures.number_text(one.figure.denominator)}),"
        f" {figures.verdict_text(one.figure, one.scored).lower()}, as of {night.as_of}.",
        soft_wrap=True,
    )
    console.print(
        f"Wrote {one.rows:,} counted and {one.rejected:,} rejected rows to {plain(out)}.", soft_wrap=True
    )
    return 0


def _write_all(night, out: Path, agency: str | None, status) -> int:
    from orchestration.evidence import write_all

    def tell(done: int, of: int, target_id: str) -> None:
        line = f"{done}/{of}  {target_id}"
        status.update(line)
        if not console.is_terminal and (done % 10 == 0 or done == of):
            console.print(line)

    bundle = write_all(night, out, agency=agency, tell=tell)
    rows = sum(one.rows for one in bundle.written)
    console.print(
        f"Wrote {len(bundle.written)} workbooks with {rows:,} counted rows, index.html and SHA256SUMS to"
        f" {plain(out)}.",
        soft_wrap=True,
    )
    if bundle.without:
        console.print(f"Nothing to count for: {', '.join(bundle.without)}.", soft_wrap=True)
    for text in bundle.mismatches:
        errors.print(f"[red]Không khớp – rows and figure disagree:[/] {plain(text)}", soft_wrap=True)
    return 1 if bundle.mismatches else 0
