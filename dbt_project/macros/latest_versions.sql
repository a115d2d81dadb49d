{#
  The version that stands of each key of a large relation with landing's columns.
  Ranking a million wide rows costs more than all that follows, and nearly all keys have one version: only the repeated
  ones are ranked.
#}
{% macro latest_versions(relation, key) -%}
with landed as {{ read_anew() }} (
    select * from {{ relation }}
),

repeated as (
    select {{ key | join(', ') }}
    from landed
    group by {{ key | join(', ') }}
    having count(*) > 1
),

ranked as (
    select
        landed.*,
        {{ version_rank(qualified('landed', key)) }} as version_rank
    from landed
    inner join repeated on {{ same_key('landed', 'repeated', key) }}
)

select
    *,
    1 as version_rank
from landed
where
    not exists (
        select 1 from repeated
        where {{ same_key('landed', 'repeated', key) }}
    )
union all
select *
from ranked
where version_rank = 1
{%- endmacro %}

{% macro qualified(relation, columns) -%}
    {%- set names = [] -%}
    {%- for column in columns -%}
        {%- do names.append(relation ~ '.' ~ column) -%}
    {%- endfor -%}
    {{ return(names) }}
{%- endmacro %}

{% macro same_key(left, right, key) -%}
    {%- for column in key -%}
        {{ left }}.{{ column }} = {{ right }}.{{ column }}{{ ' and ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
