-- One row per month of the year so far and period that it belongs to: itself, its quarter, the year to date.
-- Periods end with the day of the build; months that have not begun are no periods yet.
{% set year = as_of_year() | int %}
{% set last_month = as_of_text()[5:7] | int %}
{% for month in range(1, last_month + 1) %}
    {% set first_of_quarter = (month - 1) // 3 * 3 + 1 %}
    {% for kind, first, last in [('month', month, month), ('quarter', first_of_quarter, first_of_quarter + 2), ('ytd', 1, 12)] %}
        select
            cast('{{ '%04d-%02d-01' | format(year, month) }}' as date) as month_start,
            '{{ kind }}' as period_kind,
            cast('{{ '%04d-%02d-01' | format(year, first) }}' as date) as period_start,
            {% if last >= last_month %}
                {{ as_of() }} as period_end
            {% else %}
                {{ add_days(-1, "cast('" ~ '%04d-%02d-01' | format(year, last + 1) ~ "' as date)") }} as period_end
            {% endif %}
        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}
    {% if not loop.last %}
        union all
    {% endif %}
{% endfor %}
