"""What must hold of the marts before they are published; a night that blocks leaves yesterday's in place.

`block` where a figure, a key or a promise to readers would be wrong; `warn` where the data is odd but may
be true, such as a share above 100 % that an agency has reported. Tables and columns are the BI contract,
version 1.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from expectations.model import BLOCK, WARN, Check, Severity
from sources.text import sql_name, sql_string

MARTS_SUITE = "marts"

# The columns that readers were promised. Other marts serve pages and reports, whose columns may change with them.
PROMISED: dict[str, str] = {
    "dim_agency": "agency_code agency_name level parent_code valid_from valid_to is_current",
    "dim_target": """target_id criterion_id field_id target_name operator target_value unit max_points
        lead_agency source_system valid_from valid_to""",
    "fct_dossier": """dossier_code procedure_code agency_code level received_at due_at finished_at status
        is_resolved is_on_time is_overdue_open is_online is_full_online_procedure is_digitised has_e_result
        paid_online apology_sent""",
    "fct_indicator": """as_of_date target_id variant is_headline agency_code period_kind period_start
        numerator denominator value target_value meets_target""",
    "rpt_scorecard": """as_of_date target_id value target_value meets_target points_estimated max_points
        status lead_agency deadline""",
    "rpt_field_score": "as_of_date field_id points_estimated max_points points_2023 goal_2024 gap_to_goal",
    "rpt_agency_ranking": "as_of_date level rank agency_code score",
    "rpt_late_budget": """as_of_date target_id agency_code resolved late late_allowed_at_target late_left
        due_next_7_days projected_year_end_value""",
    "fct_alert": """alert_id target_id agency_code severity opened_at last_seen_at resolved_at value threshold
        message""",
    "fct_delivery": """source table_name file_name outcome reason rows_in_file rows_loaded rows_unchanged
        rows_quarantined content_hash delivered_on loaded_at""",
    "fct_integrity_signal": "kind record_key agency_code before after first_seen detail",
}
CODES: dict[str, dict[str, tuple[str, ...]]] = {
    "dim_agency": {"level": ("toan_tinh", "tinh", "huyen", "xa")},
    "fct_indicator": {"period_kind": ("month", "quarter", "ytd")},
    "rpt_scorecard": {"status": ("met", "at_risk", "missed", "no_data", "not_applicable")},
}
# Without these there is no scorecard: empty after they were filled is a failure, not a small night.
NEVER_EMPTY_AGAIN = ("dim_agency", "dim_target", "fct_dossier", "fct_indicator")
LARGEST_DROP_PCT = 20

# Words of a column name that speak of a person.
_PERSONAL_NAME = (
    r"(^|_)(applicant_name|applicant_id|citizen|full_?name|phone|mobile|address|e?mail|id_number|cccd|cmnd"
    r"|passport|birth|dob|ho_ten|chu_ho_so|dien_thoai|dia_chi|so_giay_to)(_|$)"
)


class Key(Protocol):
    """What names one row of a mart, and the columns of it that may be null. Who knows the marts hands it over."""

    @property
    def key(self) -> tuple[str, ...]: ...
    @property
    def nullable(self) -> frozenset[str]: ...


@dataclass(frozen=True)
class _Rule:
    """A check of one mart as written down here; `test` is SQL, or the parts of a predicate on bad rows."""

    table: str
    name: str
    columns: str
    severity: Severity
    vi: str
    en: str
    test: str | Mapping[str, str]


# In SQL, {batch} is the table itself; {dim_target}, {fct_indicator}, {as_of} and the other words in braces
# are filled by `marts_checks`. A query gives unexpected (a count), elements and detail (ids of targets or
# names, not values).
_FIGURES_OF_TARGETS = """
    select
        count(*) as elements,
        count(*) filter (where {bad}) as unexpected,
        string_agg(distinct f.target_id, ', ' order by f.target_id) filter (where {bad}) as detail
    from {batch} as f
    join {dim_target} as t
        on t.target_id = f.target_id
        and t.valid_from <= {as_of}
        and coalesce(t.valid_to, date '9999-12-31') >= {as_of}
