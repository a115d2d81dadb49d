-- One row per finding: what the deliveries, read against each other, the calendar and the catalogues, do not agree on.
-- A finding is a question to the agency, not a verdict. The rule of each kind stands in the head of its int_signal_ model.
with signals as (
    select
        *,
        '' as reporter
    from {{ ref('int_signal_version') }}
    union all
    select
        *,
        '' as reporter
    from {{ ref('int_signal_vanished') }}
    union all
    select
        *,
        '' as reporter
    from {{ ref('int_signal_dossier') }}
    union all
    select
        *,
        '' as reporter
    from {{ ref('int_signal_payment') }}
    union all
    select
        *,
        '' as reporter
    from {{ ref('int_signal_code') }}
    union all
    -- What the register gives away is each agency's own, and one delivery may show it of several.
    select
        *,
        '|' || coalesce(agency_code, '') as reporter
    from {{ ref('int_signal_register') }}
),

keyed as (
    select
        *,
        kind || '|' || record_key || '|' || delivery_after || reporter as signal_key
    from signals
),

-- A row that stands twice in one file is one finding.
single as (
    select
        *,
        row_number() over (
            partition by signal_key
            order by delivery_before nulls last, after, before, agency_code
        ) as turn
    from keyed
)

select
    signal_key,
    kind,
    record_key,
    agency_code,
    before,
    after,
    first_seen,
    delivery_before,
    delivery_after,
    -- A cell that is empty leaves the kind to say it.
    coalesce({{ signal_text('vi') }} || ' | ' || {{ signal_text('en') }}, kind) as detail
from single
where turn = 1
