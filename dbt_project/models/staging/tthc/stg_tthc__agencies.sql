-- One row per version of an agency: its latest version.
-- Source: contract tthc.agencies; key agency_code, valid_from.
with versions as (
    select
        *,
        {{ version_rank(['agency_code', 'valid_from']) }} as version_rank
    from {{ source('tthc', 'agencies') }}
)

select
    agency_code,
    agency_name,
    level,
    parent_code,
    valid_from,
    valid_to,
    successor_code,
    _delivered_on as delivered_on,
    _file_name as file_name,
    _sheet_no as sheet_no,
    _row_number as row_number_in_file
from versions
where version_rank = 1
