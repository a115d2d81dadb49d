-- One row per target with reported results, reading and reporting agency (and the province), year to date.
-- Rules: each agency's latest report of the year up to the day. Targets with a number: numerator and denominator are summed
-- over the reports that have a numerator. Targets without one: achieved is 1 of 1, not achieved 0 of 1, silence is not counted.
-- What a system measures keeps its measured headline; the reported figure stands beside it as `register`.
with ranked as (
    select
        target_id,
        agency_code,
        numerator,
        denominator,
        achieved,
        row_number() over (partition by target_id, agency_code order by reported_on desc) as report_rank
    from {{ ref('stg_register__criteria_results') }}
    where {{ in_year_to_date('reported_on') }}
),

latest as (
    select
        targets.target_id,
        case when targets.family = 'register' then targets.headline_variant else 'register' end as variant,
        ranked.agency_code,
        targets.measure_kind,
        ranked.numerator,
        ranked.denominator,
        ranked.achieved
    from ranked
    inner join {{ ref('int_target') }} as targets
        on
            ranked.target_id = targets.target_id
            and targets.is_in_force
    where ranked.report_rank = 1
),

counted as (
    select
        target_id,
        variant,
        agency_code,
        {{ year_to_date_period() }},
        case
            when measure_kind <> 'text' then numerator
            when achieved then 1
            else 0
        end as numerator,
        -- a count has no denominator, whatever stands beside it in the report
        case measure_kind when 'text' then 1 when 'percent' then denominator end as denominator
    from latest
    where
        (measure_kind = 'text' and achieved is not null)
        or (measure_kind <> 'text' and numerator is not null)
),

with_province as (
    {{ with_province_row('counted') }}
)

-- Targets of the province as a whole have no agency rows in any reading.
select with_province.*
from with_province
inner join {{ ref('int_target') }} as targets
    on
        with_province.target_id = targets.target_id
        and targets.is_in_force
where
    coalesce(targets.agency_scope, 'agency') <> 'province'
    or with_province.agency_code = {{ province_code() }}
