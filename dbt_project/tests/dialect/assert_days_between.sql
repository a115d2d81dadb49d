-- Over a leap day, none, backwards; nothing from nothing.
with cases as (
    select
        cast('2024-02-28' as date) as first_day,
        cast('2024-03-01' as date) as second_day,
        2 as expected
    union all
    select
        cast('2024-12-31' as date) as first_day,
        cast('2024-12-31' as date) as second_day,
        0 as expected
    union all
    select
        cast('2025-01-01' as date) as first_day,
        cast('2024-12-31' as date) as second_day,
        -1 as expected
    union all
    select
        cast('2025-01-01' as date) as first_day,
        cast(null as date) as second_day,
        cast(null as int) as expected
)

select
    first_day,
    second_day,
    expected,
    {{ days_between('first_day', 'second_day') }} as actual
from cases
where {{ days_between('first_day', 'second_day') }} is distinct from expected
