-- One row per on-time target (3.4.1-3) and agency, and the province: late dossiers as a budget of the year.
-- Rules, all over variant A, dossiers received in the year: late = resolved late + overdue and open. Allowed = most late ones
-- with which the target is still met; "above 99 %" is strict. Burn rate = late / allowed; 1 = used up.
-- Pace: dossiers decided per day since the first day of the window (pace_months), of an agency since the day it was set up: what
-- was decided before came to it from those before it. A dossier is decided on the day it is finished or withdrawn, a late one on
-- the day after its due date. With fewer than min_denominator in the window the whole year gives the pace, but for an agency set
-- up in it; an agency that is no more has none, nor has a level that ended.
-- Projection: so far + pace x days left to 31 December, or to the day on which the catalogue ends the agency; the province goes
-- on as long as any agency of the level does. The budget of the year is what is allowed of the projected dossiers; it runs out
-- on the first day on which more are late than that, today when they are already.
-- Waiting: paused dossiers (5, 6, 8) due before today. They are in no other count here, and not late (D1).
with targets as (
    select
        target_id,
        measure as level,
        operator,
        target_value
    from {{ ref('int_target') }}
    where
        family = 'on_time'
        and is_in_force
),

agencies as (
    select
        agencies.agency_code,
        agencies.level,
        targets.target_id,
        agencies.is_valid_on_as_of,
        agencies.last_valid_to,
        coalesce(agencies.first_valid_from > {{ pace_start() }}, false) as is_set_up_in_window,
        greatest({{ pace_start() }}, agencies.first_valid_from) as pace_start
    from {{ ref('int_agency_as_of') }} as agencies
    inner join targets on agencies.level = targets.level
),

decided as (
    select
        dossiers.agency_code,
        dossiers.count_class,
        dossiers.due_on,
        agencies.pace_start,
        dossiers.is_late or dossiers.is_overdue_open as counts_as_late,
        case
            when dossiers.is_late or dossiers.is_overdue_open then {{ add_days(1, 'dossiers.due_on') }}
            when dossiers.is_on_time or dossiers.count_class = 'withdrawn'
                then coalesce(dossiers.finished_on, dossiers.received_on)
        end as decided_on
    from {{ ref('fct_dossier') }} as dossiers
    inner join agencies on dossiers.agency_code = agencies.agency_code
    where
        dossiers.is_accepted
        and {{ in_year_to_date('dossiers.received_on') }}
),

dossiers as (
    select
        agency_code,
        count(*) filter (
            where count_class = 'in_process' and due_on >= {{ as_of() }} and due_on <= {{ add_days(7, as_of()) }}
        ) as due_next_7_days,
        count(*) filter (where count_class = 'paused' and due_on < {{ as_of() }}) as waiting_overdue,
        count(*) filter (where counts_as_late and decided_on >= pace_start) as pace_late,
        count(*) filter (where not counts_as_late and decided_on >= pace_start) as pace_on_time,
        count(*) filter (where counts_as_late and decided_on >= {{ pace_start() }}) as province_pace_late,
        count(*) filter (where not counts_as_late and decided_on >= {{ pace_start() }}) as province_pace_on_time
    from decided
    group by agency_code
),

by_agency as (
    select
        agencies.target_id,
        agencies.agency_code,
        agencies.level,
        case when agencies.is_valid_on_as_of then {{ days_left_until('agencies.last_valid_to') }} else 0 end as days_left,
        {{ days_between('agencies.pace_start', as_of()) }} + 1 as pace_days,
        agencies.is_set_up_in_window,
        dossiers.due_next_7_days,
        dossiers.waiting_overdue,
        dossiers.pace_late,
        dossiers.pace_on_time,
        dossiers.province_pace_late,
        dossiers.province_pace_on_time
    from dossiers
    inner join agencies on dossiers.agency_code = agencies.agency_code
),

