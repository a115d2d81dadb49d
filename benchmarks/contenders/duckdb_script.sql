-- The hand-written script: what a good analyst would write once to get the figures counted from dossiers and documents, in
-- every reading, by agency and province, month, quarter and year to date, and the table of dossiers that BI reads.
-- It trusts its input: no contract, no quarantine, no history, no checks. The latest delivery of a key stands; deliveries of
-- later days are not known yet.
create temp table agencies as
select agency_code, level,
    cast(valid_from as date) <= date '{as_of}' and coalesce(cast(valid_to as date) >= date '{as_of}', true) as is_valid
from read_csv('{inbox}/tthc/*/agencies.csv', all_varchar = true)
qualify row_number() over (partition by agency_code order by is_valid desc, valid_from desc) = 1;

create temp table procedures as
select procedure_code, authority_level, has_result = 'true' as has_result, fee_required = 'true' as fee_required
from read_csv('{inbox}/tthc/*/procedures.csv', all_varchar = true);

create temp table pairs as
select agency_code, procedure_code, online_level, online_payment_enabled = 'true' as pay_enabled,
    cast(valid_from as date) as valid_from, coalesce(cast(valid_to as date), date '9999-12-31') as valid_to
from read_csv('{inbox}/tthc/*/agency_procedures.csv', all_varchar = true);

create temp table raw as
select
    "Mã hồ sơ" as dossier_code, "Mã TTHC" as procedure_code, "Mã đơn vị giải quyết" as agency_code,
    "Trạng thái hồ sơ" as status, "Kênh tiếp nhận" as channel,
    cast(try_strptime("Ngày tiếp nhận", ['%d/%m/%Y %H:%M:%S', '%d/%m/%Y']) as date) as received,
    cast(try_strptime("Ngày hẹn trả", ['%d/%m/%Y %H:%M:%S', '%d/%m/%Y']) as date) as due,
    cast(try_strptime("Ngày hẹn trả ban đầu", ['%d/%m/%Y %H:%M:%S', '%d/%m/%Y']) as date) as due_first,
    cast(try_strptime("Ngày kết thúc xử lý", ['%d/%m/%Y %H:%M:%S', '%d/%m/%Y']) as date) as finished,
    cast(try_strptime("Ngày xin lỗi", ['%d/%m/%Y %H:%M:%S', '%d/%m/%Y']) as date) as apology,
    "Ngày nhận bổ sung" is not null as has_supplement,
    coalesce(try_cast("Số thành phần đã số hóa" as int), 0) + coalesce(try_cast("Số thành phần tái sử dụng" as int), 0) >= 1
        as has_input,
    coalesce("Có kết quả điện tử" = 'Có', false) as result_attached,
    coalesce("Đồng bộ Cổng DVCQG" = 'Có', false) as synced,
    coalesce("Công khai tiến độ trên Cổng DVC tỉnh" = 'Có', false) as published,
    coalesce("Đối tượng miễn phí" = 'Có', false) as exempt,
    coalesce("Thanh toán trực tuyến" = 'Có', false) as paid,
    try_cast("Phí lệ phí (đồng)" as bigint) as fee
from read_csv('{inbox}/tthc/*/dossiers_*.csv', all_varchar = true, delim = ';', header = true, filename = true)
where try_cast(status as int) between 1 and 10 and filename < '{inbox}/tthc/{next_day}'
qualify row_number() over (partition by dossier_code order by filename desc, received desc) = 1;

create table dossiers as
select
    d.*, a.level, p.authority_level,
    d.status not in ('1', '3') as accepted,
    d.status in ('9', '10') and coalesce(d.finished <= date '{as_of}', true) as resolved,
    d.status = '7' and coalesce(d.finished <= date '{as_of}', true) as withdrawn,
    d.status in ('5', '6', '8') and coalesce(d.finished <= date '{as_of}', true) as paused,
    d.status in ('2', '4') or (d.status not in ('1', '3') and coalesce(d.finished > date '{as_of}', false)) as open,
    coalesce(d.due_first, d.due) as due_promised,
    d.result_attached or coalesce(not p.has_result, false) as has_e_result,
    coalesce(x.online_level = '4', false) as full_online,
    coalesce(p.fee_required and x.pay_enabled, false) as pay_enabled
from raw as d
left join agencies as a using (agency_code)
left join procedures as p using (procedure_code)
left join pairs as x
    on d.agency_code = x.agency_code and d.procedure_code = x.procedure_code
    and d.received between x.valid_from and x.valid_to;

create temp table counted as
select
    agency_code, level, date_trunc('month', received) as month,
    count(*) filter (where resolved and (due is null or finished <= due)) as on_time,
    count(*) filter (where resolved and finished > due) as late,
    count(*) filter (where withdrawn) as withdrawn,
    count(*) filter (where paused) as paused,
    count(*) filter (where open) as open,
    count(*) filter (where open and due < date '{as_of}') as overdue,
    count(*) filter (where synced) as synced,
    count(*) filter (where published) as published,
    count(*) filter (where full_online and channel = '2') as online,
    count(*) filter (where full_online and channel in ('1', '2')) as at_desk_or_online,
    count(*) filter (where full_online and channel in ('1', '2', '3')) as any_channel,
    count(*) filter (where missed) as missed,
    count(*) filter (where missed and apology is not null) as missed_apology,
    count(*) filter (where missed and apology < due_promised) as missed_timely,
    count(*) filter (where missed and not has_supplement) as missed_plain,
    count(*) filter (where missed and not has_supplement and apology is not null) as missed_plain_apology,
    count(*) as accepted
