-- One row per delivered file, agency and year of receipt for which the file is a full list: it holds nearly all dossiers
-- (full_list_share) that are known of the agency and year up to that day, and at least full_list_min_dossiers of them.
-- A file of the changes of a day holds a few of many, a whole list all of them; the name of the file is not asked.
-- Known up to a day = rows landed, less the versions that are not a dossier's first.
with rows_in_files as (
    select *
    from {{ ref('int_dossier_rows_in_files') }}
    where file_id not in (select again.delivery_id from {{ ref('int_delivery_sent_again') }} as again)
),

later_versions as (
    select
        file_id,
        agency_code,
        cast(extract(year from received_at) as int) as received_year,
        count(*) as row_count
    from {{ ref('int_dossier_versions') }}
    where version_no > 1
    group by
        file_id,
        agency_code,
        cast(extract(year from received_at) as int)
),

known as (
    select
        rows_in_files.file_id,
        rows_in_files.delivered_on,
        rows_in_files.agency_code,
        rows_in_files.received_year,
        rows_in_files.row_count,
        sum(rows_in_files.row_count - coalesce(later_versions.row_count, 0)) over (
            partition by rows_in_files.agency_code, rows_in_files.received_year
            order by rows_in_files.delivered_on
            range between unbounded preceding and current row
        ) as known_count
    from rows_in_files
    left join later_versions
        on
            rows_in_files.file_id = later_versions.file_id
            and rows_in_files.agency_code = later_versions.agency_code
            and rows_in_files.received_year = later_versions.received_year
)

select
    file_id,
    delivered_on,
    agency_code,
    received_year,
    row_count,
    cast(known_count as bigint) as known_count
from known
where
    known_count >= {{ var('full_list_min_dossiers') }}
    and row_count >= {{ var('full_list_share') }} * known_count
