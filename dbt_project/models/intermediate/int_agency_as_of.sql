-- One row per agency code: the version that holds on the day of the build, else its last one.
-- Rule: of several versions valid on a day the newest valid_from counts; an agency with none valid keeps its greatest valid_from.
with ranked as (
    select
        agency_code,
        agency_name,
        level,
        parent_code,
        successor_code,
        valid_from,
        valid_to,
        min(valid_from) over (partition by agency_code) as first_valid_from,
        -- Null as soon as one version is open. A code that changes its level ends there.
        case
            when count(*) over (partition by agency_code, level) = count(valid_to) over (partition by agency_code, level)
                then max(valid_to) over (partition by agency_code, level)
        end as last_valid_to,
        {{ valid_on_as_of('valid_from', 'valid_to') }} as is_valid_on_as_of,
        row_number() over (
            partition by agency_code
            order by
                case when {{ valid_on_as_of('valid_from', 'valid_to') }} then 0 else 1 end,
                valid_from desc
        ) as version_rank
    from {{ ref('stg_tthc__agencies') }}
    -- The province is no agency; a catalogue row with its code would slip into the denominators.
    where agency_code <> {{ province_code() }}
)

select
    agency_code,
    agency_name,
    level,
    parent_code,
    successor_code,
    valid_from,
    valid_to,
    first_valid_from,
    last_valid_to,
    is_valid_on_as_of
from ranked
where version_rank = 1
