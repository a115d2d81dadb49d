-- Dossiers behind 3.4.4: accepted ones that missed the first promised date, and whether an apology was sent.
-- Rule: ind_apology. `timely`: sent before that date; `without_supplement`: dossiers without a supplement only.
{% set readings = [
    ('headline', 'apology_sent', 'true'),
    ('timely', 'apology_in_time', 'true'),
    ('without_supplement', 'apology_sent', 'not has_supplement'),
] %}
with targets as (
    {{ targets_of('apology') }}
),

missed as (
    select
        targets.target_id,
        dossiers.agency_code,
        dossiers.dossier_code as record_key,
        dossiers.received_on as event_on,
        case
            when dossiers.apology_in_time then 'Lỡ ngày hẹn đầu tiên; đã xin lỗi trước ngày hẹn'
            when dossiers.apology_sent then 'Lỡ ngày hẹn đầu tiên; đã xin lỗi, không trước ngày hẹn'
            else 'Lỡ ngày hẹn đầu tiên; chưa xin lỗi'
        end as why,
        dossiers.procedure_code,
        dossiers.status,
        dossiers.original_due_on,
        dossiers.due_on,
        dossiers.finished_on,
        dossiers.apology_sent_at,
        dossiers.apology_sent,
        dossiers.apology_in_time,
        dossiers.has_supplement,
        {{ row_place('dossiers') }}
    from {{ ref('fct_dossier') }} as dossiers
    cross join targets
    where
        dossiers.is_accepted
        and dossiers.missed_original_due
        and {{ in_year_to_date('dossiers.received_on') }}
)

{{ evidence_of(
    'missed',
    readings,
    ['procedure_code', 'status', 'original_due_on', 'due_on', 'finished_on', 'apology_sent_at', 'has_supplement'],
) }}
