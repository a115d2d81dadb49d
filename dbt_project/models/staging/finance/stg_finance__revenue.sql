-- One row per month and sector: its latest version.
-- Source: contract finance.revenue; key month, sector.
with versions as (
    select
        *,
        {{ version_rank(['month', 'sector']) }} as version_rank
    from {{ source('finance', 'revenue') }}
)

select
    month,
    sector,
    amount_vnd,
    _delivered_on as delivered_on,
    _file_name as file_name,
    _sheet_no as sheet_no,
    _row_number as row_number_in_file
from versions
where version_rank = 1
