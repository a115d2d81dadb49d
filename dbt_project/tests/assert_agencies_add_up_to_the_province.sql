-- The province row is the sum of its agencies. Left out: figures of the province alone; differences between years, where an
-- agency without a base year has no figure of its own; and what the province itself reported under its own code.
{{ config(meta={'dagster': {'ref': {'name': 'fct_indicator'}}}) }}

with records_of_the_province as (
    select count(*) as record_count
    from (
        select agency_code from {{ ref('int_dossiers_received_monthly') }}
        union all
        select agency_code from {{ ref('int_dossiers_resolved_monthly') }}
        union all
        select agency_code from {{ ref('int_documents_monthly') }}
        union all
        select agency_code from {{ ref('int_agency_procedures_as_of') }}
        union all
        select owner_code as agency_code from {{ ref('stg_tthc__procedures') }}
        union all
        select agency_code from {{ ref('stg_tthc__feedback') }}
        union all
        select agency_code from {{ ref('stg_tthc__service_quality') }}
        union all
        select agency_code from {{ ref('stg_document_office__assigned_tasks') }}
        union all
        select agency_code from {{ ref('stg_document_office__periodic_reports') }}
        union all
        select agency_code from {{ ref('stg_finance__capital_plans') }}
        union all
        select agency_code from {{ ref('stg_finance__audit_findings') }}
        union all
        select agency_code from {{ ref('stg_finance__budget_compliance') }}
        union all
        select agency_code from {{ ref('stg_finance__service_units') }}
        union all
        select agency_code from {{ ref('stg_register__criteria_results') }}
    ) as records
    where agency_code = {{ province_code() }}
),

figures as (
    select
        indicators.target_id,
        indicators.variant,
        indicators.period_kind,
        indicators.period_start,
        sum(case when indicators.agency_code <> {{ province_code() }} then indicators.numerator else 0 end)
            as agencies_numerator,
        sum(case when indicators.agency_code <> {{ province_code() }} then indicators.denominator else 0 end)
            as agencies_denominator,
        sum(case when indicators.agency_code = {{ province_code() }} then indicators.numerator else 0 end)
            as province_numerator,
        sum(case when indicators.agency_code = {{ province_code() }} then indicators.denominator else 0 end)
            as province_denominator
    from {{ ref('fct_indicator') }} as indicators
    inner join {{ ref('int_target') }} as targets on indicators.target_id = targets.target_id
    where
        targets.agency_scope = 'agency'
        and not (
            targets.family = 'service_units'
            and targets.measure <> 'distribution_compliant'
            and indicators.variant <> 'register'
        )
    group by
        indicators.target_id,
        indicators.variant,
        indicators.period_kind,
        indicators.period_start
)

select
    figures.target_id,
    figures.variant,
    figures.period_kind,
    figures.period_start,
    figures.agencies_numerator,
    figures.province_numerator,
    figures.agencies_denominator,
    figures.province_denominator
from figures
cross join records_of_the_province
where
    records_of_the_province.record_count = 0
    and (
        abs(coalesce(figures.agencies_numerator, 0) - coalesce(figures.province_numerator, 0)) > 0.001
        or abs(coalesce(figures.agencies_denominator, 0) - coalesce(figures.province_denominator, 0)) > 0.001
    )
