-- One row per target in force whose tables have come: without a figure it has nothing to count yet, and nobody has to deliver.
-- Source: family_table (the tables that are counted) and the deliveries that were accepted up to the day of the build.
-- Rule: one of them was delivered this year, and none is missing altogether: a catalogue of last year still holds.
-- Not so where rows are of one year or one target each (shows_none_due): a file without them shows that they are missing.
with accepted as (
    select
        source,
        table_name,
        max(delivered_on) as last_delivered_on
    from {{ ref('stg_landing__deliveries') }}
    where
        {{ is_accepted('outcome') }}
        and delivered_on <= {{ as_of() }}
    group by source, table_name
),

counted as (
    select
        targets.target_id,
        accepted.last_delivered_on
    from {{ ref('int_target') }} as targets
    inner join {{ ref('family_table') }} as tables
        on
            targets.family = tables.family
            and coalesce(tables.measure, targets.measure) = targets.measure
    left join accepted
        on
            tables.source = accepted.source
            and tables.table_name = accepted.table_name
    where
        targets.is_in_force
        and tables.role = 'counted'
        and tables.shows_none_due
)

select
    target_id,
    max(last_delivered_on) as last_delivered_on
from counted
group by target_id
having
    count(*) = count(last_delivered_on)
    and max(last_delivered_on) >= {{ year_start() }}
