-- One row per agency and budget year: its latest version.
-- Source: contract finance.budget_compliance; key budget_year, agency_code.
with versions as (
    select
        *,
        {{ version_rank(['budget_year', 'agency_code']) }} as version_rank
    from {{ source('finance', 'budget_compliance') }}
)

select
    budget_year,
    agency_code,
    spending_compliant,
    asset_regulation_issued,
    asset_database_updated,
    asset_inspected,
    premises_total,
    premises_approved,
    _delivered_on as delivered_on,
    _file_name as file_name,
    _sheet_no as sheet_no,
    _row_number as row_number_in_file
from versions
where version_rank = 1
