-- Every leaf target has a word for its unit, every measure a table whose rows it counts; notes and actions name targets that exist.
{{ config(meta={'dagster': {'ref': {'name': 'target_measure'}}}) }}

with targets as (
    select
        target_id,
        field_id
    from {{ ref('plan152_criteria') }}
    where target_operator is not null
)

select
    coalesce(targets.target_id, actions.target_id) as id,
    'target_action' as seed
from targets
full outer join {{ ref('target_action') }} as actions on targets.target_id = actions.target_id
where
    targets.target_id is null
    or actions.target_id is null
union all
select
    cast(notes.note_id as string) as id,
    'plan_note' as seed
from {{ ref('plan_note') }} as notes
left join targets
    on
        notes.target_id = targets.target_id
        and notes.field_id = targets.field_id
where
    notes.target_id is not null
    and targets.target_id is null
union all
select
    measures.family as id,
    'family_table' as seed
from {{ ref('target_measure') }} as measures
left join {{ ref('family_table') }} as tables
    on
        measures.family = tables.family
        and coalesce(tables.measure, measures.measure) = measures.measure
        and tables.role = 'counted'
where tables.family is null
