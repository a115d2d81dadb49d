-- Reports of agencies behind 6.1.2, 6.2.1 (one each) and 6.2.3 (premises with an approved plan, of all premises).
-- Rule: ind_budget_compliance; reports of the year.
with targets as (
    {{ targets_of('budget_compliance') }}
)

select
    targets.target_id,
    'headline' as variant,
    reports.agency_code,
    reports.agency_code || ' / ' || cast(reports.budget_year as string) as record_key,
    {{ as_of() }} as event_on,
    cast(
        case
            when targets.measure = 'premises_approved' then reports.premises_approved
            when targets.measure = 'spending_compliant' and reports.spending_compliant then 1
            when targets.measure = 'asset_regulation_issued' and reports.asset_regulation_issued then 1
            else 0
        end as decimal(38, 6)
    ) as in_numerator,
    cast(
        case when targets.measure = 'premises_approved' then reports.premises_total else 1 end as decimal(38, 6)
    ) as in_denominator,
    case
        when targets.measure = 'premises_approved' then 'Số cơ sở nhà, đất đã có phương án được duyệt trên tổng số'
        when targets.measure = 'spending_compliant' and reports.spending_compliant then 'Sử dụng kinh phí đúng quy định'
        when targets.measure = 'spending_compliant' then 'Chưa xác nhận sử dụng kinh phí đúng quy định'
        when reports.asset_regulation_issued then 'Đã ban hành quy chế quản lý, sử dụng tài sản công'
        else 'Chưa ban hành quy chế quản lý, sử dụng tài sản công'
    end as why,
    reports.budget_year,
    {{ evidence_place('reports') }}
from {{ ref('stg_finance__budget_compliance') }} as reports
inner join targets on targets.measure in ('premises_approved', 'spending_compliant', 'asset_regulation_issued')
where reports.budget_year = {{ as_of_year() }}
