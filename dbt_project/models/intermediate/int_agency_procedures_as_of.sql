-- One row per agency and procedure whose pair is valid on the day of the build, with what the catalogues say of both.
-- A pair of an agency or procedure that no catalogue knows stays, with nulls: counted at the province, in no level.
select
    spans.agency_code,
    spans.procedure_code,
    agencies.level,
    spans.online_level,
    spans.full_online_eligible,
    spans.online_payment_eligible,
    spans.online_payment_enabled,
    spans.one_stop_required,
    spans.one_stop_served,
    coalesce(procedures.fee_required, false) as is_fee_required,
    coalesce(procedures.central_vertical, false) as is_central_vertical
from {{ ref('int_agency_procedure_spans') }} as spans
left join {{ ref('int_agency_as_of') }} as agencies on spans.agency_code = agencies.agency_code
left join {{ ref('stg_tthc__procedures') }} as procedures on spans.procedure_code = procedures.procedure_code
where
    spans.span_start <= {{ as_of() }}
    and spans.span_end >= {{ as_of() }}
