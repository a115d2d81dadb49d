"""What must hold of a night's deliveries of one table, derived from its contract.

All new deliveries of a table are checked together, in one relation with their accepted rows and `_file_id`;
each gets its own results. The reader has already rejected bad rows one by one: `block` here means that it
did not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median

from expectations.engine import DELIVERY_COLUMN
from expectations.model import BLOCK, HOLD, WARN, Check, Severity
from sources.contract import Column, Table
from sources.text import sql_name, sql_string

# Codes as the law and the national catalogue write them (Thông tư 01/2018 Điều 19), read with tolerance.
CODE_SHAPES = {
    "dossier_code": r"^(?:\d{3}\.\d{2}\.\d{2}\.[A-Z]\d{2}|[A-Z]\d{2}(?:\.[0-9A-Z]{1,4})*)-\d{6}-\d{4,}$",
    "procedure_code": r"^\d\.\d{6}(?:\.\d{3}\.\d{2}\.\d{2})?(?:\.[A-Z]\d{2})?$",
}
FIRST_PLAUSIBLE_DAY = date(2000, 1, 1)
PLAUSIBLE_YEARS_AHEAD = 10
# The usual volume is the median of earlier deliveries, known from this many on; below half of it one is
# small.
EARLIER_DELIVERIES_NEEDED = 3
SMALL_SHARE = 0.5


@dataclass(frozen=True)
class Delivery:
    """One file of a delivery of a table as it was landed.

    `rows_rejected` of `rows_in_delivery` decide whether it is held back: all files of the delivery together.
    `file_ids` are the values of `_file_id` that its rows carry: its own id unless it came in several files.
    `rows_landed` is what the relation should hold of it, where that is known; `earlier_rows` are the
    rows_in_file of the deliveries of this table before it.
    """

    delivery_id: str
    rows_in_file: int
    rows_rejected: int
    rows_in_delivery: int | None = None  # None: this file is all of it
    file_ids: tuple[str, ...] = ()
    rows_landed: int | None = None
    earlier_rows: tuple[int, ...] = ()

    @property
    def usual_rows(self) -> float | None:
        enough = len(self.earlier_rows) >= EARLIER_DELIVERIES_NEEDED
        return float(median(self.earlier_rows)) if enough else None


def table_checks(
    table: Table,
    relation: str,
    deliveries: Sequence[Delivery],
    *,
    as_of: date,
    limit_pct: float | None = None,
) -> list[Check]:
    """The suite of one table and night; `relation` is schema.table, `limit_pct` overrides the contract.

    The name of the relation is part of a check's identity, so it should not change from night to night.
    """
    if not deliveries:
        return []
    limit = table.rejected_share_limit_pct if limit_pct is None else limit_pct
    suite = _Suite(table, relation, deliveries)
    return [
        suite.columns_present(),
        *suite.contract_checks(),
        *suite.plausibility_checks(as_of),
        suite.key_unique(),
        *suite.count_checks(limit),
        suite.all_rows_landed(),
    ]


@dataclass(frozen=True)
class _Suite:
    table: Table
    relation: str
    deliveries: Sequence[Delivery]

    @property
    def of_file(self) -> dict[str, str]:
        return {file: d.delivery_id for d in self.deliveries for file in d.file_ids or (d.delivery_id,)}

    def check(
        self,
        name: str,
        columns: Iterable[str],
        severity: Severity,
        vi: str,
        en: str,
        *,
        where: Mapping[str, str] | None = None,
        query: str | None = None,
        facts: Mapping[str, str] | None = None,
        deliveries: Mapping[str, str] | None = None,
    ) -> Check:
        params = {"where": dict(where)} if where else {"query": " ".join(query.split())} if query else {}
        return Check(
            suite=f"landing.{self.table.relation}",
            dataset=self.relation,
            expectation=name,
            columns=tuple(columns),
            params=params,
            severity=severity,
            description=f"{self.table.vi}: {vi}",
            description_en=f"{self.table.relation}: {en}",
            facts=facts or {},
            # A query names deliveries itself; a predicate is counted by file.
            deliveries=deliveries if deliveries is not None else self.of_file if where else self.by_id,
        )

    @property
    def by_id(self) -> dict[str, str]:
        return {d.delivery_id: d.delivery_id for d in self.deliveries}

    def columns_present(self) -> Check:
        return self.check(
            "columns_present",
            [*(column.name for column in self.table.columns if not column.personal), DELIVERY_COLUMN],
            BLOCK,
            "đủ các cột theo hợp đồng dữ liệu",
            "holds every column of the contract",
            deliveries={},
        )

    def contract_checks(self) -> Iterable[Check]:
        """What the contract says of each row: one check each, with the columns or rules as its parts."""
        columns = self.table.columns
        needed = [c for c in columns if c.required or c.name in self.table.key]
        filled = {c.landed_name: f"{_name(c)} is null" for c in needed}
        yield self.check(
            "required_filled",
            filled,
            BLOCK,
            "cột bắt buộc không để trống",
            "required columns are filled",
            where=filled,
        )
        coded = {c.landed_name: f"{_name(c)} not in ({_list(c.codes)})" for c in columns if c.codes}
        if coded:
            yield self.check(
                "codes_known", coded, BLOCK, "mã nằm trong danh mục", "codes are in their lists", where=coded
            )
        if self.table.rules:
            yield self.check(
                "contract_rules_hold",
                dict.fromkeys(rule.column for rule in self.table.rules),
                BLOCK,
                "các quy tắc của hợp đồng được tuân thủ",
                "the rules of the contract hold",
                where={rule.name: f"not ({rule.sql})" for rule in self.table.rules},
            )

    def plausibility_checks(self, as_of: date) -> Iterable[Check]:
        """What is odd but not impossible."""
        columns = {c.name: c for c in self.table.columns}
        shapes = {
            name: f"not regexp_matches({sql_name(name)}, {sql_string(shape)})"
            for name, shape in CODE_SHAPES.items()
            if name in columns
        }
        if shapes:
            yield self.check(
                "code_shape",
                shapes,
                WARN,
                "mã hồ sơ, mã TTHC đúng cấu trúc",
                "dossier and procedure codes have their shape",
                where=shapes,
            )
        coded_day = ("dossier_code", "received_at", "submitted_at")
        if columns.keys() >= set(coded_day):
            yield self.check(
                "code_day_is_receipt_day",
                coded_day,
                WARN,
                "ngày trong mã hồ sơ là ngày tiếp nhận hoặc ngày nộp",
                "the day in the dossier code is the day of receipt or submission",
                where={"dossier_code": _code_day_differs()},
            )
        # Validity dates are left out: agencies are older than 2000, and an open end may be written far
        # ahead.
        days = [
            c for c in columns.values() if c.type in ("date", "datetime") and not c.name.startswith("valid_")
        ]
        if days:
            last = as_of.replace(year=as_of.year + PLAUSIBLE_YEARS_AHEAD, day=min(as_of.day, 28))
            first = FIRST_PLAUSIBLE_DAY
            yield self.check(
                "dates_plausible",
                [c.landed_name for c in days],
                WARN,
                f"ngày từ năm {first.year} đến không quá {PLAUSIBLE_YEARS_AHEAD} năm sau ngày tính",
                f"dates lie from {first.year} to {PLAUSIBLE_YEARS_AHEAD} years after the day of the figures",
                where={
                    c.landed_name: f"{_name(c)} < date '{first}' or {_name(c)} >= {{last_day}} + 1"
                    for c in days
                },
                facts={"last_day": f"date '{last}'"},
            )

    def key_unique(self) -> Check:
        """Twice in a delivery is legal, the later row wins; it is told because someone may count by hand."""
        key = [self.table.column(name).landed_name for name in self.table.key]
        return self.check(
            "key_unique_in_delivery",
            key,
            WARN,
            "khóa không lặp lại trong một lần gửi (dòng sau thay dòng trước)",
            "no key twice in one delivery (the later row wins)",
            # The keys, not DuckDB's hashes of them: those take some long codes for the same (D54).
            query=f"""
                with files(file_id, delivery_id) as (values {{files}})
                select
                    files.delivery_id,
                    count(*) as elements,
                    count(*) - count(distinct ({", ".join(map(sql_name, key))})) as unexpected
                from {{batch}} as landed
                join files on files.file_id = cast(landed.{DELIVERY_COLUMN} as varchar)
                group by files.delivery_id
            """,
            facts={"files": _values(self.of_file.items())},
        )

    def count_checks(self, limit_pct: float) -> Iterable[Check]:
        """What the counts of a delivery say; they come from the ledger, not from the rows."""
        facts = {
            "deliveries": _values(
                (
                    d.delivery_id,
                    d.rows_in_file,
                    d.rows_rejected,
                    d.rows_in_file if d.rows_in_delivery is None else d.rows_in_delivery,
                    d.usual_rows,
                )
                for d in self.deliveries
            )
        }

        def query(bad: str, detail: str) -> str:
            return f"""
                select
                    delivery_id,
                    rows_in_file as elements,
                    cast(coalesce({bad}, false) as int) as unexpected,
                    {detail} as detail
                from (values {{deliveries}})
                    as d(delivery_id, rows_in_file, rows_rejected, rows_in_delivery, usual_rows)
            """

        yield self.check(
            "rejected_share_within_limit",
            (),
            HOLD,
            f"tỷ lệ dòng bị loại không quá {limit_pct:g} %",
            f"no more than {limit_pct:g} % of the rows are rejected",
            query=query(
                f"100.0 * rows_rejected > {float(limit_pct)} * rows_in_delivery",
                "printf('%d rejected = %.1f %%', rows_rejected,"
                " 100.0 * rows_rejected / nullif(rows_in_delivery, 0))",
            ),
            facts=facts,
        )
        yield self.check(
            "not_empty",
            (),
            WARN,
            "lần gửi có dòng dữ liệu",
            "the delivery has rows",
            query=query("rows_in_file = 0", "null"),
            facts=facts,
        )
        yield self.check(
            "volume_as_usual",
            (),
            WARN,
            "số dòng không dưới một nửa mức thường gặp",
            "the number of rows is at least half of the usual",
            query=query(
                f"rows_in_file > 0 and rows_in_file < {SMALL_SHARE} * usual_rows",
                "printf('%d rows, usually %d', rows_in_file, cast(usual_rows as bigint))",
            ),
            facts=facts,
        )

    def all_rows_landed(self) -> Check:
        return self.check(
            "all_rows_landed",
            (),
            BLOCK,
            "số dòng lưu được khớp với sổ giao nhận",
            "as many rows are stored as the ledger says",
            # Rows of a file that is in no delivery have no expected number: all of them are unexpected.
            query=f"""
                with files(file_id, delivery_id) as (values {{files}}),
                expected(delivery_id, n) as (values {{expected}}),
                found as (
                    select files.delivery_id, count(*) as n
                    from {{batch}} as landed
                    left join files on files.file_id = cast(landed.{DELIVERY_COLUMN} as varchar)
                    group by files.delivery_id
                )
                select
                    delivery_id,
                    coalesce(found.n, 0) as elements,
                    case
                        when delivery_id is null then found.n
                        else coalesce(abs(expected.n - coalesce(found.n, 0)), 0)
                    end as unexpected,
                    printf('%d rows, %d expected', coalesce(found.n, 0), coalesce(expected.n, 0)) as detail
                from expected
                full join found using (delivery_id)
            """,
            facts={
                "files": _values(self.of_file.items()),
                "expected": _values((d.delivery_id, d.rows_landed) for d in self.deliveries),
            },
        )


def _name(column: Column) -> str:
    return sql_name(column.landed_name)


def _list(values: Iterable[str]) -> str:
    return ", ".join(map(sql_string, values))


def _code_day_differs() -> str:
    """Days are compared as numbers yymmdd: a million dates are dear to parse. No number, no verdict."""

    def number(moment: str) -> str:
        return f"(year({moment}) % 100 * 10000 + month({moment}) * 100 + day({moment}))"

    coded = "try_cast(split_part(dossier_code, '-', -2) as int)"
    return f"{coded} <> {number('received_at')} and {coded} is distinct from {number('submitted_at')}"


def _values(rows: Iterable[Iterable[str | float | None]]) -> str:
    """Rows of an SQL VALUES list."""
    return ", ".join(f"({', '.join(map(_literal, row))})" for row in rows)


def _literal(value: str | float | None) -> str:
    if value is None:
        return "null"
    return sql_string(value) if isinstance(value, str) else repr(value)
