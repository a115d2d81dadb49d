-- Pairs behind 7.3.6a (offered) and 7.3.6b (used), dossiers behind 7.3.6c (paid).
-- Rule: ind_online_payment; (b) a pair with dossiers in several months is one pair of the year.
{% set details = [
    'procedure_code', 'online_payment_enabled', 'accepted_count', 'paid_online_count', 'fee_amount', 'paid_online',
] %}
with targets as (
    {{ targets_of('online_payment') }}
),

pairs as (
    {{ evidence_pairs() }}
),

offered as (
    select
        targets.target_id,
        pairs.agency_code,
        pairs.record_key,
        pairs.event_on,
        pairs.online_payment_enabled as qualifies,
        case
            when pairs.online_payment_enabled then 'Có phí, đủ điều kiện, đã bật thanh toán trực tuyến'
            else 'Có phí, đủ điều kiện, chưa bật thanh toán trực tuyến'
        end as why,
        pairs.procedure_code,
        pairs.online_payment_enabled,
        cast(null as bigint) as accepted_count,
        cast(null as bigint) as paid_online_count,
        cast(null as decimal(24, 6)) as fee_amount,
        cast(null as boolean) as paid_online,
        {{ row_place('pairs') }}
    from pairs
    inner join targets on targets.measure = 'enabled'
    where
        pairs.is_fee_required
        and pairs.online_payment_eligible
),

pair_years as (
    select
        agency_code,
        procedure_code,
        cast(sum(accepted_count) as bigint) as accepted_count,
        cast(sum(paid_online_count) as bigint) as paid_online_count
    from {{ ref('int_payment_pairs_monthly') }}
    group by
        agency_code,
        procedure_code
),

used as (
    select
        targets.target_id,
        pair_years.agency_code,
        pairs.record_key,
        pairs.event_on,
        pair_years.paid_online_count > 0 as qualifies,
        case
            when pair_years.paid_online_count > 0 then 'Đã bật thanh toán trực tuyến, có hồ sơ thanh toán trực tuyến'
            else 'Đã bật thanh toán trực tuyến, chưa hồ sơ nào thanh toán trực tuyến'
        end as why,
        pair_years.procedure_code,
        pairs.online_payment_enabled,
        pair_years.accepted_count,
        pair_years.paid_online_count,
        cast(null as decimal(24, 6)) as fee_amount,
        cast(null as boolean) as paid_online,
        {{ row_place('pairs') }}
    from pair_years
    inner join pairs
        on
            pair_years.agency_code = pairs.agency_code
            and pair_years.procedure_code = pairs.procedure_code
    inner join targets on targets.measure = 'used'
),

paid as (
    select
        targets.target_id,
        dossiers.agency_code,
        dossiers.dossier_code as record_key,
        dossiers.finished_on as event_on,
        dossiers.paid_online as qualifies,
        case
            when dossiers.paid_online then 'Có phí phải nộp, đã thanh toán trực tuyến'
            else 'Có phí phải nộp, không thanh toán trực tuyến'
        end as why,
        dossiers.procedure_code,
        true as online_payment_enabled,
        cast(null as bigint) as accepted_count,
        cast(null as bigint) as paid_online_count,
        dossiers.fee_amount,
        dossiers.paid_online,
        {{ row_place('dossiers') }}
    from {{ ref('fct_dossier') }} as dossiers
    inner join targets on targets.measure = 'paid'
    where
        dossiers.is_resolved
        and dossiers.is_online_payable
        and {{ in_year_to_date('dossiers.finished_on') }}
)

{{ evidence_of('offered', [('headline', 'qualifies', 'true')], details) }}
union all
{{ evidence_of('used', [('headline', 'qualifies', 'true')], details) }}
union all
{{ evidence_of('paid', [('headline', 'qualifies', 'true')], details) }}
