-- The total is its fields; a field's own points are those of its targets in the scorecard, surveyed ones aside; no field and no
-- target has more than its maximum.
{{ config(meta={'dagster': {'ref': {'name': 'rpt_field_score'}}}) }}

with targets as (
    select
        scorecard.field_id,
        sum(case when targets.rule_kind <> 'survey' then scorecard.points_estimated else 0 end) as points
    from {{ ref('rpt_scorecard') }} as scorecard
    inner join {{ ref('dim_target') }} as targets
        on
            scorecard.target_id = targets.target_id
            and targets.is_in_force
    group by scorecard.field_id
),

fields as (
    select
        sum(case when field_id = 'total' then points_estimated else -points_estimated end) as points_gap,
        sum(case when field_id = 'total' then max_points else -max_points end) as max_gap
    from {{ ref('rpt_field_score') }}
)

select
    fields.field_id as id,
    fields.self_points as points,
    targets.points as expected
from {{ ref('rpt_field_score') }} as fields
inner join targets on fields.field_id = targets.field_id
where abs(fields.self_points - targets.points) > 0.0001
union all
select
    'total' as id,
    points_gap as points,
    max_gap as expected
from fields
where
    abs(points_gap) > 0.0001
    or abs(max_gap) > 0.0001
union all
select
    field_id as id,
    points_estimated as points,
    max_points as expected
from {{ ref('rpt_field_score') }}
where points_estimated > max_points + 0.0001
union all
select
    target_id as id,
    points_estimated as points,
    max_points as expected
from {{ ref('rpt_scorecard') }}
where
    points_estimated > max_points + 0.0001
    or points_estimated < 0
