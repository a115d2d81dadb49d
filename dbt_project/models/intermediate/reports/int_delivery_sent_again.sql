-- One row per delivered file that changes nothing: its content had been taken before for the same table, and nothing came in
-- between that it undoes.
-- Rule: the latest delivery wins, so an old file that comes after a newer one is no repetition: it brings the old rows back.
-- Of dossiers the versions tell whether a row did. Of the other tables files are compared: whatever came in between may have
-- been undone, but for files of a day that repeat those of another in the same order.
with taken as (
    select
        delivery_id,
        source,
        table_name,
        content_hash,
        delivered_on,
        row_number() over (
            partition by source, table_name
            order by delivered_on, file_name, delivery_id
        ) as place
    from {{ ref('stg_landing__deliveries') }}
    where
        content_hash is not null
        and table_name is not null
        and {{ is_accepted('outcome') }}
        -- What another file took the place of stands nowhere: the same content later is news.
        and replaced_by is null
),

paired as (
    select
        *,
        lag(place) over (
            partition by source, table_name, content_hash
            order by place
        ) as place_before
    from taken
),

-- What came between a file and the one that it repeats.
between_them as (
    select
        again.delivery_id,
        again.source,
        again.table_name,
        again.delivered_on,
        again.place,
        again.place_before,
        other.content_hash as other_content,
        other.place_before as other_place_before,
        other.delivered_on = again.delivered_on as is_of_the_same_day
    from paired as again
    inner join paired as other
        on
            again.source = other.source
            and again.table_name = other.table_name
            and again.place_before < other.place
            and again.place > other.place
    -- Most repetitions follow at once.
    where
        again.place_before < again.place - 1
        and not (again.source = 'tthc' and again.table_name = 'dossiers')
),

-- Files that undo something, or may.
undone as (
    select between_them.delivery_id
    from between_them
    left join paired as made_again
        on
            between_them.source = made_again.source
            and between_them.table_name = made_again.table_name
            and between_them.delivered_on = made_again.delivered_on
            and between_them.other_content = made_again.content_hash
            and between_them.place < made_again.place
    where
        case
            -- It stood before the first of the two already.
            when between_them.is_of_the_same_day
                then coalesce(between_them.other_place_before, between_them.place) > between_them.place_before
            else made_again.delivery_id is null
        end
    union all
    select versions.file_id as delivery_id
    from {{ ref('int_dossier_versions') }} as versions
)

select paired.delivery_id
from paired
where
    paired.place_before is not null
    and paired.delivery_id not in (select undone.delivery_id from undone)
