-- What scoring_scale and scoring_step say of a target can be applied to it; what would be passed over, or is most likely a mistyped
-- number, stops the night. Percent are 0 to 100: a cell that a spreadsheet shows as 80 % holds 0.8.
{{ config(meta={'dagster': {'ref': {'name': 'dim_target'}}}) }}

with targets as (
    select
        *,
        coalesce(scoring_ceiling, target_value, case when measure_kind = 'text' then 100 end) as earns_all_at,
        measure_kind <> 'count' and coalesce(target_value, 100) > 1 as is_large_percent
    from {{ ref('dim_target') }}
    where is_in_force
),

steps as (
    select
        targets.target_id,
        targets.is_large_percent,
        steps.reached_at,
        steps.points
    from {{ ref('scoring_step') }} as steps
    inner join targets on steps.target_id = targets.target_id
)

select
    target_id,
    'a floor or ceiling says nothing of the rule ' || rule_kind as problem
from targets
where
    rule_kind not in ('proportional', 'all_or_nothing')
    and coalesce(scoring_floor, scoring_ceiling) is not null
union all
select
    target_id,
    'a floor or ceiling says nothing of a target that is met by "' || operator || '"' as problem
from targets
where
    operator in ('<=', '<')
    and coalesce(scoring_floor, scoring_ceiling) is not null
union all
select
    target_id,
    'its floor ' || cast(scoring_floor as string) || ' is above what earns all points, ' || cast(earns_all_at as string) as problem
from targets
where
    operator not in ('<=', '<')
    and scoring_floor > earns_all_at
union all
select
    target_id,
    'all_or_nothing, but the plan gives nothing to meet: achieved, or a ceiling' as problem
from targets
where
    rule_kind = 'all_or_nothing'
    and not has_verdict
    and scoring_ceiling is null
union all
select
    target_id,
    'percent are 0 to 100, its floor or ceiling is a fraction' as problem
from targets
where
    is_large_percent
    and (
        (scoring_floor > 0 and scoring_floor <= 1)
        or (scoring_ceiling > 0 and scoring_ceiling <= 1)
    )
union all
select
    target_id,
    'percent are 0 to 100, its step ' || cast(reached_at as string) || ' is a fraction' as problem
from steps
where
    is_large_percent
    and reached_at > 0
    and reached_at <= 1
union all
select
    target_id,
    'a step without a value, or without points' as problem
from steps
where
    reached_at is null
    or points is null
union all
select
    target_id,
    'a step of ' || cast(points as string) || ' points' as problem
from steps
where points < 0
