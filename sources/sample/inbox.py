"""The inbox being filled: writes files, remembers what is wrong in them and what a reader should count."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TypeVar

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from .contract import tables
from .flat import Csv, Json
from .sheets import HtmlTable, Workbook

Rows = TypeVar("Rows", pd.DataFrame, pa.Table)

MANIFEST = "planted_faults.json"
KEEP = object()  # a fault that changes no cell
RAGGED = "too_many_fields"  # the kind of fault that is no cell but one more line of a CSV


@dataclass(frozen=True)
class Fault:
    """Something planted: `text` stands in `column` of data row `row` (None = blank, KEEP = as it was).

    `expect` is what a good reader does: row_rejected, file_refused, delivery_held_back, warning, integrity
    or none. `more` goes into the manifest as it is: record_key, before, after, note.
    """

    row: int | None
    column: str | None
    text: object
    kind: str
    expect: str = "row_rejected"
    more: dict = field(default_factory=dict)


class Inbox:
    """A directory `root/<source>/<day>/` per delivery, and the list of planted faults beside it."""

    def __init__(self, root: Path, progress: Callable[[str, int], None] | None = None):
        self._root = root
        self._progress = progress or (lambda file, rows: None)
        self._con = duckdb.connect()
        self._files: list[str] = []
        self._faults: list[dict] = []
        self._expected: dict[str, dict[str, int]] = {}

    def deliver(
        self,
        day: date,
        name: str,
        label: str,
        data: pd.DataFrame | pa.Table,
        layout: Csv | Json | Workbook | HtmlTable,
        faults: Sequence[Fault] = (),
        capped: bool = True,
    ) -> Path | None:
        """Writes `data` of table `name` as one file and notes its faults; without rows it writes nothing.

        `capped` keeps rejected rows below a tenth, the share from which a delivery is held back: in a very
        small sample some faults are left out.
        """
        table = tables()[name]
        if isinstance(data, pd.DataFrame):
            data = table.typed(data)
        if not data.num_rows:
            return None
        rejects = [fault for fault in faults if fault.expect == "row_rejected"]
        if capped:
            rejects = rejects[: data.num_rows // 12]
        kept = [fault for fault in faults if fault.expect != "row_rejected" or fault in rejects]
        if any(fault.kind == RAGGED for fault in kept):
            layout = replace(layout, ragged=True)
        path = self._path(table.source, day, f"{name}{label}{layout.suffix}")
        patches = {(fault.row, fault.column): fault.text for fault in kept if fault.text is not KEEP}
        place = layout.write(self._con, path, table, data, patches)
        file = self._note(path)
        for fault in kept:
            sheet, row = place(fault.row) if fault.row is not None else (None, None)
            self._plant(file, name, fault, sheet, row)
        # A ragged line is a row of the file, though no row of the data.
        rows = data.num_rows + getattr(layout, "ragged", False)
        self._expected[file] = {
            "rows_in_file": rows,
            "rows_quarantined": len({fault.row for fault in kept if fault.expect == "row_rejected"}),
        }
        self._progress(file, rows)
        return path

    def place_file(self, source: str, day: date, file_name: str, content: bytes, kind: str) -> None:
        """A file that a reader has to refuse: no export, or one that cannot be read."""
        path = self._path(source, day, file_name)
        path.write_bytes(content)
        self._plant(self._note(path), None, Fault(None, None, KEEP, kind, "file_refused"), None, None)

    def refuse(self, path: Path | None, name: str, column: str | None, kind: str) -> None:
        """Notes that the file just delivered has to be refused whole."""
        if path is not None:
            file = self._relative(path)
            del self._expected[file]
            self._plant(file, name, Fault(None, column, KEEP, kind, "file_refused"), None, None)

    def resend(self, path: Path | None, name: str, day: date) -> None:
        """Delivers the bytes of `path` again on a later day: a delivery of that day, without news."""
        if path is None:
            return
        again = self._path(path.parts[-3], day, path.name)
        again.write_bytes(path.read_bytes())
        file = self._note(again)
        self._expected[file] = dict(self._expected[self._relative(path)])
        self._plant(file, name, Fault(None, None, KEEP, "resent_unchanged", "none"), None, None)

    def close(self, head: dict) -> dict:
        """Writes the manifest, last of all, and returns it."""
        manifest = head | {"files": sorted(self._files), "faults": self._faults, "expected": self._expected}
        self._con.close()
        text = json.dumps(manifest, ensure_ascii=False, indent=1)
        (self._root / MANIFEST).write_text(text, "utf-8")
        return manifest

    def _path(self, source: str, day: date, file_name: str) -> Path:
        folder = self._root / source / day.isoformat()
        folder.mkdir(parents=True, exist_ok=True)
        return folder / file_name

    def _relative(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()

    def _note(self, path: Path) -> str:
        self._files.append(self._relative(path))
        return self._files[-1]

    def _plant(self, file: str, name: str | None, fault: Fault, sheet: str | None, row: int | None) -> None:
        entry = {
            "file": file,
            "table": name,
            "sheet": sheet,
            "row": row,
            "column": fault.column,
            "value": None if fault.text is KEEP else fault.text,
            "kind": fault.kind,
            "expect": fault.expect,
        }
        self._faults.append(entry | fault.more)


def previous_files(root: Path) -> list[Path]:
    """The files of an earlier sample, as its manifest lists them; refuses a `root` with any other."""
    manifest = root / MANIFEST
    listed = json.loads(manifest.read_text("utf-8"))["files"] if manifest.exists() else []
    sources = {table.source for table in tables().values()}
    found = [path for source in sorted(sources) for path in (root / source).rglob("*") if path.is_file()]
    ours = {root / file for file in listed}
    strangers = [path for path in found if path not in ours]
    if strangers:
        raise FileExistsError(f"no sample wrote {strangers[0]}: choose an empty directory")
    return found


def remove(files: list[Path]) -> None:
    """Removes these files and the delivery folders that they leave empty."""
    for path in files:
        path.unlink()
    for folder in {path.parent for path in files}:
        if not any(folder.iterdir()):
            folder.rmdir()


def move_in(draft: Path, root: Path) -> None:
    """Moves a finished sample from `draft` to `root`, the manifest last."""
    files = [path for path in draft.rglob("*") if path.is_file()]
    for path in sorted(files, key=lambda path: (path.name == MANIFEST, path)):
        target = root / path.relative_to(draft)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)


def spoil(data: Rows, *spoiled: tuple[int, str, str | None, str]) -> tuple[Rows, list[Fault]]:
    """`data` with copies of some rows right behind them, each with one bad cell, and these faults.

    `spoiled`: (row, column, text, kind). The copy has the key of a good row, so that nothing is lost with it.
    """
    count = len(data)
    if not count:
        return data, []
    sources = np.array([row % count for row, *_ in spoiled])
    rows = np.insert(np.arange(count), sources + 1, sources)
    faults = []
    for before, place in enumerate(np.argsort(sources, kind="stable")):
        _, column, text, kind = spoiled[place]
        faults.append(Fault(int(sources[place]) + before + 1, column, text, kind))
    return data.iloc[rows] if isinstance(data, pd.DataFrame) else data.take(pa.array(rows)), faults


def shown(
    frame: pd.DataFrame,
    since: date | None,
    until: date,
    appears: str,
    later: dict[str, list[str]] | None = None,
) -> pd.DataFrame:
    """What an export of day `until` shows of `frame`, only what is new since the export of day `since`.

    A row exists from its `appears` on; each column of `later` is filled when its day has come, and with it
    the columns listed there.
    """
    end, start = pd.Timestamp(until), pd.Timestamp(since or date(1970, 1, 1))
    new = frame[appears] >= start
    visible = frame.copy()
    for column, followers in (later or {}).items():
        happened = frame[column] < end
        new |= happened & (frame[column] >= start)
        for name in (column, *followers):
            visible[name] = visible[name].where(happened)
    return visible[new & (frame[appears] < end)]
