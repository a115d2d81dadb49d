-- One row per target 7.3.4 and 7.3.5, reading, agency (and the province) and period: full online services and their dossiers.
-- Rules: 7.3.4 pairs valid on the day that qualify for full online, of them at level 4. 7.3.5 accepted dossiers by day of
-- receipt whose pair was at level 4 that day: online, of online and direct; `with_post` counts postal ones too.
with targets as (
    {{ targets_of('full_online') }}
),

services as (
    select
        targets.target_id,
        'headline' as variant,
        pairs.agency_code,
        {{ year_to_date_period() }},
        count(*) filter (where pairs.online_level = '4') as numerator,
        count(*) as denominator
    from {{ ref('int_agency_procedures_as_of') }} as pairs
    inner join targets on targets.measure = 'services'
    where pairs.full_online_eligible
    group by
        targets.target_id,
        pairs.agency_code
),

monthly as (
    select
        targets.target_id,
        'headline' as variant,
        received.agency_code,
        received.month_start,
        received.full_online_online_count as numerator,
        received.full_online_no_post_count as denominator
    from {{ ref('int_dossiers_received_monthly') }} as received
    inner join targets on targets.measure = 'dossiers'
    union all
    select
        targets.target_id,
        'with_post' as variant,
        received.agency_code,
        received.month_start,
        received.full_online_online_count as numerator,
        received.full_online_all_count as denominator
    from {{ ref('int_dossiers_received_monthly') }} as received
    inner join targets on targets.measure = 'dossiers'
),

dossiers as (
    {{ by_period('monthly') }}
),

counted as (
    select
        target_id,
        variant,
        agency_code,
        period_kind,
        period_start,
        numerator,
        denominator
    from services
    union all
    select
        target_id,
        variant,
        agency_code,
        period_kind,
        period_start,
        numerator,
        denominator
    from dossiers
)

{{ with_province_row('counted') }}
