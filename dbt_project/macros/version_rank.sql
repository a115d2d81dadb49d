{#
  1 for the version of a key that stands: the latest delivery; within it the later file by name, sheet and row.
  DECISIONS: later deliveries correct earlier ones by key; a rejected row never reaches landing, so the earlier version stands.
#}
{% macro version_rank(key) -%}
    row_number() over (
        partition by {{ key | join(', ') }}
        order by _delivered_on desc, _file_name desc, _sheet_no desc, _row_number desc, _file_id desc
    )
{%- endmacro %}
