-- One row for target 8.3.3, the province, year to date: growth of revenue from enterprises.
-- Rule: enterprise sectors, January to the month of the day, against the same months of last year. The last month is taken as
-- delivered, against the whole month of last year. No revenue last year, no growth.
with targets as (
    {{ targets_of('revenue') }}
),

revenue as (
    select
        cast(substring(revenue.month, 1, 4) as int) as budget_year,
        revenue.amount_vnd
    from {{ ref('stg_finance__revenue') }} as revenue
    inner join {{ ref('revenue_sector') }} as sectors on revenue.sector = sectors.sector
    where
        sectors.is_enterprise
        and substring(revenue.month, 1, 4) in ('{{ as_of_year() }}', '{{ years_before(1) }}')
        and substring(revenue.month, 6, 2) <= '{{ as_of_text()[5:7] }}'
),

years as (
    select
        sum(case when budget_year = {{ as_of_year() }} then amount_vnd end) as this_year_vnd,
        sum(case when budget_year = {{ years_before(1) }} then amount_vnd end) as last_year_vnd
    from revenue
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
