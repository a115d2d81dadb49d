-- Agencies behind 7.2.1a-b and 7.2.2 with the counts that decide each; `documents`: the documents of 7.2.1 one by one.
-- Rule: ind_documents; an agency passes 7.2.1 when its share of documents processed online reaches the inner threshold.
with targets as (
    {{ targets_of('documents') }}
),

years as (
    select
        agency_code,
        cast(sum(open_count) as bigint) as open_count,
        cast(sum(open_processed_online_count) as bigint) as open_processed_online_count,
        cast(sum(electronic_in_count) as bigint) as electronic_in_count,
        cast(sum(electronic_out_count) as bigint) as electronic_out_count
    from {{ ref('int_documents_monthly') }}
    group by agency_code
),

processed as (
    select
        targets.target_id,
        years.agency_code,
        100 * years.open_processed_online_count >= targets.inner_threshold * years.open_count as passes,
        years.open_count,
        years.open_processed_online_count,
        targets.inner_threshold
    from years
    inner join {{ ref('int_agency_as_of') }} as agencies on years.agency_code = agencies.agency_code
    inner join targets on agencies.level = targets.measure
    where years.open_count > 0
),

year_so_far as (
    select count(*) as agencies_count
    from years
),

exchanged as (
    select
        targets.target_id,
        agencies.agency_code,
        coalesce(years.electronic_in_count > 0 and years.electronic_out_count > 0, false) as passes,
        coalesce(years.electronic_in_count, 0) as electronic_in_count,
        coalesce(years.electronic_out_count, 0) as electronic_out_count
    from {{ ref('int_agency_as_of') }} as agencies
    inner join targets on targets.measure = 'exchanged'
    cross join year_so_far
    left join years on agencies.agency_code = years.agency_code
    where
        agencies.is_valid_on_as_of
        -- Before any document of the year 7.2.2 has no figure, and so no rows behind it.
        and year_so_far.agencies_count > 0
)

select
    target_id,
    'headline' as variant,
    agency_code,
    agency_code as record_key,
    {{ as_of() }} as event_on,
    cast(case when passes then 1 else 0 end as decimal(38, 6)) as in_numerator,
    cast(1 as decimal(38, 6)) as in_denominator,
    case
        when passes then 'Tỷ lệ xử lý trên môi trường mạng đạt ngưỡng'
        else 'Tỷ lệ xử lý trên môi trường mạng dưới ngưỡng'
    end as why,
    open_count,
    open_processed_online_count,
    inner_threshold,
    cast(null as bigint) as electronic_in_count,
    cast(null as bigint) as electronic_out_count,
    {{ no_evidence_place() }}
from processed
union all
select
    target_id,
    'headline' as variant,
    agency_code,
    agency_code as record_key,
    {{ as_of() }} as event_on,
    cast(case when passes then 1 else 0 end as decimal(38, 6)) as in_numerator,
    cast(1 as decimal(38, 6)) as in_denominator,
    case
        when passes then 'Có văn bản đến và đi điện tử trong năm'
        else 'Thiếu văn bản đến hoặc đi điện tử trong năm'
    end as why,
    cast(null as bigint) as open_count,
    cast(null as bigint) as open_processed_online_count,
    cast(null as double) as inner_threshold,
    electronic_in_count,
    electronic_out_count,
    {{ no_evidence_place() }}
from exchanged
union all
select
    targets.target_id,
    'documents' as variant,
    documents.agency_code,
    documents.document_code || ' / ' || documents.direction as record_key,
    cast(documents.registered_at as date) as event_on,
    cast(case when documents.processed_online then 1 else 0 end as decimal(38, 6)) as in_numerator,
    cast(1 as decimal(38, 6)) as in_denominator,
    case
        when documents.processed_online then 'Xử lý toàn trình trên môi trường mạng'
        else 'Không xử lý toàn trình trên môi trường mạng'
    end as why,
    cast(null as bigint) as open_count,
    cast(null as bigint) as open_processed_online_count,
    cast(null as double) as inner_threshold,
    cast(null as bigint) as electronic_in_count,
    cast(null as bigint) as electronic_out_count,
    {{ evidence_place('documents') }}
from {{ ref('stg_document_office__documents') }} as documents
inner join {{ ref('int_agency_as_of') }} as agencies on documents.agency_code = agencies.agency_code
inner join targets on agencies.level = targets.measure
where
    documents.secrecy = 'none'
    and {{ in_year_to_date('cast(documents.registered_at as date)') }}
