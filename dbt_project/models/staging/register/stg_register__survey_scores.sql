-- One row per survey and field in a year: its latest version.
-- Source: contract register.survey_scores; key year, survey, field_id.
with versions as (
    select
        *,
        {{ version_rank(['year', 'survey', 'field_id']) }} as version_rank
    from {{ source('register', 'survey_scores') }}
)

select
    year,
    survey,
    field_id,
    score,
    max_score,
    satisfaction_pct,
    _delivered_on as delivered_on,
    _file_name as file_name,
    _sheet_no as sheet_no,
    _row_number as row_number_in_file
from versions
where version_rank = 1
