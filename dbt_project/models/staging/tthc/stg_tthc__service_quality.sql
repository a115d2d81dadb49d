-- One row per agency and grading period: its latest version.
-- Source: contract tthc.service_quality; key agency_code, period.
with versions as (
    select
        *,
        {{ version_rank(['agency_code', 'period']) }} as version_rank
    from {{ source('tthc', 'service_quality') }}
)

select
    agency_code,
    period,
    grade,
    _delivered_on as delivered_on,
    _file_name as file_name,
    _sheet_no as sheet_no,
    _row_number as row_number_in_file
from versions
where version_rank = 1
