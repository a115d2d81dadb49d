-- One row per agency and validity, and one for the province as a whole, which the source's catalogue does not hold.
-- Rule: of several versions valid on the day of the build the newest valid_from is current. Key = code + valid_from: codes are
-- given again after mergers (Quyết định 124/2004/QĐ-TTg), so a code alone names no unit over time.
with agencies as (
    select
        agency_code,
        agency_name,
        level,
        parent_code,
        successor_code,
        valid_from,
        valid_to
    from {{ ref('stg_tthc__agencies') }}
    where agency_code <> {{ province_code() }}
    union all
    select
        agency_code,
        agency_name,
        level,
        cast(null as string) as parent_code,
        cast(null as string) as successor_code,
        valid_from,
        cast(null as date) as valid_to
    from {{ ref('province') }}
)

select
    agencies.agency_code || '|' || cast(agencies.valid_from as string) as agency_key,
    agencies.agency_code,
    agencies.agency_name,
    agencies.level,
    agencies.parent_code,
    agencies.successor_code,
    agencies.valid_from,
    agencies.valid_to,
    coalesce(as_of.is_valid_on_as_of, agencies.agency_code = {{ province_code() }}) as is_current,
    as_of.agency_code is not null or agencies.agency_code = {{ province_code() }} as is_latest
from agencies
left join {{ ref('int_agency_as_of') }} as as_of
    on
        agencies.agency_code = as_of.agency_code
        and agencies.valid_from = as_of.valid_from
