-- Scores of the survey behind 8.1. Rule: ind_survey.
with targets as (
    {{ targets_of('survey') }}
)

select
    targets.target_id,
    'headline' as variant,
    {{ province_code() }} as agency_code,
    scores.survey || ' / ' || cast(scores.year as string) || ' / ' || scores.field_id as record_key,
    {{ as_of() }} as event_on,
    cast(scores.score as decimal(38, 6)) as in_numerator,
    cast(scores.max_score as decimal(38, 6)) as in_denominator,
    'Điểm khảo sát trên điểm tối đa' as why,
    scores.survey,
    scores.field_id,
    {{ evidence_place('scores') }}
from {{ ref('stg_register__survey_scores') }} as scores
inner join targets on scores.survey = targets.measure
where scores.year = {{ as_of_year() }}
