-- One row per day, with the running number of working days: a period of n working days from day R (which does not count)
-- ends on the working day whose number is R's number plus n, so due dates are a join.
-- From 2018, or the sixth year before the day of the figures, to the sixth after it: a BI tool lists every day that it gets.
select
    date_day,
    cast(extract(year from date_day) as int) as year,
    cast(extract(quarter from date_day) as int) as quarter,
    cast(extract(month from date_day) as int) as month,
    {{ month_of('date_day') }} as month_start,
    cast(date_trunc('quarter', date_day) as date) as quarter_start,
    day_of_week,
    day_of_week >= 6 as is_weekend,
    is_holiday,
    is_working_day,
    working_day_number,
    name_vi as day_name,
    is_corrected,
    date_day = {{ as_of() }} as is_as_of
from {{ ref('int_working_days') }}
where extract(year from date_day) between least(2018, {{ years_before(6) }}) and {{ years_before(-6) }}
