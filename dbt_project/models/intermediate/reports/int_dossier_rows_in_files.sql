-- One row per delivered file, agency and year of receipt: rows of received dossiers that landed. What has landed stays, so a
-- build that starts from another one counts its new files only.
{{ config(
    materialized='incremental' if target.type == 'duckdb' else 'table',
    incremental_strategy='append',
    on_schema_change='fail',
) }}

select
    _file_id as file_id,
    _delivered_on as delivered_on,
    agency_code,
    cast(extract(year from received_at) as int) as received_year,
    count(*) as row_count
from {{ source('tthc', 'dossiers_new') }}
where received_at is not null
group by
    _file_id,
    _delivered_on,
    agency_code,
    cast(extract(year from received_at) as int)
