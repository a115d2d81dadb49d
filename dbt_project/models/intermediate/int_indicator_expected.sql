-- One row per target in force and period for which the province must have a row, data or not.
-- What has no data shows as a row without a value, never as an absent row.
with periods as (
    select distinct
        period_kind,
        period_start
    from {{ ref('int_period_month') }}
)

select
    targets.target_id,
    targets.headline_variant as variant,
    {{ province_code() }} as agency_code,
    periods.period_kind,
    periods.period_start
from {{ ref('int_target') }} as targets
inner join periods
    on
        periods.period_kind = 'ytd'
        or targets.period_scope = 'all'
where targets.is_in_force
