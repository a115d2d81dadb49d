-- One row per dossier, judged once, as of the day of the build. A view: fct_dossier is its one stored copy, and everything that
-- counts dossiers reads that (a second copy of a million rows costs more than all indicators together).
-- Rules: dates are compared, never times (Nghị định 61/2018, and the software of the provinces); a dossier that is finished
-- after the day of the build is in process on it, whatever its status; no due date means on time.
{{ config(materialized='view') }}

with classified as (
    select
        dossiers.dossier_code,
        dossiers.procedure_code,
        dossiers.agency_code,
        dossiers.channel,
        dossiers.applicant_kind,
        dossiers.submitted_at,
        dossiers.received_at,
        dossiers.due_at,
        dossiers.due_at_original,
        dossiers.supplement_requested_at,
        dossiers.supplement_received_at,
        dossiers.supplement_count,
        dossiers.finished_at,
        dossiers.returned_at,
        dossiers.status,
        dossiers.fee_amount,
        dossiers.fee_exempt,
        dossiers.paid_online,
        dossiers.components_total,
        dossiers.components_digitised,
        dossiers.components_reused,
        dossiers.components_from_national,
        dossiers.result_attached,
        dossiers.synced_national,
        dossiers.published_provincial,
        dossiers.apology_sent_at,
        dossiers.satisfaction,
        dossiers.updated_at,
        dossiers.delivered_on,
        dossiers.file_name,
        dossiers.sheet_no,
        dossiers.row_number_in_file,
        cast(dossiers.received_at as date) as received_on,
        cast(dossiers.due_at as date) as due_on,
        cast(coalesce(dossiers.due_at_original, dossiers.due_at) as date) as original_due_on,
        cast(dossiers.finished_at as date) as finished_on,
        case
            -- A status that no list knows is in no figure, rather than the end of the night.
            when coalesce(statuses.count_class, 'not_counted') = 'not_counted' then 'not_counted'
            when cast(dossiers.finished_at as date) > {{ as_of() }} then 'in_process'
            else statuses.count_class
        end as count_class,
        agencies.level,
        procedures.authority_level,
        coalesce(procedures.fee_required, false) as is_fee_required,
        procedures.has_result,
        spans.online_level,
        coalesce(spans.online_payment_enabled, false) as is_online_payment_enabled
    from {{ ref('int_dossiers_to_judge') }} as dossiers
    left join {{ ref('dossier_status') }} as statuses on dossiers.status = statuses.status
    left join {{ ref('int_agency_as_of') }} as agencies on dossiers.agency_code = agencies.agency_code
    left join {{ ref('stg_tthc__procedures') }} as procedures on dossiers.procedure_code = procedures.procedure_code
    -- Online level and payment belong to the pair, and to the day of receipt.
    left join {{ ref('int_agency_procedure_spans') }} as spans
        on
            dossiers.agency_code = spans.agency_code
            and dossiers.procedure_code = spans.procedure_code
            and cast(dossiers.received_at as date) >= spans.span_start
            and cast(dossiers.received_at as date) <= spans.span_end
)

select
    dossier_code,
    procedure_code,
    agency_code,
    level,
    authority_level,
    channel,
    applicant_kind,
    submitted_at,
    received_at,
    received_on,
    due_at,
    due_on,
    due_at_original,
    original_due_on,
    supplement_requested_at,
    supplement_received_at,
    supplement_count,
    finished_at,
    finished_on,
    returned_at,
    status,
    count_class,
    online_level,
    fee_amount,
    components_total,
    components_digitised,
    components_reused,
    components_from_national,
    apology_sent_at,
    satisfaction,
    updated_at,
    delivered_on,
    file_name,
    sheet_no,
    row_number_in_file,
    count_class <> 'not_counted' as is_accepted,
    count_class = 'resolved' as is_resolved,
    count_class = 'resolved' and coalesce(finished_on <= due_on, true) as is_on_time,
    count_class = 'resolved' and coalesce(finished_on > due_on, false) as is_late,
    count_class = 'in_process' and coalesce(due_on < {{ as_of() }}, false) as is_overdue_open,
    -- Missed what was promised first: resolved after it, open beyond it, or given a later date.
    count_class <> 'not_counted'
    and (
        (count_class = 'resolved' and coalesce(finished_on > original_due_on, false))
        or (count_class = 'in_process' and coalesce(original_due_on < {{ as_of() }}, false))
        or coalesce(due_on > cast(due_at_original as date), false)
    ) as missed_original_due,
    apology_sent_at is not null as apology_sent,
    coalesce(cast(apology_sent_at as date) < original_due_on, false) as apology_in_time,
    supplement_received_at is not null as has_supplement,
    coalesce(channel = '2', false) as is_online,
    coalesce(online_level = '4', false) as is_full_online_procedure,
    coalesce(components_digitised, 0) + coalesce(components_reused, 0) >= 1 as is_digitised,
    -- A procedure without a result on paper has nothing to digitise.
    coalesce(result_attached, false) or coalesce(not has_result, false) as has_e_result,
    coalesce(result_attached, false) as result_attached,
    coalesce(synced_national, false) as synced_national,
    coalesce(published_provincial, false) as published_provincial,
    coalesce(fee_exempt, false) as fee_exempt,
    coalesce(paid_online, false) as paid_online,
    -- Exempt applicants and free dossiers have nothing to pay, online or not.
    is_fee_required
    and is_online_payment_enabled
    and not coalesce(fee_exempt, false)
    and coalesce(fee_amount > 0, false) as is_online_payable
from classified
