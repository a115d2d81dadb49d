-- One row per finding: what the deliveries, read against each other, the calendar and the catalogues, do not agree on.
-- A finding is a question to the agency, not a verdict. The rule of each kind stands in the head of its int_signal_ model.
with signals as (
    select * from {{ ref('int_signal_version') }}
    union all
    select * from {{ ref('int_signal_vanished') }}
    union all
    select * from {{ ref('int_signal_dossier') }}
    union all
    select * from {{ ref('int_signal_payment') }}
),

-- A row that stands twice in one file is one finding.
single as (
    select
        *,
        row_number() over (
            partition by kind, record_key, delivery_after
            order by delivery_before nulls last, after
        ) as turn
    from signals
)

select
    kind || '|' || record_key || '|' || delivery_after as signal_key,
    kind,
    record_key,
    agency_code,
    before,
    after,
    first_seen,
    delivery_before,
    delivery_after,
    case kind
        when 'due_moved_after_due'
            then
                'Hạn trả được dời từ ' || before || ' sang ' || after || ' sau khi đã quá hạn'
                || ' | The due date was moved from ' || before || ' to ' || after || ' after it had passed'
        when 'second_reappointment'
            then
                'Hẹn lại quá một lần: từ ' || before || ' sang ' || after
                || ' | Put off more than once: from ' || before || ' to ' || after
        when 'finish_backdated'
            then
                'Ngày kết thúc ' || after || ' sớm hơn lần giao dữ liệu mà hồ sơ còn đang xử lý'
                || ' | Finish date ' || after || ' is earlier than a delivery that still showed the dossier open'
        when 'finish_rewritten'
            then
                'Ngày kết thúc bị sửa từ ' || before || ' thành ' || after
                || ' | The finish date was changed from ' || before || ' to ' || after
        when 'dossier_vanished'
            then
                'Hồ sơ có trong danh sách toàn bộ trước đó, lần cuối ngày ' || before || ', nay không còn'
                || ' | In a full list before, last seen on ' || before || ', now gone'
        when 'due_longer_than_statute'
            then
                'Hạn trả ' || after || ' muộn hơn ngày cuối theo quy định ' || coalesce(before, '?')
                || ' | Due ' || after || ', later than the last lawful day ' || coalesce(before, '?')
        when 'apology_too_late'
            then
                'Xin lỗi lúc ' || after || ', không trước hạn trả ' || before
                || ' | Apology at ' || after || ', not before the due date ' || before
        when 'finished_outside_working_days'
            then 'Kết thúc vào ngày nghỉ: ' || after || ' | Finished on a day off: ' || after
        when 'code_date_mismatch'
            then
                'Mã hồ sơ ghi ngày ' || before || ', ngày nhận là ' || after || ' (năm tháng ngày)'
                || ' | The code says ' || before || ', the receipt ' || after || ' (YYMMDD)'
        when 'unknown_agency'
            then 'Mã đơn vị ' || after || ' không có trong danh mục | Agency code ' || after || ' is in no catalogue'
        when 'unknown_procedure'
            then 'Mã thủ tục ' || after || ' không có trong danh mục | Procedure code ' || after || ' is in no catalogue'
        when 'payment_without_plan'
            then
                'Thanh toán cho dự án '
                || after
                || ' không có kế hoạch vốn | Payment for project '
                || after
                || ' without a capital plan'
    end as detail
from single
where turn = 1
