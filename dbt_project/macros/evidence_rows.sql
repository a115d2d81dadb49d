{#
  Rows behind the figures: one shape for every ev_ view. Sums of in_numerator and in_denominator over the rows of a target, a
  variant and an agency (or all agencies, for the province) are the year-to-date figure of fct_indicator.
#}

{# Where a row came from, as it was landed: for the steps on the way to a view. #}
{% macro row_place(relation='') -%}
    {%- set prefix = relation ~ '.' if relation else '' -%}
    {{ prefix }}delivered_on,
    {{ prefix }}file_name,
    {{ prefix }}sheet_no,
    {{ prefix }}row_number_in_file
{%- endmacro %}

{#
  Delivery, file, sheet and row as a person sees them: for the last select of a view alone, since landing counts sheets from 0
  and each use adds one.
#}
{% macro evidence_place(relation='') -%}
    {%- set prefix = relation ~ '.' if relation else '' -%}
    {{ prefix }}delivered_on,
    {{ prefix }}file_name,
    {{ prefix }}sheet_no + 1 as sheet_no,
    {{ prefix }}row_number_in_file
{%- endmacro %}

{# The same for rows that no single row of a file stands behind. #}
{% macro no_evidence_place() -%}
    cast(null as date) as delivered_on,
    cast(null as string) as file_name,
    cast(null as int) as sheet_no,
    cast(null as bigint) as row_number_in_file
{%- endmacro %}

{#
  Rows that count one each. `readings` are (variant, condition of the numerator, condition to be counted at all); `rows` is a CTE
  with target_id, agency_code, record_key, event_on, why, the details and the place in the file.
#}
{% macro evidence_of(rows, readings, details) -%}
    {% for variant, counts, is_counted in readings %}
    select
        target_id,
        '{{ variant }}' as variant,
        agency_code,
        record_key,
        event_on,
        cast(case when {{ counts }} then 1 else 0 end as decimal(38, 6)) as in_numerator,
        cast(1 as decimal(38, 6)) as in_denominator,
        why,
        {% for detail in details %}
        {{ detail }},
        {% endfor %}
        {{ evidence_place() }}
    from {{ rows }}
    where {{ is_counted }}
    {% if not loop.last %}
    union all
    {% endif %}
    {% endfor %}
{%- endmacro %}

{# Pairs of agency and procedure valid on the day, with the row of the catalogue that says so. #}
{% macro evidence_pairs() -%}
    select
        pairs.agency_code,
        pairs.procedure_code,
        pairs.agency_code || ' / ' || pairs.procedure_code as record_key,
        {{ as_of() }} as event_on,
        pairs.level,
        pairs.online_level,
        pairs.full_online_eligible,
        pairs.online_payment_eligible,
        pairs.online_payment_enabled,
        pairs.one_stop_required,
        pairs.one_stop_served,
        pairs.is_fee_required,
        pairs.is_central_vertical,
        {{ row_place('versions') }}
    from {{ ref('int_agency_procedures_as_of') }} as pairs
    left join (
        select
            agency_code,
            procedure_code,
            {{ row_place() }},
            row_number() over (partition by agency_code, procedure_code order by valid_from desc) as version_rank
        from {{ ref('stg_tthc__agency_procedures') }}
        where {{ valid_on_as_of('valid_from', 'valid_to') }}
    ) as versions
        on
            pairs.agency_code = versions.agency_code
            and pairs.procedure_code = versions.procedure_code
            and versions.version_rank = 1
{%- endmacro %}
