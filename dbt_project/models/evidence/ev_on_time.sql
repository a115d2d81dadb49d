-- Dossiers behind 3.4.1-3.4.3, by reading: A due dossiers (headline), B index 766, S resolved, N of all accepted.
-- Rule: ind_on_time; accepted dossiers by day of receipt, level of the receiving agency.
{% set readings = [
    ('A', "is_on_time or count_class = 'withdrawn'", "is_on_time or is_late or is_overdue_open or count_class = 'withdrawn'"),
    (
        'B',
        "is_on_time or count_class in ('withdrawn', 'paused') or (count_class = 'in_process' and not is_overdue_open)",
        'true',
    ),
    ('S', 'is_on_time', 'is_on_time or is_late'),
    ('N', 'is_on_time', 'true'),
] %}
with targets as (
    {{ targets_of('on_time') }}
),

accepted as (
    select
        targets.target_id,
        dossiers.agency_code,
        dossiers.dossier_code as record_key,
        dossiers.received_on as event_on,
        case
            when dossiers.is_on_time and dossiers.due_on is null then 'Xong, không có hạn trả: tính đúng hạn'
            when dossiers.is_on_time then 'Xong đúng hạn'
            when dossiers.is_late then 'Xong sau ngày hẹn trả: quá hạn'
            when dossiers.count_class = 'withdrawn' then 'Công dân rút hồ sơ: tính đúng hạn'
            when dossiers.is_overdue_open then 'Chưa xong, đã qua ngày hẹn trả: quá hạn'
            when dossiers.count_class = 'paused' then 'Đang tạm dừng (chờ bổ sung, nghĩa vụ tài chính)'
            else 'Đang giải quyết, chưa quá hạn'
        end as why,
        dossiers.procedure_code,
        dossiers.status,
        dossiers.due_on,
        dossiers.finished_on,
        dossiers.count_class,
        dossiers.is_on_time,
        dossiers.is_late,
        dossiers.is_overdue_open,
        {{ row_place('dossiers') }}
    from {{ ref('fct_dossier') }} as dossiers
    inner join targets on dossiers.level = targets.measure
    where
        dossiers.is_accepted
        and {{ in_year_to_date('dossiers.received_on') }}
)

{{ evidence_of('accepted', readings, ['procedure_code', 'status', 'due_on', 'finished_on']) }}
