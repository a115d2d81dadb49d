-- Grades behind 3.4.5: each agency's latest of the year; a grade of the whole year is later than those of its months.
-- Rule: ind_service_quality.
with targets as (
    {{ targets_of('service_quality') }}
),

grades as (
    select
        *,
        row_number() over (
            partition by agency_code
            order by
                case when length(period) = 4 then 0 else 1 end,
                period desc
        ) as period_rank
    from {{ ref('stg_tthc__service_quality') }}
    where substring(period, 1, 4) = '{{ as_of_year() }}'
)

select
    targets.target_id,
    'headline' as variant,
    grades.agency_code,
    grades.agency_code || ' / ' || grades.period as record_key,
    {{ as_of() }} as event_on,
    cast(case when grades.grade in ('good', 'excellent') then 1 else 0 end as decimal(38, 6)) as in_numerator,
    cast(1 as decimal(38, 6)) as in_denominator,
    case
        when grades.grade in ('good', 'excellent') then 'Kỳ đánh giá gần nhất: tốt trở lên'
        else 'Kỳ đánh giá gần nhất: dưới mức tốt'
    end as why,
    grades.period,
    grades.grade,
    {{ evidence_place('grades') }}
from grades
cross join targets
where grades.period_rank = 1
