-- A mistyped word of a seed would be passed over: a rule of scoring that is none of these scores like any other. Seeds are edited
-- by hand (the official scale, another year's plan, the calendar), so this is asked every night, not only when developing.
{{ config(meta={'dagster': {'ref': {'name': 'scoring_scale'}}}) }}

{% set known = [
    ('plan152_criteria', 'target_id', 'target_operator', ['>=', '>', '=', '<=', '<', 'text'], 'may be empty'),
    ('plan152_fields', 'field_id', 'row_type', ['field', 'part', 'total'], ''),
    ('plan152_fields', 'field_id', 'counts_in_total', ['yes', 'no', 'see parts'], ''),
    ('target_measure', 'target_id', 'measure_kind', ['percent', 'count', 'text'], ''),
    ('target_measure', 'target_id', 'period_scope', ['all', 'ytd'], ''),
    ('target_measure', 'target_id', 'agency_scope', ['agency', 'one_office', 'province'], ''),
    ('target_measure', 'target_id', 'level', ['tinh', 'huyen', 'xa'], 'may be empty'),
    ('scoring_scale', 'coalesce(target_id, criterion_id)', 'rule_kind', ['proportional', 'all_or_nothing', 'steps', 'achieved', 'survey'], ''),
    ('scoring_scale', 'coalesce(target_id, criterion_id)', 'confidence', ['estimate', 'verified'], ''),
    ('scoring_scale', 'coalesce(target_id, criterion_id)', 'rule_confidence', ['estimate', 'verified'], ''),
    ('field_points', 'field_id', 'survey', ['leaders', 'sipas'], 'may be empty'),
    ('field_points', 'field_id', 'confidence', ['derived', 'verified'], ''),
    ('holiday', 'date_day', 'kind', ['day_off', 'worked_saturday'], ''),
    ('holiday', 'date_day', 'confidence', ['announced', 'forecast'], ''),
    ('dossier_status', 'status', 'count_class', ['not_counted', 'in_process', 'paused', 'withdrawn', 'resolved'], ''),
    ('number_formula', 'measure', 'formula', ['ratio', 'reduction', 'growth'], ''),
    ('family_table', 'family', 'role', ['counted', 'decides', 'named'], ''),
] %}

{% for seed, key, column, words, empty in known %}
select
    '{{ seed }}.csv' as file,
    cast({{ key }} as string) as row_key,
    '{{ column }}' as column_name,
    coalesce({{ column }}, '') as word,
    '{{ words | join(", ") }}' as known_words
from {{ ref(seed) }}
where coalesce({{ column }}, '') not in ('{{ words | join("', '") }}'{{ ", ''" if empty }})
{% if not loop.last %}union all{% endif %}
{% endfor %}
union all
select
    'scoring_scale.csv' as file,
    coalesce(target_id, criterion_id) as row_key,
    'confidence' as column_name,
    confidence as word,
    'estimate, while max_points is empty' as known_words
from {{ ref('scoring_scale') }}
where
    confidence = 'verified'
    and max_points is null