with_province as (
    select
        target_id,
        agency_code,
        level,
        days_left,
        pace_days,
        is_set_up_in_window,
        due_next_7_days,
        waiting_overdue,
        pace_late,
        pace_on_time
    from by_agency
    union all
    select
        targets.target_id,
        {{ province_code() }} as agency_code,
        'toan_tinh' as level,
        coalesce(max(levels.days_left), 0) as days_left,
        {{ pace_days() }} as pace_days,
        false as is_set_up_in_window,
        coalesce(sum(by_agency.due_next_7_days), 0) as due_next_7_days,
        coalesce(sum(by_agency.waiting_overdue), 0) as waiting_overdue,
        coalesce(sum(by_agency.province_pace_late), 0) as pace_late,
        coalesce(sum(by_agency.province_pace_on_time), 0) as pace_on_time
    from targets
    left join by_agency on targets.target_id = by_agency.target_id
    left join {{ ref('int_level_as_of') }} as levels on targets.level = levels.level
    group by targets.target_id
),

paced as (
    select
        with_province.target_id,
        with_province.agency_code,
        with_province.level,
        targets.operator,
        targets.target_value,
        coalesce(indicators.denominator, 0) as resolved,
        coalesce(indicators.denominator - indicators.numerator, 0) as late,
        with_province.due_next_7_days,
        with_province.waiting_overdue,
        with_province.days_left,
        with_province.pace_days,
        with_province.pace_late,
        with_province.pace_late + with_province.pace_on_time as pace_resolved,
        with_province.is_set_up_in_window
        or with_province.pace_late + with_province.pace_on_time >= {{ var('min_denominator') }} as goes_by_the_window
    from with_province
    inner join targets on with_province.target_id = targets.target_id
    left join {{ ref('fct_indicator') }} as indicators
        on
            with_province.target_id = indicators.target_id
            and with_province.agency_code = indicators.agency_code
            and indicators.is_headline
            and indicators.period_kind = 'ytd'
),

counted as (
    select
        *,
        case
            when days_left = 0 then 0
            when goes_by_the_window then cast(pace_late as double) / pace_days
            else late / {{ day_of_year() }}
        end as late_per_day,
        case
            when days_left = 0 then 0
            when goes_by_the_window then cast(pace_resolved as double) / pace_days
            else resolved / {{ day_of_year() }}
        end as resolved_per_day
    from paced
),

projected as (
    select
        *,
        {{ late_allowed('resolved', 'operator', 'target_value') }} as late_allowed_at_target,
        late + late_per_day * days_left as projected_late,
        resolved + resolved_per_day * days_left as projected_resolved
    from counted
),

budgeted as (
    select
        *,
        {{ late_allowed('floor(round(projected_resolved, 6))', 'operator', 'target_value') }} as late_allowed_in_year,
        round({{ percent('projected_resolved - projected_late', 'projected_resolved') }}, 6) as projected_year_end_value
    from projected
)

select
    {{ as_of() }} as as_of_date,
    target_id,
    agency_code,
    level,
    cast(resolved as bigint) as resolved,
    cast(late as bigint) as late,
    cast(late_allowed_at_target as bigint) as late_allowed_at_target,
    cast(late_allowed_at_target - late as bigint) as late_left,
    cast(late as double) / nullif(cast(late_allowed_at_target as double), 0) as burn_rate,
    cast(due_next_7_days as bigint) as due_next_7_days,
    cast(round(projected_resolved, 6) as double) as projected_resolved,
    cast(round(projected_late, 6) as double) as projected_late,
    cast(late_allowed_in_year as bigint) as late_allowed_in_year,
    projected_year_end_value,
    not {{ reaches('projected_year_end_value', 'operator', 'target_value') }} as is_projected_to_miss,
    case
        when late > late_allowed_in_year then {{ as_of() }}
        when projected_late > late_allowed_in_year
            then {{ add_days(
                'cast(floor(round((late_allowed_in_year - late) / nullif(late_per_day, 0), 6)) as int) + 1', as_of()
            ) }}
    end as runs_out_on,
    cast(waiting_overdue as bigint) as waiting_overdue
from budgeted
