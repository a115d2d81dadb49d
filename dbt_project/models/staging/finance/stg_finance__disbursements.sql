-- One row per voucher: its latest version.
-- Source: contract finance.disbursements; key voucher_code.
with versions as (
    select
        *,
        {{ version_rank(['voucher_code']) }} as version_rank
    from {{ source('finance', 'disbursements') }}
)

select
    voucher_code,
    budget_year,
    project_code,
    capital_source,
    paid_on,
    amount_vnd,
    _delivered_on as delivered_on,
    _file_name as file_name,
    _sheet_no as sheet_no,
    _row_number as row_number_in_file
from versions
where version_rank = 1
