-- One row per finding that a dossier, as it stands, gives away against the calendar and the catalogues. Kinds:
--   due_longer_than_statute        more working days between receipt and the first promised due date than the procedure allows;
--                                  without a supplement. Before: the last lawful day. After: the due date.
--   apology_too_late               the apology is not earlier than the first promised due date (Điều 19.9: a day before)
--   finished_outside_working_days  finished on a day on which offices do not work
--   code_date_mismatch             the YYMMDD of the code is not the day of receipt; online dossiers are numbered on submission
--   unknown_agency, unknown_procedure   a code that no catalogue holds
-- First promised = the original due date, else the one of the first version delivered. First seen = the first delivery that
-- showed the same thing.
-- Only dossiers judged tonight are looked at: what the others gave away is carried over from the build before. When a finding
-- was first seen is looked up only if it is new, or its dossier came again: else nothing new tells of it.
with new_files as (
    select distinct
        _delivered_on,
        _file_name
    from {{ source('tthc', 'dossiers_new') }}
),

first_versions as (
    select
        dossier_code,
        due_at
    from {{ ref('int_dossier_versions') }}
    where
        version_no = 1
        and not is_superseded
),

working_days as (
    select
        date_day,
        is_working_day,
        working_day_number,
        {{ six_digits('date_day') }} as six_digits
    from {{ ref('int_working_days') }}
),

-- What was judged again and is not in process any more: few, and none in most nights without news.
settled as (
    select rejudged.dossier_code
    from {{ ref('int_dossier_rejudged') }} as rejudged
    left join {{ ref('fct_dossier') }} as open_ones
        on
            rejudged.dossier_code = open_ones.dossier_code
            and open_ones.count_class = 'in_process'
    where open_ones.dossier_code is null
),

-- Judged tonight: all that are in process, and of the others those that are settled since or came in new files. Apart, because
-- nothing is looked through where there are none.
judged_tonight as (
    select *
    from {{ ref('fct_dossier') }}
    where count_class = 'in_process'
    union all
    select *
    from {{ ref('fct_dossier') }}
    where
        count_class is distinct from 'in_process'
        and (delivered_on, file_name) in (
            select
                new_files._delivered_on,
                new_files._file_name
            from new_files
        )
    union all
    select *
    from {{ ref('fct_dossier') }} as dossiers
    where
        dossier_code in (select settled.dossier_code from settled)
        and not exists (
            select 1 from new_files
            where
                dossiers.delivered_on = new_files._delivered_on
                and dossiers.file_name = new_files._file_name
        )
),

dossiers as (
    select
        dossiers.dossier_code,
        dossiers.procedure_code,
        dossiers.agency_code,
        dossiers.is_online,
        dossiers.is_accepted,
        dossiers.received_on,
        dossiers.supplement_requested_at,
        dossiers.finished_on,
        dossiers.finished_at,
        dossiers.apology_sent_at,
        coalesce(dossiers.due_at_original, first_versions.due_at, dossiers.due_at) as promised_at
    from judged_tonight as dossiers
    left join first_versions on dossiers.dossier_code = first_versions.dossier_code
),

-- One pass over them; only those with a finding are kept.
judged as (
    select
        dossiers.dossier_code,
        dossiers.procedure_code,
        dossiers.agency_code,
        dossiers.promised_at,
        dossiers.finished_at,
        dossiers.apology_sent_at,
        received.six_digits,
        received.working_day_number + cast(ceil(procedures.processing_days) as bigint) as lawful_number,
        dossiers.is_accepted
        and dossiers.supplement_requested_at is null
        and due.working_day_number - received.working_day_number > ceil(procedures.processing_days) as is_too_long,
        dossiers.is_accepted
        and cast(dossiers.apology_sent_at as date) >= cast(dossiers.promised_at as date) as is_sorry_too_late,
        dossiers.is_accepted and not finished.is_working_day as is_finished_on_day_off,
        not dossiers.is_online
        and not {{ contains_text("'-' || received.six_digits || '-'", 'dossiers.dossier_code') }} as has_other_day,
        agencies.agency_code is null as has_unknown_agency,
        procedures.procedure_code is null as has_unknown_procedure
    from dossiers
    left join working_days as received on dossiers.received_on = received.date_day
    left join working_days as due on cast(dossiers.promised_at as date) = due.date_day
    left join working_days as finished on dossiers.finished_on = finished.date_day
    left join {{ ref('stg_tthc__procedures') }} as procedures on dossiers.procedure_code = procedures.procedure_code
    left join {{ ref('int_agency_as_of') }} as agencies on dossiers.agency_code = agencies.agency_code
),

