-- One row per dossier that vanished: it was in a full list of its agency and year, a later full list does not hold it, and no
-- file of that day or later does. Before: the day it was last delivered. After: nothing.
-- Rejected rows never land, so a day with rejected rows shows nothing unless more dossiers are missing than rows were rejected,
-- and nothing at all with a file of dossiers that was not taken: a part of the list may be in it.
with lists as (
    select
        file_id,
        delivered_on,
        agency_code,
        received_year
    from {{ ref('int_dossier_lists') }}
),

days as (
    select
        delivered_on,
        sum(case when {{ is_accepted('outcome') }} then rows_quarantined else 0 end) as rows_quarantined,
        count(case when not {{ is_accepted('outcome') }} then 1 end) as files_not_taken
    from {{ ref('stg_landing__deliveries') }}
    where
        source = 'tthc'
        and table_name = 'dossiers'
        and replaced_by is null
    group by delivered_on
),

-- Full lists after the last sight of each dossier.
missing as (
    select
        dossiers.dossier_code,
        dossiers.agency_code,
        dossiers.delivered_on as last_seen_on,
        lists.file_id,
        lists.delivered_on
    from {{ ref('fct_dossier') }} as dossiers
    inner join lists
        on
            dossiers.agency_code = lists.agency_code
            and extract(year from dossiers.received_on) = lists.received_year
            and dossiers.delivered_on < lists.delivered_on
),

-- The last full list that held it.
held as (
    select
        landed.dossier_code,
        landed._file_id as file_id,
        row_number() over (
            partition by landed.dossier_code
            order by landed._delivered_on desc, landed._file_name desc, landed._sheet_no desc, landed._row_number desc
        ) as turn
    from {{ source('tthc', 'dossiers') }} as landed
    inner join lists
        on
            landed._delivered_on = lists.delivered_on
            and landed.agency_code = lists.agency_code
            and extract(year from landed.received_at) = lists.received_year
    where landed.dossier_code in (select missing.dossier_code from missing)
),

counted as (
    select
        missing.*,
        held.file_id as file_id_before,
        count(*) over (partition by missing.delivered_on) as missing_on_the_day
    from missing
    inner join held
        on
            missing.dossier_code = held.dossier_code
            and held.turn = 1
),

-- The first of them that shows it.
shown as (
    select
        counted.*,
        row_number() over (
            partition by counted.dossier_code
            order by counted.delivered_on
        ) as turn
    from counted
    left join days on counted.delivered_on = days.delivered_on
    where
        counted.missing_on_the_day > coalesce(days.rows_quarantined, 0)
        and coalesce(days.files_not_taken, 0) = 0
)

select
    'dossier_vanished' as kind,
    dossier_code as record_key,
    agency_code,
    cast(last_seen_on as string) as before,
    cast(null as string) as after,
    delivered_on as first_seen,
    file_id_before as delivery_before,
    file_id as delivery_after
from shown
where turn = 1
