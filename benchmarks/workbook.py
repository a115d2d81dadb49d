"""xlsx: our reader against the best Rust-backed one alone, on the same workbook.

    python -m benchmarks.workbook fastexcel|ours FILE SECONDS

fastexcel only makes Arrow of the sheet. Ours looks into the archive for what could harm, finds the header, maps the columns by
contract, and hands over rows with their numbers and what is wrong with them.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import duckdb

from benchmarks.measure import Run, measured

READERS = {"fastexcel": "fastexcel to Arrow", "ours": "our reader"}


def write_workbook(inbox: Path, target: Path, rows: int) -> int:
    """The first dossiers of an inbox as a workbook, numbers as numbers; returns how many."""
    with duckdb.connect() as connection:
        frame = connection.sql(f"""
            from read_csv('{inbox}/tthc/*/dossiers_*.csv', all_varchar = true, delim = ';', header = true)
            select * replace (
                "Phí lệ phí (đồng)"::double as "Phí lệ phí (đồng)",
                "Số thành phần hồ sơ"::double as "Số thành phần hồ sơ",
                "Số thành phần đã số hóa"::double as "Số thành phần đã số hóa"
            )
            limit {rows}
        """).pl()
    frame.write_excel(target, autofit=False)
    return len(frame)


def read(reader: str, file: Path) -> float:
    """Seconds to read the workbook with one of the readers, without the start of Python."""
    if reader == "fastexcel":
        import fastexcel

        started = time.perf_counter()
        fastexcel.read_excel(str(file)).load_sheet(0).to_arrow()
        return time.perf_counter() - started
    from sources.contract import all_tables
    from sources.readers import read_parts
    from sources.readers.excel_file import read_workbook  # noqa: F401 (read_parts imports it when it meets a workbook)

    table = next(table for table in all_tables() if table.name == "dossiers")
    with tempfile.TemporaryDirectory() as work, duckdb.connect() as connection:
        started = time.perf_counter()
        read_parts(connection, file, table, Path(work))
        return time.perf_counter() - started


def measure_workbook(inbox: Path, folder: Path, rows: int, rounds: int) -> tuple[int, dict[str, list[Run]]]:
    """Number of rows, and the runs of each reader in a process of its own, in turn."""
    file, told = folder / "dossiers.xlsx", folder / "seconds"
    count = write_workbook(inbox, file, rows)
    runs: dict[str, list[Run]] = {reader: [] for reader in READERS}
    for _ in range(rounds):
        for reader, done in runs.items():
            run = measured([sys.executable, "-m", "benchmarks.workbook", reader, str(file), str(told)])
            done.append(replace(run, seconds=float(told.read_text())))
    file.unlink()
    return count, runs


if __name__ == "__main__":
    Path(sys.argv[3]).write_text(str(read(sys.argv[1], Path(sys.argv[2]))))
