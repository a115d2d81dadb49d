-- One row per target 3.1, 3.3.3 and 3.3.4 and owner of procedures (and the province), as of the day.
-- Rules: 3.1 procedures without rules beyond authority, of all; 3.3.3 and 3.3.4 number of procedures interlinked within one
-- level, and across levels, that at least one agency serves at its one-stop office. Before any agency has told what it serves
-- these two have no figure.
with targets as (
    {{ targets_of('procedure_control') }}
),

served as (
    select distinct procedure_code
    from {{ ref('int_agency_procedures_as_of') }}
    where one_stop_served
),

services as (
    select count(*) > 0 as have_come
    from {{ ref('int_agency_procedures_as_of') }}
),

procedures as (
    select
        'within_authority' as measure,
        owner_code as agency_code,
        case when beyond_authority then 0 else 1 end as qualifies,
        1 as is_measured
    from {{ ref('stg_tthc__procedures') }}
    union all
    -- Every procedure stands in both counts with 0 or 1, so that the province shows a zero rather than nothing.
    select
        measures.measure,
        procedures.owner_code as agency_code,
        case when procedures.interlinked = measures.measure and served.procedure_code is not null then 1 else 0 end
            as qualifies,
        null as is_measured
    from {{ ref('stg_tthc__procedures') }} as procedures
    inner join targets as measures on measures.measure in ('same_level', 'cross_level')
    inner join services on services.have_come
    left join served on procedures.procedure_code = served.procedure_code
),

counted as (
    select
        targets.target_id,
        'headline' as variant,
        procedures.agency_code,
        {{ year_to_date_period() }},
        sum(procedures.qualifies) as numerator,
        sum(procedures.is_measured) as denominator
    from procedures
    inner join targets on procedures.measure = targets.measure
    group by
        targets.target_id,
        procedures.agency_code
),

with_province as (
    {{ with_province_row('counted') }}
)

select
    target_id,
    variant,
    agency_code,
    period_kind,
    period_start,
    numerator,
    denominator
from with_province
where
    agency_code = {{ province_code() }}
    or denominator is not null
    or numerator > 0
