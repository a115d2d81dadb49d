-- One row per recommendation: its latest version.
-- Source: contract finance.audit_findings; key finding_code.
with versions as (
    select
        *,
        {{ version_rank(['finding_code']) }} as version_rank
    from {{ source('finance', 'audit_findings') }}
)

select
    finding_code,
    agency_code,
    issued_on,
    amount_vnd,
    recovered_vnd,
    completed_on,
    _delivered_on as delivered_on,
    _file_name as file_name,
    _sheet_no as sheet_no,
    _row_number as row_number_in_file
from versions
where version_rank = 1
