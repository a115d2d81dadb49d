-- One row per day of the figures and target: the province's figure, what it earns, and whether it is met, at risk or missed.
-- Source: the headline of the province, year to date. Points are an estimate until the official scale is loaded.
-- Status, in this order:
--   not_applicable  the level that the target speaks of has no agency any more, or the plan gives no verdict (1.2, 8.1)
--   no_data         nothing was measured; the reason says whether data are missing, the catalogue has no agency of the level, or
--                   nothing is to be counted yet
--   at_risk         before the deadline only. Met, but: an on-time target with fewer late dossiers left than at_risk_late_left,
--                   or a figure that the pace of the last months takes below the target by 31 December, or a percentage within
--                   at_risk_margin_points of its target. Not met yet, but: an on-time target above the lower alarm line (95 %),
--                   or a figure that grows through the year (target_action.accumulates) and is on pace to reach the target.
--                   Or revenue lacks months or sectors that last year has and looks like a fall, or has some that last year
--                   lacks and looks like growth: on the deadline, too, while nothing of its month has come. Or agencies
--                   that had service units last year have not reported those of this year (6.3.1, 6.3.2, 6.3.4). Also on the
--                   deadline: growth (8.2, 8.3.1, 8.3.2) whose number came before the year was over is below the whole of last
--                   year
--   met, missed     what the headline says
with notes as (
    select
        target_id,
        {{ ordered_concat('note_vi', ' ', 'note_id') }} as plan_note,
        {{ ordered_concat('note_en', ' ', 'note_id') }} as plan_note_en
    from {{ ref('plan_note') }}
    where target_id is not null
    group by target_id
),

-- Sectors by month of either year, of this year only and of last year only: what one year lacks may explain a fall or growth.
revenue_sectors as (
    select
        substring(month, 6, 2) as month_of_year,
        sector,
        max(case when is_this_year then 1 else 0 end) as is_there_this_year,
        max(case when is_this_year then 0 else 1 end) as was_there_last_year
    from {{ ref('int_revenue_compared') }}
    where amount_vnd is not null
    group by
        substring(month, 6, 2),
        sector
),

revenue_by_month as (
    select
        month_of_year,
        sum(is_there_this_year) as sectors_this_year,
        sum(was_there_last_year) as sectors_last_year,
        sum(case when is_there_this_year < was_there_last_year then 1 else 0 end) as missing_this_year,
        sum(case when is_there_this_year > was_there_last_year then 1 else 0 end) as missing_last_year
    from revenue_sectors
    group by month_of_year
),

-- A month is there with all its sectors only: all that the same month of the other year has.
revenue_months as (
    select
        cast(count(case when sectors_this_year > 0 and missing_this_year = 0 then 1 end) as int) as this_year,
        cast(count(case when sectors_last_year > 0 and missing_last_year = 0 then 1 end) as int) as last_year,
        coalesce(sum(missing_this_year), 0) as missing_this_year,
        coalesce(sum(missing_last_year), 0) as missing_last_year,
        coalesce(max(case when month_of_year = '{{ as_of_text()[5:7] }}' then sectors_this_year end), 0) > 0
            as has_month_of_the_day
    from revenue_by_month
),

unit_agencies as (
    select count(*) as to_come
    from {{ ref('int_unit_agencies_to_come') }}
),

known as (
    select count(*) > 0 as has_levels
    from {{ ref('int_level_as_of') }}
),

