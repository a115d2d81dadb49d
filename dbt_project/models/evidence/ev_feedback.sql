-- Complaints behind 3.5.1 (answered, or past their due date) and 3.5.2 (answered), by day of receipt.
-- Rule: ind_feedback.
with targets as (
    {{ targets_of('feedback') }}
),

feedback as (
    select
        targets.target_id,
        targets.measure,
        feedback.agency_code,
        feedback.feedback_code as record_key,
        cast(feedback.received_at as date) as event_on,
        cast(feedback.due_at as date) as due_on,
        cast(feedback.answered_at as date) as answered_on,
        cast(feedback.published_at as date) as published_on,
        case
            when targets.measure = 'answered_in_time' and feedback.answered_at is null then 'Quá hạn, chưa trả lời'
            when targets.measure = 'answered_in_time' and cast(feedback.answered_at as date) <= cast(feedback.due_at as date)
                then 'Trả lời trong hạn'
            when targets.measure = 'answered_in_time' then 'Trả lời sau hạn'
            when feedback.published_at is not null then 'Đã trả lời, đã công khai'
            else 'Đã trả lời, chưa công khai'
        end as why,
        {{ row_place('feedback') }}
    from {{ ref('stg_tthc__feedback') }} as feedback
    inner join targets on targets.measure in ('answered_in_time', 'answer_published')
    where
        {{ in_year_to_date('cast(feedback.received_at as date)') }}
        and (
            feedback.answered_at is not null
            or (targets.measure = 'answered_in_time' and cast(feedback.due_at as date) < {{ as_of() }})
        )
)

{{ evidence_of(
    'feedback',
    [(
        'headline',
        "(measure = 'answered_in_time' and answered_on <= due_on)"
        " or (measure = 'answer_published' and published_on is not null)",
        'true',
    )],
    ['due_on', 'answered_on', 'published_on'],
) }}
