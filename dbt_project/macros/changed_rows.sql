{# Rows of two relations, in some columns, that only one of them has: what was and is no more, and what is new. #}
{% macro changed_rows(before, now, columns) -%}
(
    select {{ columns | join(', ') }} from {{ before }}
    except
    select {{ columns | join(', ') }} from {{ now }}
)
union
(
    select {{ columns | join(', ') }} from {{ now }}
    except
    select {{ columns | join(', ') }} from {{ before }}
)
{%- endmacro %}
