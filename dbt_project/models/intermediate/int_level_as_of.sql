-- One row per level of agencies that the catalogue names: how many agencies it has on the day of the build, and until when.
-- Rule: its last day is that of the agency that goes on longest, as the catalogue tells it; one without an end has none.
with levels as (
    select
        level,
        count(*) as agency_count,
        count(*) filter (where is_valid_on_as_of) as valid_count,
        case when count(*) = count(last_valid_to) then max(last_valid_to) end as last_day
    from {{ ref('int_agency_as_of') }}
    group by level
)

select
    *,
    {{ days_left_until('last_day') }} as days_left
from levels
