-- One row per procedure: its latest version.
-- Source: contract tthc.procedures; key procedure_code.
with versions as (
    select
        *,
        {{ version_rank(['procedure_code']) }} as version_rank
    from {{ source('tthc', 'procedures') }}
)

select
    procedure_code,
    procedure_name,
    field_name,
    authority_level,
    owner_code,
    fee_required,
    has_result,
    central_vertical,
    interlinked,
    beyond_authority,
    processing_days,
    promulgation_due_on,
    promulgated_on,
    published_national,
    published_provincial,
    _delivered_on as delivered_on,
    _file_name as file_name,
    _sheet_no as sheet_no,
    _row_number as row_number_in_file
from versions
where version_rank = 1