"""
_REPORTED = "(t.source_system = 'register' or f.variant = 'register')"
_FROM_PARTS = """
    case when t.measure_kind = 'count' then f.numerator else 100 * f.numerator / nullif(f.denominator, 0) end
"""
_PROVINCE_AND_AGENCIES = """
    with agencies as (
        select
            target_id, variant, period_kind, period_start,
            coalesce(sum(numerator), 0) as n,
            coalesce(sum(denominator), 0) as d
        from {batch}
        where
            agency_code <> {province}
            and target_id not in (select target_id from {dim_target} where not agencies_add_up)
        group by all
    ),
    may_be_below_zero as (
        select target_id from {dim_target}
        where source_system = 'register' or (measure_kind = 'percent' and not is_part_of_whole)
    ),
    province as (
        select target_id, variant, period_kind, period_start, numerator, denominator
        from {fct_indicator}
        where agency_code = {province}
    ),
    compared as (
        select
            agencies.target_id,
            agencies.variant = 'register'
            or agencies.target_id in (select target_id from may_be_below_zero) as may_be_below_zero,
            (coalesce(province.numerator, 0) - n) / greatest(1, abs(n)) as n_apart,
            (coalesce(province.denominator, 0) - d) / greatest(1, abs(d)) as d_apart
        from agencies
        left join province using (target_id, variant, period_kind, period_start)
    )
    select
        count(*) as elements,
        count(*) filter (where {bad}) as unexpected,
        string_agg(distinct target_id, ', ' order by target_id) filter (where {bad}) as detail
    from compared
