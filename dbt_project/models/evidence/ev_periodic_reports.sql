-- Periodic reports behind 1.2, by due date.
-- Rule: ind_periodic_reports; sent in time and complete.
with targets as (
    {{ targets_of('periodic_reports') }}
),

reports as (
    select
        targets.target_id,
        reports.agency_code,
        reports.report_code as record_key,
        reports.due_on as event_on,
        case
            when reports.sent_on is null then 'Chưa gửi'
            when reports.sent_on > reports.due_on then 'Gửi sau hạn'
            when reports.complete then 'Gửi đúng hạn, đầy đủ nội dung'
            else 'Gửi đúng hạn, chưa đầy đủ nội dung'
        end as why,
        reports.report_name,
        reports.due_on,
        reports.sent_on,
        reports.complete,
        {{ row_place('reports') }}
    from {{ ref('stg_document_office__periodic_reports') }} as reports
    cross join targets
    where {{ in_year_to_date('reports.due_on') }}
)

{{ evidence_of(
    'reports',
    [('headline', 'sent_on <= due_on and complete', 'true')],
    ['report_name', 'sent_on', 'complete'],
) }}
