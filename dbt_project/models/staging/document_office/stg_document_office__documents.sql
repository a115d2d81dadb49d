-- One row per document at agency and direction: its latest version.
-- Source: contract document_office.documents; key document_code, agency_code, direction.
with latest as (
    {{ latest_versions(source('document_office', 'documents'), ['document_code', 'agency_code', 'direction']) }}
)

select
    document_code,
    agency_code,
    direction,
    number,
    issued_on,
    registered_at,
    secrecy,
    exchanged_electronically,
    digitally_signed,
    processed_online,
    _delivered_on as delivered_on,
    _file_name as file_name,
    _sheet_no as sheet_no,
    _row_number as row_number_in_file
from latest