"""


def _sums(bad: str) -> str:
    return _PROVINCE_AND_AGENCIES.replace("{bad}", bad)


def _of_targets(bad: str) -> str:
    return _FIGURES_OF_TARGETS.replace("{bad}", bad)


_RULES: tuple[_Rule, ...] = (
    _Rule(
        "dim_agency",
        "one_current_version",
        "agency_code is_current",
        BLOCK,
        "mỗi mã chỉ có một phiên bản đang hiệu lực",
        "no code has two current versions",
        """
        select count(*) as unexpected, string_agg(agency_code, ', ' order by agency_code) as detail
        from (select agency_code from {batch} where is_current group by agency_code having count(*) > 1)
        """,
    ),
    _Rule(
        "dim_agency",
        "validity_in_order",
        "valid_from valid_to",
        WARN,
        "ngày hết hiệu lực không trước ngày hiệu lực",
        "a validity does not end before it begins",
        {"ends_before_it_begins": "valid_to < valid_from"},
    ),
    _Rule(
        "dim_target",
        "every_target_has_its_figure",
        "target_id",
        BLOCK,
        "mỗi chỉ tiêu có đúng một giá trị chính, toàn tỉnh, lũy kế năm",
        "every target has exactly one headline figure for the province and the year so far",
        """
        with headline as (
            select target_id from {fct_indicator}
            where is_headline and period_kind = 'ytd' and agency_code = {province}
        ),
        counted as (
            select t.target_id, count(headline.target_id) as n
            from {batch} as t
            left join headline on headline.target_id = t.target_id
            where t.valid_from <= {as_of} and coalesce(t.valid_to, date '9999-12-31') >= {as_of}
            group by t.target_id
        )
        select
            count(*) as elements,
            count(*) filter (where n <> 1) as unexpected,
            string_agg(target_id, ', ' order by target_id) filter (where n <> 1) as detail
        from counted
        """,
    ),
    _Rule(
        "fct_dossier",
        "states_agree",
        "is_resolved is_on_time is_overdue_open finished_at",
        BLOCK,
        "các trạng thái của hồ sơ không mâu thuẫn",
        "the states of a dossier do not contradict each other",
        {
            "on_time_but_not_resolved": "is_on_time and not is_resolved",
            "overdue_but_resolved": "is_overdue_open and is_resolved",
            "resolved_but_not_finished": "is_resolved and finished_at is null",
        },
    ),
    _Rule(
        "fct_dossier",
        "no_personal_columns_in_marts",
        "",
        BLOCK,
        "không bảng nào của marts có cột dữ liệu cá nhân",
        "no table of the marts has a column of personal data",
        """
        select
            count(*) as unexpected,
            string_agg(table_name || '.' || column_name, ', ' order by table_name, column_name) as detail
        from information_schema.columns
        where
            table_catalog = current_database()
            and table_schema = {schema}
            and (
                regexp_matches(lower(column_name), {personal_name})
                or lower(column_name) in ({personal_columns})
            )
        """,
    ),
    _Rule(
        "fct_indicator",
        "targets_known",
        "target_id",
        BLOCK,
        "mọi chỉ tiêu có trong dim_target",
        "every target is in dim_target",
        """
        select count(*) as unexpected, string_agg(distinct target_id, ', ' order by target_id) as detail
        from (select f.target_id from {batch} as f anti join {dim_target} as t on t.target_id = f.target_id)
        """,
    ),
    *(
        rule
        for suffix, scope, severity in (("", f"not {_REPORTED}", BLOCK), ("_as_reported", _REPORTED, WARN))
        for rule in (
            _Rule(
                "fct_indicator",
                f"share_within_0_100{suffix}",
                "value",
                severity,
                "tỷ lệ nằm trong khoảng 0-100 %",
                "a share lies between 0 and 100 %",
                _of_targets(f"t.is_part_of_whole and {scope} and f.value not between 0 and 100.0000001"),
            ),
            _Rule(
                "fct_indicator",
                f"numerator_within_denominator{suffix}",
                "numerator denominator",
                severity,
                "tử số không âm và không lớn hơn mẫu số",
                "the numerator is not negative and not above the denominator",
                _of_targets(
                    f"t.is_part_of_whole and {scope} and (f.numerator > f.denominator or f.numerator < 0)"
                ),
            ),
        )
    ),
    # 3 of 10 here and 5 of nobody knows how many there add up to 8 of 10.
    _Rule(
        "fct_indicator",
        "denominator_reported",
        "numerator denominator",
        WARN,
        "tỷ lệ được báo cáo có cả tử số và mẫu số (thiếu mẫu số thì số toàn tỉnh cao hơn thực tế)",
        "a reported share has a denominator (without one the province's figure is too high)",
        _of_targets(
            f"({_REPORTED} and t.measure_kind = 'percent' and f.numerator is not null and f.denominator is null)"
        ),
    ),
    _Rule(
        "fct_indicator",
        "value_follows_from_parts",
        "value numerator denominator",
        BLOCK,
        "giá trị tính lại được từ tử số và mẫu số; không có mẫu số thì không có giá trị",
        "the value follows from numerator and denominator; without a denominator there is none",
        _of_targets(
            f"((f.value is null) <> ({_FROM_PARTS} is null)"
            f" or abs(f.value - {_FROM_PARTS}) > 1e-9 * greatest(1, abs(f.value)))"
        ),
    ),
    _Rule(
        "fct_indicator",
        "verdict_only_with_value",
        "meets_target value",
        BLOCK,
        "có kết luận đạt/không đạt khi và chỉ khi có giá trị",
        "there is a verdict where there is a value, and only there",
        _of_targets(
            "((f.value is null and f.meets_target is not null)"
            " or (f.is_headline and t.has_verdict and f.value is not null and f.meets_target is null))"
        ),
    ),
    # Rows that a source files under the province's own code count for the province and for no agency, so
    # more than the sum may be right; less never is, unless they may be negative, as a payment that is
    # recovered (D11) or a reported number: there the sum below tells, and stops nothing.
    _Rule(
        "fct_indicator",
        "province_covers_its_agencies",
        "numerator denominator",
        BLOCK,
        "số toàn tỉnh không nhỏ hơn tổng các đơn vị",
        "the province's counts are not below the sum of its agencies",
        _sums("least(case when may_be_below_zero then 0 else n_apart end, d_apart) < -1e-9"),
    ),
    _Rule(
        "fct_indicator",
        "province_is_sum_of_agencies",
        "numerator denominator",
        WARN,
        "số toàn tỉnh bằng tổng các đơn vị",
        "the province's counts are the sum of its agencies",
        _sums("greatest(abs(n_apart), abs(d_apart)) > 1e-9"),
    ),
    *(
        _Rule(
            table,
            "points_within_maximum",
            "points_estimated max_points",
            BLOCK,
            "điểm ước tính từ 0 đến điểm tối đa",
            "estimated points lie between 0 and the maximum",
            {"negative": "points_estimated < 0", "above_maximum": "points_estimated > max_points + 1e-9"},
        )
        for table in ("rpt_scorecard", "rpt_field_score")
    ),
    _Rule(
        "rpt_scorecard",
        "status_agrees_with_verdict",
        "status meets_target",
        BLOCK,
        "trạng thái không mâu thuẫn với kết luận đạt/không đạt",
        "the status does not contradict the verdict",
        {
            "met_but_below_target": "status = 'met' and not meets_target",
            "missed_but_at_target": "status = 'missed' and meets_target",
            "no_data_but_verdict": "status = 'no_data' and meets_target is not null",
        },
    ),
    _Rule(
        "rpt_scorecard",
        "shows_the_headline_figures",
        "target_id value",
        BLOCK,
        "giá trị là giá trị chính toàn tỉnh của fct_indicator, đủ mọi chỉ tiêu",
        "shows the province's headline figure of every target",
        """
        with headline as (
            select target_id, value from {fct_indicator}
            where is_headline and period_kind = 'ytd' and agency_code = {province}
        )
        select count(*) as unexpected, string_agg(target_id, ', ' order by target_id) as detail
        from (
            select target_id
            from headline
            full join {batch} as shown using (target_id)
            where
                headline.value is distinct from shown.value
                or headline.target_id is null
                or shown.target_id is null
        )
        """,
    ),
    _Rule(
        "rpt_agency_ranking",
        "ranks_start_at_1",
        "rank",
        BLOCK,
        "thứ hạng từ 1 trở đi",
        "ranks start at 1",
        {"below_1": "rank < 1"},
    ),
    _Rule(
        "rpt_late_budget",
        "counts_not_negative",
        "resolved late late_allowed_at_target due_next_7_days waiting_overdue",
        BLOCK,
        "các số đếm không âm",
        "counts are not negative",
        {
            name: f"{name} < 0"
            for name in ("resolved", "late", "late_allowed_at_target", "due_next_7_days", "waiting_overdue")
        },
    ),
    _Rule(
        "fct_alert",
        "times_in_order",
        "opened_at last_seen_at resolved_at",
        WARN,
        "các thời điểm theo thứ tự",
        "its times are in order",
        {
            "seen_before_opened": "last_seen_at < opened_at",
            "resolved_before_opened": "resolved_at < opened_at",
        },
    ),
    _Rule(
        "fct_delivery",
        "rows_reconcile",
        "rows_in_file rows_loaded rows_unchanged rows_quarantined",
        BLOCK,
        "số dòng trong tệp = nạp + không đổi + bị loại",
        "rows in the file = loaded + unchanged + quarantined",
        {
            "rows_lost_or_made_up": """coalesce(rows_in_file, 0) <> coalesce(rows_loaded, 0)
                + coalesce(rows_unchanged, 0) + coalesce(rows_quarantined, 0)""",
            "negative": "least(rows_in_file, rows_loaded, rows_unchanged, rows_quarantined) < 0",
        },
    ),
)
_ALL_DOSSIERS_KEPT = _Rule(
    "fct_dossier",
    "all_dossiers_kept",
    "dossier_code",
    BLOCK,
    "số hồ sơ bằng số mã hồ sơ khác nhau đã nạp",
    "has as many rows as dossier codes have landed",
    """
    select count(*) as elements, abs(count(*) - {staged}) as unexpected, 'staged: ' || {staged} as detail
    from {batch}
    """,
)

# Statutory terms are counted in working days: a year whose days off nobody has entered looks like one without any.
_CALENDAR_IS_KNOWN = _Rule(
    "fct_integrity_signal",
    "calendar_is_known",
    "first_seen",
    WARN,
    "seed holiday có ngày nghỉ của năm nay và của 60 ngày tới",
    "the seed holiday has days off for this year and the next 60 days",
    """
    with years as (
        select distinct unnest([year({as_of}), year({as_of} + 60)]) as y
    ),
    unknown as (
        select y from years
        where not exists (select 1 from {dim_date} as d where year(d.date_day) = y and d.is_holiday)
    )
    select
        2 + 0 * (select count(*) from {batch}) as elements,
        count(*) as unexpected,
        'days off unknown: ' || string_agg(y, ', ' order by y) as detail
    from unknown
    """,
)


def marts_checks(
    *,
    as_of: date,
    keys: Mapping[str, Key],
    province: str,
    staged_dossiers: int | None = None,
    unseen_dossiers: str = "true",
    previous_counts: Mapping[str, int] | None = None,
    personal_columns: Collection[str] = (),
    tables: Collection[str] | None = None,
    schema: str = "marts",
) -> list[Check]:
    """The suite of the marts: of all that `keys` knows, or of `tables`.

    `staged_dossiers` is the number of distinct dossier codes that have landed, `unseen_dossiers` a condition on the rows
    of fct_dossier whose keys no gate has looked at yet, `previous_counts` the row counts of the published file by
    table, `personal_columns` the names of the contracts' personal columns. What is not given is not compared. A
    table of `tables` that is not there fails all its checks.
    """
    hashed = [f"{name}_hash" for name in personal_columns]
    facts = {
        "dim_target": f"{sql_name(schema)}.dim_target",
        "fct_indicator": f"{sql_name(schema)}.fct_indicator",
        "dim_date": f"{sql_name(schema)}.dim_date",
        "schema": sql_string(schema),
        "province": sql_string(province),
        "as_of": f"date '{as_of}'",
        "staged": str(staged_dossiers),
        "unseen_dossiers": unseen_dossiers,
        "personal_name": sql_string(_PERSONAL_NAME),
        "personal_columns": ", ".join(map(sql_string, sorted([*personal_columns, *hashed, ""]))),
    }
    checks = []
    for table in keys if tables is None else tables:
        key = keys[table]
        before = (previous_counts or {}).get(table, 0)
        rules = [*_shape(table, key), *(rule for rule in _RULES if rule.table == table)]
        if table == _ALL_DOSSIERS_KEPT.table and staged_dossiers is not None:
            rules.append(_ALL_DOSSIERS_KEPT)
        if table == _CALENDAR_IS_KNOWN.table:
            rules.append(_CALENDAR_IS_KNOWN)
        # Lists of what is open or has changed grow and shrink with the nights; what was promised does not.
        if before > 0 and table in PROMISED:
            rules += _against_published(table)
        checks += _native(schema, table)
        checks += [_check(schema, rule, {**facts, "before": str(before)}) for rule in rules]
    return checks


def _check(schema: str, rule: _Rule, facts: Mapping[str, str]) -> Check:
    # A fact that the rule does not name would make no difference; blanks and line breaks neither.
    params: dict[str, Any]
    if isinstance(rule.test, str):
        params = {"query": " ".join(rule.test.split())}
    else:
        params = {"where": {part: " ".join(sql.split()) for part, sql in rule.test.items()}}
    return Check(
        suite=MARTS_SUITE,
        dataset=f"{schema}.{rule.table}",
        expectation=rule.name,
        columns=tuple(rule.columns.split()),
        params=params,
        severity=rule.severity,
        description=f"{rule.table}: {rule.vi}",
        description_en=f"{rule.table}: {rule.en}",
        facts=facts,
    )


def _native(schema: str, table: str) -> Iterable[Check]:
    """Promised columns, filled keys and known codes: the library's own expectations."""

    def check(expectation: str, columns: str, vi: str, en: str, **params: Any) -> Check:
        return Check(
            suite=MARTS_SUITE,
            dataset=f"{schema}.{table}",
            expectation=expectation,
            columns=tuple(columns.split()),
            params=params,
            severity=BLOCK,
            description=f"{table}: {vi}",
            description_en=f"{table}: {en}",
        )

    if table in PROMISED:
        yield check("columns_present", PROMISED[table], "đủ các cột đã công bố", "has the promised columns")
    for column, codes in CODES.get(table, {}).items():
        yield check("in_set", column, f"{column} thuộc danh mục", f"{column} is known", values=codes)


