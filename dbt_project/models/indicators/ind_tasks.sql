-- One row per target 1.1, 1.7 and 5.5, agency (and the province) and period: tasks done.
-- Rules: tasks by due date. Plans (1.1, 5.5): done by the day of the figure; Government and Prime Minister (1.7): done by
-- the due date.
with targets as (
    {{ targets_of('tasks') }}
),

tasks as (
    select
        case when assigner = 'prime_minister' then 'government' else assigner end as measure,
        agency_code,
        {{ month_of('due_on') }} as month_start,
        case
            when assigner in ('government', 'prime_minister') then coalesce(completed_on <= due_on, false)
            else coalesce(completed_on <= {{ as_of() }}, false)
        end as is_done
    from {{ ref('stg_document_office__assigned_tasks') }}
    where {{ in_year_to_date('due_on') }}
),

monthly as (
    select
        targets.target_id,
        'headline' as variant,
        tasks.agency_code,
        tasks.month_start,
        count(*) filter (where tasks.is_done) as numerator,
        count(*) as denominator
    from tasks
    inner join targets on tasks.measure = targets.measure
    group by
        targets.target_id,
        tasks.agency_code,
        tasks.month_start
),

counted as (
    {{ by_period('monthly') }}
)

{{ with_province_row('counted') }}
