-- One row per day of the figures and field, and one row `total`: points expected, against 2023 and the goal of 2024.
-- Rules: self_points = points of the field's targets; survey_points = the survey of the year for the field (leaders in fields
-- 2, 4, 5, 6, 7; citizens, SIPAS, in field 8, where target 8.1 is those points). The plan's "22 points" of leaders are these
-- very survey points, so they are nowhere added again: the maxima sum to 100. Points of 2023 and goals as printed; field 8
-- has no printed total (the sum of its two parts stands in) and, like the whole, only a rank as its goal. points_without_data =
-- the most that targets without a figure (but for levels that have ended) and surveys not there yet could earn; in
-- points_estimated they are 0. Of figures that wait for others (revenue whose months differ, service units of agencies to come)
-- it is what they do not earn yet. gap_to_goal is told unless points_without_data could close it.
with targets as (
    select
        scored.field_id,
        sum(case when scored.rule_kind <> 'survey' then scored.points_estimated else 0 end) as self_points,
        sum(
            case
                when scored.rule_kind <> 'survey' and {{ waits_for_others('scorecard.status_code') }}
                    then scored.max_points - scored.points_estimated
                when
                    scored.rule_kind <> 'survey'
                    and not scored.has_figure
                    and coalesce(scorecard.status_code, '') <> 'level_ended'
                    then scored.max_points
                else 0
            end
        ) as points_without_data,
        max(case when scored.is_estimate then 1 else 0 end) as has_estimates
    from {{ ref('int_target_scored') }} as scored
    left join {{ ref('rpt_scorecard') }} as scorecard on scored.target_id = scorecard.target_id
    group by scored.field_id
),

surveys as (
    select
        points.field_id,
        sum(cast(scores.score as double)) / nullif(sum(cast(scores.max_score as double)), 0) as share
    from {{ ref('stg_register__survey_scores') }} as scores
    inner join {{ ref('field_points') }} as points
        on
            scores.survey = points.survey
            -- SIPAS as a whole is field 8's, whatever its rows are called: the same rows as target 8.1.
            and (scores.survey = 'sipas' or scores.field_id = points.field_id)
    where scores.year = {{ as_of_year() }}
    group by points.field_id
),

printed as (
    select
        field_id,
        sum(score_2023) as points_2023,
        -- The printed goal; where only its self-assessed part is printed (fields 1, 3) or only its parts (field 2), their sum.
        sum(coalesce(goal_2024_total, goal_2024_self + coalesce(goal_2024_survey, 0))) as goal_2024
    from {{ ref('plan152_fields') }}
    where row_type = 'total' or counts_in_total = 'yes'
    group by field_id
),

names as (
    select
        field_id,
        name_vi as field_name
    from {{ ref('plan152_fields') }}
    where part_id is null
),

notes as (
    select
        field_id,
        {{ ordered_concat('note_vi', ' ', 'note_id') }} as note,
        {{ ordered_concat('note_en', ' ', 'note_id') }} as note_en
    from {{ ref('plan_note') }}
    where target_id is null
    group by field_id
),

fields as (
    select
        points.field_id,
        coalesce(targets.self_points, 0) as self_points,
        points.self_max_points,
        case
            when points.survey_max_points > 0 and surveys.share is not null
                then points.survey_max_points * least(1, greatest(0, surveys.share))
        end as survey_points,
        points.survey_max_points,
        coalesce(targets.points_without_data, 0)
        + case when surveys.share is null then points.survey_max_points else 0 end as points_without_data,
        greatest(
            coalesce(targets.has_estimates, 0),
            case when points.confidence = 'verified' then 0 else 1 end
        ) as has_estimates
    from {{ ref('field_points') }} as points
    left join targets on points.field_id = targets.field_id
    left join surveys on points.field_id = surveys.field_id
),

with_total as (
    select * from fields
    union all
    select
        'total' as field_id,
        sum(self_points) as self_points,
        sum(self_max_points) as self_max_points,
        sum(survey_points) as survey_points,
        sum(survey_max_points) as survey_max_points,
        sum(points_without_data) as points_without_data,
        max(has_estimates) as has_estimates
    from fields
),

told as (
    select
        with_total.*,
        with_total.self_points + coalesce(with_total.survey_points, 0) as points,
        names.field_name,
        printed.points_2023,
        printed.goal_2024,
        notes.note,
        notes.note_en
    from with_total
    left join names on with_total.field_id = names.field_id
    left join printed on with_total.field_id = printed.field_id
    left join notes on with_total.field_id = notes.field_id
)

select
    {{ as_of() }} as as_of_date,
    field_id,
    field_name,
    cast(round(points, 6) as double) as points_estimated,
    cast(self_max_points + survey_max_points as double) as max_points,
    cast(round(self_points, 6) as double) as self_points,
    cast(self_max_points as double) as self_max_points,
    cast(round(survey_points, 6) as double) as survey_points,
    cast(survey_max_points as double) as survey_max_points,
    cast(round(points_2023, 6) as double) as points_2023,
    cast(round(goal_2024, 6) as double) as goal_2024,
    cast(
        case
            when points >= goal_2024 - 0.000001 or points + points_without_data < goal_2024 - 0.000001
                then round(round(points, 6) - goal_2024, 6)
        end as double
    ) as gap_to_goal,
    has_estimates = 1 as is_estimate,
    note,
    note_en,
    cast(round(points_without_data, 6) as double) as points_without_data
from told
