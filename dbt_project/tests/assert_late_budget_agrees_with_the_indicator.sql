-- Every on-time figure of an agency has its budget, over the same dossiers; late ones are left exactly where the target is met.
{{ config(meta={'dagster': {'ref': {'name': 'rpt_late_budget'}}}) }}

select
    indicators.indicator_key,
    indicators.numerator,
    indicators.denominator,
    budget.late,
    budget.late_left
from {{ ref('fct_indicator') }} as indicators
inner join {{ ref('dim_target') }} as targets
    on
        indicators.target_id = targets.target_id
        and targets.family = 'on_time'
        and targets.is_in_force
left join {{ ref('rpt_late_budget') }} as budget
    on
        indicators.target_id = budget.target_id
        and indicators.agency_code = budget.agency_code
where
    indicators.is_headline
    and indicators.period_kind = 'ytd'
    and indicators.denominator > 0
    and (
        budget.target_id is null
        or budget.resolved <> indicators.denominator
        or budget.late <> indicators.denominator - indicators.numerator
        or (budget.late_left >= 0) <> indicators.meets_target
    )
