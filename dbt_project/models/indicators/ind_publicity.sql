-- One row per target 3.2.3a-b, agency (and the province) and period: dossiers whose progress and result are public.
-- Rule: accepted dossiers by day of receipt; synchronised to the national portal (a), published on the province's (b).
with targets as (
    {{ targets_of('publicity') }}
),

received as (
    select
        'synced_national' as measure,
        agency_code,
        month_start,
        synced_national_count as numerator,
        accepted_count as denominator
    from {{ ref('int_dossiers_received_monthly') }}
    union all
    select
        'published_provincial' as measure,
        agency_code,
        month_start,
        published_provincial_count as numerator,
        accepted_count as denominator
    from {{ ref('int_dossiers_received_monthly') }}
),

monthly as (
    select
        targets.target_id,
        'headline' as variant,
        received.agency_code,
        received.month_start,
        received.numerator,
        received.denominator
    from received
    inner join targets on received.measure = targets.measure
),

counted as (
    {{ by_period('monthly') }}
)

{{ with_province_row('counted') }}
