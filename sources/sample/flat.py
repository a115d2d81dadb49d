"""Writers of CSV and JSON exports. `write` returns where a data row stands for a person: (sheet, row)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from .contract import Column, Table
from .spelling import ISO_LOCAL, PORTAL_TIME, Habit, Patches, quoted, spell

Place = Callable[[int], tuple[str | None, int]]


@dataclass(frozen=True)
class Csv:
    """A CSV file, written by DuckDB at any size.

    `header`: "vi" or "name". `extra`: headers with one text for all rows, that no contract names.
    `without`: columns left out. `ragged`: the last row is written once more, with two fields too many.
    """

    habit: Habit = field(default_factory=Habit)
    delimiter: str = ","
    bom: bool = False
    header: str = "vi"
    extra: tuple[tuple[str, str], ...] = ()
    without: tuple[str, ...] = ()
    ragged: bool = False

    suffix = ".csv"

    def write(
        self, con: duckdb.DuckDBPyConnection, path: Path, table: Table, data: pa.Table, patches: Patches
    ) -> Place:
        """Writes `data` with one header line; data row 0 is line 2."""
        columns = [column for column in table.columns if column.name not in self.without]
        headers = [column.header if self.header == "vi" else column.name for column in columns]
        prefix = ("\ufeff" if self.bom else "") + self._line(headers + [name for name, _ in self.extra])
        texts = spell(con, table, data, self.habit, patches)
        fields = [f'"{column.name}"' for column in columns] + [quoted(text) for _, text in self.extra]
        query = f"select {', '.join(fields)} from ({texts})"
        suffix = "\n"  # after its last row DuckDB writes no line break
        if self.ragged:
            last = con.execute(f"{query} offset {data.num_rows - 1}").fetchone()
            suffix += self._line([*(text or "" for text in last), "thừa", "thừa"])
        con.execute(
            f"copy ({query}) to {quoted(str(path))} (format csv, header false, "
            f"delimiter {quoted(self.delimiter)}, prefix {quoted(prefix)}, suffix {quoted(suffix)})"
        )
        return lambda row: (None, row + 2)

    def _line(self, fields: list[str]) -> str:
        buffer = io.StringIO()
        csv.writer(buffer, delimiter=self.delimiter, lineterminator="\n").writerow(fields)
        return buffer.getvalue()


@dataclass(frozen=True)
class Json:
    """Objects with the contract's names as keys: an array, `{"data": [...]}`, or one object a line."""

    habit: Habit = field(default_factory=lambda: Habit(times=ISO_LOCAL, dates="%Y-%m-%d"))
    shape: str = "array"  # array, data, lines

    @property
    def suffix(self) -> str:
        return ".jsonl" if self.shape == "lines" else ".json"

    def write(
        self, con: duckdb.DuckDBPyConnection, path: Path, table: Table, data: pa.Table, patches: Patches
    ) -> Place:
        """Writes `data`; data row 0 is object or line 1. Numbers and booleans keep their JSON types."""
        records = con.sql(spell(con, table, data, self.habit, patches)).to_arrow_table().to_pylist()
        native = [column.name for column in table.columns if column.kind in ("int", "decimal", "bool")]
        for row, values in enumerate(data.select(native).to_pylist()):
            records[row] |= {name: value for name, value in values.items() if (row, name) not in patches}
        self._dump(path, records)
        return lambda row: (None, row + 1)

    def _dump(self, path: Path, records: list[dict]) -> None:
        if self.shape == "lines":
            lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in records]
            path.write_text("".join(lines), "utf-8")
        else:
            whole = {"data": records} if self.shape == "data" else records
            path.write_text(json.dumps(whole, ensure_ascii=False, indent=1), "utf-8")


@dataclass(frozen=True)
class PortalJson(Json):
    """Dossiers under the keys of the National Public Service Portal, with its nested lists.

    Columns without a portal key stand beside them under their own names. `as_text`: flags as "0"/"1", else
    as 0/1.
    """

    habit: Habit = field(default_factory=lambda: Habit(times=PORTAL_TIME))
    as_text: bool = True

    def write(
        self, con: duckdb.DuckDBPyConnection, path: Path, table: Table, data: pa.Table, patches: Patches
    ) -> Place:
        """Writes `data`; data row 0 is object or line 1. Nested lists take no patches."""
        texts = con.sql(spell(con, table, data, self.habit, patches)).to_arrow_table().to_pylist()
        records = [
            self._record(table, values, text) for values, text in zip(data.to_pylist(), texts, strict=True)
        ]
        self._dump(path, records)
        return lambda row: (None, row + 1)

    def _record(self, table: Table, values: dict, texts: dict) -> dict:
        record, nested = {}, {}
        for column in table.columns:
            portal = column.portal
            if "portalNested" in portal:
                nested.setdefault(portal["portalNested"]["list"], []).append((column, values[column.name]))
            elif "portalTrueValues" in portal:
                record[portal["portalKey"]] = self._flag(
                    portal["portalTrueValues"][0] if values[column.name] else "3"
                )
            elif "portalKey" in portal:
                record[portal["portalKey"]] = texts[column.name]
            else:
                record[column.name] = (
                    values[column.name] if column.kind in ("int", "bool") else texts[column.name]
                )
        return record | {name: self._items(columns) for name, columns in nested.items()}

    def _items(self, columns: list[tuple[Column, object]]) -> list[dict]:
        """A nested list that sums or counts to the values of `columns`."""
        rules = [(column.portal["portalNested"], value) for column, value in columns]
        first, value = rules[0]
        if "sum" in first:
            return [{"TenPhiLePhi": "Lệ phí", first["sum"]: value}] if value else []
        if "not_empty" in first:
            return [{"TenGiayTo": "Kết quả giải quyết"}] if value else []
        # The rule with the fewest conditions counts the list itself, the others count marks on its items.
        base = min((rule["count_where"] for rule, _ in rules), key=len)
        items = [{key: self._flag(wanted[0]) for key, wanted in base.items()} for _ in range(value)]
        for rule, count in rules:
            for key in rule["count_where"].keys() - base.keys():
                for place, item in enumerate(items):
                    item[key] = self._flag(rule["count_where"][key][0] if place < count else "0")
        if items:  # a withdrawn component, which counts nowhere
            items.append(items[0] | {key: self._flag("1") for key in base})
        return items

    def _flag(self, text: str) -> str | int:
        return text if self.as_text else int(text)