from (
    select *, (resolved and finished > due_promised) or (open and due_promised < date '{as_of}') or due > due_first as missed
    from dossiers
    where accepted and received between date '{year}-01-01' and date '{as_of}'
)
group by all;

create temp table monthly as
with on_time as (
    select *, case level when 'tinh' then '3.4.1' when 'huyen' then '3.4.2' when 'xa' then '3.4.3' end as target_id
    from counted
    where level is not null
),

finished as (
    select
        agency_code, authority_level, date_trunc('month', finished) as month,
        case authority_level when 'tinh' then '7.3.3a' when 'huyen' then '7.3.3b' when 'xa' then '7.3.3c' end as target_id,
        count(*) as resolved,
        count(*) filter (where has_input and has_e_result) as both_parts,
        count(*) filter (where has_input) as input,
        count(*) filter (where has_e_result) as result,
        count(*) filter (where pay_enabled and not exempt and fee > 0) as payable,
        count(*) filter (where pay_enabled and not exempt and fee > 0 and paid) as paid
    from dossiers
    where resolved and finished between date '{year}-01-01' and date '{as_of}'
    group by all
)

select target_id, 'A' as variant, agency_code, month, on_time + withdrawn as numerator, on_time + withdrawn + late + overdue as denominator from on_time
union all select target_id, 'B', agency_code, month, on_time + withdrawn + paused + open - overdue, accepted from on_time
union all select target_id, 'S', agency_code, month, on_time, on_time + late from on_time
union all select target_id, 'N', agency_code, month, on_time, accepted from on_time
union all select '3.2.3a', 'headline', agency_code, month, synced, accepted from counted
union all select '3.2.3b', 'headline', agency_code, month, published, accepted from counted
union all select '7.3.5', 'headline', agency_code, month, online, at_desk_or_online from counted
union all select '7.3.5', 'with_post', agency_code, month, online, any_channel from counted
union all select '3.4.4', 'headline', agency_code, month, missed_apology, missed from counted
union all select '3.4.4', 'timely', agency_code, month, missed_timely, missed from counted
union all select '3.4.4', 'without_supplement', agency_code, month, missed_plain_apology, missed_plain from counted
union all select target_id, 'headline', agency_code, month, both_parts, resolved from finished where target_id is not null
union all select target_id, 'input', agency_code, month, input, resolved from finished where target_id is not null
union all select target_id, 'result', agency_code, month, result, resolved from finished where target_id is not null
union all select '7.3.6c', 'headline', agency_code, month, paid, payable from finished;

create temp table months as
select month, unnest(['month', 'quarter', 'ytd']) as period_kind,
    unnest([month, date_trunc('quarter', month), date '{year}-01-01']) as period_start
from (select unnest(generate_series(date '{year}-01-01', date '{as_of}', interval 1 month)) as month);

create temp table papers as
select agency_code, period_kind, period_start,
    count(*) filter (where secrecy in ('none', 'Bình thường')) as plain,
    count(*) filter (where secrecy in ('none', 'Bình thường') and processed_online = '1') as processed,
    count(*) filter (where direction = 'in' and exchanged_electronically = '1') as came,
    count(*) filter (where direction = 'out' and exchanged_electronically = '1') as went
from (
    from read_csv('{inbox}/document_office/*/documents_*.csv', all_varchar = true, filename = true)
    select *, try_cast(registered_at[:10] as date) as registered
    where direction in ('in', 'out') and filename < '{inbox}/document_office/{next_day}'
    qualify row_number() over (partition by document_code, agency_code, direction order by filename desc, registered_at desc) = 1
)
inner join months on date_trunc('month', registered) = month
where registered between date '{year}-01-01' and date '{as_of}'
group by all;

create table figures as
with paying as (
    select agency_code, procedure_code, period_kind, period_start, bool_or(paid) as paid
    from dossiers
    inner join months on date_trunc('month', received) = month
    where accepted and pay_enabled and received <= date '{as_of}'
    group by all
),

by_agency as (
    select target_id, variant, agency_code, period_kind, period_start, sum(numerator) as numerator, sum(denominator) as denominator
    from monthly
    inner join months using (month)
    group by all
    union all
    select '7.3.6b', 'headline', agency_code, period_kind, period_start, count(*) filter (where paid), count(*)
    from paying group by all
    union all
    select if(level = 'tinh', '7.2.1a', '7.2.1b'), 'documents', agency_code, period_kind, period_start, processed, plain
    from papers inner join agencies using (agency_code) where level in ('tinh', 'huyen') and plain > 0
    union all
    select if(level = 'tinh', '7.2.1a', '7.2.1b'), 'headline', agency_code, period_kind, period_start,
        if(100 * processed >= if(level = 'tinh', 80, 50) * plain, 1, 0), 1
    from papers inner join agencies using (agency_code) where level in ('tinh', 'huyen') and plain > 0
    union all
    select '7.2.2', 'headline', a.agency_code, m.period_kind, m.period_start, if(coalesce(came > 0 and went > 0, false), 1, 0), 1
    from agencies as a
    cross join (select distinct period_kind, period_start from months) as m
    left join papers as d using (agency_code, period_kind, period_start)
    where a.is_valid
)

select target_id, variant, agency_code, period_kind, cast(period_start as date) as period_start,
    cast(numerator as double) as numerator, cast(denominator as double) as denominator
from by_agency
union all
select target_id, variant, 'H62', period_kind, cast(period_start as date), sum(numerator), sum(denominator)
from by_agency group by all;
