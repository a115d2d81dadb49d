-- One row per target 7.3.6a-c, agency (and the province) and period: online payment offered, used, and paid.
-- Rules: (a) pairs valid on the day with a fee that qualify, of them enabled; (b) pairs valid on the day, with a fee, enabled
-- and with an accepted dossier received in the period, of them with one paid online; (c) resolved dossiers by day of the
-- finish with something to pay at a pair enabled on the day of receipt, of them paid online.
with targets as (
    {{ targets_of('online_payment') }}
),

enabled as (
    select
        targets.target_id,
        'headline' as variant,
        pairs.agency_code,
        {{ year_to_date_period() }},
        count(*) filter (where pairs.online_payment_enabled) as numerator,
        count(*) as denominator
    from {{ ref('int_agency_procedures_as_of') }} as pairs
    inner join targets on targets.measure = 'enabled'
    where
        pairs.is_fee_required
        and pairs.online_payment_eligible
    group by
        targets.target_id,
        pairs.agency_code
),

-- A pair seen in several months of a period is one pair, so each period is counted from the pairs themselves.
pairs_by_period as (
    select
        pairs.agency_code,
        pairs.procedure_code,
        period_months.period_kind,
        period_months.period_start,
        sum(pairs.paid_online_count) as paid_online_count
    from {{ ref('int_payment_pairs_monthly') }} as pairs
    inner join {{ ref('int_period_month') }} as period_months on pairs.month_start = period_months.month_start
    group by
        pairs.agency_code,
        pairs.procedure_code,
        period_months.period_kind,
        period_months.period_start
),

used as (
    select
        targets.target_id,
        'headline' as variant,
        pairs_by_period.agency_code,
        pairs_by_period.period_kind,
        pairs_by_period.period_start,
        count(*) filter (where pairs_by_period.paid_online_count > 0) as numerator,
        count(*) as denominator
    from pairs_by_period
    inner join targets on targets.measure = 'used'
    group by
        targets.target_id,
        pairs_by_period.agency_code,
        pairs_by_period.period_kind,
        pairs_by_period.period_start
),

monthly as (
    select
        targets.target_id,
        'headline' as variant,
        resolved.agency_code,
        resolved.month_start,
        resolved.paid_online_count as numerator,
        resolved.payable_count as denominator
    from {{ ref('int_dossiers_resolved_monthly') }} as resolved
    inner join targets on targets.measure = 'paid'
),

paid as (
    {{ by_period('monthly') }}
),

counted as (
    select
        target_id,
        variant,
        agency_code,
        period_kind,
        period_start,
        numerator,
        denominator
    from enabled
    union all
    select
        target_id,
        variant,
        agency_code,
        period_kind,
        period_start,
        numerator,
        denominator
    from used
    union all
    select
        target_id,
        variant,
        agency_code,
        period_kind,
        period_start,
        numerator,
        denominator
    from paid
)

{{ with_province_row('counted') }}
