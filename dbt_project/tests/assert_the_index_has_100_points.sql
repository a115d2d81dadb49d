-- All fields together have 100 points, self-assessed and surveyed (Quyết định 876/QĐ-BNV), and the criteria that a survey of citizens
-- scores have those of their field's survey.
{{ config(meta={'dagster': {'ref': {'name': 'dim_target'}}}) }}

select
    'all' as field_id,
    round(sum(self_max_points + survey_max_points), 6) as points,
    cast(100 as double) as max_points
from {{ ref('field_points') }}
having abs(sum(self_max_points + survey_max_points) - 100) > 0.0001
union all
select
    targets.field_id,
    round(sum(targets.max_points), 6) as points,
    max(points.survey_max_points) as max_points
from {{ ref('dim_target') }} as targets
inner join {{ ref('field_points') }} as points on targets.field_id = points.field_id
where
    targets.is_in_force
    and targets.rule_kind = 'survey'
group by targets.field_id
having abs(sum(targets.max_points) - max(points.survey_max_points)) > 0.0001
