-- One row per delivered file and table, as the landing layer's ledger knows it on the day of the build.
-- Source: landing.deliveries. Refused and held files are rows too: nothing is lost in silence.
-- Rule: a file whose content was delivered and taken before brings nothing new; its good rows count as unchanged.
with deliveries as (
    select
        delivered.*,
        again.delivery_id is not null as is_sent_again
    from {{ ref('stg_landing__deliveries') }} as delivered
    left join {{ ref('int_delivery_sent_again') }} as again on delivered.delivery_id = again.delivery_id
)

select
    delivery_id,
    source,
    table_name,
    file_name,
    format,
    delivered_on,
    case when is_sent_again and outcome = 'loaded' then 'unchanged' else outcome end as outcome,
    reason,
    rows_in_file,
    case when is_sent_again then 0 else rows_loaded end as rows_loaded,
    case when is_sent_again then rows_loaded else rows_unchanged end as rows_unchanged,
    rows_quarantined,
    content_hash,
    loaded_at,
    replaced_by
from deliveries
