"""What stands behind one figure: target, published figures, deliveries, counted rows, rejected rows."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from orchestration.evidence import words
from orchestration.evidence.errors import EvidenceError, NoFigure, UnknownName
from orchestration.nearest import nearest_codes
from orchestration.numbers import SIGNS, number_vi
from sources.text import sql_name
from warehouse.publish import MARTS
from warehouse.quarantine import quarantine
from warehouse.settings import province_code

if TYPE_CHECKING:
    from orchestration.evidence.night import EvidenceNight

PROVINCE = province_code()
BATCH = 5_000
# The first columns of every view; what follows decided the row, or says where it stands.
COMMON = (
    "target_id",
    "variant",
    "agency_code",
    "record_key",
    "event_on",
    "in_numerator",
    "in_denominator",
    "why",
)
_NOT_JUDGED = "not_applicable"  # a status of the scorecard
_FAMILY = re.compile(r"[a-z_]+")


@dataclass(frozen=True)
class Target:
    target_id: str
    field_id: str
    name: str
    text: str | None
    operator: str
    target_value: float | None
    unit: str | None
    measure_kind: str
    family: str
    measure: str
    headline_variant: str
    lead_agency: str | None

    def verdict(self, meets_target: bool | None, agency: str) -> bool | None:
        """Of an agency; none where a number of pieces is asked of the province as a whole, not of each."""
        return meets_target if self.measure_kind != "count" or agency == PROVINCE else None

    @property
    def is_in_words(self) -> bool:
        """What agencies confirm in words is counted in agencies; as a rate it would read as one."""
        return self.measure_kind == "text" and self.family == "register"

    def view(self, variant: str) -> str:
        """The family whose view holds the rows: reported results beside a measured figure have their own."""
        family = "register" if variant == "register" else self.family
        if not _FAMILY.fullmatch(family) or family not in words.families():
            raise EvidenceError(
                f"chỉ tiêu {self.target_id}: chưa có bằng chứng cho nhóm {family} | no evidence view"
            )
        return family


@dataclass(frozen=True)
class Figure:
    """One published figure, year to date."""

    numerator: float | None
    denominator: float | None
    value: float | None
    meets_target: bool | None


@dataclass(frozen=True)
class Scored:
    """The word of the scorecard, which looks further than the figure of the day, and why, in Vietnamese."""

    status: str
    reason: str | None


@dataclass(frozen=True)
class Sums:
    """What the rows add up to."""

    rows: int
    numerator: Decimal | None
    denominator: Decimal | None

    def equals(self, figure: Figure) -> bool:
        if self.rows == 0:  # nothing to count: published as nothing, or as zero
            return not figure.numerator and not figure.denominator
        # The sums are exact; a figure is published as the float nearest to its own.
        nearest = [None if exact is None else float(exact) for exact in (self.numerator, self.denominator)]
        return nearest == [figure.numerator, figure.denominator]


def province(night: EvidenceNight) -> tuple[str, str]:
    """Code and name of the province."""
    return night.connection.execute(
        f"select agency_code, agency_name from published.{MARTS}.dim_agency where level = 'toan_tinh' limit 1"
    ).fetchall()[0]


def target(night: EvidenceNight, target_id: str) -> Target:
    """A target in force. Raises UnknownName with the nearest ones when there is none of that name."""
    columns = (
        "target_id, field_id, target_name, target_text, operator, target_value, unit, measure_kind, family,"
        " measure, headline_variant, lead_agency"
    )
    rows = night.connection.execute(
        f"select {columns} from published.{MARTS}.dim_target where is_in_force and target_id = $1",
        [target_id],
    ).fetchall()
    if rows:
        return Target(*rows[0])
    known = target_ids(night)
    near = difflib.get_close_matches(target_id.strip(), known, n=3, cutoff=0.5)
    near = near or [one for one in known if one.startswith(target_id.strip().split(".")[0] + ".")][:5]
    raise UnknownName(
        f"không có chỉ tiêu {target_id!r}; gần nhất: {', '.join(near) or '–'}; `parindex evidence --help`"
        f" | there is no target {target_id!r}; nearest: {', '.join(near) or '–'}"
    )


def scored(night: EvidenceNight, one: Target) -> Scored | None:
    """What the scorecard says of the province's headline."""
    rows = night.connection.execute(
        f"select status, status_reason from published.{MARTS}.rpt_scorecard where target_id = $1",
        [one.target_id],
    ).fetchall()
    return Scored(*rows[0]) if rows else None


def plan_notes(night: EvidenceNight, target_id: str) -> list[tuple[str, str]]:
    """Where the plan disagrees with itself about a target, in Vietnamese and English."""
    return night.connection.execute(
        "select note_vi, note_en from seeds.plan_note where target_id = $1 order by note_id", [target_id]
    ).fetchall()