joined as (
    select
        scored.*,
        known.has_levels
        and scored.level is not null
        and levels.level is null as is_level_unknown,
        case when {{ waits_for_service_units('scored') }} then unit_agencies.to_come end as agencies_to_come,
        case when scored.family = 'revenue' and scored.value is not null then revenue_months.this_year end as months_counted,
        case
            when scored.family = 'revenue' and scored.value is not null then revenue_months.last_year
        end as months_compared_with,
        case
            when scored.family = 'revenue' and scored.value is not null then revenue_months.missing_this_year
        end as missing_this_year,
        case
            when scored.family = 'revenue' and scored.value is not null then revenue_months.missing_last_year
        end as missing_last_year,
        notes.plan_note,
        notes.plan_note_en,
        coalesce(sources.name_vi, scored.source_system) as source_vi,
        coalesce(sources.name_en, scored.source_system) as source_en,
        coalesce(levels.agency_count > 0 and levels.valid_count = 0, false) as level_has_ended,
        levels.last_day as level_last_day,
        budget.late,
        budget.late_left,
        coalesce(budget.projected_year_end_value, projection.projected_value) as projected_value,
        case
            when actions.accumulates then scored.value * {{ days_in_year() }} / {{ day_of_year() }}
        end as value_on_pace,
        delivered.target_id is not null as is_delivered,
        coalesce(formulas.formula = 'growth', false)
        and coalesce(numbers.delivered_on < scored.deadline, true) as is_of_part_of_the_year,
        {{ as_of() }} < scored.deadline as is_before_deadline,
        revenue_months.has_month_of_the_day
    from {{ ref('int_target_scored') }} as scored
    left join {{ ref('int_level_as_of') }} as levels on scored.level = levels.level
    left join notes on scored.target_id = notes.target_id
    left join {{ ref('source_name') }} as sources on scored.source_system = sources.source
    left join {{ ref('rpt_late_budget') }} as budget
        on
            scored.target_id = budget.target_id
            and budget.agency_code = {{ province_code() }}
    left join {{ ref('int_target_projection') }} as projection on scored.target_id = projection.target_id
    left join {{ ref('int_target_delivered') }} as delivered on scored.target_id = delivered.target_id
    left join {{ ref('target_action') }} as actions on scored.target_id = actions.target_id
    left join {{ ref('number_formula') }} as formulas
        on
            scored.measure = formulas.measure
            and scored.family = 'yearly_numbers'
    left join {{ ref('stg_register__indicators') }} as numbers
        on
            formulas.numerator_code = numbers.indicator_code
            and numbers.year = {{ as_of_year() }}
    cross join revenue_months
    cross join unit_agencies
    cross join known
),

-- One word for what decides; the status and both texts follow from it.
judged as (
    select
        *,
        case
            when level_has_ended then 'level_ended'
            when not has_verdict and has_figure then 'no_verdict'
            when value is null and is_level_unknown then 'level_unknown'
            when
                value is null
                and (numerator is null or (measure_kind = 'percent' and denominator is null))
                and not is_delivered
                then 'nothing_delivered'
            when value is null then 'nothing_to_count'
            when not has_verdict then 'no_verdict'
            when
                (is_before_deadline or not has_month_of_the_day)
                and case when meets_target then missing_last_year else missing_this_year end > 0
                then 'months_differ'
            when is_before_deadline and agencies_to_come > 0 then 'agencies_to_come'
            when not meets_target and is_of_part_of_the_year then 'year_not_over'
            when meets_target and not is_before_deadline then 'met'
            when meets_target and alarm_floor is not null and late > 0 and late_left < {{ var('at_risk_late_left') }}
                then 'no_budget_left'
            when
                meets_target
                and operator in ('>', '>=')
                and not {{ reaches('projected_value', 'operator', 'target_value') }}
                then 'projected_below'
            when
                meets_target
                and measure_kind = 'percent'
                and alarm_floor is null
                and operator in ('>', '>=', '<=', '<')
                and abs(value - target_value) < {{ var('at_risk_margin_points') }}
                then 'thin_margin'
            when meets_target then 'met'
            when is_before_deadline and value >= alarm_floor then 'above_alarm_line'
            when
                is_before_deadline
                and (operator in ('>', '>=') or (operator = '=' and value <= target_value))
                and value_on_pace >= target_value
                then 'on_pace'
            else 'missed'
        end as reason
    from joined
)

select
    {{ as_of() }} as as_of_date,
    target_id,
    sort_order,
    target_name,
    field_id,
    value,
    numerator,
    denominator,
    target_value,
    operator,
    unit,
    meets_target,
    points_estimated,
    max_points,
    is_estimate,
    case
        when reason in ('level_ended', 'no_verdict') then 'not_applicable'
        when reason in ('level_unknown', 'nothing_delivered', 'nothing_to_count') then 'no_data'
        when reason in ('met', 'missed') then reason
        else 'at_risk'
    end as status,
    reason as status_code,
    coalesce({{ status_reason('vi') }}, reason) || {{ months_compared('vi') }} as status_reason,
    coalesce({{ status_reason('en') }}, reason) || {{ months_compared('en') }} as status_reason_en,
    projected_value,
    months_counted,
    months_compared_with,
    lead_agency,
    deadline,
    plan_note,
    plan_note_en
from judged
