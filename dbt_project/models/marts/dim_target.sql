-- One row per leaf target of the plan and validity: what is promised, by whom, measured from which system, worth how much.
-- Source: Kế hoạch 152/KH-UBND as printed, and the seeds that say how it is measured. Points are an estimate until the
-- official scale of Quyết định 876/QĐ-BNV is loaded.
select
    target_id,
    criterion_id,
    field_id,
    target_name,
    target_text,
    operator,
    target_value,
    unit,
    unit_text,
    measure_kind,
    family,
    measure,
    source_system,
    is_stock,
    is_part_of_whole,
    agencies_add_up,
    period_scope,
    agency_scope,
    level,
    headline_variant,
    has_verdict,
    inner_threshold,
    alarm_floor,
    max_points,
    case
        when scoring_confidence = 'estimate' then 'ước tính, chưa nạp thang điểm chính thức'
        else 'theo văn bản đã công bố'
    end as max_points_label,
    scoring_confidence as max_points_confidence,
    rule_kind,
    scoring_floor,
    scoring_ceiling,
    scoring_steps,
    scoring_source,
    lead_agency,
    lead_agency_short,
    coordinating_agency,
    deadline,
    deadline_text,
    valid_from,
    valid_to,
    is_in_force
from {{ ref('int_target') }}
