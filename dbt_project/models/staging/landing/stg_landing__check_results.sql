-- One row per check of a delivery or of a table.
-- Source: the ledger of data-quality checks of the landing layer.
select
    check_id,
    suite,
    dataset,
    delivery_id,
    expectation,
    column_name,
    severity,
    passed,
    observed,
    unexpected_count,
    element_count,
    checked_at,
    description,
    description_en
from {{ source('landing', 'check_results') }}
