-- The last day where the other month is shorter; a quarter as three months, backwards over a year's end.
with cases as (
    select cast('2024-01-31' as date) as day, 1 as months, cast('2024-02-29' as date) as expected
    union all
    select cast('2023-01-31' as date) as day, 1 as months, cast('2023-02-28' as date) as expected
    union all
    select cast('2024-02-29' as date) as day, 1 as months, cast('2024-03-29' as date) as expected
    union all
    select cast('2024-01-01' as date) as day, -1 as months, cast('2023-12-01' as date) as expected
    union all
    select cast('2024-10-01' as date) as day, 3 as months, cast('2025-01-01' as date) as expected
    union all
    select cast(null as date) as day, 3 as months, cast(null as date) as expected
)

select
    *,
    {{ add_months('months', 'day') }} as actual
from cases
where {{ add_months('months', 'day') }} is distinct from expected
