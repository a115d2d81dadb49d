-- One row per target 3.4.1-3.4.3, reading, agency (and the province) and period: dossiers settled on time.
-- Rule: accepted dossiers by day of receipt, level of the receiving agency. Which dossiers are counted is disputed; readings:
--   A  due dossiers (headline): on time + withdrawn, of these + late + open overdue
--   B  index 766: on time + withdrawn + paused + open in time, of all accepted
--   S  resolved: on time, of resolved
--   N  Nghị định 61 Điều 30: on time, of all accepted
with targets as (
    {{ targets_of('on_time') }}
),

received as (
    select
        targets.target_id,
        monthly.agency_code,
        monthly.month_start,
        monthly.on_time_count,
        monthly.late_count,
        monthly.withdrawn_count,
        monthly.paused_count,
        monthly.in_process_count,
        monthly.overdue_open_count,
        monthly.accepted_count
    from {{ ref('int_dossiers_received_monthly') }} as monthly
    inner join {{ ref('int_agency_as_of') }} as agencies on monthly.agency_code = agencies.agency_code
    inner join targets on agencies.level = targets.measure
),

monthly as (
    select
        target_id,
        'A' as variant,
        agency_code,
        month_start,
        on_time_count + withdrawn_count as numerator,
        on_time_count + withdrawn_count + late_count + overdue_open_count as denominator
    from received
    union all
    select
        target_id,
        'B' as variant,
        agency_code,
        month_start,
        on_time_count + withdrawn_count + paused_count + in_process_count - overdue_open_count as numerator,
        accepted_count as denominator
    from received
    union all
    select
        target_id,
        'S' as variant,
        agency_code,
        month_start,
        on_time_count as numerator,
        on_time_count + late_count as denominator
    from received
    union all
    select
        target_id,
        'N' as variant,
        agency_code,
        month_start,
        on_time_count as numerator,
        accepted_count as denominator
    from received
),

counted as (
    {{ by_period('monthly') }}
)

{{ with_province_row('counted') }}
