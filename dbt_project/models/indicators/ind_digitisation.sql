-- One row per target 7.3.3a-c, reading, agency (and the province) and period: resolved dossiers digitised at both ends.
-- Rule: by day of the finish and the procedure's level of authority. Headline: a component digitised or reused, and an
-- electronic result where there is one to give; `input` and `result` show the halves, which miss for different reasons.
with targets as (
    {{ targets_of('digitisation') }}
),

resolved as (
    select
        targets.target_id,
        monthly.agency_code,
        monthly.month_start,
        monthly.resolved_count,
        monthly.digitised_count,
        monthly.digitised_input_count,
        monthly.digitised_result_count
    from {{ ref('int_dossiers_resolved_monthly') }} as monthly
    inner join targets on monthly.authority_level = targets.measure
),

monthly as (
    select
        target_id,
        'headline' as variant,
        agency_code,
        month_start,
        digitised_count as numerator,
        resolved_count as denominator
    from resolved
    union all
    select
        target_id,
        'input' as variant,
        agency_code,
        month_start,
        digitised_input_count as numerator,
        resolved_count as denominator
    from resolved
    union all
    select
        target_id,
        'result' as variant,
        agency_code,
        month_start,
        digitised_result_count as numerator,
        resolved_count as denominator
    from resolved
),

counted as (
    {{ by_period('monthly') }}
)

{{ with_province_row('counted') }}
