{# The latest version of each dossier of a relation that has landing's columns. #}
{% macro latest_dossiers(relation) -%}
select
    {{ dossier_columns() | join(',\n    ') }},
    _delivered_on as delivered_on,
    _file_name as file_name,
    _sheet_no as sheet_no,
    _row_number as row_number_in_file
from (
    {{ latest_versions(relation, ['dossier_code']) }}
) as latest
{%- endmacro %}

{# What landing keeps of a dossier and the marts show. #}
{% macro dossier_columns() -%}
    {{ return([
        'dossier_code', 'procedure_code', 'agency_code', 'channel', 'applicant_kind', 'submitted_at', 'received_at',
        'due_at', 'due_at_original', 'supplement_requested_at', 'supplement_received_at', 'supplement_count',
        'finished_at', 'returned_at', 'status', 'fee_amount', 'fee_exempt', 'paid_online', 'components_total',
        'components_digitised', 'components_reused', 'components_from_national', 'result_attached', 'synced_national',
        'published_provincial', 'apology_sent_at', 'satisfaction', 'updated_at',
    ]) }}
{%- endmacro %}
