-- One row per document at agency and direction: its latest version.
-- Source: contract document_office.documents; key document_code, agency_code, direction.
with versions as (
    select
        *,
        {{ version_rank(['document_code', 'agency_code', 'direction']) }} as version_rank
    from {{ source('document_office', 'documents') }}
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
from versions
where version_rank = 1
