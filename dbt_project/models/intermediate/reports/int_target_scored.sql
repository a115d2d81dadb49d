-- One row per target in force: the province's figure of the year to date and the points that it earns. An estimate until the
-- official scale is loaded (scoring_scale is replaced by it, nothing here changes).
-- Rules, by rule_kind: proportional: all points when met, else max x value / target, never below 0 nor above max; nothing below
-- the floor (on-time targets: 95 %); with a ceiling of its own the scale's ceiling stands for the target. all_or_nothing: met or
-- nothing. steps: the most points of the steps (scoring_step) that the value has reached. achieved: every reported word is
-- "achieved", or nothing. survey: the share of the survey's points that was reached.
-- "At most" targets are proportional to nothing: met or nothing, unless by steps. No data: 0. A target that the plan gives no
-- verdict for (1.2) earns by the word that its lead agency reported; without that word it has no figure, whatever was measured.
-- What earns more, points_then in all, is to reach earns_more_at by earns_more_operator: target, ceiling or the next step.
with targets as (
    select
        *,
        -- "At most" targets have no value from which on, and of other rules a ceiling says nothing.
        case
            when operator not in ('<=', '<') and rule_kind in ('proportional', 'all_or_nothing') then scoring_ceiling
        end as ceiling
    from {{ ref('int_target') }}
    where is_in_force
),

figures as (
    select
        target_id,
        numerator,
        denominator,
        value,
        meets_target
    from {{ ref('fct_indicator') }}
    where
        is_headline
        and agency_code = {{ province_code() }}
        and period_kind = 'ytd'
),

reported as (
    select
        target_id,
        numerator = denominator as is_achieved
    from {{ ref('fct_indicator') }}
    where
        variant = 'register'
        and agency_code = {{ province_code() }}
        and period_kind = 'ytd'
),

steps as (
    select
        steps.target_id,
        steps.points,
        steps.reached_at,
        coalesce(
            case
                when targets.operator in ('<=', '<') then figures.value <= steps.reached_at
                else figures.value >= steps.reached_at
            end,
            false
        ) as is_reached
    from {{ ref('scoring_step') }} as steps
    inner join targets on steps.target_id = targets.target_id
    left join figures on steps.target_id = figures.target_id
    where targets.rule_kind = 'steps'
),

-- What has been earned by steps, and the next of them: each earns more than the one before it.
climbed as (
    select
        target_id,
        max(case when is_reached then points end) as points,
        min(case when not is_reached then points end) as next_points
    from steps
    group by target_id
),

judged as (
    select
        targets.target_id,
        targets.criterion_id,
        targets.field_id,
        targets.target_name,
        targets.operator,
        targets.target_value,
        targets.unit,
        targets.measure_kind,
        targets.family,
        targets.measure,
        targets.source_system,
        targets.level,
        targets.has_verdict,
        targets.alarm_floor,
        targets.max_points,
        targets.rule_kind,
        targets.is_estimate,
        targets.scoring_floor,
        targets.lead_agency,
        targets.deadline,
        figures.numerator,
        figures.denominator,
        figures.value,
        figures.meets_target,
        case
            when targets.has_verdict then figures.meets_target
            else reported.is_achieved
        end as is_achieved,
        climbed.points as step_points,
        coalesce(climbed.next_points, targets.max_points) as points_then,
        coalesce(
            next_steps.reached_at,
            targets.ceiling,
            targets.target_value,
            case when targets.measure_kind = 'text' then 100 end
        ) as earns_more_at,
        case
            when next_steps.reached_at is null and targets.ceiling is null then targets.operator
            when targets.operator in ('<=', '<') then '<='
            else '>='
        end as earns_more_operator,
        case
            when targets.ceiling is null then figures.meets_target
            else figures.value >= targets.ceiling
        end as earns_all
    from targets
    left join figures on targets.target_id = figures.target_id
    left join reported on targets.target_id = reported.target_id
    left join climbed on targets.target_id = climbed.target_id
    left join steps as next_steps
        on
            climbed.target_id = next_steps.target_id
            and climbed.next_points = next_steps.points
)

select
    target_id,
    cast(row_number() over (order by {{ plan_order('criterion_id', 'target_id') }}) as int) as sort_order,
    criterion_id,
    field_id,
    target_name,
    operator,
    target_value,
    unit,
    measure_kind,
    family,
    measure,
    source_system,
    level,
    has_verdict,
    alarm_floor,
    rule_kind,
    earns_more_at,
    earns_more_operator,
    points_then,
    lead_agency,
    deadline,
    numerator,
    denominator,
    value,
    meets_target,
    case
        when rule_kind = 'achieved' then is_achieved is not null
        else value is not null
    end as has_figure,
    is_estimate,
    max_points,
    case
        when rule_kind = 'survey'
            then max_points * least(1, greatest(0, coalesce(cast(numerator as double) / nullif(denominator, 0), 0)))
        when rule_kind = 'achieved' then case when is_achieved then max_points else 0 end
        when rule_kind = 'steps' then coalesce(step_points, 0)
        when value is null or value < scoring_floor then 0
        when earns_all then max_points
        when rule_kind = 'all_or_nothing' or operator in ('<=', '<') or earns_more_at <= 0 then 0
        else max_points * least(1, greatest(0, value / earns_more_at))
    end as points_estimated
from judged
