-- Tasks behind 1.1, 1.7 and 5.5, by due date.
-- Rule: ind_tasks; plans are done by the day of the figure, tasks of Government and Prime Minister by their due date.
with targets as (
    {{ targets_of('tasks') }}
),

tasks as (
    select
        targets.target_id,
        tasks.agency_code,
        tasks.task_code as record_key,
        tasks.due_on as event_on,
        case
            when targets.measure = 'government' then tasks.completed_on <= tasks.due_on
            else tasks.completed_on <= {{ as_of() }}
        end as is_done,
        case
            when tasks.completed_on is null or tasks.completed_on > {{ as_of() }} then 'Chưa hoàn thành tại ngày số liệu'
            when tasks.completed_on <= tasks.due_on then 'Hoàn thành trong hạn'
            when targets.measure = 'government' then 'Hoàn thành sau hạn: không tính đạt'
            else 'Hoàn thành sau hạn, trước ngày số liệu'
        end as why,
        tasks.task_name,
        tasks.assigner,
        tasks.completed_on,
        tasks.evidence_ref,
        {{ row_place('tasks') }}
    from {{ ref('stg_document_office__assigned_tasks') }} as tasks
    inner join targets
        on targets.measure = case when tasks.assigner = 'prime_minister' then 'government' else tasks.assigner end
    where {{ in_year_to_date('tasks.due_on') }}
)

{{ evidence_of('tasks', [('headline', 'is_done', 'true')], ['task_name', 'assigner', 'completed_on', 'evidence_ref']) }}
