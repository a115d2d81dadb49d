"""`make bench`: a whole night against other ways to the same figures, over the same files, in one run, with equal results.

    python -m benchmarks [--dossiers 1000000 ...] [--rounds 5] [--contenders duckdb pandas polars dlt ours] [--out docs]
    python -m benchmarks postgres [--rows 1000000]     publishing to PostgreSQL against a bare COPY

Results of several sizes stand beside each other in the report: a run replaces those of its own sizes only.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from datetime import date
from pathlib import Path

import psutil

from benchmarks.compare import Unequal
from benchmarks.deliveries import prepare
from benchmarks.dlt_environment import NoEnvironment, dlt_python
from benchmarks.measure import PROJECT, Failed
from benchmarks.nights import CONTENDERS, DLT, OURS, Results, Wanted, measure_nights
from benchmarks.report import keep
from benchmarks.workbook import measure_workbook

_WORKBOOK_ROWS = 100_000


def tell(line: str) -> None:
    print(line, flush=True)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "--dossiers", type=int, nargs="+", default=[1_000_000], metavar="N", help="sizes, one after the other"
    )
    add("--rounds", type=int, default=5)
    add("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    add("--out", type=Path, default=PROJECT / "docs", help="folder of benchmarks.md, .svg and .json")
    add("--work", type=Path, help="folder for the files, which keeps the prepared inboxes for the next run")
    add(
        "--memory-gb",
        type=float,
        default=psutil.virtual_memory().total * 0.6 / 1e9,
        help="a contender that takes more is stopped and left out (default: 60 %% of the machine's)",
    )
    wanted = parser.parse_args()
    if wanted.rounds < 1 or min(wanted.dossiers) < 1000:
        parser.error("at least one round, and at least 1000 dossiers")
    return wanted


def prepared(work: Path, dossiers: int) -> Path:
    """The inbox of a size, made where it is not there yet; the rename at the end says that it is whole."""
    inbox = work / f"inbox-{dossiers}"
    if not inbox.exists():
        tell(f"preparing {dossiers:,} dossiers ...")
        with tempfile.TemporaryDirectory(dir=work, prefix="preparing-") as name:
            prepare(Path(name), Path(name) / "inbox", dossiers)
            (Path(name) / "inbox").rename(inbox)
    return inbox


def measure(wanted: argparse.Namespace, work: Path) -> None:
    contenders, left_out, python = list(wanted.contenders), {}, ""
    if DLT in contenders:
        tell("dlt's own environment ...")
        try:
            python = dlt_python()
        except NoEnvironment as error:
            left_out[DLT] = f"its environment could not be made: {error}"
            contenders.remove(DLT)
            tell(f"left out: {CONTENDERS[DLT]}: {left_out[DLT]}")
    for size in wanted.dossiers:
        inbox = prepared(work, size)
        with tempfile.TemporaryDirectory(dir=work, prefix="measuring-") as name:
            folder = Path(name)
            results: Results = measure_nights(
                Wanted(folder, inbox, contenders, wanted.rounds, python, int(wanted.memory_gb * 1e9), tell)
            )
            results.left_out.update(left_out)
            workbook = None
            if OURS in contenders:
                tell("workbook ...")
                workbook = measure_workbook(inbox, folder, min(size, _WORKBOOK_ROWS), wanted.rounds)
        tell("\n" + keep(wanted.out, size, results, workbook, date.today().isoformat()))
        tell(f"written to {wanted.out / 'benchmarks.md'}")


def main() -> None:
    if sys.argv[1:2] == ["postgres"]:
        from benchmarks import postgres

        del sys.argv[1]
        return postgres.main()
    wanted = options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # as Ctrl-C: nothing is left at work
    try:
        if wanted.work:
            wanted.work.mkdir(parents=True, exist_ok=True)
            measure(wanted, wanted.work)
        else:
            with tempfile.TemporaryDirectory(prefix="parindex-bench-") as name:
                measure(wanted, Path(name))
    except (Unequal, Failed) as error:
        sys.exit(f"no report: {error}")


if __name__ == "__main__":
    main()
