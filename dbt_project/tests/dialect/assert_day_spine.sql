-- First and last day included, each once, the leap day among them.
with days as (
    {{ day_spine('2024-02-27', '2024-03-02') }}
),

single as (
    {{ day_spine('2024-12-31', '2024-12-31') }}
),

told as (
    select
        count(*) as day_count,
        count(distinct date_day) as distinct_count,
        min(date_day) as first_day,
        max(date_day) as last_day,
        sum(case when date_day = cast('2024-02-29' as date) then 1 else 0 end) as leap_days
    from days
)

select
    told.*,
    (select count(*) from single) as single_count
from told
where
    day_count <> 5
    or distinct_count <> 5
    or first_day <> cast('2024-02-27' as date)
    or last_day <> cast('2024-03-02' as date)
    or leap_days <> 1
    or (select count(*) from single) <> 1
