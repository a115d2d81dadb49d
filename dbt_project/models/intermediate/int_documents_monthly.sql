-- One row per agency and month of registration in the year so far: documents, and those handled on the network.
-- Secret documents are outside the rates of processing (the plan: "trừ văn bản, hồ sơ mật").
select
    agency_code,
    {{ month_of('cast(registered_at as date)') }} as month_start,
    cast(count_if(secrecy = 'none') as bigint) as open_count,
    cast(count_if(secrecy = 'none' and processed_online) as bigint) as open_processed_online_count,
    cast(count_if(direction = 'in' and exchanged_electronically) as bigint) as electronic_in_count,
    cast(count_if(direction = 'out' and exchanged_electronically) as bigint) as electronic_out_count
from {{ ref('stg_document_office__documents') }}
where {{ in_year_to_date('cast(registered_at as date)') }}
group by
    agency_code,
    {{ month_of('cast(registered_at as date)') }}
