-- One row per version of a dossier that was delivered more than once, beside the version before it.
-- Rule: a file sent again with the same content says nothing new of the day it was sent on, so its rows are no versions.
-- Only repeated dossiers are ranked, and the source is read twice rather than kept: a million wide rows cost more than all
-- that follows.
with repeated as (
    select dossier_code
    from {{ source('tthc', 'dossiers') }}
    where _file_id not in (select again.delivery_id from {{ ref('int_delivery_sent_again') }} as again)
    group by dossier_code
    having count(*) > 1
)

select
    landed.dossier_code,
    cast(row_number() over versions as int) as version_no,
    landed.agency_code,
    landed.received_at,
    landed.due_at,
    landed.due_at_original,
    landed.supplement_requested_at,
    landed.supplement_received_at,
    landed.apology_sent_at,
    landed.finished_at,
    landed._delivered_on as delivered_on,
    landed._file_id as file_id,
    lag(landed.due_at) over versions as due_at_before,
    lag(landed.due_at_original) over versions as due_at_original_before,
    lag(landed.supplement_received_at) over versions as supplement_received_at_before,
    lag(landed.finished_at) over versions as finished_at_before,
    lag(landed._delivered_on) over versions as delivered_on_before,
    lag(landed._file_id) over versions as file_id_before
from {{ source('tthc', 'dossiers') }} as landed
inner join repeated on landed.dossier_code = repeated.dossier_code
where landed._file_id not in (select again.delivery_id from {{ ref('int_delivery_sent_again') }} as again)
window versions as (
    partition by landed.dossier_code
    order by landed._delivered_on, landed._file_name, landed._sheet_no, landed._row_number, landed._file_id
)
