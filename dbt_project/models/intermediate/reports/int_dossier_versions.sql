-- One row per row of a dossier that was delivered more than once, and the version that it is of.
-- Rules: a delivery is all files of a day, and gives a dossier one version; of several rows the last one by file, sheet and row
-- holds, and the others are superseded. A row from a file of the same content as the one that the row before came from is none:
-- it says nothing new of the day it was sent on. The old file after a newer one is one, for it brings the old row back.
-- Only repeated dossiers are ranked, and the source is read twice rather than kept: a million wide rows cost more than all
-- that follows. A build that starts from another one looks only at the dossiers that were delivered since: nothing else
-- gives a dossier a version more, and nothing takes one away.
{{ config(
    materialized='incremental' if target.type == 'duckdb' else 'table',
    incremental_strategy='delete+insert',
    unique_key='dossier_code',
    on_schema_change='fail',
) }}

with delivered as {{ read_anew() }} (
    select *
    from {{ source('tthc', 'dossiers') }}
    {% if is_incremental() -%}
        where dossier_code in (select new.dossier_code from {{ source('tthc', 'dossiers_new') }} as new)
    {%- endif %}
),

repeated as (
    select dossier_code
    from delivered
    group by dossier_code
    having count(*) > 1
),

neighbours as (
    select
        delivered.*,
        coalesce(files.content_hash, delivered._file_id) as content,
        lag(delivered._file_id) over rows_of_dossier as file_id_just_before,
        lag(coalesce(files.content_hash, delivered._file_id)) over rows_of_dossier as content_just_before
    from delivered
    inner join repeated on delivered.dossier_code = repeated.dossier_code
    left join {{ ref('stg_landing__deliveries') }} as files on delivered._file_id = files.delivery_id
    window rows_of_dossier as (
        partition by delivered.dossier_code
        order by delivered._delivered_on, delivered._file_name, delivered._sheet_no, delivered._row_number, delivered._file_id
    )
),

-- A file may hold a dossier twice: the content before is that before its first row.
compared as (
    select
        *,
        max(case when file_id_just_before <> _file_id then content_just_before end) over (
            partition by dossier_code, _file_id
        ) as content_before
    from neighbours
),

ranked as (
    select
        dossier_code,
        cast(row_number() over rows_of_dossier as int) as row_no,
        cast(dense_rank() over (partition by dossier_code order by _delivered_on) as int) as version_no,
        coalesce(lead(_delivered_on) over rows_of_dossier = _delivered_on, false) as is_superseded,
        agency_code,
        received_at,
        due_at,
        due_at_original,
        supplement_received_at,
        apology_sent_at,
        finished_at,
        status,
        _delivered_on as delivered_on,
        _file_id as file_id,
        count(*) over (partition by dossier_code) as row_count
    from compared
    where content is distinct from content_before
    window rows_of_dossier as (
        partition by dossier_code
        order by _delivered_on, _file_name, _sheet_no, _row_number, _file_id
    )
)

select
    dossier_code,
    row_no,
    version_no,
    is_superseded,
    agency_code,
    received_at,
    due_at,
    due_at_original,
    supplement_received_at,
    apology_sent_at,
    finished_at,
    status,
    delivered_on,
    file_id
from ranked
where row_count > 1
