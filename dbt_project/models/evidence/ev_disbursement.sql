-- Plans and payments behind 6.1.1: a plan stands in the denominator, a payment against it in the numerator.
-- Rule: ind_disbursement; a payment without a plan of the year is not counted and is not here.
with targets as (
    {{ targets_of('disbursement') }}
),

plans as (
    select *
    from {{ ref('stg_finance__capital_plans') }}
    where budget_year = {{ as_of_year() }}
)

select
    targets.target_id,
    'headline' as variant,
    plans.agency_code,
    plans.project_code || ' / ' || plans.capital_source as record_key,
    {{ as_of() }} as event_on,
    cast(0 as decimal(38, 6)) as in_numerator,
    cast(plans.planned_vnd as decimal(38, 6)) as in_denominator,
    'Kế hoạch vốn của năm' as why,
    plans.project_code,
    plans.capital_source,
    {{ evidence_place('plans') }}
from plans
cross join targets
union all
select
    targets.target_id,
    'headline' as variant,
    plans.agency_code,
    payments.voucher_code as record_key,
    payments.paid_on as event_on,
    cast(payments.amount_vnd as decimal(38, 6)) as in_numerator,
    cast(0 as decimal(38, 6)) as in_denominator,
    case when payments.amount_vnd < 0 then 'Thu hồi vốn đã chi' else 'Giải ngân theo kế hoạch vốn' end as why,
    payments.project_code,
    payments.capital_source,
    {{ evidence_place('payments') }}
from {{ ref('stg_finance__disbursements') }} as payments
inner join plans
    on
        payments.project_code = plans.project_code
        and payments.capital_source = plans.capital_source
cross join targets
where
    payments.budget_year = {{ as_of_year() }}
    and payments.paid_on <= {{ as_of() }}
