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
BULK = {
    "dossiers": ("tthc/*/dossiers_2024_p*.csv", {"dossier_code": "Mã hồ sơ"}, ";"),
    "documents": (
        "document_office/*/documents_p*.csv",
        {name: name for name in ("document_code", "agency_code", "direction")},
        ",",
    ),
}


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
    """An inbox of plain CSV that the script can read: the sample's bulk files in the vendors' layouts without their faults,
    and the catalogues as they are on the day. A first night over the sample says which rows those are."""
    from sources.sample import write_sample

    sample, inbox, dirty, home = (folder / name for name in ("sample", "inbox", "dirty", "dirty-home"))
    write_sample(sample, dossiers=dossiers, as_of=AS_OF)
    patterns = [pattern for pattern, *_ in BULK.values()] + [f"tthc/*/{table}*" for table in CATALOGUES]
    for file in [file for pattern in patterns for file in sample.glob(pattern)]:
        target = dirty / file.relative_to(sample)
        target.parent.mkdir(parents=True, exist_ok=True)
        file.rename(target)
    shutil.rmtree(sample)
    parindex(home, "run", "--inbox", str(dirty), "--as-of", AS_OF.isoformat())
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        for table, (pattern, key, delimiter) in BULK.items():
            for file in sorted(dirty.glob(pattern)):
                target = inbox / file.relative_to(dirty)
                target.parent.mkdir(parents=True, exist_ok=True)
                good = ", ".join(f'{column} as "{header}"' for column, header in key.items())
                headers = ", ".join(f'"{header}"' for header in key.values())
                connection.execute(f"""
                    copy (
                        from read_csv('{file}', all_varchar = true, delim = '{delimiter}', header = true, quote = '"',
                            escape = '"', ignore_errors = true, strict_mode = false)
                        semi join (select {good} from landing.{file.parent.parent.name}__{table}) using ({headers})
                    ) to '{target}' (delimiter '{delimiter}', header true)
                """)
        day = inbox / "tthc" / AS_OF.isoformat()
        day.mkdir(parents=True)
        for table in CATALOGUES:
            lineage = "delivered_on, file_name, sheet_no, row_number_in_file"
            connection.execute(
                f"copy (select * exclude ({lineage}) from staging.stg_tthc__{table}) to '{day / table}.csv' (header true)"
            )
    shutil.rmtree(home)
    shutil.rmtree(dirty)
    return inbox


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
            with script as (from floor.main.figures where denominator > 0 or numerator > 0),
            published as (
                from ours.marts.fct_indicator
                where target_id in (select target_id from script) and (denominator > 0 or numerator > 0)
                    and variant <> 'register'
            )
            select count(*)
            from script as f
            full join published as i using (target_id, variant, agency_code, period_kind, period_start)
            where i.numerator is distinct from f.numerator or i.denominator is distinct from f.denominator
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
        small = folder / "small"
        shutil.copytree(inbox / "tthc" / AS_OF.isoformat(), small / "tthc" / AS_OF.isoformat())
        fixed = parindex(folder / "tiny", "run", "--inbox", str(small), "--as-of", AS_OF.isoformat())
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
