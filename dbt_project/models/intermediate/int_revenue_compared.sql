-- One row per month and enterprise sector of this year up to the month of the day, and of the same months of last year.
-- Rule of 8.3.3: the last month is taken as delivered, against the whole month of last year. A month that has not come yet
-- therefore looks like a fall: whoever shows the figure says how many months stand against how many (rpt_scorecard).
select
    revenue.month,
    revenue.sector,
    sectors.name_vi as sector_name,
    revenue.amount_vnd,
    substring(revenue.month, 1, 4) = '{{ as_of_year() }}' as is_this_year,
    revenue.delivered_on,
    revenue.file_name,
    revenue.sheet_no,
    revenue.row_number_in_file
from {{ ref('stg_finance__revenue') }} as revenue
inner join {{ ref('revenue_sector') }} as sectors on revenue.sector = sectors.sector
where
    sectors.is_enterprise
    and substring(revenue.month, 1, 4) in ('{{ as_of_year() }}', '{{ years_before(1) }}')
    and substring(revenue.month, 6, 2) <= '{{ as_of_text()[5:7] }}'
