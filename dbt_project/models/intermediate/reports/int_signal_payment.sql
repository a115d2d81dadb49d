-- One row per voucher without a plan: no capital plan of its year, project and source of money, so the payment is in no figure.
-- After: the project that was paid for. The agency is the one that plans the project with other money in that year; unknown
-- when nobody does. First seen = the first delivery that showed the voucher so: it may have been planned before it was corrected.
with planned as (
    select distinct
        budget_year,
        project_code,
        capital_source
    from {{ ref('stg_finance__capital_plans') }}
),

owners as (
    select
        budget_year,
        project_code,
        min(agency_code) as agency_code
    from {{ ref('stg_finance__capital_plans') }}
    group by
        budget_year,
        project_code
),

unplanned as (
    select
        vouchers.voucher_code,
        vouchers.budget_year,
        vouchers.project_code,
        vouchers.capital_source,
        owners.agency_code
    from {{ ref('stg_finance__disbursements') }} as vouchers
    left join planned
        on
            vouchers.budget_year = planned.budget_year
            and vouchers.project_code = planned.project_code
            and vouchers.capital_source is not distinct from planned.capital_source
    left join owners
        on
            vouchers.budget_year = owners.budget_year
            and vouchers.project_code = owners.project_code
    where planned.project_code is null
),

shown as (
    select
        unplanned.voucher_code,
        unplanned.project_code,
        unplanned.agency_code,
        landed._delivered_on as delivered_on,
        landed._file_id as file_id,
        row_number() over (
            partition by unplanned.voucher_code
            order by landed._delivered_on, landed._file_name, landed._sheet_no, landed._row_number
        ) as turn
    from unplanned
    inner join {{ source('finance', 'disbursements') }} as landed
        on
            unplanned.voucher_code = landed.voucher_code
            and unplanned.budget_year = landed.budget_year
            and unplanned.project_code = landed.project_code
            and unplanned.capital_source is not distinct from landed.capital_source
)

select
    'payment_without_plan' as kind,
    voucher_code as record_key,
    agency_code,
    cast(null as string) as before,
    project_code as after,
    delivered_on as first_seen,
    cast(null as string) as delivery_before,
    file_id as delivery_after
from shown
where turn = 1
