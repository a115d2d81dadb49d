-- One row per dossier that vanished: it was in a full list of its agency and year, a later full list does not hold it, and no
-- file of that day or later does. Before: the day it was last delivered. After: nothing.
-- Rejected rows never land, so a list with rejected rows shows nothing unless more dossiers are missing than rows were rejected.
with lists as (
    select
        file_id,
        delivered_on,
        agency_code,
        received_year
    from {{ ref('int_dossier_lists') }}
),

-- The first full list after the last sight of each dossier.
missing as (
    select
        dossiers.dossier_code,
        dossiers.agency_code,
        dossiers.delivered_on as last_seen_on,
        lists.file_id,
        lists.delivered_on,
        row_number() over (
            partition by dossiers.dossier_code
            order by lists.delivered_on, lists.file_id
        ) as turn
    from {{ ref('fct_dossier') }} as dossiers
    inner join lists
        on
            dossiers.agency_code = lists.agency_code
            and extract(year from dossiers.received_on) = lists.received_year
            and dossiers.delivered_on < lists.delivered_on
),

-- The last full list that held it.
listed as (
    select
        missing.dossier_code,
        missing.agency_code,
        missing.last_seen_on,
        missing.delivered_on,
        missing.file_id,
        landed._file_id as file_id_before,
        row_number() over (
            partition by missing.dossier_code
            order by landed._delivered_on desc, landed._file_id desc
        ) as turn
    from missing
    inner join {{ source('tthc', 'dossiers') }} as landed on missing.dossier_code = landed.dossier_code
    inner join lists
        on
            landed._file_id = lists.file_id
            and landed.agency_code = lists.agency_code
            and extract(year from landed.received_at) = lists.received_year
    where missing.turn = 1
),

counted as (
    select
        *,
        count(*) over (partition by file_id) as missing_from_file
    from listed
    where turn = 1
)

select
    'dossier_vanished' as kind,
    counted.dossier_code as record_key,
    counted.agency_code,
    cast(counted.last_seen_on as string) as before,
    cast(null as string) as after,
    counted.delivered_on as first_seen,
    counted.file_id_before as delivery_before,
    counted.file_id as delivery_after
from counted
left join {{ ref('stg_landing__deliveries') }} as deliveries on counted.file_id = deliveries.delivery_id
where counted.missing_from_file > coalesce(deliveries.rows_quarantined, 0)
