-- One row per month of receipt and pair that is valid on the day of the build, needs a fee and takes it online.
-- Kept by pair, because pairs seen in two months are one pair in the quarter: months do not add up.
select
    dossiers.agency_code,
    dossiers.procedure_code,
    {{ month_of('dossiers.received_on') }} as month_start,
    count(*) as accepted_count,
    cast(count_if(dossiers.paid_online) as bigint) as paid_online_count
from {{ ref('fct_dossier') }} as dossiers
inner join {{ ref('int_agency_procedures_as_of') }} as pairs
    on
        dossiers.agency_code = pairs.agency_code
        and dossiers.procedure_code = pairs.procedure_code
where
    dossiers.is_accepted
    and {{ in_year_to_date('dossiers.received_on') }}
    and pairs.is_fee_required
    and pairs.online_payment_enabled
group by
    dossiers.agency_code,
    dossiers.procedure_code,
    {{ month_of('dossiers.received_on') }}
