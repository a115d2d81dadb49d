{#
  The latest version of each dossier of a relation that has landing's columns.
  Ranking a million wide rows costs more than all that follows, and nearly all keys have one version: only the repeated
  ones are ranked.
#}
{% macro latest_dossiers(relation) -%}
with landed as (
    select * from {{ relation }}
),

repeated as (
    select dossier_code
    from landed
    group by dossier_code
    having count(*) > 1
),

ranked as (
    select
        landed.*,
        {{ version_rank(['landed.dossier_code']) }} as version_rank
    from landed
    inner join repeated on landed.dossier_code = repeated.dossier_code
),

latest as (
    select
        *,
        1 as version_rank
    from landed
    where
        not exists (
            select 1 from repeated
            where repeated.dossier_code = landed.dossier_code
        )
    union all
    select *
    from ranked
    where version_rank = 1
)

select
    {{ dossier_columns() | join(',\n    ') }},
    _delivered_on as delivered_on,
    _file_name as file_name,
    _sheet_no as sheet_no,
    _row_number as row_number_in_file
from latest
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
