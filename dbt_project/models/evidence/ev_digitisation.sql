-- Dossiers behind 7.3.3a-c: resolved ones by day of the finish and the procedure's level of authority.
-- Rule: ind_digitisation; the headline asks for both ends, `input` and `result` for one.
{% set readings = [
    ('headline', 'is_digitised and has_e_result', 'true'),
    ('input', 'is_digitised', 'true'),
    ('result', 'has_e_result', 'true'),
] %}
with targets as (
    {{ targets_of('digitisation') }}
),

resolved as (
    select
        targets.target_id,
        dossiers.agency_code,
        dossiers.dossier_code as record_key,
        dossiers.finished_on as event_on,
        case
            when dossiers.is_digitised and dossiers.has_e_result then 'Thành phần đã số hóa hoặc tái sử dụng, có kết quả điện tử'
            when dossiers.is_digitised then 'Thành phần đã số hóa hoặc tái sử dụng, chưa có kết quả điện tử'
            when dossiers.has_e_result then 'Chưa số hóa thành phần, có kết quả điện tử (hoặc thủ tục không có kết quả)'
            else 'Chưa số hóa thành phần, chưa có kết quả điện tử'
        end as why,
        dossiers.procedure_code,
        dossiers.components_total,
        dossiers.components_digitised,
        dossiers.components_reused,
        dossiers.result_attached,
        dossiers.is_digitised,
        dossiers.has_e_result,
        {{ row_place('dossiers') }}
    from {{ ref('fct_dossier') }} as dossiers
    inner join targets on dossiers.authority_level = targets.measure
    where
        dossiers.is_resolved
        and {{ in_year_to_date('dossiers.finished_on') }}
)

{{ evidence_of(
    'resolved',
    readings,
    ['procedure_code', 'components_total', 'components_digitised', 'components_reused', 'result_attached'],
) }}
