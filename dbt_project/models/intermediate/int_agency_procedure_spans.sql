-- One row per agency, procedure and span of days on which one version of the pair counts.
-- Rule: valid_to is the last day, inclusive; of several versions valid on a day the newest valid_from counts. Versions may
-- overlap or nest, so the spans are cut at every boundary; a span then has one version, and a day finds at most one span.
with versions as (
    select
        agency_code,
        procedure_code,
        online_level,
        full_online_eligible,
        online_payment_eligible,
        online_payment_enabled,
        one_stop_required,
        one_stop_served,
        valid_from,
        coalesce(valid_to, cast('9999-12-31' as date)) as valid_to
    from {{ ref('stg_tthc__agency_procedures') }}
),

boundaries as (
    select
        agency_code,
        procedure_code,
        valid_from as span_start
    from versions
    union
    select
        agency_code,
        procedure_code,
        {{ add_days(1, 'valid_to') }} as span_start
    from versions
    where valid_to < cast('9999-12-31' as date)
),

spans as (
    select
        agency_code,
        procedure_code,
        span_start,
        coalesce(
            {{ add_days(-1, 'lead(span_start) over (partition by agency_code, procedure_code order by span_start)') }},
            cast('9999-12-31' as date)
        ) as span_end
    from boundaries
),

ranked as (
    select
        spans.agency_code,
        spans.procedure_code,
        spans.span_start,
        spans.span_end,
        versions.online_level,
        versions.full_online_eligible,
        versions.online_payment_eligible,
        versions.online_payment_enabled,
        versions.one_stop_required,
        versions.one_stop_served,
        row_number() over (
            partition by spans.agency_code, spans.procedure_code, spans.span_start
            order by versions.valid_from desc
        ) as version_rank
    from spans
    inner join versions
        on
            spans.agency_code = versions.agency_code
            and spans.procedure_code = versions.procedure_code
            and spans.span_start >= versions.valid_from
            and spans.span_start <= versions.valid_to
)

select
    agency_code,
    procedure_code,
    span_start,
    span_end,
    online_level,
    full_online_eligible,
    online_payment_eligible,
    online_payment_enabled,
    one_stop_required,
    one_stop_served
from ranked
where version_rank = 1
