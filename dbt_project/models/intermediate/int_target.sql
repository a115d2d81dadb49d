-- One row per leaf target of the plan and validity: what is promised, how it is measured, what it is worth.
-- Sources: Plan 152/KH-UBND as printed; target_measure says which system measures it; scoring_scale what it is worth.
-- Points are an estimate until the official scale is loaded: each field's self-assessed maximum is split equally over
-- its criteria without a maximum of their own, a criterion's points equally over its targets.
with criteria as (
    select
        field_id,
        criterion_id,
        target_id,
        name_vi,
        task_target_vi,
        lead_agency_vi,
        coordinating_agency_vi,
        deadline_vi,
        target_operator,
        target_value,
        target_unit
    from {{ ref('plan152_criteria') }}
    where target_operator is not null
),

-- Of what the plan prints as leading a target, the first that it names: "Sở Nội vụ (theo dõi, kiểm tra); Các cơ quan ...".
named as (
    select
        target_id,
        trim(regexp_extract(lead_agency_vi, '^(.*?)( chủ trì| theo dõi|[;,(]|$)', 1)) as first_named
    from criteria
),

-- Field 8 has no row of its own for who leads it, but one of its parts has.
field_lead as (
    select
        field_id,
        min(trim(lead_agency_vi)) as lead_agency
    from {{ ref('plan152_fields') }}
    where trim(lead_agency_vi) <> ''
    group by field_id
),

-- Which system measures a target, and whether it is in force on the day.
measures as (
    select
        *,
        {{ valid_on_as_of('valid_from', 'valid_to') }} as is_in_force
    from {{ ref('target_measure') }}
),

printed as (
    select
        criterion_id,
        count(*) as target_count
    from criteria
    group by criterion_id
),

-- A target that has ended, or is still to come, takes no points from those in force.
scale as (
    select
        criteria.field_id,
        criteria.criterion_id,
        measures.is_in_force,
        scoring_scale.max_points,
        scoring_scale.rule_kind,
        scoring_scale.floor,
        scoring_scale.ceiling,
        scoring_scale.source,
        scoring_scale.confidence,
        scoring_scale.rule_confidence,
        count(*) as target_count
    from criteria
    inner join measures on criteria.target_id = measures.target_id
    left join {{ ref('scoring_scale') }} as scoring_scale on criteria.criterion_id = scoring_scale.criterion_id
    group by
        criteria.field_id,
        criteria.criterion_id,
        measures.is_in_force,
        scoring_scale.max_points,
        scoring_scale.rule_kind,
        scoring_scale.floor,
        scoring_scale.ceiling,
        scoring_scale.source,
        scoring_scale.confidence,
        scoring_scale.rule_confidence
),

-- What is left of a field's self-assessed points once the criteria with a maximum of their own have theirs.
-- Survey points are another purse (domain: 68 self-assessed, 32 surveyed).
field_share as (
    select
        scale.field_id,
        scale.is_in_force,
        (
            max(field_points.self_max_points)
            - coalesce(sum(case when scale.rule_kind <> 'survey' then scale.max_points end), 0)
        ) / nullif(sum(case when scale.max_points is null then 1 else 0 end), 0) as points_per_criterion
    from scale
    inner join {{ ref('field_points') }} as field_points on scale.field_id = field_points.field_id
    group by
        scale.field_id,
        scale.is_in_force
)

select
    criteria.target_id,
    criteria.criterion_id,
    criteria.field_id,
    -- Targets of one criterion would all have its name: what each of them counts tells them apart.
    case
        when printed.target_count = 1 or criteria.target_unit is null then criteria.name_vi
        else criteria.name_vi || ' – ' || case
            when left(criteria.target_unit, 3) = '% (' then substring(criteria.target_unit, 4, length(criteria.target_unit) - 4)
            else trim(leading '% ' from criteria.target_unit)
        end
    end as target_name,
    criteria.task_target_vi as target_text,
    criteria.target_operator as operator,
    criteria.target_value,
    case when measures.measure_kind = 'count' then criteria.target_unit else '%' end as unit,
    criteria.target_unit as unit_text,
    measures.measure_kind,
    measures.family,
    measures.measure,
    measures.source_system,
    measures.is_stock,
    measures.period_scope,
    measures.agency_scope,
    measures.level,
    measures.headline_variant,
    measures.has_verdict,
    measures.inner_threshold,
    measures.alarm_floor,
    coalesce(scale.max_points, field_share.points_per_criterion) / scale.target_count as max_points,
    scale.rule_kind,
    scale.floor as scoring_floor,
    scale.ceiling as scoring_ceiling,
    scale.source as scoring_source,
    scale.confidence as scoring_confidence,
    not coalesce(
        scale.max_points is not null and scale.confidence = 'verified' and scale.rule_confidence = 'verified', false
    ) as is_estimate,
    criteria.lead_agency_vi as lead_agency,
    -- Where it names all agencies, or none, whoever leads the field answers for the target.
    case
        when coalesce(named.first_named, '') = '' or lower(named.first_named) like 'các %' then field_lead.lead_agency
        else named.first_named
    end as lead_agency_short,
    criteria.coordinating_agency_vi as coordinating_agency,
    criteria.deadline_vi as deadline_text,
    -- The plan says "in the year"; its targets stay in force, year by year, until another plan replaces them.
    cast('{{ as_of_text()[:4] }}-12-31' as date) as deadline,
    measures.valid_from,
    measures.valid_to,
    measures.is_in_force
from criteria
inner join measures on criteria.target_id = measures.target_id
inner join named on criteria.target_id = named.target_id
inner join printed on criteria.criterion_id = printed.criterion_id
inner join scale
    on
        criteria.criterion_id = scale.criterion_id
        and measures.is_in_force = scale.is_in_force
left join field_share
    on
        criteria.field_id = field_share.field_id
        and measures.is_in_force = field_share.is_in_force
left join field_lead on criteria.field_id = field_lead.field_id
