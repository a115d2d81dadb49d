-- One row per target 3.4.5 and agency (and the province), as of the day: agencies graded good or excellent.
-- Rule: the year's grades, each agency's latest period; a grade of the whole year is later than those of its months.
-- "80 %" is read as a share of agencies.
with targets as (
    {{ targets_of('service_quality') }}
),

grades as (
    select
        agency_code,
        grade,
        row_number() over (
            partition by agency_code
            order by
                case when length(period) = 4 then 0 else 1 end,
                period desc
        ) as period_rank
    from {{ ref('stg_tthc__service_quality') }}
    where substring(period, 1, 4) = '{{ as_of_year() }}'
),

counted as (
    select
        targets.target_id,
        'headline' as variant,
        grades.agency_code,
        {{ year_to_date_period() }},
        case when grades.grade in ('good', 'excellent') then 1 else 0 end as numerator,
        1 as denominator
    from grades
    cross join targets
    where grades.period_rank = 1
)

{{ with_province_row('counted') }}
