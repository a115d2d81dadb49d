"""`make bench`: a whole night against a hand-written script over the same files, in one run, with equal results.

Both read the same CSV exports. The script (floor.sql) is what a good analyst would write once: it trusts the files,
keeps nothing and checks nothing. The night does everything a night does. Prints times, memory, ratios and the fixed cost.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import duckdb

HERE = Path(__file__).resolve().parent
AS_OF = date(2024, 11, 30)
CATALOGUES = ("agencies", "procedures", "agency_procedures")


def parindex(home: Path, *arguments: str) -> tuple[float, float]:
    """Seconds and peak memory (GB) of one command in a process of its own."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", "from orchestration.cli import main; main()", *arguments],
        env={**os.environ, "PARINDEX_HOME": str(home)},
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"parindex {' '.join(arguments)} failed")
    return time.perf_counter() - started, usage.ru_maxrss / 1e6


def prepare(folder: Path, dossiers: int) -> Path:
    """An inbox of plain CSV: the sample's bulk files, and its catalogues as landing reads them."""
    from sources.sample import write_sample

    sample, inbox, home = folder / "sample", folder / "inbox", folder / "catalogue-home"
    write_sample(sample, dossiers=dossiers, as_of=AS_OF)
    bulk = [*sample.glob("tthc/*/dossiers_2024_p*.csv"), *sample.glob("document_office/*/documents_p*.csv")]
    for file in bulk:
        target = inbox / file.relative_to(sample)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    small = folder / "small"
    for table in CATALOGUES:
        for file in sample.glob(f"tthc/*/{table}*"):
            target = small / file.relative_to(sample)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
    parindex(home, "run", "--inbox", str(small), "--as-of", AS_OF.isoformat())
    day = inbox / "tthc" / "2024-10-31"
    day.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        for table in CATALOGUES:
            names = ", ".join(
                name
                for (name,) in connection.execute(
                    "select column_name from duckdb_columns() where schema_name = 'staging' and table_name = $1"
                    " and column_name not in ('delivered_on', 'file_name', 'sheet_no', 'row_number_in_file')",
                    [f"stg_tthc__{table}"],
                ).fetchall()
            )
            # The staging views name the database after the build file.
            connection.execute("attach if not exists ':memory:' as scratch")
            connection.execute(
                f"copy (select {names} from {source(connection, home, table)}) to '{day / table}.csv'"
            )
    return inbox


def source(connection: duckdb.DuckDBPyConnection, home: Path, table: str) -> str:
    """The newest version of each row of a catalogue, straight from landed Parquet."""
    from sources.contract import load_contracts

    key = ", ".join(load_contracts()["tthc"].tables[table].key)
    files = f"{home}/landing/tthc/{table}/*/*[0-9a-f].parquet"
    return (
        f"(select * from read_parquet('{files}', union_by_name = true) where _error_no is null"
        f" qualify row_number() over (partition by {key} order by _delivered_on desc, _file_name desc) = 1)"
    )


def floor(inbox: Path, target: Path) -> tuple[float, float]:
    """Seconds and peak memory (GB) of the hand-written script, in a process of its own."""
    started = time.perf_counter()
    code = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[3]);"
        " c.execute(open(sys.argv[1]).read().replace('{inbox}', sys.argv[2]))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(HERE / "floor.sql"), str(inbox), str(target)])
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit("the hand-written script failed")
    return time.perf_counter() - started, usage.ru_maxrss / 1e6


def differences(home: Path, target: Path) -> int:
    """Figures of the script that the published marts do not have to the unit."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{home}/published/par_index.duckdb' as ours (read_only)")
        connection.execute(f"attach '{target}' as floor (read_only)")
        return connection.execute("""
            select count(*)
            from floor.main.figures as f
            left join ours.marts.fct_indicator as i
                using (target_id, agency_code, period_kind, period_start)
            where f.denominator > 0 and i.is_headline is not false
                and (i.numerator is distinct from f.numerator or i.denominator is distinct from f.denominator)
        """).fetchall()[0][0]


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--dossiers", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="parindex-bench-") as name:
        folder = Path(name)
        print(f"{options.dossiers:,} dossiers, {os.cpu_count()} cores, Python {platform.python_version()},"
              f" DuckDB {duckdb.__version__}; preparing ...", flush=True)  # fmt: skip
        inbox = prepare(folder, options.dossiers)
        floors, firsts, quiet = [], [], []
        for number in range(options.rounds):
            target = folder / f"floor{number}.duckdb"
            floors.append(floor(inbox, target))
            home = folder / f"home{number}"
            firsts.append(parindex(home, "run", "--inbox", str(inbox), "--as-of", AS_OF.isoformat()))
            wrong = differences(home, target)
            if wrong:
                raise SystemExit(f"{wrong} figures differ: times of different results are not compared")
            quiet.append(parindex(home, "run", "--inbox", str(inbox), "--as-of", AS_OF.isoformat()))
            shutil.rmtree(home)
        tiny = folder / "tiny"
        fixed = parindex(tiny, "run", "--inbox", str(folder / "small"), "--as-of", AS_OF.isoformat())
    rows = {
        "hand-written script": floors,
        "full night": firsts,
        "no-news night": quiet,
        "night of catalogues": [fixed],
    }
    print("results equal\n")
    print(f"{'':24}{'median s':>10}{'spread s':>10}{'peak GB':>10}")
    for label, runs in rows.items():
        seconds = [run[0] for run in runs]
        print(f"{label:24}{statistics.median(seconds):10.1f}{max(seconds) - min(seconds):10.1f}"
              f"{max(run[1] for run in runs):10.2f}")  # fmt: skip
    base = statistics.median(run[0] for run in floors)
    night = statistics.median(run[0] for run in firsts)
    print(f"\nfull night / script: {night / base:.2f}")
    print(f"(full night - 20 s fixed) / script: {(night - 20) / base:.2f}   bar: at most 2")
    print(
        f"peak memory of this process's children: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6:.2f} GB"
    )


if __name__ == "__main__":
    main()
