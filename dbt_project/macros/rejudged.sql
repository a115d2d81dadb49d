{#
  Conditions on the carried-over dossiers, one of which each of those fulfils that are judged again (int_dossier_rejudged).
  Most are those in process, which are found by that; the others by their codes. Apart, because nothing is looked through for
  the second where there are none, as in most nights without news.
#}
{% macro rejudged_conditions() -%}
    {%- set others -%}
        count_class is distinct from 'in_process'
        and dossier_code in (
            select rejudged.dossier_code
            from {{ ref('int_dossier_rejudged') }} as rejudged
            where not rejudged.was_in_process
        )
    {%- endset -%}
    {{ return(["count_class = 'in_process'", others]) }}
{%- endmacro %}

{# How fct_dossier goes on from the build before: what is judged again is taken out, what was judged is put in. #}
{% macro get_incremental_replace_rejudged_sql(arg_dict) -%}
    {%- set columns = arg_dict['dest_columns'] | map(attribute='quoted') | join(', ') -%}
    {%- for condition in rejudged_conditions() %}
    delete from {{ arg_dict['target_relation'] }} where {{ condition }};
    {%- endfor %}
    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arg_dict['temp_relation'] }};
{%- endmacro %}
