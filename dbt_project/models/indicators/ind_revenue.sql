-- One row for target 8.3.3, the province, year to date: growth of revenue from enterprises.
-- Rule: January to the month of the day, against the same months of last year (int_revenue_compared). No revenue last year,
-- no growth.
with targets as (
    {{ targets_of('revenue') }}
),

years as (
    select
        sum(case when is_this_year then amount_vnd end) as this_year_vnd,
        sum(case when not is_this_year then amount_vnd end) as last_year_vnd
    from {{ ref('int_revenue_compared') }}
)

select
    targets.target_id,
    'headline' as variant,
    {{ province_code() }} as agency_code,
    {{ year_to_date_period() }},
    cast(years.this_year_vnd - years.last_year_vnd as decimal(38, 6)) as numerator,
    cast(years.last_year_vnd as decimal(38, 6)) as denominator
from years
cross join targets
where
    years.this_year_vnd is not null
    and years.last_year_vnd is not null
