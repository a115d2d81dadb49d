-- One row per report: its latest version.
-- Source: contract document_office.periodic_reports; key report_code.
with versions as (
    select
        *,
        {{ version_rank(['report_code']) }} as version_rank
    from {{ source('document_office', 'periodic_reports') }}
)

select
    report_code,
    report_name,
    agency_code,
    due_on,
    sent_on,
    complete,
    _delivered_on as delivered_on,
    _file_name as file_name,
    _sheet_no as sheet_no,
    _row_number as row_number_in_file
from versions
where version_rank = 1
