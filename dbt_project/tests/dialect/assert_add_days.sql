-- Over a leap day, a year's end, backwards, by the value of a column; nothing from nothing.
with cases as (
    select cast('2024-02-28' as date) as day, 1 as days, cast('2024-02-29' as date) as expected
    union all
    select cast('2024-12-31' as date) as day, 1 as days, cast('2025-01-01' as date) as expected
    union all
    select cast('2024-03-01' as date) as day, -1 as days, cast('2024-02-29' as date) as expected
    union all
    select cast('2024-06-30' as date) as day, 0 as days, cast('2024-06-30' as date) as expected
    union all
    select cast(null as date) as day, 1 as days, cast(null as date) as expected
    union all
    select cast('2024-06-30' as date) as day, cast(null as int) as days, cast(null as date) as expected
)

select
    *,
    {{ add_days('days', 'day') }} as actual
from cases
where
    {{ add_days('days', 'day') }} is distinct from expected
    or {{ add_days(-1, add_days(1, 'day')) }} is distinct from day
