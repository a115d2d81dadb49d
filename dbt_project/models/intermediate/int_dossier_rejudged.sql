-- One row per dossier of the carried-over ones that has to be judged again tonight. None in a whole build.
-- Rule: what is settled stays as it was judged. Not settled is what was in process (due dates pass, finish dates come), what
-- was delivered again, and what belongs to an agency, a procedure or a pair that the catalogues tell differently now.
with changed_agencies as (
    {{ changed_rows(source('carried', 'agencies'), ref('int_agency_as_of'), ['agency_code', 'level']) }}
),

changed_procedures as (
    {{ changed_rows(
        source('carried', 'procedures'), ref('stg_tthc__procedures'),
        ['procedure_code', 'authority_level', 'fee_required', 'has_result', 'processing_days']
    ) }}
),

changed_spans as (
    {{ changed_rows(
        source('carried', 'spans'), ref('int_agency_procedure_spans'),
        ['agency_code', 'procedure_code', 'span_start', 'span_end', 'online_level', 'online_payment_enabled']
    ) }}
)

select
    dossier_code,
    row_id
from {{ source('carried', 'dossiers') }}
where
    count_class = 'in_process'
    or agency_code in (select changed.agency_code from changed_agencies as changed)
    or procedure_code in (select changed.procedure_code from changed_procedures as changed)
    or (agency_code, procedure_code) in (
        select
            changed.agency_code,
            changed.procedure_code
        from changed_spans as changed
    )
-- A join, because it looks the many up in the few, whichever these are; for `in` they would be the new ones.
union
select
    carried.dossier_code,
    carried.row_id
from {{ source('carried', 'dossiers') }} as carried
inner join {{ source('tthc', 'dossiers_new') }} as new on carried.dossier_code = new.dossier_code
