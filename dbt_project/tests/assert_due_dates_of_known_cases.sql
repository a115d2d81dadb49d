-- Seven due dates worked by hand around holidays and worked Saturdays (Tết 2024, Giỗ Tổ, 30/4 in 2024 and 2025, New Year 2026).
-- Rule: the day of receipt does not count; the due day is the working day whose number is that of the day of receipt plus n.
-- Of the whole calendar: dim_date shows the years around the day of the figures, and these may be others.
with cases as (
    select cast('2024-04-26' as date) as received_on, 5 as working_days, cast('2024-05-07' as date) as due_on
    union all
    select cast('2024-02-07' as date) as received_on, 3 as working_days, cast('2024-02-19' as date) as due_on
    union all
    select cast('2024-04-17' as date) as received_on, 1 as working_days, cast('2024-04-19' as date) as due_on
    union all
    select cast('2024-08-30' as date) as received_on, 5 as working_days, cast('2024-09-10' as date) as due_on
    union all
    select cast('2025-04-24' as date) as received_on, 3 as working_days, cast('2025-04-28' as date) as due_on
    union all
    select cast('2025-12-31' as date) as received_on, 2 as working_days, cast('2026-01-06' as date) as due_on
    union all
    select cast('2026-01-08' as date) as received_on, 2 as working_days, cast('2026-01-10' as date) as due_on
)

select
    cases.received_on,
    cases.working_days,
    cases.due_on,
    due.date_day as computed_due_on
from cases
left join {{ ref('int_working_days') }} as received on cases.received_on = received.date_day
left join {{ ref('int_working_days') }} as due
    on
        received.working_day_number + cases.working_days = due.working_day_number
        and due.is_working_day
where due.date_day is distinct from cases.due_on
