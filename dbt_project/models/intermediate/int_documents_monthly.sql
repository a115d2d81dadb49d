-- One row per agency and month of registration in the year so far: documents, and those handled on the network.
-- Secret documents are outside the rates of processing (the plan: "trừ văn bản, hồ sơ mật").
select
    agency_code,
    {{ month_of('cast(registered_at as date)') }} as month_start,
    count(*) filter (where secrecy = 'none') as open_count,
    count(*) filter (where secrecy = 'none' and processed_online) as open_processed_online_count,
    count(*) filter (where direction = 'in' and exchanged_electronically) as electronic_in_count,
    count(*) filter (where direction = 'out' and exchanged_electronically) as electronic_out_count
from {{ ref('stg_document_office__documents') }}
where {{ in_year_to_date('cast(registered_at as date)') }}
group by
    agency_code,
    {{ month_of('cast(registered_at as date)') }}
