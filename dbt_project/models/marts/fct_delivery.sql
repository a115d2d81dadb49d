-- One row per delivered file and table, as the landing layer's ledger knows it on the day of the build.
-- Source: landing.deliveries. Refused and held files are rows too: nothing is lost in silence.
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
    loaded_at
from {{ ref('stg_landing__deliveries') }}
