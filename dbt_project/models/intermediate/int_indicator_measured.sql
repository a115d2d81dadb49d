-- One row per target, reading, agency and period that any ind_ model measured: all of them, one below the other.
-- Source: the ind_ models; a new one is added to this list and nowhere else.
{{ config(materialized='view') }}

{% set families = [
    'ind_apology',
    'ind_audit',
    'ind_budget_compliance',
    'ind_digitisation',
    'ind_disbursement',
    'ind_documents',
    'ind_feedback',
    'ind_full_online',
    'ind_on_time',
    'ind_one_stop',
    'ind_online_payment',
    'ind_periodic_reports',
    'ind_procedure_control',
    'ind_publicity',
    'ind_register',
    'ind_revenue',
    'ind_service_quality',
    'ind_service_units',
    'ind_survey',
    'ind_tasks',
    'ind_yearly_numbers',
] %}
{% for family in families %}
    select
        target_id,
        variant,
        agency_code,
        period_kind,
        period_start,
        numerator,
        denominator
    from {{ ref(family) }}
    {% if not loop.last %}
        union all
    {% endif %}
{% endfor %}
