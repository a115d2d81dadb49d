{#- Whether a delivery's rows count: all of them, or those that were not rejected. The ledger's ACCEPTED (warehouse/ledger.py). -#}
{% macro is_accepted(outcome) -%}
{{ outcome }} in ('loaded', 'partly_quarantined')
{%- endmacro %}
