-- One row per target whose months add up to the year to date: where the province's figure ends on 31 December when the months
-- of the pace go on, or on the day on which the catalogue ends the last agency of the target's level. Stocks, shares of agencies
-- and figures given for the year only have no pace and no row.
-- Rule: parts so far + parts of the pace window x days left / days of the window; then value = 100 x numerator / denominator.
{% set days_left = 'coalesce(levels.days_left, ' ~ days_left_in_year() ~ ')' %}

with figures as (
    select
        target_id,
        period_kind,
        period_start,
        coalesce(numerator, 0) as numerator,
        coalesce(denominator, 0) as denominator
    from {{ ref('fct_indicator') }}
    where
        is_headline
        and agency_code = {{ province_code() }}
        and period_kind in ('month', 'ytd')
        and value is not null
),

parts as (
    select
        target_id,
        sum(case when period_kind = 'ytd' then numerator else 0 end) as numerator,
        sum(case when period_kind = 'ytd' then denominator else 0 end) as denominator,
        sum(case when period_kind = 'month' then numerator else 0 end) as months_numerator,
        sum(case when period_kind = 'month' then denominator else 0 end) as months_denominator,
        sum(case when period_kind = 'month' and period_start >= {{ pace_start() }} then numerator else 0 end)
            as pace_numerator,
        sum(case when period_kind = 'month' and period_start >= {{ pace_start() }} then denominator else 0 end)
            as pace_denominator,
        sum(abs(numerator)) as numerators_added_up,
        sum(abs(denominator)) as denominators_added_up
    from figures
    group by target_id
)

select
    parts.target_id,
    -- What is further right is the error of floating point: 30 % held against 30 % would end at 29.999999.
    round({{ percent(
        'parts.numerator + parts.pace_numerator * ' ~ days_left ~ ' / ' ~ pace_days(),
        'parts.denominator + parts.pace_denominator * ' ~ days_left ~ ' / ' ~ pace_days()
    ) }}, 6) as projected_value
from parts
inner join {{ ref('int_target') }} as targets on parts.target_id = targets.target_id
left join {{ ref('int_level_as_of') }} as levels on targets.level = levels.level
where
    parts.denominator > 0
    and abs(parts.numerator - parts.months_numerator) <= {{ rounding_of('parts.numerators_added_up') }}
    and abs(parts.denominator - parts.months_denominator) <= {{ rounding_of('parts.denominators_added_up') }}
