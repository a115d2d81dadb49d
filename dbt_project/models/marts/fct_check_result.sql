-- One row per data-quality check that was run before the build, on a delivery or a whole table.
-- Source: landing.check_results.
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
from {{ ref('stg_landing__check_results') }}
