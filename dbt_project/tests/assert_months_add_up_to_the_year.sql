-- The year to date is the sum of its months, and so is each quarter. Left out: shares of agencies and of pairs (7.2.x and
-- 7.3.6b), where one agency or pair that is seen in two months is still one.
{{ config(meta={'dagster': {'ref': {'name': 'fct_indicator'}}}) }}

with flows as (
    select
        indicators.target_id,
        indicators.variant,
        indicators.agency_code,
        indicators.period_kind,
        cast(date_trunc('quarter', indicators.period_start) as date) as quarter_of_period,
        indicators.numerator,
        indicators.denominator
    from {{ ref('fct_indicator') }} as indicators
    inner join {{ ref('int_target') }} as targets on indicators.target_id = targets.target_id
    where
        targets.period_scope = 'all'
        and indicators.variant not in ('register')
        and not (targets.family = 'documents' and indicators.variant = 'headline')
        and not (targets.family = 'online_payment' and targets.measure = 'used')
),

quarters as (
    select
        target_id,
        variant,
        agency_code,
        quarter_of_period as period_start,
        sum(case when period_kind = 'month' then numerator else 0 end)
        - sum(case when period_kind = 'quarter' then numerator else 0 end) as numerator_gap,
        sum(case when period_kind = 'month' then denominator else 0 end)
        - sum(case when period_kind = 'quarter' then denominator else 0 end) as denominator_gap,
        sum(abs(coalesce(numerator, 0))) as numerators_added_up,
        sum(abs(coalesce(denominator, 0))) as denominators_added_up
    from flows
    where period_kind in ('month', 'quarter')
    group by
        target_id,
        variant,
        agency_code,
        quarter_of_period
),

years as (
    select
        target_id,
        variant,
        agency_code,
        sum(case when period_kind = 'month' then numerator else 0 end)
        - sum(case when period_kind = 'ytd' then numerator else 0 end) as numerator_gap,
        sum(case when period_kind = 'month' then denominator else 0 end)
        - sum(case when period_kind = 'ytd' then denominator else 0 end) as denominator_gap,
        sum(abs(coalesce(numerator, 0))) as numerators_added_up,
        sum(abs(coalesce(denominator, 0))) as denominators_added_up
    from flows
    group by
        target_id,
        variant,
        agency_code
)

select
    'quarter' as period_kind,
    target_id,
    variant,
    agency_code,
    numerator_gap,
    denominator_gap
from quarters
where
    abs(numerator_gap) > {{ rounding_of('numerators_added_up') }}
    or abs(denominator_gap) > {{ rounding_of('denominators_added_up') }}
union all
select
    'ytd' as period_kind,
    target_id,
    variant,
    agency_code,
    numerator_gap,
    denominator_gap
from years
where
    abs(numerator_gap) > {{ rounding_of('numerators_added_up') }}
    or abs(denominator_gap) > {{ rounding_of('denominators_added_up') }}
