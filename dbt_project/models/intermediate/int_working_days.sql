-- One row per day: whether offices work, and how many working days there have been up to and with it.
-- Rule: five-day week, less the days off, plus the worked Saturdays, and above all the operator's corrections (announcements
-- come late). The day of receipt does not count, so a period of n working days that begins on day R ends on the working day
-- whose number is R's number plus n.
with days as (
    {{ day_spine(var('calendar_first_day'), var('calendar_last_day')) }}
),

calendar as (
    select
        cast(date_day as date) as date_day,
        {{ iso_weekday('cast(date_day as date)') }} as day_of_week
    from days
),

judged as (
    select
        calendar.date_day,
        calendar.day_of_week,
        coalesce(corrections.name_vi, holidays.name_vi) as name_vi,
        coalesce(holidays.kind = 'day_off', false) as is_announced_day_off,
        case
            when corrections.is_working_day is not null then corrections.is_working_day
            when holidays.kind = 'day_off' then false
            when holidays.kind = 'worked_saturday' then true
            else calendar.day_of_week <= 5
        end as is_working_day,
        corrections.date_day is not null as is_corrected
    from calendar
    left join {{ ref('holiday') }} as holidays on calendar.date_day = holidays.date_day
    left join {{ ref('working_calendar_override') }} as corrections on calendar.date_day = corrections.date_day
)

select
    date_day,
    day_of_week,
    name_vi,
    case when is_corrected then not is_working_day else is_announced_day_off end as is_holiday,
    is_working_day,
    is_corrected,
    cast(
        sum(case when is_working_day then 1 else 0 end) over (
            order by date_day
            rows between unbounded preceding and current row
        ) as bigint
    ) as working_day_number
from judged
