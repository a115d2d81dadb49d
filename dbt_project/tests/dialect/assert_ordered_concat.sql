-- In the order asked for, not that of the rows; nulls left out, one value alone, nothing but nulls is null; text as it is.
with parts as (
    select 'many' as kind, 2 as position, 'Sở Nội vụ' as part
    union all
    select 'many' as kind, 10 as position, 'Xã Yên Lạc' as part
    union all
    select 'many' as kind, 1 as position, 'Văn phòng "UBND"; tỉnh' as part
    union all
    select 'many' as kind, 3 as position, cast(null as string) as part
    union all
    select 'one' as kind, 1 as position, 'Đ' as part
    union all
    select 'none' as kind, 1 as position, cast(null as string) as part
),

joined as (
    select
        kind,
        {{ ordered_concat('part', '; ', 'position') }} as actual
    from parts
    group by kind
),

expected as (
    select 'many' as kind, 'Văn phòng "UBND"; tỉnh; Sở Nội vụ; Xã Yên Lạc' as expected
    union all
    select 'one' as kind, 'Đ' as expected
    union all
    select 'none' as kind, cast(null as string) as expected
)

select
    expected.*,
    joined.actual
from expected
left join joined on expected.kind = joined.kind
where joined.actual is distinct from expected.expected
