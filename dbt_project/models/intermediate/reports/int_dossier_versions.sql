-- One row per version of a dossier that was delivered more than once, beside the version before it.
-- Rule: a file sent again with the same content says nothing new of the day it was sent on, so its rows are no versions.
-- Only repeated dossiers are ranked, and the source is read twice rather than kept: a million wide rows cost more than all
-- that follows. A build that starts from another one looks only at the dossiers that were delivered since: nothing else
-- gives a dossier a version more or takes one away.
{{ config(
    materialized='incremental' if target.type == 'duckdb' else 'table',
    incremental_strategy='delete+insert',
    unique_key='dossier_code',
    on_schema_change='fail',
) }}

with delivered as {{ read_anew() }} (
    select *
    from {{ source('tthc', 'dossiers') }}
    where
        _file_id not in (select again.delivery_id from {{ ref('int_delivery_sent_again') }} as again)
        {% if is_incremental() -%}
            and dossier_code in (select new.dossier_code from {{ source('tthc', 'dossiers_new') }} as new)
        {%- endif %}
),

repeated as (
    select dossier_code
    from delivered
    group by dossier_code
    having count(*) > 1
)

select
    delivered.dossier_code,
    cast(row_number() over versions as int) as version_no,
    delivered.agency_code,
    delivered.received_at,
    delivered.due_at,
    delivered.due_at_original,
    delivered.supplement_requested_at,
    delivered.supplement_received_at,
    delivered.apology_sent_at,
    delivered.finished_at,
    delivered._delivered_on as delivered_on,
    delivered._file_id as file_id,
    lag(delivered.due_at) over versions as due_at_before,
    lag(delivered.due_at_original) over versions as due_at_original_before,
    lag(delivered.supplement_received_at) over versions as supplement_received_at_before,
    lag(delivered.finished_at) over versions as finished_at_before,
    lag(delivered._delivered_on) over versions as delivered_on_before,
    lag(delivered._file_id) over versions as file_id_before
from delivered
inner join repeated on delivered.dossier_code = repeated.dossier_code
window versions as (
    partition by delivered.dossier_code
    order by delivered._delivered_on, delivered._file_name, delivered._sheet_no, delivered._row_number, delivered._file_id
)
