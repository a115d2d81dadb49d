-- One row per complaint: its latest version.
-- Source: contract tthc.feedback; key feedback_code.
with versions as (
    select
        *,
        {{ version_rank(['feedback_code']) }} as version_rank
    from {{ source('tthc', 'feedback') }}
)

select
    feedback_code,
    kind,
    agency_code,
    received_at,
    due_at,
    answered_at,
    published_at,
    _delivered_on as delivered_on,
    _file_name as file_name,
    _sheet_no as sheet_no,
    _row_number as row_number_in_file
from versions
where version_rank = 1
