{#
  The shape that every ind_ model yields: target_id, variant, agency_code, period_kind, period_start, numerator, denominator.
  Three steps, used in this order where they apply: for_targets, by_period, with_province_row.
#}

{% macro province_code() -%}
    '{{ var("province_code") }}'
{%- endmacro %}

{# Names the target that a family's measure serves, so that no target id stands in a model. #}
{% macro targets_of(family) -%}
    select
        target_id,
        measure,
        headline_variant,
        inner_threshold
    from {{ ref('int_target') }}
    where
        family = '{{ family }}'
        and is_in_force
{%- endmacro %}

{# Months add up to the quarter and to the year. Only for measures whose months share nothing. #}
{% macro by_period(monthly) -%}
    select
        {{ monthly }}.target_id,
        {{ monthly }}.variant,
        {{ monthly }}.agency_code,
        period_months.period_kind,
        period_months.period_start,
        sum({{ monthly }}.numerator) as numerator,
        sum({{ monthly }}.denominator) as denominator
    from {{ monthly }}
    inner join {{ ref('int_period_month') }} as period_months
        on {{ monthly }}.month_start = period_months.month_start
    group by
        {{ monthly }}.target_id,
        {{ monthly }}.variant,
        {{ monthly }}.agency_code,
        period_months.period_kind,
        period_months.period_start
{%- endmacro %}

{# A stock, or a figure that is only given for the year so far. #}
{% macro year_to_date_period() -%}
    'ytd' as period_kind,
    {{ year_start() }} as period_start
{%- endmacro %}

{#
  Adds the province row: the sum over all agencies, those that no catalogue knows included.
  An agency row that counts nothing is left out; the province row stays, so that zero is seen as zero.
#}
{% macro with_province_row(counted) -%}
    select
        target_id,
        variant,
        agency_code,
        period_kind,
        period_start,
        cast(numerator as decimal(38, 6)) as numerator,
        cast(denominator as decimal(38, 6)) as denominator
    from {{ counted }}
    where
        agency_code <> {{ province_code() }}
        and not (coalesce(numerator, 0) = 0 and coalesce(denominator, 1) = 0)
        and not (numerator is null and denominator is null)
    union all
    select
        target_id,
        variant,
        {{ province_code() }} as agency_code,
        period_kind,
        period_start,
        cast(sum(numerator) as decimal(38, 6)) as numerator,
        cast(sum(denominator) as decimal(38, 6)) as denominator
    from {{ counted }}
    group by
        target_id,
        variant,
        period_kind,
        period_start
{%- endmacro %}
