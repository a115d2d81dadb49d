-- Whoever divides the parts gets the value; no value without parts, no verdict without a value, no value outside what parts allow.
{{ config(meta={'dagster': {'ref': {'name': 'fct_indicator'}}}) }}

select
    indicators.indicator_key,
    indicators.numerator,
    indicators.denominator,
    indicators.value,
    indicators.meets_target
from {{ ref('fct_indicator') }} as indicators
inner join {{ ref('dim_target') }} as targets on indicators.target_id = targets.target_id
where
    (targets.measure_kind = 'count' and indicators.value is distinct from indicators.numerator)
    or (
        targets.measure_kind <> 'count'
        and (
            abs(indicators.value - 100 * indicators.numerator / nullif(indicators.denominator, 0))
            > {{ rounding_of('indicators.value') }}
            or (indicators.value is null) <> (coalesce(indicators.denominator, 0) = 0 or indicators.numerator is null)
        )
    )
    or (indicators.meets_target is null) <> (indicators.value is null or not targets.has_verdict)
    or (
        indicators.operator = '=' and indicators.target_value = 100
        and indicators.meets_target <> (indicators.numerator = indicators.denominator)
    )
