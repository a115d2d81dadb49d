{#
  By how much two sums of the same doubles may differ, added up in another order: a billionth of what was added up, and of no
  less than 1. Counts differ by 1 at least; 16 trillion dong come out at a fraction of a dong more or less.
#}
{% macro rounding_of(added_up) -%}
    (0.000000001 * greatest(1, abs({{ added_up }})))
{%- endmacro %}

{# Percent, 0 to 100, not rounded; null when there is nothing to divide by. #}
{% macro percent(numerator, denominator) -%}
    100 * cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0)
{%- endmacro %}

{#
  Whether a figure meets its target. "= 100 %" means every single case, so counts are compared, never a rate.
  A text target is met when every reported word is "achieved"; has_verdict is false where the plan gives nothing to judge by.
#}
{% macro meets_target() -%}
    case
        when not has_verdict or value is null then null
        when measure_kind = 'text' then numerator = denominator
        when operator = '=' and measure_kind = 'percent' and target_value = 100 then numerator = denominator
        when operator = '=' then value = target_value
        when operator = '>=' then value >= target_value
        when operator = '>' then value > target_value
        when operator = '<=' then value <= target_value
        when operator = '<' then value < target_value
    end
{%- endmacro %}

{#
  The status codes of figures that are held against more than has come of the year (D10): nothing is concluded from them, no
  points are asked for, and no alert speaks (orchestration/alerting/figures.py, WAITING).
#}
{% macro waiting_codes() -%}
    {{ return(['months_differ', 'agencies_to_come']) }}
{%- endmacro %}

{# Whether a target counts all service units of an agency, and so has no figure of one that has yet to report them. #}
{% macro waits_for_service_units(targets) -%}
    {{ targets }}.family = 'service_units' and {{ targets }}.measure <> 'distribution_compliant'
{%- endmacro %}

{% macro waits_for_others(status_code) -%}
    {{ status_code }} in ('{{ waiting_codes() | join("', '") }}')
{%- endmacro %}
