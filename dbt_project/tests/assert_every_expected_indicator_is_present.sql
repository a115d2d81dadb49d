-- What has no data shows as a row without a value, never as an absent row.
{{ config(meta={'dagster': {'ref': {'name': 'fct_indicator'}}}) }}

select
    expected.target_id,
    expected.period_kind,
    expected.period_start
from {{ ref('int_indicator_expected') }} as expected
left join {{ ref('fct_indicator') }} as indicators
    on
        expected.target_id = indicators.target_id
        and expected.variant = indicators.variant
        and expected.agency_code = indicators.agency_code
        and expected.period_kind = indicators.period_kind
        and expected.period_start = indicators.period_start
        and indicators.is_headline
where indicators.indicator_key is null
