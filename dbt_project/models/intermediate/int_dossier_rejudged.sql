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
),

-- Each reason by itself, and as a join: where nothing has changed, nothing is looked through.
affected as (
    select carried.dossier_code
    from {{ source('carried', 'dossiers') }} as carried
    inner join changed_agencies as changed on carried.agency_code = changed.agency_code
    where carried.count_class is distinct from 'in_process'
    union
    select carried.dossier_code
    from {{ source('carried', 'dossiers') }} as carried
    inner join changed_procedures as changed on carried.procedure_code = changed.procedure_code
    where carried.count_class is distinct from 'in_process'
    union
    select carried.dossier_code
    from {{ source('carried', 'dossiers') }} as carried
    inner join changed_spans as changed
        on
            carried.agency_code = changed.agency_code
            and carried.procedure_code = changed.procedure_code
    where carried.count_class is distinct from 'in_process'
    union
    select carried.dossier_code
    from {{ source('carried', 'dossiers') }} as carried
    inner join {{ source('tthc', 'dossiers_new') }} as new on carried.dossier_code = new.dossier_code
    where carried.count_class is distinct from 'in_process'
)

select
    dossier_code,
    true as was_in_process
from {{ source('carried', 'dossiers') }}
where count_class = 'in_process'
union all
select
    dossier_code,
    false as was_in_process
from affected
