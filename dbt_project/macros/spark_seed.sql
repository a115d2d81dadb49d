{#
  Seeds on Spark. dbt-spark binds values by putting quotes around them, so that an apostrophe ends the text and an empty cell
  becomes the word None; here they are literals. A cell that is none of its type (80%, or 0,5) fails, as on DuckDB, where without
  ANSI Spark would make it null.
#}
{% macro spark__load_csv_rows(model, agate_table) %}
    {% set types = model['config'].get('column_types', {}) %}
    {% set statements = [] %}
    {% do adapter.add_query('set spark.sql.ansi.enabled = true') %}
    {% for rows in agate_table.rows | batch(get_batch_size()) %}
        {% set sql %}
            insert into {{ this.render() }} values
            {% for row in rows -%}
                (
                {%- for name in agate_table.column_names -%}
                    cast({{ spark_literal(row[name]) }} as {{ types.get(name, adapter.convert_type(agate_table, loop.index0)) }})
                    {%- if not loop.last %}, {% endif %}
                {%- endfor -%}
                ){% if not loop.last %},{% endif %}
            {%- endfor %}
        {% endset %}
        {% do adapter.add_query(sql, abridge_sql_log=True) %}
        {% do statements.append(sql) %}
    {% endfor %}
    {% do adapter.add_query('set spark.sql.ansi.enabled = false') %}
    {{ return(statements | join(';\n')) }}
{% endmacro %}

{% macro spark_literal(value) -%}
    {%- if value is none -%}
        {{ return('null') }}
    {%- endif -%}
    {{ return("'" ~ (value ~ '') | replace('\\', '\\\\') | replace("'", "\\'") ~ "'") }}
{%- endmacro %}

{# A table that nothing was ever put into has no file, and so no columns for whoever reads its files (warehouse/spark_tables.py). #}
{% macro spark__create_csv_table(model, agate_table) %}
    {% set sql = dbt.spark__create_csv_table(model, agate_table) %}
    {% if not agate_table.rows %}
        {% do run_query('insert into ' ~ this.render() ~ ' select * from ' ~ this.render() ~ ' where false') %}
    {% endif %}
    {{ return(sql) }}
{% endmacro %}
