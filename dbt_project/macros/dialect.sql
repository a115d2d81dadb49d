{# Where engines differ: days. dbt's own cross-database macros know each of them. #}

{% macro add_days(days, day) -%}
    cast({{ dbt.dateadd('day', days, day) }} as date)
{%- endmacro %}

{# 1 = Monday. Counted from a known Monday, because engines number weekdays differently. #}
{% macro iso_weekday(day) -%}
    cast({{ dbt.datediff("cast('1990-01-01' as date)", day, 'day') }} % 7 + 1 as int)
{%- endmacro %}

{# One row per day, first and last included: date_day. #}
{% macro day_spine(first_day, last_day) -%}
    {{ dbt.date_spine(
        datepart='day',
        start_date="cast('" ~ first_day ~ "' as date)",
        end_date=dbt.dateadd('day', 1, "cast('" ~ last_day ~ "' as date)")
    ) }}
{%- endmacro %}
