-- One row per agency, period and percentage headline that applies to its level: how much of the target it reaches, 0 to 100.
-- Periods: each month, the year to date, and `ytd_before`: the year to the end of the month before, for the change of place.
-- Rules: only figures with something to count; attainment = 100 when met, else 100 x value / target within 0 to 100, and for
-- "at most" targets 100 x target / value. Agencies that are no more at its end, or not yet, are left out: what came to one from
-- those before it counts in its year, and has no place of its own among the months before. `ytd_before` adds up the months where
-- months add up; stocks and shares of agencies keep today's figure there, as no earlier one is known. Before the deadline an
-- agency whose service units are still to come has no part in what counts them: of none reported all would be saved (D10).
{{ config(materialized='view') }}

{% set month_now = as_of_text()[5:7] | int %}

with figures as (
    select
        indicators.target_id,
        indicators.agency_code,
        agencies.agency_name,
        agencies.level,
        agencies.first_valid_from <= indicators.period_end
        and (agencies.valid_to is null or agencies.valid_to >= indicators.period_end) as is_there,
        -- At the end of the month before.
        agencies.first_valid_from < {{ month_of_as_of() }}
        and (agencies.valid_to is null or agencies.valid_to >= {{ add_days(-1, month_of_as_of()) }}) as was_there,
        indicators.period_kind,
        indicators.period_start,
        indicators.numerator,
        indicators.denominator,
        targets.operator,
        targets.target_value,
        {{ plan_order('targets.criterion_id', 'targets.target_id') }} as plan_order,
        not coalesce(actions.counts_agencies, false) and coalesce(actions.unit_size, 1) = 1 as counts_cases
    from {{ ref('fct_indicator') }} as indicators
    inner join {{ ref('int_target') }} as targets
        on
            indicators.target_id = targets.target_id
            and targets.is_in_force
    inner join {{ ref('int_agency_as_of') }} as agencies on indicators.agency_code = agencies.agency_code
    left join {{ ref('target_action') }} as actions on indicators.target_id = actions.target_id
    left join {{ ref('int_unit_agencies_to_come') }} as to_come
        on
            indicators.agency_code = to_come.agency_code
            and {{ waits_for_service_units('targets') }}
            and {{ as_of() }} < targets.deadline
    where
        indicators.is_headline
        and to_come.agency_code is null
        and indicators.period_kind in ('month', 'ytd')
        and indicators.denominator > 0
        and indicators.numerator is not null
        and targets.measure_kind = 'percent'
        and targets.agency_scope = 'agency'
        and targets.has_verdict
        and targets.target_value > 0
        and (targets.level is null or targets.level = agencies.level)
        and (agencies.first_valid_from <= indicators.period_end or not coalesce(actions.counts_agencies, false))
),

months_before as (
    select
        figures.target_id,
        figures.agency_code,
        figures.agency_name,
        figures.level,
        'ytd_before' as period_kind,
        {{ year_start() }} as period_start,
        sum(figures.numerator) as numerator,
        sum(figures.denominator) as denominator,
        figures.operator,
        figures.target_value,
        figures.plan_order,
        figures.counts_cases
    from figures
    inner join {{ ref('int_target_projection') }} as additive on figures.target_id = additive.target_id
    where
        figures.period_kind = 'month'
        and figures.period_start < {{ month_of_as_of() }}
        and figures.was_there
    group by
        figures.target_id,
        figures.agency_code,
        figures.agency_name,
        figures.level,
        figures.operator,
        figures.target_value,
        figures.plan_order,
        figures.counts_cases
),

kept_as_they_are as (
    select
        target_id,
        agency_code,
        agency_name,
        level,
        'ytd_before' as period_kind,
        period_start,
        numerator,
        denominator,
        operator,
        target_value,
        plan_order,
        counts_cases
    from figures
    where
        period_kind = 'ytd'
        and target_id not in (select additive.target_id from {{ ref('int_target_projection') }} as additive)
        -- In January there is no month before.
        and {{ month_now }} > 1
        and was_there
),

all_periods as (
    select
        target_id,
        agency_code,
        agency_name,
        level,
        period_kind,
        period_start,
        numerator,
        denominator,
        operator,
        target_value,
        plan_order,
        counts_cases
    from figures
    where is_there
    union all
    select *
    from months_before
    union all
    select *
    from kept_as_they_are
),

valued as (
    select
        *,
        {{ percent('numerator', 'denominator') }} as value
    from all_periods
)

select
    level,
    period_kind,
    period_start,
    agency_code,
    agency_name,
    target_id,
    plan_order,
    numerator,
    denominator,
    value,
    operator,
    target_value,
    case
        when {{ reaches('value', 'operator', 'target_value') }} then 100
        when operator in ('<=', '<') then greatest(0, least(100, 100 * target_value / nullif(value, 0)))
        else greatest(0, least(100, 100 * value / target_value))
    end as attainment,
    counts_cases
from valued
