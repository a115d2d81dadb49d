-- One row per dossier: its latest version.
-- Source: contract tthc.dossiers; key dossier_code.
-- Ranking a million wide rows costs more than all that follows, and nearly all keys have one version: only the repeated
-- ones are ranked.
with landed as (
    select * from {{ source('tthc', 'dossiers') }}
),

repeated as (
    select dossier_code
    from landed
    group by dossier_code
    having count(*) > 1
),

ranked as (
    select
        landed.*,
        {{ version_rank(['landed.dossier_code']) }} as version_rank
    from landed
    inner join repeated on landed.dossier_code = repeated.dossier_code
),

latest as (
    select
        *,
        1 as version_rank
    from landed
    where
        not exists (
            select 1 from repeated
            where repeated.dossier_code = landed.dossier_code
        )
    union all
    select *
    from ranked
    where version_rank = 1
)

select
    dossier_code,
    procedure_code,
    agency_code,
    channel,
    applicant_kind,
    submitted_at,
    received_at,
    due_at,
    due_at_original,
    supplement_requested_at,
    supplement_received_at,
    supplement_count,
    finished_at,
    returned_at,
    status,
    fee_amount,
    fee_exempt,
    paid_online,
    components_total,
    components_digitised,
    components_reused,
    components_from_national,
    result_attached,
    synced_national,
    published_provincial,
    apology_sent_at,
    satisfaction,
    updated_at,
    _delivered_on as delivered_on,
    _file_name as file_name,
    _sheet_no as sheet_no,
    _row_number as row_number_in_file
from latest
