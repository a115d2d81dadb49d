-- One row per day of the figures and target: the province's figure, what it earns, and whether it is met, at risk or missed.
-- Source: the headline of the province, year to date. Points are an estimate until the official scale is loaded.
-- Status, in this order:
--   not_applicable  the level that the target speaks of has no agency any more, or the plan gives no verdict (1.2, 8.1)
--   no_data         nothing was measured; the reason says why
--   at_risk         before the deadline only. Met, but: an on-time target with fewer late dossiers left than at_risk_late_left,
--                   or a figure that the pace of the last months takes below the target by 31 December, or a percentage within
--                   at_risk_margin_points of its target. Not met yet, but: an on-time target above the lower alarm line (95 %),
--                   or a figure that grows through the year (target_action.accumulates) and is on pace to reach the target
--   met, missed     what the headline says
with levels as (
    select
        level,
        count(*) as agency_count,
        count(*) filter (where is_valid_on_as_of) as valid_count,
        max(valid_to) as last_day
    from {{ ref('int_agency_as_of') }}
    group by level
),

notes as (
    select
        target_id,
        {{ ordered_concat('note_vi', ' ', 'note_id') }} as plan_note,
        {{ ordered_concat('note_en', ' ', 'note_id') }} as plan_note_en
    from {{ ref('plan_note') }}
    where target_id is not null
    group by target_id
),

joined as (
    select
        scored.*,
        notes.plan_note,
        notes.plan_note_en,
        coalesce(levels.agency_count > 0 and levels.valid_count = 0, false) as level_has_ended,
        levels.last_day as level_last_day,
        budget.late_left,
        coalesce(budget.projected_year_end_value, projection.projected_value) as projected_value,
        case
            when actions.accumulates then scored.value * {{ days_in_year() }} / {{ day_of_year() }}
        end as value_on_pace,
        {{ as_of() }} < scored.deadline as is_before_deadline
    from {{ ref('int_target_scored') }} as scored
    left join levels on scored.level = levels.level
    left join notes on scored.target_id = notes.target_id
    left join {{ ref('rpt_late_budget') }} as budget
        on
            scored.target_id = budget.target_id
            and budget.agency_code = {{ province_code() }}
    left join {{ ref('int_target_projection') }} as projection on scored.target_id = projection.target_id
    left join {{ ref('target_action') }} as actions on scored.target_id = actions.target_id
),

-- One word for what decides; the status and both texts follow from it.
judged as (
    select
        *,
        case
            when level_has_ended then 'level_ended'
            when value is null and numerator is null then 'nothing_delivered'
            when value is null then 'nothing_to_count'
            when not has_verdict then 'no_verdict'
            when meets_target and not is_before_deadline then 'met'
            when meets_target and alarm_floor is not null and late_left < {{ var('at_risk_late_left') }} then 'no_budget_left'
            when
                meets_target
                and operator in ('>', '>=')
                and not {{ reaches('projected_value', 'operator', 'target_value') }}
                then 'projected_below'
            when
                meets_target
                and measure_kind = 'percent'
                and alarm_floor is null
                and operator in ('>', '>=', '<=', '<')
                and abs(value - target_value) < {{ var('at_risk_margin_points') }}
                then 'thin_margin'
            when meets_target then 'met'
            when is_before_deadline and value >= alarm_floor then 'above_alarm_line'
            when is_before_deadline and {{ reaches('value_on_pace', 'operator', 'target_value') }} then 'on_pace'
            else 'missed'
        end as reason
    from joined
)

select
    {{ as_of() }} as as_of_date,
    target_id,
    sort_order,
    target_name,
    field_id,
    value,
    numerator,
    denominator,
    target_value,
    operator,
    unit,
    meets_target,
    points_estimated,
    max_points,
    true as is_estimate,
    case
        when reason in ('level_ended', 'no_verdict') then 'not_applicable'
        when reason in ('nothing_delivered', 'nothing_to_count') then 'no_data'
        when reason in ('met', 'missed') then reason
        else 'at_risk'
    end as status,
    reason as status_code,
    case reason
        when 'level_ended'
            then 'Cấp này không còn đơn vị nào từ sau ngày '
            || coalesce(cast(level_last_day as string), '(không rõ)') || '; không đánh giá nữa'
        when 'nothing_delivered' then 'Chưa có số liệu từ nguồn ' || source_system || ' cho năm nay'
        when 'nothing_to_count' then 'Chưa phát sinh trường hợp nào để tính trong năm'
        when 'no_verdict' then 'Kế hoạch không nêu mức phải đạt; số đo để tham khảo'
        when 'no_budget_left' then 'Đang đạt, nhưng thêm một hồ sơ trễ hạn nữa là không đạt'
        when 'projected_below'
            then 'Đang đạt, nhưng với nhịp độ các tháng gần đây thì cuối năm còn ' || {{ number_vi('projected_value') }}
            || '%, thấp hơn mức ' || operator || ' ' || {{ number_vi('target_value') }} || '%'
        when 'thin_margin' then 'Đang đạt, nhưng chỉ cách mức phải đạt ' || {{ number_vi('abs(value - target_value)') }} || ' điểm %'
        when 'above_alarm_line'
            then 'Chưa đạt mức ' || operator || ' ' || {{ number_vi('target_value') }} || '%, nhưng còn trên ngưỡng cảnh báo '
            || {{ number_vi('alarm_floor') }} || '%'
        when 'on_pace' then 'Chưa đạt, nhưng theo nhịp độ từ đầu năm thì sẽ đạt vào ngày 31/12'
        when 'met' then 'Đạt'
        else 'Không đạt: ' || {{ number_vi('value') }} || ' so với mức ' || operator || ' '
            || coalesce({{ number_vi('target_value') }}, 'mọi nội dung đều đạt')
    end as status_reason,
    case reason
        when 'level_ended'
            then 'No agency of this level is left after '
            || coalesce(cast(level_last_day as string), '(unknown)') || '; no longer judged'
        when 'nothing_delivered' then 'No data from source ' || source_system || ' for this year'
        when 'nothing_to_count' then 'No case to count in the year yet'
        when 'no_verdict' then 'The plan gives no number to reach; measured for information'
        when 'no_budget_left' then 'Met, but one more late dossier and it is not'
        when 'projected_below'
            then 'Met, but at the pace of the last months it ends the year at ' || {{ number_en('projected_value') }}
            || ' %, short of ' || operator || ' ' || {{ number_en('target_value') }} || ' %'
        when 'thin_margin'
            then 'Met, but only ' || {{ number_en('abs(value - target_value)') }} || ' percentage points from the target'
        when 'above_alarm_line'
            then 'Not at ' || operator || ' ' || {{ number_en('target_value') }} || ' % yet, but above the alarm line of '
            || {{ number_en('alarm_floor') }} || ' %'
        when 'on_pace' then 'Not reached yet, but at the pace since 1 January it will be by 31 December'
        when 'met' then 'Met'
        else 'Missed: ' || {{ number_en('value') }} || ' against ' || operator || ' '
            || coalesce({{ number_en('target_value') }}, 'all items achieved')
    end as status_reason_en,
    projected_value,
    lead_agency,
    deadline,
    plan_note,
    plan_note_en
from judged
