-- One row per day of the figures, target, reading, agency and period: counts, value and verdict.
-- Rules: value = 100 x numerator / denominator, not rounded, or the count itself; nothing measured, no value and no verdict.
-- Every expected row is here: what has no data shows without a value, never as an absent row.
with measured as (
    select
        target_id,
        variant,
        agency_code,
        period_kind,
        period_start,
        numerator,
        denominator
    from {{ ref('int_indicator_measured') }}
),

unmeasured as (
    select
        expected.target_id,
        expected.variant,
        expected.agency_code,
        expected.period_kind,
        expected.period_start,
        cast(null as decimal(38, 6)) as numerator,
        cast(null as decimal(38, 6)) as denominator
    from {{ ref('int_indicator_expected') }} as expected
    left join measured
        on
            expected.target_id = measured.target_id
            and expected.variant = measured.variant
            and expected.agency_code = measured.agency_code
            and expected.period_kind = measured.period_kind
            and expected.period_start = measured.period_start
    where measured.target_id is null
),

all_rows as (
    select
        target_id,
        variant,
        agency_code,
        period_kind,
        period_start,
        numerator,
        denominator
    from measured
    union all
    select
        target_id,
        variant,
        agency_code,
        period_kind,
        period_start,
        numerator,
        denominator
    from unmeasured
),

periods as (
    select distinct
        period_kind,
        period_start,
        period_end
    from {{ ref('int_period_month') }}
),

valued as (
    select
        all_rows.target_id,
        all_rows.variant,
        all_rows.variant = targets.headline_variant as is_headline,
        all_rows.agency_code,
        case when all_rows.agency_code = {{ province_code() }} then 'toan_tinh' else agencies.level end as level,
        all_rows.period_kind,
        all_rows.period_start,
        periods.period_end,
        all_rows.numerator,
        all_rows.denominator,
        case
            when targets.measure_kind = 'count' then cast(all_rows.numerator as double)
            else {{ percent('all_rows.numerator', 'all_rows.denominator') }}
        end as value,
        targets.operator,
        targets.target_value,
        targets.unit,
        targets.measure_kind,
        targets.has_verdict
    from all_rows
    inner join {{ ref('int_target') }} as targets
        on
            all_rows.target_id = targets.target_id
            and targets.is_in_force
    inner join periods
        on
            all_rows.period_kind = periods.period_kind
            and all_rows.period_start = periods.period_start
    left join {{ ref('int_agency_as_of') }} as agencies on all_rows.agency_code = agencies.agency_code
)

select
    '{{ as_of_text() }}' || '|' || target_id || '|' || variant || '|' || agency_code || '|' || period_kind || '|'
    || cast(period_start as string) as indicator_key,
    {{ as_of() }} as as_of_date,
    target_id,
    variant,
    is_headline,
    agency_code,
    level,
    period_kind,
    period_start,
    period_end,
    cast(numerator as double) as numerator,
    cast(denominator as double) as denominator,
    value,
    unit,
    operator,
    target_value,
    {{ meets_target() }} as meets_target
from valued
