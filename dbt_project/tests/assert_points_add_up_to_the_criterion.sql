-- The points of a criterion's targets in force are the criterion's, where scoring_scale prints both.
{{ config(meta={'dagster': {'ref': {'name': 'dim_target'}}}) }}

select
    targets.criterion_id,
    round(sum(targets.max_points), 6) as points,
    max(scale.max_points) as max_points
from {{ ref('dim_target') }} as targets
inner join {{ ref('scoring_scale') }} as scale on targets.criterion_id = scale.criterion_id
where
    targets.is_in_force
    and scale.target_id is null
    and scale.max_points is not null
group by targets.criterion_id
having abs(sum(targets.max_points) - max(scale.max_points)) > 0.0001
