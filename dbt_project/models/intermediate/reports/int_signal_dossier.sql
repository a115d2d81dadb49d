-- One row per finding that a dossier, as it stands, gives away against the calendar and the catalogues. Kinds:
--   due_longer_than_statute        more working days between receipt and the first promised due date than the procedure allows;
--                                  without a supplement. Before: the last lawful day. After: the due date.
--   apology_too_late               the apology is not earlier than the first promised due date (Điều 19.9: a day before)
--   finished_outside_working_days  finished on a day on which offices do not work
--   code_date_mismatch             the YYMMDD of the code is not the day of receipt; online dossiers are numbered on submission
--   unknown_agency, unknown_procedure   a code that no catalogue holds
-- First promised = the original due date, else the one of the first version delivered. First seen = the first delivery that
-- showed the same thing.
with first_versions as (
    select
        dossier_code,
        due_at
    from {{ ref('int_dossier_versions') }}
    where version_no = 1
),

dossiers as (
    select
        dossiers.dossier_code,
        dossiers.procedure_code,
        dossiers.agency_code,
        dossiers.channel,
        dossiers.is_accepted,
        dossiers.received_on,
        dossiers.received_at,
        coalesce(dossiers.due_at_original, first_versions.due_at, dossiers.due_at) as promised_at,
        dossiers.supplement_requested_at,
        dossiers.finished_on,
        dossiers.finished_at,
        dossiers.apology_sent_at
    from {{ ref('fct_dossier') }} as dossiers
    left join first_versions on dossiers.dossier_code = first_versions.dossier_code
),

working_days as (
    select
        date_day,
        is_working_day,
        working_day_number
    from {{ ref('int_working_days') }}
),

too_long as (
    select
        dossiers.dossier_code,
        dossiers.agency_code,
        dossiers.promised_at,
        received.working_day_number + cast(ceil(procedures.processing_days) as bigint) as lawful_number
    from dossiers
    inner join {{ ref('stg_tthc__procedures') }} as procedures on dossiers.procedure_code = procedures.procedure_code
    inner join working_days as received on dossiers.received_on = received.date_day
    inner join working_days as due on cast(dossiers.promised_at as date) = due.date_day
    where
        dossiers.is_accepted
        and dossiers.supplement_requested_at is null
        and due.working_day_number - received.working_day_number > ceil(procedures.processing_days)
),

findings as (
    select
        'due_longer_than_statute' as kind,
        too_long.dossier_code,
        too_long.agency_code,
        cast(lawful.date_day as string) as before,
        cast(too_long.promised_at as string) as after
    from too_long
    left join working_days as lawful
        on
            too_long.lawful_number = lawful.working_day_number
            and lawful.is_working_day
    union all
    select
        'apology_too_late' as kind,
        dossier_code,
        agency_code,
        cast(promised_at as string) as before,
        cast(apology_sent_at as string) as after
    from dossiers
    where
        is_accepted
        and cast(apology_sent_at as date) >= cast(promised_at as date)
    union all
    select
        'finished_outside_working_days' as kind,
        dossiers.dossier_code,
        dossiers.agency_code,
        cast(null as string) as before,
        cast(dossiers.finished_at as string) as after
    from dossiers
    inner join working_days on dossiers.finished_on = working_days.date_day
    where
        dossiers.is_accepted
        and not working_days.is_working_day
    union all
    select
        'code_date_mismatch' as kind,
        dossier_code,
        agency_code,
        {{ six_digits_of_code('dossier_code') }} as before,
        {{ six_digits('received_on') }} as after
    from dossiers
    where
        coalesce(channel, '1') <> '2'
        and {{ six_digits_of_code('dossier_code') }} <> ''
        and {{ six_digits_of_code('dossier_code') }} <> {{ six_digits('received_on') }}
    union all
    select
        'unknown_agency' as kind,
        dossiers.dossier_code,
        dossiers.agency_code,
        cast(null as string) as before,
        dossiers.agency_code as after
    from dossiers
    left join {{ ref('int_agency_as_of') }} as agencies on dossiers.agency_code = agencies.agency_code
    where agencies.agency_code is null
    union all
    select
        'unknown_procedure' as kind,
        dossiers.dossier_code,
        dossiers.agency_code,
        cast(null as string) as before,
        dossiers.procedure_code as after
    from dossiers
    left join {{ ref('stg_tthc__procedures') }} as procedures on dossiers.procedure_code = procedures.procedure_code
    where procedures.procedure_code is null
),

shown as (
    select
        findings.kind,
        findings.dossier_code,
        findings.agency_code,
        findings.before,
        findings.after,
        landed._delivered_on as delivered_on,
        landed._file_id as file_id,
        row_number() over (
            partition by findings.kind, findings.dossier_code
            order by landed._delivered_on, landed._file_name, landed._sheet_no, landed._row_number
        ) as turn
    from findings
    inner join {{ source('tthc', 'dossiers') }} as landed on findings.dossier_code = landed.dossier_code
    where
        case findings.kind
            when 'due_longer_than_statute'
                then cast(coalesce(landed.due_at_original, landed.due_at) as date) = cast(substr(findings.after, 1, 10) as date)
            when 'apology_too_late' then cast(landed.apology_sent_at as date) = cast(substr(findings.after, 1, 10) as date)
            when 'finished_outside_working_days'
                then cast(landed.finished_at as date) = cast(substr(findings.after, 1, 10) as date)
            when 'unknown_agency' then landed.agency_code = findings.after
            when 'unknown_procedure' then landed.procedure_code = findings.after
            else {{ six_digits('landed.received_at') }} = findings.after
        end
)

select
    kind,
    dossier_code as record_key,
    agency_code,
    before,
    after,
    delivered_on as first_seen,
    cast(null as string) as delivery_before,
    file_id as delivery_after
from shown
where turn = 1
