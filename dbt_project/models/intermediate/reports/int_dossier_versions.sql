-- One row per version of a dossier that was delivered more than once, beside the version before it.
-- Rule: a file sent again with the same content says nothing new of the day it was sent on, so its rows are no versions.
-- Only repeated dossiers are ranked: a window over a million wide rows costs more than all that follows.
with landed as (
    select
        dossier_code,
        agency_code,
        received_at,
        due_at,
        due_at_original,
        supplement_requested_at,
        supplement_received_at,
        apology_sent_at,
        finished_at,
        _delivered_on as delivered_on,
        _file_id as file_id,
        _file_name as file_name,
        _sheet_no as sheet_no,
        _row_number as row_number_in_file
    from {{ source('tthc', 'dossiers') }}
    where _file_id not in (select again.delivery_id from {{ ref('int_delivery_sent_again') }} as again)
),

repeated as (
    select dossier_code
    from landed
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
    landed.delivered_on,
    landed.file_id,
    lag(landed.due_at) over versions as due_at_before,
    lag(landed.due_at_original) over versions as due_at_original_before,
    lag(landed.supplement_received_at) over versions as supplement_received_at_before,
    lag(landed.finished_at) over versions as finished_at_before,
    lag(landed.delivered_on) over versions as delivered_on_before,
    lag(landed.file_id) over versions as file_id_before
from landed
inner join repeated on landed.dossier_code = repeated.dossier_code
window versions as (
    partition by landed.dossier_code
    order by landed.delivered_on, landed.file_name, landed.sheet_no, landed.row_number_in_file, landed.file_id
)
