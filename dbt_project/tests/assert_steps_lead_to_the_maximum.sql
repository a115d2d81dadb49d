-- A target scored by steps has some, the last of them earns its maximum, and each earns more than the one before it. Steps of a
-- target with another rule would be passed over.
{{ config(meta={'dagster': {'ref': {'name': 'dim_target'}}}) }}

with steps as (
    select
        targets.target_id,
        targets.rule_kind,
        targets.max_points,
        steps.points,
        -- From the lowest: the first step of an "at most" target is the highest value.
        case when targets.operator in ('<=', '<') then -steps.reached_at else steps.reached_at end as height
    from {{ ref('dim_target') }} as targets
    left join {{ ref('scoring_step') }} as steps on targets.target_id = steps.target_id
    where targets.is_in_force
),

climbed as (
    select
        *,
        lag(points) over (partition by target_id order by height, points) as points_before,
        lag(height) over (partition by target_id order by height, points) as height_before
    from steps
)

select
    target_id,
    'scored by steps, but scoring_step.csv has none' as problem
from climbed
where rule_kind = 'steps'
group by target_id
having count(points) = 0
union all
select distinct
    target_id,
    'has steps, but scoring_scale.csv says ' || rule_kind as problem
from climbed
where
    rule_kind <> 'steps'
    and points is not null
union all
select
    target_id,
    'its steps earn ' || cast(max(points) as string) || ', its maximum is ' || cast(round(max(max_points), 6) as string) as problem
from climbed
where rule_kind = 'steps'
group by target_id
having abs(max(points) - max(max_points)) > 0.000001
union all
select
    target_id,
    'the step that earns ' || cast(points as string) || ' is no higher than one that earns ' || cast(points_before as string)
        as problem
from climbed
where
    rule_kind = 'steps'
    and height is not null
    and height_before is not null
    and (
        points <= points_before
        or height <= height_before
    )
