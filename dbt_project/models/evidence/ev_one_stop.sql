-- Pairs of agency and procedure behind 3.3.1a-c (that belong at the one-stop office) and 3.3.2 (vertically managed).
-- Rule: ind_one_stop.
with targets as (
    {{ targets_of('one_stop') }}
),

pairs as (
    {{ evidence_pairs() }}
),

counted as (
    select
        targets.target_id,
        pairs.agency_code,
        pairs.record_key,
        pairs.event_on,
        case
            when pairs.one_stop_served then 'Đang tiếp nhận tại Bộ phận Một cửa'
            else 'Chưa tiếp nhận tại Bộ phận Một cửa'
        end as why,
        pairs.procedure_code,
        pairs.one_stop_required,
        pairs.is_central_vertical,
        pairs.one_stop_served,
        {{ row_place('pairs') }}
    from pairs
    inner join targets
        on
            (pairs.one_stop_required and pairs.level = targets.measure)
            or (pairs.is_central_vertical and targets.measure = 'central_vertical')
)

{{ evidence_of(
    'counted',
    [('headline', 'one_stop_served', 'true')],
    ['procedure_code', 'one_stop_required', 'is_central_vertical', 'one_stop_served'],
) }}
