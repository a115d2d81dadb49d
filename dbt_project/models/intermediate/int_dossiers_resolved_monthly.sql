-- One row per agency, level of authority of the procedure and month of the finish in the year so far: resolved dossiers.
select
    agency_code,
    authority_level,
    {{ month_of('finished_on') }} as month_start,
    count(*) as resolved_count,
    count(*) filter (where is_digitised and has_e_result) as digitised_count,
    count(*) filter (where is_digitised) as digitised_input_count,
    count(*) filter (where has_e_result) as digitised_result_count,
    count(*) filter (where is_online_payable) as payable_count,
    count(*) filter (where is_online_payable and paid_online) as paid_online_count
from {{ ref('fct_dossier') }}
where
    is_resolved
    and {{ in_year_to_date('finished_on') }}
group by
    agency_code,
    authority_level,
    {{ month_of('finished_on') }}
