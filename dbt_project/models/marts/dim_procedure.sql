-- One row per administrative procedure of the catalogue.
-- Source: tthc.procedures. Online level and payment belong to the pair of agency and procedure, not to the procedure.
with pairs as (
    select
        procedure_code,
        count(*) as agency_count
    from {{ ref('int_agency_procedures_as_of') }}
    group by procedure_code
)

select
    procedures.procedure_code,
    procedures.procedure_name,
    procedures.field_name,
    procedures.authority_level,
    procedures.owner_code,
    procedures.fee_required as is_fee_required,
    procedures.has_result,
    procedures.central_vertical as is_central_vertical,
    procedures.interlinked,
    procedures.beyond_authority as is_beyond_authority,
    procedures.processing_days,
    procedures.promulgation_due_on,
    procedures.promulgated_on,
    procedures.published_national as is_published_national,
    procedures.published_provincial as is_published_provincial,
    coalesce(pairs.agency_count, 0) as agency_count
from {{ ref('stg_tthc__procedures') }} as procedures
left join pairs on procedures.procedure_code = pairs.procedure_code
