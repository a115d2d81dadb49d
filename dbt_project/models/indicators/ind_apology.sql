-- One row per target 3.4.4, reading, agency (and the province) and period: missed dossiers with an apology.
-- Rule: accepted dossiers by day of receipt that missed the first promised date. Headline: any apology; `timely`: sent before
-- that date; `without_supplement`: any apology, leaving out dossiers whose date may have moved for a supplement.
with targets as (
    {{ targets_of('apology') }}
),

received as (
    select
        targets.target_id,
        monthly.agency_code,
        monthly.month_start,
        monthly.missed_count,
        monthly.missed_apology_count,
        monthly.missed_timely_apology_count,
        monthly.missed_no_supplement_count,
        monthly.missed_no_supplement_apology_count
    from {{ ref('int_dossiers_received_monthly') }} as monthly
    cross join targets
),

monthly as (
    select
        target_id,
        'headline' as variant,
        agency_code,
        month_start,
        missed_apology_count as numerator,
        missed_count as denominator
    from received
    union all
    select
        target_id,
        'timely' as variant,
        agency_code,
        month_start,
        missed_timely_apology_count as numerator,
        missed_count as denominator
    from received
    union all
    select
        target_id,
        'without_supplement' as variant,
        agency_code,
        month_start,
        missed_no_supplement_apology_count as numerator,
        missed_no_supplement_count as denominator
    from received
),

counted as (
    {{ by_period('monthly') }}
)

{{ with_province_row('counted') }}
