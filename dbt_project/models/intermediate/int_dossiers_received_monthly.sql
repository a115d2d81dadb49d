-- One row per agency and month of receipt in the year so far: accepted dossiers by what became of them.
select
    agency_code,
    {{ month_of('received_on') }} as month_start,
    count(*) as accepted_count,
    count(*) filter (where is_on_time) as on_time_count,
    count(*) filter (where is_late) as late_count,
    count(*) filter (where count_class = 'withdrawn') as withdrawn_count,
    count(*) filter (where count_class = 'paused') as paused_count,
    count(*) filter (where count_class = 'in_process') as in_process_count,
    count(*) filter (where is_overdue_open) as overdue_open_count,
    count(*) filter (where missed_original_due) as missed_count,
    count(*) filter (where missed_original_due and apology_sent) as missed_apology_count,
    count(*) filter (where missed_original_due and apology_in_time) as missed_timely_apology_count,
    count(*) filter (where missed_original_due and not has_supplement) as missed_no_supplement_count,
    count(*) filter (where missed_original_due and not has_supplement and apology_sent)
        as missed_no_supplement_apology_count,
    count(*) filter (where synced_national) as synced_national_count,
    count(*) filter (where published_provincial) as published_provincial_count,
    count(*) filter (where is_full_online_procedure and channel = '2') as full_online_online_count,
    count(*) filter (where is_full_online_procedure and channel in ('1', '2')) as full_online_no_post_count,
    count(*) filter (where is_full_online_procedure and channel in ('1', '2', '3')) as full_online_all_count
from {{ ref('fct_dossier') }}
where
    is_accepted
    and {{ in_year_to_date('received_on') }}
group by
    agency_code,
    {{ month_of('received_on') }}
