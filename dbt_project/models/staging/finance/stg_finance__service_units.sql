-- One row per unit and budget year: its latest version.
-- Source: contract finance.service_units; key budget_year, unit_code.
with versions as (
    select
        *,
        {{ version_rank(['budget_year', 'unit_code']) }} as version_rank
    from {{ source('finance', 'service_units') }}
)

select
    budget_year,
    unit_code,
    unit_name,
    agency_code,
    self_financing_pct,
    direct_budget_vnd,
    distribution_compliant,
    _delivered_on as delivered_on,
    _file_name as file_name,
    _sheet_no as sheet_no,
    _row_number as row_number_in_file
from versions
where version_rank = 1