def _shape(table: str, key: Key) -> Iterable[_Rule]:
    """One row per key, one day of the figures."""
    if filled := [column for column in key.key if column not in key.nullable]:
        yield _Rule(
            table,
            "key_filled",
            " ".join(filled),
            BLOCK,
            "không cột nào của khóa bị trống",
            "no column of the key is empty",
            # The library's own would ask for each column anew, which took a third of the gate's time.
            {column: f"{sql_name(column)} is null" for column in filled},
        )
    if key.key:
        yield _Rule(
            table,
            "key_unique",
            " ".join(key.key),
            BLOCK,
            "khóa là duy nhất",
            "the key is unique",
            # The library's own uniqueness joins the table with itself, which a million dossiers feel.
            # What is told does not depend on how much of it had to be looked at.
            f"""
            select
                count(*) as elements,
                (
                    select count(*) - count(distinct {_counted(key)})
                    from {{batch}} {"where {unseen_dossiers}" if table == "fct_dossier" else ""}
                ) as unexpected
            from {{batch}}
            """,
        )
    if "as_of_date" in (*key.key, *PROMISED.get(table, "").split()):
        yield _Rule(
            table,
            "as_of_date_single",
            "as_of_date",
            BLOCK,
            "chỉ có một ngày số liệu, là ngày của lần chạy",
            "has one day of the figures, the one of the run",
            {"another_day": "as_of_date is distinct from {as_of}"},
        )


def _counted(key: Key) -> str:
    """SQL of what is counted of a key. A null counts in a row of columns, and not by itself."""
    columns = ", ".join(map(sql_name, key.key))
    return f"row({columns})" if key.nullable else f"({columns})"


def _against_published(table: str) -> Iterable[_Rule]:
    counted = (
        "select count(*) as elements, cast({bad} as int) as unexpected, 'published: ' || {before} as detail"
    )
    if table in NEVER_EMPTY_AGAIN:
        yield _Rule(
            table,
            "not_suddenly_empty",
            "",
            BLOCK,
            "không bỗng dưng trống khi bản đã công bố có dữ liệu",
            "is not empty when the published one was not",
            counted.replace("{bad}", "count(*) = 0") + " from {batch}",
        )
    yield _Rule(
        table,
        "row_count_not_dropped",
        "",
        WARN,
        f"số dòng không giảm quá {LARGEST_DROP_PCT} % so với bản đã công bố",
        f"did not lose more than {LARGEST_DROP_PCT} % of its rows since it was last published",
        counted.replace("{bad}", f"100 * count(*) < {100 - LARGEST_DROP_PCT} * {{before}}") + " from {batch}",
    )
