-- One row per target 3.3.1a-c and 3.3.2 and agency (and the province), as of the day: procedures served at the one-stop office.
-- Rules: 3.3.1 pairs valid on the day that belong there, by level of the agency; 3.3.2 pairs of vertically managed procedures.
with targets as (
    {{ targets_of('one_stop') }}
),

pairs as (
    select
        level as measure,
        agency_code,
        one_stop_served
    from {{ ref('int_agency_procedures_as_of') }}
    where one_stop_required
    union all
    select
        'central_vertical' as measure,
        agency_code,
        one_stop_served
    from {{ ref('int_agency_procedures_as_of') }}
    where is_central_vertical
),

counted as (
    select
        targets.target_id,
        'headline' as variant,
        pairs.agency_code,
        {{ year_to_date_period() }},
        count(*) filter (where pairs.one_stop_served) as numerator,
        count(*) as denominator
    from pairs
    inner join targets on pairs.measure = targets.measure
    group by
        targets.target_id,
        pairs.agency_code
)

{{ with_province_row('counted') }}
