-- One row per delivered file whose content had been delivered and taken before, for the same table.
-- Sent again, it says nothing new of the day on which it was sent again.
{{ config(materialized='view') }}

with turns as (
    select
        delivery_id,
        row_number() over (
            partition by source, table_name, content_hash
            order by delivered_on, file_name, delivery_id
        ) as turn
    from {{ ref('stg_landing__deliveries') }}
    where
        content_hash is not null
        and table_name is not null
        and outcome in ('loaded', 'partly_quarantined')
)

select delivery_id
from turns
where turn > 1
