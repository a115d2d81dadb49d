-- One row per finding that two versions of one dossier give away. Of the rows of one delivery the last one is the version: that a
-- key comes twice in one is no fault, and shows no change. Kinds:
--   due_moved_after_due   the due date was put off although it had passed: either the delivery before was made after it and
--                         still showed it, or the apology that goes with the new date was written after it
--   second_reappointment  the due date was put off again after it had been put off once (Nghị định 61/2018 Điều 19.9: at most
--                         once); a first version with an original due date counts as put off once
--   finish_backdated      a finish date earlier than a delivery that still showed the dossier open
--   finish_rewritten      the finish date changed after it had been delivered
--   finish_withdrawn      a dossier that had been delivered as finished is open again, paused or withdrawn, whether or not its
--                         finish date still stands there (paused is in no figure and withdrawn counts as on time, so a late one
--                         turned into either mends the rate)
--   acceptance_withdrawn  a dossier that had been delivered as accepted, and not as finished, is not accepted any more: whatever
--                         it was late, it is in no figure
-- Dates are compared, not times. A date moved because a supplement came in is lawful (Điều 19.4) and no finding.
with delivered as (
    select
        versions.*,
        coalesce(statuses.count_class, 'not_counted') as count_class
    from {{ ref('int_dossier_versions') }} as versions
    left join {{ ref('dossier_status') }} as statuses on versions.status = statuses.status
    where not versions.is_superseded
),

versions as (
    select
        *,
        lag(due_at) over versions_of_dossier as due_at_before,
        lag(supplement_received_at) over versions_of_dossier as supplement_received_at_before,
        lag(finished_at) over versions_of_dossier as finished_at_before,
        lag(received_at) over versions_of_dossier as received_at_before,
        lag(count_class) over versions_of_dossier as count_class_before,
        lag(delivered_on) over versions_of_dossier as delivered_on_before,
        lag(file_id) over versions_of_dossier as file_id_before,
        max(case when finished_at is not null then 1 else 0 end) over (
            partition by dossier_code
            order by version_no
            rows between unbounded preceding and 1 preceding
        ) as was_finished_before
    from delivered
    window versions_of_dossier as (
        partition by dossier_code
        order by version_no
    )
),

dated as (
    select
        *,
        cast(due_at as date) as due_on,
        cast(due_at_before as date) as due_on_before,
        cast(finished_at as date) as finished_on,
        cast(finished_at_before as date) as finished_on_before,
        coalesce(
            supplement_received_at is not null
            and (supplement_received_at_before is null or supplement_received_at > supplement_received_at_before),
            false
        ) as has_new_supplement
    from versions
),

judged as (
    select
        *,
        version_no > 1 and due_on > due_on_before and not has_new_supplement as is_put_off,
        -- Put off before the first version that was delivered.
        version_no = 1
        and due_on > cast(due_at_original as date)
        and supplement_received_at is null as came_put_off
    from dated
),

counted as (
    select
        *,
        sum(case when is_put_off or came_put_off then 1 else 0 end) over (
            partition by dossier_code
            order by version_no
            rows between unbounded preceding and current row
        ) as times_put_off
    from judged
),

findings as (
    select
        'due_moved_after_due' as kind,
        dossier_code,
        agency_code,
        due_at_before as moment_before,
        due_at as moment_after,
        delivered_on,
        file_id_before,
        file_id
    from counted
    where
        is_put_off
        and (delivered_on_before > due_on_before or cast(apology_sent_at as date) > due_on_before)
    union all
    select
        'second_reappointment' as kind,
        dossier_code,
        agency_code,
        due_at_before as moment_before,
        due_at as moment_after,
        delivered_on,
        file_id_before,
        file_id
    from counted
    where
        is_put_off
        and times_put_off > 1
    union all
    select
        'finish_backdated' as kind,
        dossier_code,
        agency_code,
        cast(null as timestamp) as moment_before,
        finished_at as moment_after,
        delivered_on,
        file_id_before,
        file_id
    from counted
    where
        version_no > 1
        and was_finished_before = 0
        and finished_on < delivered_on_before
    union all
    select
        'finish_rewritten' as kind,
        dossier_code,
        agency_code,
        finished_at_before as moment_before,
        finished_at as moment_after,
        delivered_on,
        file_id_before,
        file_id
    from counted
    where finished_on <> finished_on_before
    union all
    select
        'finish_withdrawn' as kind,
        dossier_code,
        agency_code,
        finished_at_before as moment_before,
        finished_at as moment_after,
        delivered_on,
        file_id_before,
        file_id
    from counted
    where
        finished_at_before is not null
        and (
            finished_at is null
            or (
                count_class <> count_class_before
                and (
                    count_class = 'withdrawn'
                    or (count_class <> 'resolved' and count_class_before in ('resolved', 'in_process'))
                )
            )
        )
    union all
    select
        'acceptance_withdrawn' as kind,
        dossier_code,
        agency_code,
        received_at_before as moment_before,
        cast(null as timestamp) as moment_after,
        delivered_on,
        file_id_before,
        file_id
    from counted
    where
        finished_at_before is null
        and count_class = 'not_counted'
        and count_class_before <> 'not_counted'
)

select
    kind,
    dossier_code as record_key,
    agency_code,
    cast(moment_before as string) as before,
    cast(moment_after as string) as after,
    delivered_on as first_seen,
    file_id_before as delivery_before,
    file_id as delivery_after
from findings
