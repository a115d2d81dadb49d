-- One row per figure of a closed period that is not what the night published before said: by how much, and after which files.
-- Rules: months and quarters of the year that ended before the day of that night. Figures change because deliveries correct
-- them and because open dossiers of the period are settled; both are told. The files are those of the tables that can have
-- changed the target which were accepted since, or counted then and do not now, or the other way: taken back, held back with
-- what came beside them, released. The cause is among them, or time alone when there are none.
with previous_night as (
    select
        as_of_date,
        published_at
    from {{ source('published', 'previous_night') }}
),

before as (
    select
        previous.target_id,
        previous.variant,
        previous.agency_code,
        previous.period_kind,
        previous.period_start,
        previous.numerator,
        previous.denominator,
        previous.value
    from {{ source('published', 'previous_indicator') }} as previous
    cross join previous_night
    where
        previous.period_kind in ('month', 'quarter')
        and previous.period_start >= {{ year_start() }}
        and (previous.numerator is not null or previous.denominator is not null)
        and {{ add_months("case previous.period_kind when 'month' then 1 else 3 end", 'previous.period_start') }}
        <= previous_night.as_of_date
),

now as (
    select
        indicators.target_id,
        indicators.variant,
        indicators.agency_code,
        indicators.period_kind,
        indicators.period_start,
        indicators.numerator,
        indicators.denominator,
        indicators.value
    from {{ ref('fct_indicator') }} as indicators
    cross join previous_night
    where
        indicators.period_kind in ('month', 'quarter')
        and indicators.period_end < previous_night.as_of_date
        and (indicators.numerator is not null or indicators.denominator is not null)
),

compared as (
    select
        coalesce(now.target_id, before.target_id) as target_id,
        coalesce(now.variant, before.variant) as variant,
        coalesce(now.agency_code, before.agency_code) as agency_code,
        coalesce(now.period_kind, before.period_kind) as period_kind,
        coalesce(now.period_start, before.period_start) as period_start,
        before.numerator as numerator_before,
        now.numerator as numerator_after,
        before.denominator as denominator_before,
        now.denominator as denominator_after,
        before.value as value_before,
        now.value as value_after,
        case
            when before.target_id is null then 'appeared'
            when now.target_id is null then 'disappeared'
            else 'changed'
        end as change_kind
    from now
    full outer join before
        on
            now.target_id = before.target_id
            and now.variant = before.variant
            and now.agency_code = before.agency_code
            and now.period_kind = before.period_kind
            and now.period_start = before.period_start
    where
        now.numerator is distinct from before.numerator
        or now.denominator is distinct from before.denominator
),

deliveries as (
    select
        delivered.*,
        delivered.rows_loaded > 0 and delivered.replaced_by is null as counts,
        counted.delivery_id is not null as has_counted
    from {{ ref('stg_landing__deliveries') }} as delivered
    left join {{ source('published', 'previous_delivery') }} as counted on delivered.delivery_id = counted.delivery_id
),

changed_since as (
    select
        targets.target_id,
        -- What took its place, where something did.
        coalesce(deliveries.replaced_by, deliveries.delivery_id) as delivery_id,
        deliveries.source || '/' || cast(deliveries.delivered_on as string) || '/' || deliveries.file_name as file_path,
        deliveries.delivered_on,
        deliveries.loaded_at
    from {{ ref('int_target') }} as targets
    inner join {{ ref('family_table') }} as tables
        on
            targets.family = tables.family
            and coalesce(tables.measure, targets.measure) = targets.measure
    inner join deliveries
        on
            tables.source = deliveries.source
            and tables.table_name = deliveries.table_name
    cross join previous_night
    where
        targets.is_in_force
        and tables.role <> 'named'
        and (
            deliveries.counts <> deliveries.has_counted
            or deliveries.counts
            and (
                deliveries.loaded_at > previous_night.published_at
                or deliveries.delivered_on > previous_night.as_of_date
            )
        )
),

files_since as (
    select
        *,
        row_number() over (partition by target_id, file_path order by loaded_at desc, delivery_id desc) as content
    from changed_since
),

in_turn as (
    select
        target_id,
        delivery_id,
        file_path,
        row_number() over (
            partition by target_id
            order by delivered_on desc, loaded_at desc, delivery_id desc
        ) as turn
    from files_since
    where content = 1
),

causes as (
    select
        target_id,
        max(case when turn = 1 then delivery_id end) as delivery_id,
        {{ ordered_concat('file_path', '; ', 'turn') }} as files
    from in_turn
    group by target_id
)

select
    {{ as_of() }} as as_of_date,
    previous_night.as_of_date as previous_as_of_date,
    compared.target_id,
    compared.variant,
    compared.agency_code,
    compared.period_kind,
    compared.period_start,
    compared.change_kind,
    compared.numerator_before,
    compared.numerator_after,
    compared.denominator_before,
    compared.denominator_after,
    compared.value_before,
    compared.value_after,
    round(compared.value_after - compared.value_before, 6) as difference,
    causes.delivery_id,
    causes.files
from compared
cross join previous_night
left join causes on compared.target_id = causes.target_id
