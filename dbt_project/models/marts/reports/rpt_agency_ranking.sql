-- One row per level, period (each month of the year, and the year to date) and agency: its place among the agencies of its level.
-- Rules: score = mean attainment of the percentage headlines that apply to the level and count something there; ties, to six
-- decimals, share a place and the next place is skipped. Change of place: against the month before; for the year to date,
-- against the year as it stood at the end of the month before. small_denominator: of the figures that count cases (not yes or
-- no of the agency itself, and not money, of which a dong is no case) at least half have fewer cases than min_denominator.
-- few_indicators: fewer than half as many figures count as at the agency of the level with the most: a mean of two is no
-- better than one of ten because it is higher.
with scored as (
    select
        level,
        period_kind,
        period_start,
        agency_code,
        agency_name,
        cast(avg(attainment) as decimal(12, 6)) as score,
        count(*) as indicators_counted,
        count(*) filter (where counts_cases and denominator < {{ var('min_denominator') }}) as small_indicators,
        count(*) filter (where counts_cases) as case_indicators,
        {{ ordered_concat(
            "'{\"target_id\":\"' || target_id || '\",\"value\":' || "
            ~ number_text('en', 'value', 'target_value') ~ " || ',\"target_value\":' || " ~ number_text('en', 'target_value')
            ~ " || ',\"attainment\":' || " ~ number_text('en', 'attainment', '100')
            ~ " || ',\"denominator\":' || " ~ number_text('en', 'denominator') ~ " || '}'",
            ',',
            'plan_order'
        ) }} as part_list
    from {{ ref('int_agency_attainment') }}
    group by
        level,
        period_kind,
        period_start,
        agency_code,
        agency_name
),

ranked as (
    select
        *,
        rank() over (partition by level, period_kind, period_start order by score desc) as place,
        max(indicators_counted) over (partition by level, period_kind, period_start) as most_indicators
    from scored
)

select
    {{ as_of() }} as as_of_date,
    now.level,
    now.period_kind,
    now.period_start,
    now.agency_code,
    now.agency_name,
    cast(now.place as bigint) as rank,
    cast(before.place as bigint) as previous_rank,
    cast(before.place - now.place as bigint) as place_change,
    cast(now.score as double) as score,
    cast(now.indicators_counted as bigint) as indicators_counted,
    cast(now.small_indicators as bigint) as small_indicators,
    2 * now.small_indicators >= now.case_indicators as small_denominator,
    2 * now.indicators_counted < now.most_indicators as few_indicators,
    '[' || now.part_list || ']' as parts
from ranked as now
left join ranked as before
    on
        now.level = before.level
        and now.agency_code = before.agency_code
        and (
            (
                now.period_kind = 'month'
                and before.period_kind = 'month'
                and {{ add_months(-1, 'now.period_start') }} = before.period_start
            )
            or (now.period_kind = 'ytd' and before.period_kind = 'ytd_before')
        )
where now.period_kind <> 'ytd_before'
