-- The points of a field's targets in force are the field's self-assessed maximum, survey criteria aside; none is worth nothing or
-- less, as what is left for the others is where scoring_scale gives some of them all that the field or the criterion has.
{{ config(meta={'dagster': {'ref': {'name': 'dim_target'}}}) }}

select
    targets.field_id,
    round(sum(case when targets.rule_kind <> 'survey' then targets.max_points else 0 end), 6) as points,
    round(min(targets.max_points), 6) as least_points,
    max(points.self_max_points) as self_max_points
from {{ ref('dim_target') }} as targets
inner join {{ ref('field_points') }} as points on targets.field_id = points.field_id
where targets.is_in_force
group by targets.field_id
having
    abs(
        sum(case when targets.rule_kind <> 'survey' then targets.max_points else 0 end) - max(points.self_max_points)
    ) > 0.0001
    or min(targets.max_points) <= 0
