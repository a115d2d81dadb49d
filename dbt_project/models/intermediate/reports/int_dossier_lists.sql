-- One row per day, agency and year of receipt for which what was delivered on the day is a full list: it holds nearly all
-- dossiers (full_list_share) that are known of the agency and year up to that day, and at least full_list_min_dossiers of them.
-- The changes of a day are a few of many, a whole list is all of them; names of files are not asked, nor how many there are.
-- Dossiers of the day = rows landed, less those of a dossier that the day has before them. Known = rows landed up to the day,
-- less those of a dossier that the agency has before them: one taken over is known to the new agency since it was delivered so.
-- Its file is the one that holds most of it.
with rows_in_files as (
    select *
    from {{ ref('int_dossier_rows_in_files') }}
    where file_id not in (select again.delivery_id from {{ ref('int_delivery_sent_again') }} as again)
),

rows_of_days as (
    select
        agency_code,
        received_year,
        delivered_on,
        sum(row_count) as row_count
    from rows_in_files
    group by
        agency_code,
        received_year,
        delivered_on
),

placed as (
    select
        agency_code,
        cast(extract(year from received_at) as int) as received_year,
        delivered_on,
        lag(delivered_on) over (
            partition by dossier_code, agency_code, extract(year from received_at)
            order by row_no
        ) as delivered_on_before
    from {{ ref('int_dossier_versions') }}
),

repeated as (
    select
        agency_code,
        received_year,
        delivered_on,
        count(delivered_on_before) as row_count,
        count(case when delivered_on_before = delivered_on then 1 end) as row_count_of_day
    from placed
    group by
        agency_code,
        received_year,
        delivered_on
),

known as (
    select
        days.agency_code,
        days.received_year,
        days.delivered_on,
        days.row_count - coalesce(repeated.row_count_of_day, 0) as dossier_count,
        sum(days.row_count - coalesce(repeated.row_count, 0)) over (
            partition by days.agency_code, days.received_year
            order by days.delivered_on
        ) as known_count
    from rows_of_days as days
    left join repeated
        on
            days.agency_code = repeated.agency_code
            and days.received_year = repeated.received_year
            and days.delivered_on = repeated.delivered_on
),

files as (
    select
        agency_code,
        received_year,
        delivered_on,
        file_id,
        row_number() over (
            partition by agency_code, received_year, delivered_on
            order by row_count desc, file_id asc
        ) as place
    from rows_in_files
)

select
    known.agency_code,
    known.received_year,
    known.delivered_on,
    files.file_id,
    cast(known.dossier_count as bigint) as dossier_count,
    cast(known.known_count as bigint) as known_count
from known
inner join files
    on
        known.agency_code = files.agency_code
        and known.received_year = files.received_year
        and known.delivered_on = files.delivered_on
        and files.place = 1
where
    known.known_count >= {{ var('full_list_min_dossiers') }}
    and known.dossier_count >= {{ var('full_list_share') }} * known.known_count
