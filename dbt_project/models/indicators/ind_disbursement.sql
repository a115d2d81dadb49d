-- One row per target 6.1.1 and investor (and the province), year to date: public investment paid out.
-- Rule: plans of the budget year; payments of that budget year up to the day, by project and source, at the agency of the
-- plan. A payment without a plan is not counted (it is an integrity signal); a recovery is a negative payment. Before the first
-- payment of any year has been delivered nobody knows that nothing was paid: no figure.
with targets as (
    {{ targets_of('disbursement') }}
),

paid as (
    select
        project_code,
        capital_source,
        sum(amount_vnd) as paid_vnd
    from {{ ref('stg_finance__disbursements') }}
    where
        budget_year = {{ as_of_year() }}
        and paid_on <= {{ as_of() }}
    group by
        project_code,
        capital_source
),

payments as (
    select count(*) > 0 as have_come
    from {{ ref('stg_finance__disbursements') }}
),

counted as (
    select
        targets.target_id,
        'headline' as variant,
        plans.agency_code,
        {{ year_to_date_period() }},
        sum(coalesce(paid.paid_vnd, 0)) as numerator,
        sum(plans.planned_vnd) as denominator
    from {{ ref('stg_finance__capital_plans') }} as plans
    cross join targets
    cross join payments
    left join paid
        on
            plans.project_code = paid.project_code
            and plans.capital_source = paid.capital_source
    where
        plans.budget_year = {{ as_of_year() }}
        and payments.have_come
    group by
        targets.target_id,
        plans.agency_code
)

{{ with_province_row('counted') }}
