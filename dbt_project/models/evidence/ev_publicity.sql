-- Dossiers behind 3.2.3a-b: accepted ones by day of receipt, public on the national portal (a) and on the province's (b).
-- Rule: ind_publicity.
with targets as (
    {{ targets_of('publicity') }}
),

accepted as (
    select
        targets.target_id,
        dossiers.agency_code,
        dossiers.dossier_code as record_key,
        dossiers.received_on as event_on,
        case
            when targets.measure = 'synced_national' then dossiers.synced_national
            when targets.measure = 'published_provincial' then dossiers.published_provincial
        end as is_public,
        case
            when targets.measure = 'synced_national' and dossiers.synced_national
                then 'Đã đồng bộ lên Cổng Dịch vụ công quốc gia'
            when targets.measure = 'synced_national' then 'Chưa đồng bộ lên Cổng Dịch vụ công quốc gia'
            when dossiers.published_provincial then 'Đã công khai trên Cổng Dịch vụ công của tỉnh'
            else 'Chưa công khai trên Cổng Dịch vụ công của tỉnh'
        end as why,
        dossiers.procedure_code,
        dossiers.status,
        {{ row_place('dossiers') }}
    from {{ ref('fct_dossier') }} as dossiers
    inner join targets on targets.measure in ('synced_national', 'published_provincial')
    where
        dossiers.is_accepted
        and {{ in_year_to_date('dossiers.received_on') }}
)

{{ evidence_of('accepted', [('headline', 'is_public', 'true')], ['procedure_code', 'status']) }}
