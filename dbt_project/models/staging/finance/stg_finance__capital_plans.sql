-- One row per project and capital source in a budget year: its latest version.
-- Source: contract finance.capital_plans; key budget_year, project_code, capital_source.
with versions as (
    select
        *,
        {{ version_rank(['budget_year', 'project_code', 'capital_source']) }} as version_rank
    from {{ source('finance', 'capital_plans') }}
)

select
    budget_year,
    project_code,
    project_name,
    agency_code,
    capital_source,
    planned_vnd,
    _delivered_on as delivered_on,
    _file_name as file_name,
    _sheet_no as sheet_no,
    _row_number as row_number_in_file
from versions
where version_rank = 1
