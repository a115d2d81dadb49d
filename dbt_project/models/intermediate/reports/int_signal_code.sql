-- One row per table and code that stands in it and that no catalogue holds, but for dossiers, of which each is told by itself
-- (int_signal_dossier). Kinds: unknown_agency, unknown_procedure. What such a row counts is at the province at most, in no level
-- and in no place, or in no figure at all where it has to be found in a catalogue (pairs of agency and procedure).
-- Before: the table. After: the code. The code of the province is known. First seen = the first delivery that showed the code
-- there. Documents are asked by their counts: they are millions.
{% set places = [
    ('unknown_agency', 'tthc', 'procedures', 'owner_code'),
    ('unknown_agency', 'tthc', 'agency_procedures', 'agency_code'),
    ('unknown_agency', 'tthc', 'feedback', 'agency_code'),
    ('unknown_agency', 'tthc', 'service_quality', 'agency_code'),
    ('unknown_agency', 'document_office', 'documents', 'agency_code'),
    ('unknown_agency', 'document_office', 'assigned_tasks', 'agency_code'),
    ('unknown_agency', 'document_office', 'periodic_reports', 'agency_code'),
    ('unknown_agency', 'finance', 'capital_plans', 'agency_code'),
    ('unknown_agency', 'finance', 'budget_compliance', 'agency_code'),
    ('unknown_agency', 'finance', 'service_units', 'agency_code'),
    ('unknown_agency', 'finance', 'audit_findings', 'agency_code'),
    ('unknown_agency', 'register', 'criteria_results', 'agency_code'),
    ('unknown_agency', 'register', 'indicators', 'agency_code'),
    ('unknown_procedure', 'tthc', 'agency_procedures', 'procedure_code'),
] %}
with known as (
    select
        'unknown_agency' as kind,
        agency_code as code
    from {{ ref('int_agency_as_of') }}
    union
    select
        'unknown_agency' as kind,
        {{ province_code() }} as code
    union
    select
        'unknown_procedure' as kind,
        procedure_code as code
    from {{ ref('stg_tthc__procedures') }}
),

standing as (
    {% for kind, system, table, column in places %}
        select distinct
            '{{ kind }}' as kind,
            '{{ system }}.{{ table }}' as place,
            {{ column }} as code
        {% if table == 'documents' %}
            from {{ ref('int_documents_daily') }}
            where document_count <> 0
        {% else %}
            from {{ ref('stg_' ~ system ~ '__' ~ table) }}
        {% endif %}
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

unknown as (
    select standing.*
    from standing
    left join known
        on
            standing.kind = known.kind
            and standing.code = known.code
    where
        known.code is null
        and standing.code is not null
),

shown as (
    {% for kind, system, table, column in places %}
        select
            unknown.kind,
            unknown.place,
            unknown.code,
            landed._delivered_on,
            landed._file_name,
            landed._sheet_no,
            landed._row_number,
            landed._file_id
        from unknown
        inner join {{ source(system, table) }} as landed on unknown.code = landed.{{ column }}
        where
            unknown.kind = '{{ kind }}'
            and unknown.place = '{{ system }}.{{ table }}'
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

ranked as (
    select
        *,
        row_number() over (
            partition by kind, place, code
            order by _delivered_on, _file_name, _sheet_no, _row_number, _file_id
        ) as turn
    from shown
)

select
    kind,
    code as record_key,
    case when kind = 'unknown_agency' then code end as agency_code,
    place as before,
    code as after,
    _delivered_on as first_seen,
    cast(null as string) as delivery_before,
    _file_id as delivery_after
from ranked
where turn = 1