found as (
    select *
    from judged
    where
        is_too_long
        or is_sorry_too_late
        or is_finished_on_day_off
        or has_other_day
        or has_unknown_agency
        or has_unknown_procedure
),

findings as (
    select
        'due_longer_than_statute' as kind,
        found.dossier_code,
        found.agency_code,
        cast(lawful.date_day as string) as before,
        cast(found.promised_at as string) as after
    from found
    left join working_days as lawful
        on
            found.lawful_number = lawful.working_day_number
            and lawful.is_working_day
    where found.is_too_long
    union all
    select
        'apology_too_late' as kind,
        dossier_code,
        agency_code,
        cast(promised_at as string) as before,
        cast(apology_sent_at as string) as after
    from found
    where is_sorry_too_late
    union all
    select
        'finished_outside_working_days' as kind,
        dossier_code,
        agency_code,
        cast(null as string) as before,
        cast(finished_at as string) as after
    from found
    where is_finished_on_day_off
    union all
    select
        'code_date_mismatch' as kind,
        dossier_code,
        agency_code,
        {{ six_digits_of_code('dossier_code') }} as before,
        six_digits as after
    from found
    where
        has_other_day
        -- A code of another shape names no day.
        and {{ six_digits_of_code('dossier_code') }} <> ''
    union all
    select
        'unknown_agency' as kind,
        dossier_code,
        agency_code,
        cast(null as string) as before,
        agency_code as after
    from found
    where has_unknown_agency
    union all
    select
        'unknown_procedure' as kind,
        dossier_code,
        agency_code,
        cast(null as string) as before,
        procedure_code as after
    from found
    where has_unknown_procedure
),

came_again as (
    select distinct carried.record_key
    from {{ source('carried', 'signals') }} as carried
    inner join {{ source('tthc', 'dossiers_new') }} as new on carried.record_key = new.dossier_code
),

seen_before as (
    select
        findings.kind,
        findings.dossier_code,
        findings.agency_code,
        findings.before,
        findings.after,
        carried.first_seen,
        carried.delivery_after
    from findings
    inner join {{ source('carried', 'signals') }} as carried
        on
            findings.kind = carried.kind
            and findings.dossier_code = carried.record_key
            and findings.after = carried.after
    where
        not exists (
            select 1 from came_again
            where findings.dossier_code = came_again.record_key
        )
),

unseen as (
    select *
    from findings
    where
        not exists (
            select 1 from seen_before
            where
                findings.kind = seen_before.kind
                and findings.dossier_code = seen_before.dossier_code
        )
),

shown as (
    select
        unseen.kind,
        unseen.dossier_code,
        unseen.agency_code,
        unseen.before,
        unseen.after,
        landed._delivered_on as delivered_on,
        landed._file_id as file_id,
        row_number() over (
            partition by unseen.kind, unseen.dossier_code
            order by landed._delivered_on, landed._file_name, landed._sheet_no, landed._row_number
        ) as turn
    from unseen
    inner join {{ source('tthc', 'dossiers') }} as landed on unseen.dossier_code = landed.dossier_code
    where
        case unseen.kind
            when 'due_longer_than_statute'
                then cast(coalesce(landed.due_at_original, landed.due_at) as date) = cast(substr(unseen.after, 1, 10) as date)
            when 'apology_too_late' then cast(landed.apology_sent_at as date) = cast(substr(unseen.after, 1, 10) as date)
            when 'finished_outside_working_days'
                then cast(landed.finished_at as date) = cast(substr(unseen.after, 1, 10) as date)
            when 'unknown_agency' then landed.agency_code = unseen.after
            when 'unknown_procedure' then landed.procedure_code = unseen.after
            else {{ six_digits('landed.received_at') }} = unseen.after
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
union all
select
    kind,
    dossier_code as record_key,
    agency_code,
    before,
    after,
    first_seen,
    cast(null as string) as delivery_before,
    delivery_after
from seen_before
union all
select
    kind,
    record_key,
    agency_code,
    before,
    after,
    first_seen,
    delivery_before,
    delivery_after
from {{ source('carried', 'signals') }} as carried
where not exists (
    select 1 from {{ ref('int_dossier_rejudged') }} as rejudged
    where carried.record_key = rejudged.dossier_code
)
