-- Services behind 7.3.4 (pairs valid on the day that qualify) and dossiers behind 7.3.5 (accepted, of pairs at level 4).
-- Rule: ind_full_online; `with_post` counts postal dossiers too.
{% set details = ['procedure_code', 'status', 'channel', 'online_level'] %}
with targets as (
    {{ targets_of('full_online') }}
),

pairs as (
    {{ evidence_pairs() }}
),

services as (
    select
        targets.target_id,
        pairs.agency_code,
        pairs.record_key,
        pairs.event_on,
        case
            when pairs.online_level = '4' then 'Đủ điều kiện, đang cung cấp toàn trình'
            else 'Đủ điều kiện, chưa cung cấp toàn trình'
        end as why,
        pairs.procedure_code,
        cast(null as string) as status,
        cast(null as string) as channel,
        pairs.online_level,
        {{ row_place('pairs') }}
    from pairs
    inner join targets on targets.measure = 'services'
    where pairs.full_online_eligible
),

dossiers as (
    select
        targets.target_id,
        received.agency_code,
        received.dossier_code as record_key,
        received.received_on as event_on,
        case
            when received.is_online then 'Dịch vụ toàn trình, nộp trực tuyến'
            when received.channel = '1' then 'Dịch vụ toàn trình, nộp trực tiếp'
            else 'Dịch vụ toàn trình, nộp qua bưu chính'
        end as why,
        received.procedure_code,
        received.status,
        received.channel,
        received.is_online,
        received.online_level,
        {{ row_place('received') }}
    from {{ ref('fct_dossier') }} as received
    inner join targets on targets.measure = 'dossiers'
    where
        received.is_accepted
        and received.is_full_online_procedure
        and {{ in_year_to_date('received.received_on') }}
)

{{ evidence_of('services', [('headline', "online_level = '4'", 'true')], details) }}
union all
{{ evidence_of(
    'dossiers',
    [
        ('headline', 'is_online', "channel in ('1', '2')"),
        ('with_post', 'is_online', "channel in ('1', '2', '3')"),
    ],
    details,
) }}
