-- One row per finding: what the deliveries, read against each other, the calendar and the catalogues, do not agree on.
-- A finding is a question to the agency, not a verdict. The rule of each kind stands in the head of its int_signal_ model.
with signals as (
    select * from {{ ref('int_signal_version') }}
    union all
    select * from {{ ref('int_signal_vanished') }}
    union all
    select * from {{ ref('int_signal_dossier') }}
    union all
    select * from {{ ref('int_signal_payment') }}
    union all
    select * from {{ ref('int_signal_code') }}
    union all
    select * from {{ ref('int_signal_register') }}
),

-- What the register gives away is each agency's own, and one delivery may show it of several.
keyed as (
    select
        *,
        kind || '|' || record_key || '|' || delivery_after
        || case
            when kind in ('unknown_target', 'unknown_number', 'two_reporters') then '|' || coalesce(agency_code, '')
            else ''
        end as signal_key
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
