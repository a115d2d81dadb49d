"""What a night costs per dossier: bytes and core-seconds at two sizes, so that fixed cost and growth come apart.

    python -m benchmarks.growth --dossiers 200000 1000000

A first night over a sample, as `parindex run` does it: everything landed, built, checked and published. Core-seconds are
the processor time of the night and its workers, which hardly depends on what else the machine does; the line through
the two sizes gives the fixed part and the part per million. docs/growth.md reckons with these figures.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

AS_OF = date(2024, 11, 30)


@dataclass(frozen=True)
class Night:
    """Bytes, rows, seconds and core-seconds of one first night; memory is the peak of its largest process, GB."""

    dossiers: int
    amounts: dict[str, float]


def _bytes(*paths: Path) -> int:
    return sum(
        file.stat().st_size
        for path in paths
        for file in ([path] if path.is_file() else path.rglob("*"))
        if file.is_file()
    )


def night(folder: Path, dossiers: int) -> Night:
    from sources.sample import write_sample

    inbox, home = folder / f"inbox{dossiers}", folder / f"home{dossiers}"
    write_sample(inbox, dossiers=dossiers, as_of=AS_OF)
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", "from orchestration.entry import main; main()", "run", "--inbox", str(inbox)],
        env={**os.environ, "PARINDEX_HOME": str(home)},
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if os.waitstatus_to_exitcode(status):
        raise SystemExit("the night failed; see the log in its home")
    landing = home / "landing"
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        (documents,) = connection.execute(
            "select count(*) from staging.stg_document_office__documents"
        ).fetchall()[0]
    amounts = {
        "exports, bytes": _bytes(inbox),
        "landing: dossiers, bytes": _bytes(landing / "tthc" / "dossiers"),
        "landing: all else, bytes": _bytes(landing) - _bytes(landing / "tthc" / "dossiers"),
        "build file, bytes": _bytes(home / "warehouse.duckdb"),
        "a version: DuckDB, bytes": _bytes((home / "published" / "par_index.duckdb").resolve()),
        "a version: Parquet, bytes": _bytes((home / "published" / "parquet").resolve()),
        "documents, rows": documents,
        "night, core-seconds": usage.ru_utime + usage.ru_stime,
        "night, seconds": seconds,
        "night, peak GB": usage.ru_maxrss / 1e6,
    }
    return Night(dossiers, amounts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dossiers", type=int, nargs=2, default=[200_000, 1_000_000])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="parindex-growth-") as temporary:
        small, large = (night(Path(temporary), dossiers) for dossiers in sorted(arguments.dossiers))
    print(f"{platform.machine()}, {os.cpu_count()} cores, DuckDB {duckdb.__version__}")
    print(
        f"{'':<28}{f'{small.dossiers:,}':>16}{f'{large.dossiers:,}':>16}{'fixed':>14}{'per dossier':>14}{'per million':>16}"
    )
    for name, before in small.amounts.items():
        after = large.amounts[name]
        each = (after - before) / (large.dossiers - small.dossiers)
        fixed = before - each * small.dossiers
        digits = 0 if before > 1000 else 2
        print(
            f"{name:<28}{before:>16,.{digits}f}{after:>16,.{digits}f}{fixed:>14,.{digits}f}{each:>14,.6f}{each * 1e6:>16,.1f}"
        )


if __name__ == "__main__":
    main()
