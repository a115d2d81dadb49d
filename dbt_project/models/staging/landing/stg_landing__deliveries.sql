-- One row per delivered file and table, whatever became of it.
-- Source: the delivery ledger of the landing layer; deliveries of later days than the build are not known on that day.
select
    delivery_id,
    source,
    table_name,
    file_name,
    format,
    delivered_on,
    outcome,
    reason,
    rows_in_file,
    rows_loaded,
    rows_unchanged,
    rows_quarantined,
    content_hash,
    loaded_at,
    replaced_by
from {{ source('landing', 'deliveries') }}
where
    delivered_on is null
    or delivered_on <= {{ as_of() }}
