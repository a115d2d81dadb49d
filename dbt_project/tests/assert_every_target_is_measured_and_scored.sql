-- Each leaf target of the plan says how it is measured, each of its criteria what it is worth, and nothing else does. Of what a
-- target is worth alone, its own criterion says so; steps are of targets only.
{{ config(meta={'dagster': {'ref': {'name': 'target_measure'}}}) }}

with leaves as (
    select
        target_id,
        criterion_id
    from {{ ref('plan152_criteria') }}
    where target_operator is not null
)

select
    coalesce(leaves.target_id, measures.target_id) as id,
    'target_measure' as seed
from leaves
full outer join {{ ref('target_measure') }} as measures on leaves.target_id = measures.target_id
where
    leaves.target_id is null
    or measures.target_id is null
union all
select
    coalesce(criteria.criterion_id, scale.criterion_id) as id,
    'scoring_scale' as seed
from (select distinct criterion_id from leaves) as criteria
full outer join (
    select criterion_id
    from {{ ref('scoring_scale') }}
    where target_id is null
) as scale on criteria.criterion_id = scale.criterion_id
where
    criteria.criterion_id is null
    or scale.criterion_id is null
union all
select
    scale.target_id as id,
    'scoring_scale' as seed
from {{ ref('scoring_scale') }} as scale
left join leaves
    on
        scale.target_id = leaves.target_id
        and scale.criterion_id = leaves.criterion_id
where
    scale.target_id is not null
    and leaves.target_id is null
union all
select
    steps.target_id as id,
    'scoring_step' as seed
from {{ ref('scoring_step') }} as steps
left join leaves on steps.target_id = leaves.target_id
where leaves.target_id is null
