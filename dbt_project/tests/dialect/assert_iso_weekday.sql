-- 1 = Monday, also before 1970 and at the ends of a week.
with cases as (
    select cast('2024-11-25' as date) as day, 1 as expected
    union all
    select cast('2024-11-30' as date) as day, 6 as expected
    union all
    select cast('2024-12-01' as date) as day, 7 as expected
    union all
    select cast('2024-02-29' as date) as day, 4 as expected
    union all
    select cast('1969-12-31' as date) as day, 3 as expected
    union all
    select cast(null as date) as day, cast(null as int) as expected
)

select
    *,
    {{ iso_weekday('day') }} as actual
from cases
where {{ iso_weekday('day') }} is distinct from expected
