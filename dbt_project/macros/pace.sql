{# Days that only jinja can count, and keys and codes taken apart in SQL that every engine speaks. #}

{% macro as_of_day() -%}
    {{ return(modules.datetime.datetime.strptime(as_of_text(), '%Y-%m-%d').date()) }}
{%- endmacro %}

{# 1 on 1 January. #}
{% macro day_of_year() -%}
    {{ return(as_of_day().timetuple().tm_yday) }}
{%- endmacro %}

{% macro days_left_in_year() -%}
    {{ return((modules.datetime.date(as_of_day().year, 12, 31) - as_of_day()).days) }}
{%- endmacro %}

{# From the day of the build to 31 December, or to a last day before it; null = none. 0 when it is past. #}
{% macro days_left_until(last_day) -%}
    greatest(0, {{ days_between(as_of(), "least(cast('" ~ as_of_year() ~ "-12-31' as date), " ~ last_day ~ ")") }})
{%- endmacro %}

{% macro days_in_year() -%}
    {{ return(day_of_year() + days_left_in_year()) }}
{%- endmacro %}

{# First day of the window that gives the pace: the month of the build and the months before it, never before 1 January. #}
{% macro pace_start_text() -%}
    {%- set day = as_of_day() -%}
    {%- set month = [day.month - (var('pace_months') | int) + 1, 1] | max -%}
    {{ return('%04d-%02d-01' | format(day.year, month)) }}
{%- endmacro %}

{% macro pace_start() -%}
    cast('{{ pace_start_text() }}' as date)
{%- endmacro %}

{% macro pace_days() -%}
    {%- set first = modules.datetime.datetime.strptime(pace_start_text(), '%Y-%m-%d').date() -%}
    {{ return((as_of_day() - first).days + 1) }}
{%- endmacro %}

{% macro month_of_as_of() -%}
    cast('{{ as_of_text()[:8] }}01' as date)
{%- endmacro %}

{# Sorts 3.4.2 before 3.10.1: the parts of an id, each filled up to the same length. #}
{% macro plan_order(criterion_id, target_id) -%}
    lpad(split_part({{ criterion_id }}, '.', 1), 4, '0')
    || lpad(coalesce(split_part({{ criterion_id }}, '.', 2), ''), 4, '0')
    || lpad(coalesce(split_part({{ criterion_id }}, '.', 3), ''), 4, '0')
    || {{ target_id }}
{%- endmacro %}

{# YYMMDD of a day, and the six digits that a dossier code carries (TT 01/2018 Điều 19). #}
{% macro six_digits(day) -%}
    replace(substr(cast({{ day }} as string), 3, 8), '-', '')
{%- endmacro %}

{% macro six_digits_of_code(dossier_code) -%}
    regexp_extract({{ dossier_code }}, '-([0-9]{6})-', 1)
{%- endmacro %}

{% macro contains_text(part, whole) -%}
    {{ dbt.position(part, whole) }} > 0
{%- endmacro %}
