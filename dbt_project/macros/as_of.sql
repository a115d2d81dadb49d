{# The one place that knows the day of the build. Without it nothing is built: a figure has no meaning but as of a day. #}
{% macro as_of_text() -%}
    {%- set day = var('as_of', '') ~ '' -%}
    {%- if day == '' and execute -%}
        {{ exceptions.raise_compiler_error("The day of the figures is missing. Say --vars '{as_of: 2024-06-30}'.") }}
    {%- elif day == '' -%}
        {{ return('1970-01-01') }}
    {%- elif not modules.re.match('^[0-9]{4}-[0-9]{2}-[0-9]{2}$', day) -%}
        {{ exceptions.raise_compiler_error("as_of is a day written YYYY-MM-DD, not '" ~ day ~ "'.") }}
    {%- endif -%}
    {{ return(day) }}
{%- endmacro %}

{% macro as_of() -%}
    cast('{{ as_of_text() }}' as date)
{%- endmacro %}

{% macro as_of_year() -%}
    {{ return(as_of_text()[:4] | int) }}
{%- endmacro %}

{# The same, that many years before. #}
{% macro years_before(years) -%}
    {{ return(as_of_text()[:4] | int - years) }}
{%- endmacro %}

{% macro year_start() -%}
    cast('{{ as_of_text()[:4] }}-01-01' as date)
{%- endmacro %}

{# True for a day that a figure of the year may count: from 1 January to the day of the build. #}
{% macro in_year_to_date(day) -%}
    ({{ day }} >= {{ year_start() }} and {{ day }} <= {{ as_of() }})
{%- endmacro %}

{# True for a validity that holds on the day of the build; valid_to is the last day, inclusive. #}
{% macro valid_on_as_of(valid_from, valid_to) -%}
    ({{ valid_from }} <= {{ as_of() }} and ({{ valid_to }} is null or {{ valid_to }} >= {{ as_of() }}))
{%- endmacro %}

{% macro month_of(day) -%}
    cast(date_trunc('month', {{ day }}) as date)
{%- endmacro %}
