-- One row per agency and month of registration in the year so far: documents, and those handled on the network.
select
    agency_code,
    {{ month_of('registered_on') }} as month_start,
    cast(sum(open_count) as bigint) as open_count,
    cast(sum(open_processed_online_count) as bigint) as open_processed_online_count,
    cast(sum(electronic_in_count) as bigint) as electronic_in_count,
    cast(sum(electronic_out_count) as bigint) as electronic_out_count
from {{ ref('int_documents_daily') }}
where
    {{ in_year_to_date('registered_on') }}
    and document_count > 0
group by
    agency_code,
    {{ month_of('registered_on') }}