def target_ids(night: EvidenceNight) -> list[str]:
    """All targets in force, in the order of the plan."""
    rows = night.connection.execute(
        f"select target_id from published.{MARTS}.dim_target where is_in_force"
    ).fetchall()
    return sorted((one for (one,) in rows), key=_plan_order)


def _plan_order(target_id: str) -> list[tuple[int, str]]:
    parts = re.findall(r"(\d+)([a-z]*)", target_id)
    return [(int(number), letter) for number, letter in parts]


def agency_name(night: EvidenceNight, code: str) -> str:
    """The name of an agency; the code itself where figures have it and no catalogue does.

    Raises UnknownName with the nearest codes when none has that code.
    """
    rows = night.connection.execute(
        f"select agency_name from published.{MARTS}.dim_agency where agency_code = $1 and is_latest", [code]
    ).fetchall()
    if rows:
        return rows[0][0]
    measured = night.connection.execute(
        f"select 1 from published.{MARTS}.fct_indicator where agency_code = $1 limit 1", [code]
    ).fetchall()
    if measured:
        return code
    known = night.connection.execute(
        f"select agency_code, agency_name from published.{MARTS}.dim_agency where is_latest order by 1"
    ).fetchall()
    near = nearest_codes(code, (one for one, _ in known))
    wanted = code.strip().casefold()
    near += [f"{one} ({name})" for one, name in known if wanted and wanted in name.casefold()][:3]
    raise UnknownName(
        f"không có đơn vị {code!r}; gần nhất: {', '.join(near) or '–'}"
        f" | there is no agency {code!r}; nearest: {', '.join(near) or '–'}"
    )


def figure(night: EvidenceNight, one: Target, variant: str, agency: str) -> Figure:
    """The published figure of the year so far. Raises NoFigure and UnknownName."""
    rows = night.connection.execute(
        "select numerator, denominator, value, meets_target"
        f" from published.{MARTS}.fct_indicator"
        " where target_id = $1 and variant = $2 and agency_code = $3 and period_kind = 'ytd'",
        [one.target_id, variant, agency],
    ).fetchall()
    if rows:
        found = Figure(*rows[0])
        return replace(found, meets_target=one.verdict(found.meets_target, agency))
    readings = night.connection.execute(
        f"select distinct variant from published.{MARTS}.fct_indicator where target_id = $1 order by 1",
        [one.target_id],
    ).fetchall()
    names = ", ".join(name for (name,) in readings)
    if variant not in {name for (name,) in readings}:
        raise UnknownName(
            f"chỉ tiêu {one.target_id} không có cách tính {variant!r}; có: {names}"
            f" | no such reading; there are: {names}"
        )
    raise NoFigure(
        f"đơn vị {agency} không có số liệu của chỉ tiêu {one.target_id} (đến {night.as_of})"
        " | the agency has nothing to count for this target"
    )


def published_rows(night: EvidenceNight, one: Target, agency: str | None) -> tuple[list[str], list[tuple]]:
    """Every published figure of a target (of one agency when asked), by reading, agency and period."""
    cursor = night.connection.execute(
        f"""
        select i.variant, i.is_headline, i.agency_code, a.agency_name, i.level, i.period_kind, i.period_start,
            i.period_end, i.numerator, i.denominator, i.value, i.unit, i.meets_target
        from published.{MARTS}.fct_indicator as i
        left join published.{MARTS}.dim_agency as a on i.agency_code = a.agency_code and a.is_latest
        where i.target_id = $1 and ($2 is null or i.agency_code = $2)
        order by not i.is_headline, i.variant, i.level <> 'toan_tinh', i.agency_code,
            case i.period_kind when 'ytd' then 0 when 'quarter' then 1 else 2 end, i.period_start
        """,
        [one.target_id, agency],
    )
    return [column[0] for column in cursor.description], cursor.fetchall()


def deliveries(night: EvidenceNight, one: Target, variant: str) -> list[dict[str, Any]]:
    """The files of the tables that decide a figure, as the night knew them; loaded are all good rows, also known ones."""
    counted, used = words.tables_of(one.view(variant), one.measure)
    replaced = {entry.delivery_id for entry in night.ledger.deliveries(night.as_of) if entry.replaced_by}
    listed = []
    for table in (*counted, *used):
        rows = night.connection.execute(
            "select delivery_id, file_name, delivered_on, outcome, rows_in_file, rows_loaded + rows_unchanged,"
            f" rows_quarantined, content_hash from published.{MARTS}.fct_delivery"
            " where source = $1 and table_name = $2"
            " order by delivered_on, file_name",
            [table.source, table.name],
        ).fetchall()
        for delivery_id, *rest in rows:
            names = (
                "file_name", "delivered_on", "outcome", "rows_in_file", "rows_loaded", "rows_quarantined",
                "content_hash",
            )  # fmt: skip
            entry = dict(zip(names, rest, strict=True))
            if delivery_id in replaced:
                entry["outcome"] = "replaced"
            listed.append({"table": f"{table.source}.{table.name}", "table_vi": table.vi, **entry})
    return listed


