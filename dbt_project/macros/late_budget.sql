{#
  How many of so many dossiers may be late with the target still met. "> 99 %" is strict: of 100 dossiers one late one leaves
  99 %, which is not above 99 %, so none may be; of 101 one may.
#}
{% macro late_allowed(counted, operator, target_value) -%}
    greatest(
        0,
        case {{ operator }}
            when '>' then ceil(round({{ counted }} * (100 - {{ target_value }}) / 100, 6)) - 1
            when '>=' then floor(round({{ counted }} * (100 - {{ target_value }}) / 100, 6))
            else 0
        end
    )
{%- endmacro %}

{# Whether a value reaches a target by its operator; null when there is no value. #}
{% macro reaches(value, operator, target_value) -%}
    case {{ operator }}
        when '>' then {{ value }} > {{ target_value }}
        when '>=' then {{ value }} >= {{ target_value }}
        when '<=' then {{ value }} <= {{ target_value }}
        when '<' then {{ value }} < {{ target_value }}
        else {{ value }} = {{ target_value }}
    end
{%- endmacro %}
