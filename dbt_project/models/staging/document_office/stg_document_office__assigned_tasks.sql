-- One row per task: its latest version.
-- Source: contract document_office.assigned_tasks; key task_code.
with versions as (
    select
        *,
        {{ version_rank(['task_code']) }} as version_rank
    from {{ source('document_office', 'assigned_tasks') }}
)

select
    task_code,
    task_name,
    assigner,
    agency_code,
    assigned_on,
    due_on,
    completed_on,
    evidence_ref,
    _delivered_on as delivered_on,
    _file_name as file_name,
    _sheet_no as sheet_no,
    _row_number as row_number_in_file
from versions
where version_rank = 1
