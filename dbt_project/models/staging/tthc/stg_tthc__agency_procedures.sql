-- One row per version of an agency x procedure pair: its latest version.
-- Source: contract tthc.agency_procedures; key agency_code, procedure_code, valid_from.
with versions as (
    select
        *,
        {{ version_rank(['agency_code', 'procedure_code', 'valid_from']) }} as version_rank
    from {{ source('tthc', 'agency_procedures') }}
)

select
    agency_code,
    procedure_code,
    online_level,
    full_online_eligible,
    online_payment_eligible,
    online_payment_enabled,
    one_stop_required,
    one_stop_served,
    posted_at_one_stop,
    valid_from,
    valid_to,
    _delivered_on as delivered_on,
    _file_name as file_name,
    _sheet_no as sheet_no,
    _row_number as row_number_in_file
from versions
where version_rank = 1
