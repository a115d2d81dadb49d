-- One row per agency, level of authority of the procedure and month of the finish in the year so far: resolved dossiers.
select
    agency_code,
    authority_level,
    {{ month_of('finished_on') }} as month_start,
    count(*) as resolved_count,
    cast(count_if(is_digitised and has_e_result) as bigint) as digitised_count,
    cast(count_if(is_digitised) as bigint) as digitised_input_count,
    cast(count_if(has_e_result) as bigint) as digitised_result_count,
    cast(count_if(is_online_payable) as bigint) as payable_count,
    cast(count_if(is_online_payable and paid_online) as bigint) as paid_online_count
from {{ ref('fct_dossier') }}
where
    is_resolved
    and {{ in_year_to_date('finished_on') }}
group by
    agency_code,
    authority_level,
    {{ month_of('finished_on') }}
