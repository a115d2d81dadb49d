-- One row per number and year: its latest version.
-- Source: contract register.indicators; key year, indicator_code.
with versions as (
    select
        *,
        {{ version_rank(['year', 'indicator_code']) }} as version_rank
    from {{ source('register', 'indicators') }}
)

select
    year,
    indicator_code,
    value,
    agency_code,
    _delivered_on as delivered_on,
    _file_name as file_name,
    _sheet_no as sheet_no,
    _row_number as row_number_in_file
from versions
where version_rank = 1
