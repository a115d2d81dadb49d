-- One row per leaf target of the plan and validity: what is promised, how it is measured, what it is worth.
-- Sources: Plan 152/KH-UBND as printed; target_measure says which system measures it; scoring_scale what it is worth.
-- Points are an estimate until the official scale is loaded: each field's self-assessed maximum is split equally over
-- its criteria without a maximum of their own, a criterion's points equally over its targets without one. A target that has a row
-- of its own in the scale is scored by its rule, and without a maximum has its share of the criterion's.
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

of_criteria as (
    select *
    from {{ ref('scoring_scale') }}
    where target_id is null
),

of_targets as (
    select *
    from {{ ref('scoring_scale') }}
    where target_id is not null
),

-- The row of the scale that holds for a target: its own, or else its criterion's.
scale as (
    select
        criteria.target_id,
        criteria.criterion_id,
        criteria.field_id,
        measures.is_in_force,
        of_criteria.max_points as criterion_points,
        of_criteria.rule_kind as criterion_rule,
        of_targets.max_points as own_points,
        coalesce(holding.max_points, of_criteria.max_points) as printed_points,
        holding.rule_kind,
        holding.floor,
        holding.ceiling,
        holding.source,
        -- A share of the criterion's points is as sure as these are.
        case when holding.max_points is null then of_criteria.confidence else holding.confidence end as confidence,
        holding.rule_confidence
    from criteria
    inner join measures on criteria.target_id = measures.target_id
    left join of_criteria on criteria.criterion_id = of_criteria.criterion_id
    left join of_targets on criteria.target_id = of_targets.target_id
    left join {{ ref('scoring_scale') }} as holding
        on
            criteria.criterion_id = holding.criterion_id
            and coalesce(of_targets.target_id, '') = coalesce(holding.target_id, '')
),

steps as (
    select
        target_id,
        {{ ordered_concat("cast(reached_at as string) || ': ' || cast(points as string)", '; ', 'reached_at') }} as told
    from {{ ref('scoring_step') }}
    group by target_id
),

-- A criterion of which only the parts have a maximum has theirs together. A target that has ended, or is still to come, takes no
-- points from those in force.
criterion_points as (
    select
        field_id,
        criterion_id,
        is_in_force,
        criterion_rule,
        coalesce(
            max(criterion_points),
            case when count(own_points) = count(*) then sum(own_points) end
        ) as max_points,
        coalesce(sum(own_points), 0) as given_points,
        count(*) - count(own_points) as sharing_count
    from scale
    group by
        field_id,
        criterion_id,
        is_in_force,
        criterion_rule
),

-- What is left of a field's self-assessed points once the criteria with a maximum of their own have theirs.
-- Survey points are another purse (domain: 68 self-assessed, 32 surveyed).
field_share as (
    select
        criterion_points.field_id,
        criterion_points.is_in_force,
        (
            max(field_points.self_max_points)
            - coalesce(sum(case when criterion_points.criterion_rule <> 'survey' then criterion_points.max_points end), 0)
        ) / nullif(sum(case when criterion_points.max_points is null then 1 else 0 end), 0) as points_per_criterion
    from criterion_points
    inner join {{ ref('field_points') }} as field_points on criterion_points.field_id = field_points.field_id
    group by
        criterion_points.field_id,
        criterion_points.is_in_force
)

select
    criteria.target_id,
    criteria.criterion_id,
    criteria.field_id,
    -- Targets of one criterion would all have its name: what each of them counts tells them apart, with signs as people write.
    case
        when printed.target_count = 1 or criteria.target_unit is null then criteria.name_vi
        else criteria.name_vi || ' – ' || replace(
            case
                when left(criteria.target_unit, 3) = '% ('
                    then substring(criteria.target_unit, 4, length(criteria.target_unit) - 4)
                else trim(leading '% ' from criteria.target_unit)
            end, '>=', '≥'
        )
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
    measures.is_part_of_whole,
    measures.agencies_add_up,
    measures.period_scope,
    measures.agency_scope,
    measures.level,
    measures.headline_variant,
    measures.has_verdict,
    measures.inner_threshold,
    measures.alarm_floor,
    coalesce(
        scale.own_points,
        (coalesce(criterion_points.max_points, field_share.points_per_criterion) - criterion_points.given_points)
        / nullif(criterion_points.sharing_count, 0)
    ) as max_points,
    scale.rule_kind,
    scale.floor as scoring_floor,
    scale.ceiling as scoring_ceiling,
    case when scale.rule_kind = 'steps' then steps.told end as scoring_steps,
    scale.source as scoring_source,
    scale.confidence as scoring_confidence,
    not coalesce(
        scale.printed_points is not null and scale.confidence = 'verified' and scale.rule_confidence = 'verified', false
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
inner join scale on criteria.target_id = scale.target_id
inner join criterion_points
    on
        criteria.criterion_id = criterion_points.criterion_id
        and scale.is_in_force = criterion_points.is_in_force
left join field_share
    on
        criteria.field_id = field_share.field_id
        and scale.is_in_force = field_share.is_in_force
left join steps on criteria.target_id = steps.target_id
left join field_lead on criteria.field_id = field_lead.field_id
