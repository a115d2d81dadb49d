-- One row per target 3.5.1 and 3.5.2, agency (and the province) and period: complaints answered in time, answers published.
-- Rules: by day of receipt. 3.5.1 of those answered or past their due date, answered by it; 3.5.2 of those answered, published.
with targets as (
    {{ targets_of('feedback') }}
),

feedback as (
    select
        agency_code,
        {{ month_of('cast(received_at as date)') }} as month_start,
        answered_at is not null as is_answered,
        coalesce(cast(answered_at as date) <= cast(due_at as date), false) as is_answered_in_time,
        published_at is not null as is_published,
        cast(due_at as date) < {{ as_of() }} as is_past_due
    from {{ ref('stg_tthc__feedback') }}
    where {{ in_year_to_date('cast(received_at as date)') }}
),

measured as (
    select
        'answered_in_time' as measure,
        agency_code,
        month_start,
        is_answered_in_time as qualifies
    from feedback
    where
        is_answered
        or is_past_due
    union all
    select
        'answer_published' as measure,
        agency_code,
        month_start,
        is_published as qualifies
    from feedback
    where is_answered
),

monthly as (
    select
        targets.target_id,
        'headline' as variant,
        measured.agency_code,
        measured.month_start,
        count(*) filter (where measured.qualifies) as numerator,
        count(*) as denominator
    from measured
    inner join targets on measured.measure = targets.measure
    group by
        targets.target_id,
        measured.agency_code,
        measured.month_start
),

counted as (
    {{ by_period('monthly') }}
)

{{ with_province_row('counted') }}
