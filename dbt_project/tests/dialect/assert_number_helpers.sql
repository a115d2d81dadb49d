-- Division by zero and by nothing, quarter boundaries, rounding halves, greatest and least over nulls, sums of nothing.
with cases as (
    select 'percent' as name, {{ percent('1', '3') }} as actual, cast(100 as double) / 3 as expected
    union all
    select 'percent_by_zero' as name, {{ percent('1', '0') }} as actual, null as expected
    union all
    select 'percent_of_null' as name, {{ percent('null', '4') }} as actual, null as expected
    union all
    select 'percent_by_null' as name, {{ percent('1', 'null') }} as actual, null as expected
    union all
    select 'whole_numbers_divide_to_parts' as name, cast(1 / 2 as double) as actual, 0.5 as expected
    union all
    select 'round_half' as name, round(cast(0.0000005 as double), 6) as actual, 0.000001 as expected
    union all
    select 'round_negative_half' as name, round(cast(-2.5 as double)) as actual, -3 as expected
    union all
    select 'late_allowed_strict' as name, cast({{ late_allowed('500', "'>'", '99') }} as double) as actual, 4 as expected
    union all
    select 'late_allowed_of_100' as name, cast({{ late_allowed('100', "'>'", '99') }} as double) as actual, 0 as expected
    union all
    select 'late_allowed_at_least' as name, cast({{ late_allowed('100', "'>='", '99') }} as double) as actual, 1 as expected
    union all
    select 'late_allowed_of_nothing' as name, cast({{ late_allowed('0', "'>'", '99') }} as double) as actual, 0 as expected
    union all
    select 'greatest_skips_null' as name, cast(greatest(0, null, 1) as double) as actual, 1 as expected
    union all
    select 'least_skips_null' as name, cast(least(5, null, 7) as double) as actual, 5 as expected
    union all
    select 'sum_of_nothing' as name, (select cast(sum(n) as double) from (select 1 as n) as one where n > 1) as actual, null as expected
),

days as (
    select 'first_of_quarter' as name, cast(date_trunc('quarter', cast('2024-10-01' as date)) as date) as actual, cast('2024-10-01' as date) as expected
    union all
    select 'last_of_quarter' as name, cast(date_trunc('quarter', cast('2024-09-30' as date)) as date) as actual, cast('2024-07-01' as date) as expected
    union all
    select 'month_of_leap_day' as name, {{ month_of("cast('2024-02-29' as date)") }} as actual, cast('2024-02-01' as date) as expected
    union all
    select 'month_of_null' as name, {{ month_of('cast(null as date)') }} as actual, null as expected
    union all
    select 'day_of_moment' as name, cast(cast('2024-12-31 23:59:59.999' as timestamp) as date) as actual, cast('2024-12-31' as date) as expected
)

select
    name,
    cast(actual as string) as actual,
    cast(expected as string) as expected
from cases
where
    (actual is null) <> (expected is null)
    or abs(actual - expected) > 0
union all
select
    name,
    cast(actual as string) as actual,
    cast(expected as string) as expected
from days
where actual is distinct from expected
