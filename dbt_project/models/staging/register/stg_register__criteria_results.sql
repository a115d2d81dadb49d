-- One row per target, reporting agency and report date: its latest version.
-- Source: contract register.criteria_results; key target_id, agency_code, reported_on.
with versions as (
    select
        *,
        {{ version_rank(['target_id', 'agency_code', 'reported_on']) }} as version_rank
    from {{ source('register', 'criteria_results') }}
)

select
    target_id,
    agency_code,
    reported_on,
    numerator,
    denominator,
    achieved,
    self_score,
    evidence_ref,
    note,
    _delivered_on as delivered_on,
    _file_name as file_name,
    _sheet_no as sheet_no,
    _row_number as row_number_in_file
from versions
where version_rank = 1