def sums(night: EvidenceNight, one: Target, variant: str, agency: str | None) -> Sums:
    """What the rows add up to: of one agency, or of all of them for the province."""
    return Sums(
        *night.connection.execute(
            "select count(*), cast(sum(in_numerator) as decimal(38, 6)),"
            " cast(sum(in_denominator) as decimal(38, 6))"
            f" from evidence.{sql_name('ev_' + one.view(variant))}"
            " where target_id = $1 and variant = $2 and ($3 is null or agency_code = $3)",
            [one.target_id, variant, agency],
        ).fetchall()[0]
    )


@dataclass(frozen=True)
class Rows:
    """Counted rows in batches; `columns` without those that are empty for this figure."""

    columns: list[str]
    batches: Iterator[list[tuple]]


def counted_rows(night: EvidenceNight, one: Target, variant: str, agency: str | None) -> Rows:
    """Every row behind a figure, by agency, day and key."""
    family = one.view(variant)
    view = f"evidence.{sql_name('ev_' + family)}"
    names = [
        name
        for (name,) in night.connection.execute(
            "select column_name from duckdb_columns() where schema_name = 'evidence' and table_name = $1"
            " order by column_index",
            [f"ev_{family}"],
        ).fetchall()
    ]
    where = "where target_id = $1 and variant = $2 and ($3 is null or agency_code = $3)"
    asked = [one.target_id, variant, agency]
    details = [name for name in names if name not in COMMON]
    filled = night.connection.execute(
        f"select {', '.join(f'count({sql_name(name)})' for name in details)} from {view} {where}", asked
    ).fetchall()[0]
    always = [name for name in COMMON if name not in ("target_id", "variant")]
    columns = [*always, *(name for name, count in zip(details, filled, strict=True) if count)]
    # A cursor of its own: other questions may be asked while the rows are being written.
    cursor = night.connection.cursor().execute(
        f"select {', '.join(map(sql_name, columns))} from {view} {where}"
        " order by agency_code, event_on, record_key",
        asked,
    )
    return Rows(columns, _batches(cursor))


def _batches(cursor) -> Iterator[list[tuple]]:
    while batch := cursor.fetchmany(BATCH):
        yield batch


REJECTED = (
    "source",
    "table_name",
    "delivered_on",
    "file_name",
    "sheet",
    "row_number",
    "column_vi",
    "reason",
    "record_key",
)


def rejected_rows(night: EvidenceNight, one: Target, variant: str) -> Iterator[list[tuple]]:
    """Rejected rows of the tables that count: file, row, column and reason, never the value of a cell.

    A rejected row names no agency that could be trusted, so those of all agencies are given; of the register
    only those of the target, or of none that is known.
    """
    family = one.view(variant)
    counted, _ = words.tables_of(family, one.measure)
    others = [name for name in target_ids(night) if name != one.target_id] if family == "register" else []
    for table in counted:
        cursor = night.connection.cursor()
        relation = quarantine(
            night.settings, night.ledger, cursor, source=table.source, table=table.name, as_of=night.as_of
        )
        for batch in _batches(cursor.execute(relation.project(", ".join(REJECTED)).sql_query())):
            yield [row for row in batch if not others or (row[-1] or "").split(" / ")[0] not in others]


def goal_text(one: Target) -> str:
    """The target as people write it: > 99%."""
    if one.target_value is None:
        return "theo nội dung kế hoạch"
    return SIGNS[one.operator] + _with_unit(number_text(one.target_value), one.unit)


def number_text(value: float | Decimal | None, mark: float | None = None) -> str:
    return number_vi(value, mark, decimals=4)


def value_text(one: Target, value: float | None) -> str:
    if value is None:
        return "chưa có số liệu"
    return _with_unit(number_text(value, one.target_value), one.unit)


def figure_text(one: Target, found: Figure) -> str:
    if one.is_in_words and found.value is not None:
        return f"{number_text(found.numerator)}/{number_text(found.denominator)} cơ quan xác nhận đạt"
    return value_text(one, found.value)


def _with_unit(number: str, unit: str | None) -> str:
    return f"{number}%" if unit == "%" else f"{number} {unit or ''}".strip()


def verdict_text(found: Figure, scored: Scored | None = None) -> str:
    """As the scorecard says it where it judges no more, such as of a level without agencies."""
    if found.meets_target is None:
        if scored is not None and scored.status == _NOT_JUDGED:
            return words.status(_NOT_JUDGED)
        return "Chưa có số liệu" if found.value is None else "Không kết luận"
    return "Đạt" if found.meets_target else "Chưa đạt"


def day_text(day: date) -> str:
    return f"{day:%d/%m/%Y}"
