{#
  Where engines differ, and nowhere else: each macro here has one body per dialect and is tested by itself on every engine
  (dbt_project/tests/dialect/). `default` is DuckDB.
#}

{% macro add_days(days, day) -%}
    {{ return(adapter.dispatch('add_days')(days, day)) }}
{%- endmacro %}

{% macro default__add_days(days, day) -%}
    cast({{ dbt.dateadd('day', days, day) }} as date)
{%- endmacro %}

{% macro spark__add_days(days, day) -%}
    date_add({{ day }}, cast({{ days }} as int))
{%- endmacro %}

{# The same day of another month, or its last one where it has no such day. #}
{% macro add_months(months, day) -%}
    {{ return(adapter.dispatch('add_months')(months, day)) }}
{%- endmacro %}

{% macro default__add_months(months, day) -%}
    cast({{ dbt.dateadd('month', months, day) }} as date)
{%- endmacro %}

{% macro spark__add_months(months, day) -%}
    add_months({{ day }}, cast({{ months }} as int))
{%- endmacro %}

{# Days from the first day to the second. #}
{% macro days_between(first_day, second_day) -%}
    {{ return(adapter.dispatch('days_between')(first_day, second_day)) }}
{%- endmacro %}

{% macro default__days_between(first_day, second_day) -%}
    cast({{ second_day }} - {{ first_day }} as int)
{%- endmacro %}

{% macro spark__days_between(first_day, second_day) -%}
    datediff({{ second_day }}, {{ first_day }})
{%- endmacro %}

{# 1 = Monday. #}
{% macro iso_weekday(day) -%}
    {{ return(adapter.dispatch('iso_weekday')(day)) }}
{%- endmacro %}

{% macro default__iso_weekday(day) -%}
    cast(extract(isodow from {{ day }}) as int)
{%- endmacro %}

{% macro spark__iso_weekday(day) -%}
    (weekday({{ day }}) + 1)
{%- endmacro %}

{# One row per day, first and last included: date_day. #}
{% macro day_spine(first_day, last_day) -%}
    {{ return(adapter.dispatch('day_spine')(first_day, last_day)) }}
{%- endmacro %}

{% macro default__day_spine(first_day, last_day) -%}
    select cast(unnest(generate_series(date '{{ first_day }}', date '{{ last_day }}', interval 1 day)) as date) as date_day
{%- endmacro %}

{% macro spark__day_spine(first_day, last_day) -%}
    select explode(sequence(date '{{ first_day }}', date '{{ last_day }}', interval 1 day)) as date_day
{%- endmacro %}

{# The values of a group as one text, in a given order; nulls are left out, and nothing but nulls is null. #}
{% macro ordered_concat(value, separator, order_by) -%}
    {{ return(adapter.dispatch('ordered_concat')(value, separator, order_by)) }}
{%- endmacro %}

{% macro default__ordered_concat(value, separator, order_by) -%}
    string_agg({{ value }}, '{{ separator }}' order by {{ order_by }})
{%- endmacro %}

{% macro spark__ordered_concat(value, separator, order_by) -%}
    listagg({{ value }}, '{{ separator }}') within group (order by {{ order_by }})
{%- endmacro %}

{#
  Between `as` and the bracket of a common table expression: it is read anew wherever it is named. DuckDB would keep its rows
  aside, which for a million wide ones costs more than reading them three times; Spark never keeps them.
#}
{% macro read_anew() -%}
    {{ return(adapter.dispatch('read_anew')()) }}
{%- endmacro %}

{% macro default__read_anew() -%}
    not materialized
{%- endmacro %}

{% macro spark__read_anew() -%}
{%- endmacro %}

{# A whole number as Vietnamese text, with a dot before each three digits: 4.820. #}
{% macro grouped_text(value) -%}
    {{ return(adapter.dispatch('grouped_text')(value)) }}
{%- endmacro %}

{% macro default__grouped_text(value) -%}
    replace(format('{:,}', cast(cast({{ value }} as decimal(38, 0)) as hugeint)), ',', '.')
{%- endmacro %}

{% macro spark__grouped_text(value) -%}
    replace(format_number(cast({{ value }} as decimal(38, 0)), 0), ',', '.')
{%- endmacro %}
