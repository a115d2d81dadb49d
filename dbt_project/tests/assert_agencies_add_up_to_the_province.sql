-- The province row is the sum of its agencies. Left out: figures of the province alone; differences between years, where an
-- agency without a base year has no figure of its own; and targets that count what stands under the province's own code, which
-- is no agency: those of the tables, or the register's, that have such rows, and no others.
-- Sums of doubles are the same to a billionth of what was added up: of 16 trillion dong no two ways of adding give the same đồng.
{{ config(meta={'dagster': {'ref': {'name': 'fct_indicator'}}}) }}

{% set tables = [
    ('tthc', 'dossiers', 'int_dossiers_received_monthly', 'agency_code'),
    ('tthc', 'dossiers', 'int_dossiers_resolved_monthly', 'agency_code'),
    ('document_office', 'documents', 'int_documents_monthly', 'agency_code'),
    ('tthc', 'agency_procedures', 'int_agency_procedures_as_of', 'agency_code'),
    ('tthc', 'procedures', 'stg_tthc__procedures', 'owner_code'),
    ('tthc', 'feedback', 'stg_tthc__feedback', 'agency_code'),
    ('tthc', 'service_quality', 'stg_tthc__service_quality', 'agency_code'),
    ('document_office', 'assigned_tasks', 'stg_document_office__assigned_tasks', 'agency_code'),
    ('document_office', 'periodic_reports', 'stg_document_office__periodic_reports', 'agency_code'),
    ('finance', 'capital_plans', 'stg_finance__capital_plans', 'agency_code'),
    ('finance', 'audit_findings', 'stg_finance__audit_findings', 'agency_code'),
    ('finance', 'budget_compliance', 'stg_finance__budget_compliance', 'agency_code'),
    ('finance', 'service_units', 'stg_finance__service_units', 'agency_code'),
] %}

with own_tables as (
    {%- for source, table_name, model, code in tables %}
    select
        '{{ source }}' as source,
        '{{ table_name }}' as table_name
    from {{ ref(model) }}
    where {{ code }} = {{ province_code() }}
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

measured_with_own as (
    select distinct targets.target_id
    from {{ ref('int_target') }} as targets
    inner join {{ ref('family_table') }} as counted
        on
            targets.family = counted.family
            and coalesce(counted.measure, targets.measure) = targets.measure
            and counted.role = 'counted'
    inner join own_tables
        on
            counted.source = own_tables.source
            and counted.table_name = own_tables.table_name
),

reported_with_own as (
    select distinct target_id
    from {{ ref('stg_register__criteria_results') }}
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
            as province_denominator,
        sum(abs(coalesce(indicators.numerator, 0))) as numerators_added_up,
        sum(abs(coalesce(indicators.denominator, 0))) as denominators_added_up
    from {{ ref('fct_indicator') }} as indicators
    inner join {{ ref('int_target') }} as targets on indicators.target_id = targets.target_id
    where
        targets.agency_scope <> 'province'
        and case
            when targets.family = 'register' or indicators.variant = 'register'
                then targets.target_id not in (select target_id from reported_with_own)
            else targets.target_id not in (select target_id from measured_with_own)
        end
        and (targets.agencies_add_up or indicators.variant = 'register')
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
where
    abs(coalesce(figures.agencies_numerator, 0) - coalesce(figures.province_numerator, 0))
    > {{ rounding_of('figures.numerators_added_up') }}
    or abs(coalesce(figures.agencies_denominator, 0) - coalesce(figures.province_denominator, 0))
    > {{ rounding_of('figures.denominators_added_up') }}
