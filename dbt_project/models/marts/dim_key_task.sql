-- One row per key task of the plan: the bullets of its body, which no figure measures. Who is in charge of what, beside the
-- targets that it serves.
-- Source: Kế hoạch 152/KH-UBND as printed; lead agency and related criteria are our reading.
select
    task_id,
    field_id,
    section,
    seq as task_number,
    task_vi as task_text,
    agency_in_charge_vi as agency_in_charge,
    lead_agency_vi as lead_agency,
    target_operator as operator,
    target_value,
    target_unit as unit,
    related_criteria
from {{ ref('plan152_key_tasks') }}
