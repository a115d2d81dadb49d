-- Revenue behind 8.3.3: this year's months stand in the numerator, last year's same months are taken off it and are the
-- denominator. Rule: ind_revenue; where one of the years has none there is no figure, and the rows stand here without numbers.
with targets as (
    {{ targets_of('revenue') }}
),

years as (
    select count(distinct case when amount_vnd is not null then is_this_year end) = 2 as are_both_there
    from {{ ref('int_revenue_compared') }}
)

select
    targets.target_id,
    'headline' as variant,
    {{ province_code() }} as agency_code,
    revenue.month || ' / ' || revenue.sector as record_key,
    cast(revenue.month || '-01' as date) as event_on,
    cast(
        case
            when not years.are_both_there then null
            when revenue.is_this_year then revenue.amount_vnd
            else -revenue.amount_vnd
        end as decimal(38, 6)
    ) as in_numerator,
    cast(
        case when years.are_both_there and not revenue.is_this_year then revenue.amount_vnd end as decimal(38, 6)
    ) as in_denominator,
    case when revenue.is_this_year then 'Thu năm nay' else 'Thu cùng tháng năm trước (trừ vào tử số)' end as why,
    revenue.sector_name,
    revenue.amount_vnd,
    {{ evidence_place('revenue') }}
from {{ ref('int_revenue_compared') }} as revenue
cross join years
cross join targets
