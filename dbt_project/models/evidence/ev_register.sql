-- Reported results behind the targets of the register: each agency's latest report of the year. Where a system measures the
-- target, the report stands beside it as variant `register`. Rule: ind_register.
with ranked as (
    select
        *,
        row_number() over (partition by target_id, agency_code order by reported_on desc) as report_rank
    from {{ ref('stg_register__criteria_results') }}
    where {{ in_year_to_date('reported_on') }}
)

select
    targets.target_id,
    case when targets.family = 'register' then targets.headline_variant else 'register' end as variant,
    ranked.agency_code,
    ranked.target_id || ' / ' || ranked.agency_code || ' / ' || cast(ranked.reported_on as string) as record_key,
    ranked.reported_on as event_on,
    cast(
        case
            when targets.measure_kind <> 'text' then ranked.numerator
            when ranked.achieved then 1
            else 0
        end as decimal(38, 6)
    ) as in_numerator,
    -- a count has no denominator, whatever stands beside it in the report
    cast(
        case targets.measure_kind when 'text' then 1 when 'percent' then ranked.denominator end as decimal(38, 6)
    ) as in_denominator,
    case
        when targets.measure_kind <> 'text' then 'Báo cáo gần nhất trong năm của cơ quan'
        when ranked.achieved then 'Báo cáo gần nhất trong năm: đạt'
        else 'Báo cáo gần nhất trong năm: chưa đạt'
    end as why,
    ranked.achieved,
    ranked.evidence_ref,
    {{ evidence_place('ranked') }}
from ranked
inner join {{ ref('int_target') }} as targets
    on
        ranked.target_id = targets.target_id
        and targets.is_in_force
where
    ranked.report_rank = 1
    and (
        (targets.measure_kind = 'text' and ranked.achieved is not null)
        or (targets.measure_kind <> 'text' and ranked.numerator is not null)
    )
