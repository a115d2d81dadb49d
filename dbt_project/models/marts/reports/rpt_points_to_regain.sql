-- One row per target that does not earn all its points: what it loses and what would win it back, cheapest first.
-- Rules: shortfall = smallest rise of the numerator (for "at most" targets: fall) that reaches what earns more, mostly the target
-- and all points, by steps the next of them, with today's denominator; "above" is strict. What compares other months than its
-- own (8.3.3) has none to tell yet.
-- Where past cases can still be put right (target_action.can_be_mended: a dossier can still be digitised) the units needed are
-- the shortfall. Where they cannot (a late dossier stays late) they are the further cases, all of them good, that lift the rate
-- above the target; a target of 100 % is then out of reach this year. Cheapest = most points per unit. An estimate, like the
-- points.
with losing as (
    select
        scored.*,
        scored.max_points - scored.points_estimated as points_lost,
        coalesce(actions.unit_vi, 'đơn vị') as unit_vi,
        coalesce(actions.unit_en, 'units') as unit_en,
        coalesce(actions.unit_size, 1) as unit_size,
        coalesce(actions.can_be_mended, true) as can_be_mended,
        scorecard.status,
        scorecard.status_code
    from {{ ref('int_target_scored') }} as scored
    left join {{ ref('target_action') }} as actions on scored.target_id = actions.target_id
    left join {{ ref('rpt_scorecard') }} as scorecard on scored.target_id = scorecard.target_id
    where scored.max_points - scored.points_estimated > 0.000001
),

short as (
    select
        *,
        case
            when value is null then null
            when measure_kind = 'count' and earns_more_operator = '>' then floor(round(earns_more_at, 6)) + 1 - numerator
            when measure_kind = 'count' then ceil(round(earns_more_at - numerator, 6))
            when earns_more_operator in ('<=', '<') then ceil(round(numerator - earns_more_at * denominator / 100, 6))
            when earns_more_operator = '>' then floor(round(earns_more_at * denominator / 100, 6)) + 1 - numerator
            else ceil(round(earns_more_at * denominator / 100, 6)) - numerator
        end as shortfall,
        case
            when value is null or measure_kind <> 'percent' or earns_more_at >= 100 then null
            when earns_more_operator = '>'
                then floor(round((earns_more_at * denominator - 100 * numerator) / (100 - earns_more_at), 6)) + 1
            when earns_more_operator = '>='
                then ceil(round((earns_more_at * denominator - 100 * numerator) / (100 - earns_more_at), 6))
        end as further_cases
    from losing
),

needed as (
    select
        *,
        case
            when status_code = 'level_ended' then 'not_by_units'
            when not has_figure or {{ waits_for_others('status_code') }} then 'no_data'
            when status = 'not_applicable' then 'not_by_units'
            when rule_kind = 'survey' or coalesce(shortfall, 0) <= 0 then 'not_by_units'
            when can_be_mended then 'regainable'
            when further_cases > 0 then 'regainable'
            else 'out_of_reach'
        end as regain_status,
        case
            -- One dong of a billion counts: above is strict. What is further right is the error of floating point.
            when can_be_mended then ceil(round(shortfall / unit_size, 10))
            else further_cases
        end as units
    from short
),

priced as (
    select
        *,
        case when regain_status = 'regainable' then units end as units_needed,
        case when regain_status = 'regainable' then (points_then - points_estimated) / nullif(units, 0) end as points_per_unit
    from needed
)

select
    {{ as_of() }} as as_of_date,
    cast(
        row_number() over (
            order by
                case when points_per_unit is null then 1 else 0 end asc,
                points_per_unit desc,
                points_lost desc,
                sort_order asc
        ) as bigint
    ) as rank,
    target_id,
    target_name,
    field_id,
    lead_agency,
    cast(round(points_lost, 6) as double) as points_lost,
    cast(units_needed as double) as units_needed,
    unit_vi,
    unit_en,
    cast(round(points_per_unit, 9) as double) as points_per_unit,
    cast(shortfall / unit_size as double) as shortfall,
    can_be_mended,
    regain_status as status,
    {{ regain_text('vi') }} as status_text,
    {{ regain_text('en') }} as status_text_en,
    is_estimate
from priced
