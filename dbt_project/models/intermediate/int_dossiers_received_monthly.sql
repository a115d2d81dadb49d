-- One row per agency and month of receipt in the year so far: accepted dossiers by what became of them.
select
    agency_code,
    {{ month_of('received_on') }} as month_start,
    count(*) as accepted_count,
    cast(count_if(is_on_time) as bigint) as on_time_count,
    cast(count_if(is_late) as bigint) as late_count,
    cast(count_if(count_class = 'withdrawn') as bigint) as withdrawn_count,
    cast(count_if(count_class = 'paused') as bigint) as paused_count,
    cast(count_if(count_class = 'in_process') as bigint) as in_process_count,
    cast(count_if(is_overdue_open) as bigint) as overdue_open_count,
    cast(count_if(missed_original_due) as bigint) as missed_count,
    cast(count_if(missed_original_due and apology_sent) as bigint) as missed_apology_count,
    cast(count_if(missed_original_due and apology_in_time) as bigint) as missed_timely_apology_count,
    cast(count_if(missed_original_due and not has_supplement) as bigint) as missed_no_supplement_count,
    cast(count_if(missed_original_due and not has_supplement and apology_sent) as bigint)
        as missed_no_supplement_apology_count,
    cast(count_if(synced_national) as bigint) as synced_national_count,
    cast(count_if(published_provincial) as bigint) as published_provincial_count,
    cast(count_if(is_full_online_procedure and is_online) as bigint) as full_online_online_count,
    cast(count_if(is_full_online_procedure and channel in ('1', '2')) as bigint) as full_online_no_post_count,
    cast(count_if(is_full_online_procedure and channel in ('1', '2', '3')) as bigint) as full_online_all_count
from {{ ref('fct_dossier') }}
where
    is_accepted
    and {{ in_year_to_date('received_on') }}
group by
    agency_code,
    {{ month_of('received_on') }}
