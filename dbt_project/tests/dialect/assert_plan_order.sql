-- 3.4.2 before 3.10.1, a criterion before its targets, an id without dots among them.
with ids as (
    select '3.10.1' as criterion_id, '3.10.1' as target_id, 5 as expected
    union all
    select '3.4.2' as criterion_id, '3.4.2b' as target_id, 4 as expected
    union all
    select '3.4.2' as criterion_id, '3.4.2a' as target_id, 3 as expected
    union all
    select '3.4' as criterion_id, '3.4' as target_id, 2 as expected
    union all
    select '3' as criterion_id, '3' as target_id, 1 as expected
),

ranked as (
    select
        *,
        row_number() over (order by {{ plan_order('criterion_id', 'target_id') }}) as actual
    from ids
)

select *
from ranked
where actual <> expected
