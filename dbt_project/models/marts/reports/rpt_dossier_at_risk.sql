-- One row per dossier in process that is overdue or due within the next working days (soon_working_days), most urgent first.
-- Rules: overdue = due before the day of the figures; working days are counted by the calendar's running number: 0 = nothing
-- left but today, negative = working days overdue, at least -1. Waiting dossiers (supplement, payment, stopped) are not listed.
-- Order: oldest due date first, then the longest in process.
with open_dossiers as (
    select
        dossier_code,
        procedure_code,
        agency_code,
        level,
        received_on,
        due_on,
        status,
        apology_sent
    from {{ ref('fct_dossier') }}
    where
        count_class = 'in_process'
        and due_on is not null
        -- No run of days off is longer than three weeks; the exact limit is judged below.
        and due_on <= {{ add_days((var('soon_working_days') | int) + 21, as_of()) }}
),

today as (
    select working_day_number
    from {{ ref('int_working_days') }}
    where date_day = {{ as_of() }}
),

measured as (
    select
        open_dossiers.*,
        due.working_day_number - today.working_day_number as working_days_between,
        case
            when open_dossiers.due_on < {{ as_of() }} then 'overdue'
            when open_dossiers.due_on = {{ as_of() }} then 'today'
            else 'soon'
        end as urgency
    from open_dossiers
    cross join today
    left join {{ ref('int_working_days') }} as due on open_dossiers.due_on = due.date_day
)

select
    {{ as_of() }} as as_of_date,
    cast(row_number() over (order by due_on, received_on, dossier_code) as bigint) as rank,
    dossier_code,
    procedure_code,
    agency_code,
    level,
    received_on,
    due_on,
    case when urgency = 'overdue' then least(-1, working_days_between) else working_days_between end as working_days_left,
    urgency,
    status,
    apology_sent
from measured
where
    urgency <> 'soon'
    or working_days_between <= {{ var('soon_working_days') }}
