-- One row for target 8.1, the province, year to date: satisfaction of citizens (SIPAS), score of the possible score.
-- Rule: scores of the survey for the year. The plan prints no number to reach, so nobody judges it.
with targets as (
    {{ targets_of('survey') }}
)

select
    targets.target_id,
    'headline' as variant,
    {{ province_code() }} as agency_code,
    {{ year_to_date_period() }},
    cast(sum(scores.score) as decimal(38, 6)) as numerator,
    cast(sum(scores.max_score) as decimal(38, 6)) as denominator
from {{ ref('stg_register__survey_scores') }} as scores
inner join targets on scores.survey = targets.measure
where scores.year = {{ as_of_year() }}
group by targets.target_id
