-- The hand-written script: the dossier and document figures straight from the CSV files, headline readings, by agency and
-- province, month, quarter and year to date. It trusts its input: no contract, no quarantine, no history.
create temp table agencies as
select agency_code, level from read_csv('{inbox}/tthc/*/agencies.csv')
qualify row_number() over (
    partition by agency_code
    order by (valid_from <= date '2024-11-30' and (valid_to is null or valid_to >= date '2024-11-30')) desc, valid_from desc
) = 1;

create temp table procedures as select * from read_csv('{inbox}/tthc/*/procedures.csv', all_varchar = true);
create temp table pairs as select * from read_csv('{inbox}/tthc/*/agency_procedures.csv', all_varchar = true);

create temp table raw as
select * from read_csv('{inbox}/tthc/*/dossiers_*.csv', all_varchar = true, delim = ';', header = true,
    ignore_errors = true, union_by_name = true);

create temp table dossiers as
select
    "Mã hồ sơ" as code, "Mã TTHC" as procedure_code, "Mã đơn vị giải quyết" as agency_code, "Trạng thái hồ sơ" as status,
    "Kênh tiếp nhận" as channel,
    cast(try_strptime("Ngày tiếp nhận", ['%d/%m/%Y %H:%M:%S', '%d/%m/%Y']) as date) as received,
    cast(try_strptime("Ngày hẹn trả", ['%d/%m/%Y %H:%M:%S', '%d/%m/%Y']) as date) as due,
    cast(try_strptime("Ngày kết thúc xử lý", ['%d/%m/%Y %H:%M:%S', '%d/%m/%Y']) as date) as finished,
    coalesce(try_cast("Số thành phần đã số hóa" as int), 0) + coalesce(try_cast("Số thành phần tái sử dụng" as int), 0) >= 1
        as has_input,
    "Có kết quả điện tử" in ('1', 'Có', 'x', 'true') as has_result_file
from raw
where "Mã hồ sơ" is not null
qualify row_number() over (partition by code order by received desc) = 1;

create temp table facts as
select
    d.*, a.level, p.authority_level, p.has_result = 'true' as has_result,
    d.status not in ('1', '3') as accepted,
    d.status in ('9', '10') and d.finished <= date '2024-11-30' as resolved,
    exists (
        select 1 from pairs as x
        where x.agency_code = d.agency_code and x.procedure_code = d.procedure_code and x.online_level = '4'
            and cast(x.valid_from as date) <= d.received
            and (x.valid_to is null or cast(x.valid_to as date) >= d.received)
    ) as full_online
from dossiers as d
left join agencies as a using (agency_code)
left join procedures as p using (procedure_code);

create temp table monthly as
select case level when 'tinh' then '3.4.1' when 'huyen' then '3.4.2' else '3.4.3' end as target_id, agency_code,
    date_trunc('month', received) as month,
    count(*) filter (where (resolved and (due is null or finished <= due)) or (status = '7' and (finished is null or finished <= date '2024-11-30'))) as numerator,
    count(*) filter (where resolved or (status = '7' and (finished is null or finished <= date '2024-11-30'))
        or ((status in ('2', '4') or finished > date '2024-11-30') and due < date '2024-11-30')) as denominator
from facts
where accepted and level is not null and received between date '2024-01-01' and date '2024-11-30'
group by all
union all
select '7.3.5', agency_code, date_trunc('month', received), count(*) filter (where channel = '2'), count(*)
from facts
where accepted and full_online and channel in ('1', '2') and received between date '2024-01-01' and date '2024-11-30'
group by all
union all
select case authority_level when 'tinh' then '7.3.3a' when 'huyen' then '7.3.3b' else '7.3.3c' end, agency_code,
    date_trunc('month', finished), count(*) filter (where has_input and (has_result_file or not has_result)), count(*)
from facts
where resolved and authority_level is not null and finished between date '2024-01-01' and date '2024-11-30'
group by all;

create table figures as
with by_agency as (
    select target_id, agency_code, month, numerator, denominator from monthly
    union all
    select target_id, 'H62', month, sum(numerator), sum(denominator) from monthly group by all
)
select target_id, agency_code, 'month' as period_kind, cast(month as date) as period_start, sum(numerator) as numerator,
    sum(denominator) as denominator
from by_agency group by all
union all
select target_id, agency_code, 'quarter', cast(date_trunc('quarter', month) as date), sum(numerator), sum(denominator)
from by_agency group by all
union all
select target_id, agency_code, 'ytd', date '2024-01-01', sum(numerator), sum(denominator) from by_agency group by all;

create table documents as
select agency_code, count(*) as documents, count(*) filter (where processed_online in ('1', 'true', 'Có')) as processed
from read_csv('{inbox}/document_office/*/documents_*.csv', all_varchar = true, ignore_errors = true, union_by_name = true)
where secrecy in ('none', 'Thường')
group by agency_code;
