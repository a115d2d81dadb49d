-- Procedures behind 3.1 (all of the catalogue), 3.3.3 and 3.3.4 (interlinked within a level, across levels).
-- Rule: ind_procedure_control. 3.3.3 and 3.3.4 are counts: an interlinked procedure that no agency serves stands here with 0.
with targets as (
    {{ targets_of('procedure_control') }}
),

served as (
    select
        procedure_code,
        count(*) as served_at_count
    from {{ ref('int_agency_procedures_as_of') }}
    where one_stop_served
    group by procedure_code
)

select
    targets.target_id,
    'headline' as variant,
    procedures.owner_code as agency_code,
    procedures.procedure_code as record_key,
    {{ as_of() }} as event_on,
    cast(
        case
            when targets.measure = 'within_authority' and procedures.beyond_authority then 0
            when targets.measure = 'within_authority' then 1
            when served.procedure_code is not null then 1
            else 0
        end as decimal(38, 6)
    ) as in_numerator,
    cast(case when targets.measure = 'within_authority' then 1 end as decimal(38, 6)) as in_denominator,
    case
        when targets.measure = 'within_authority' and procedures.beyond_authority then 'Có quy định trái thẩm quyền'
        when targets.measure = 'within_authority' then 'Không có quy định trái thẩm quyền'
        when served.procedure_code is not null then 'Liên thông, đang tiếp nhận tại Bộ phận Một cửa'
        else 'Liên thông, chưa nơi nào tiếp nhận tại Bộ phận Một cửa: không tính'
    end as why,
    procedures.procedure_name,
    procedures.interlinked,
    procedures.beyond_authority,
    served.served_at_count,
    {{ evidence_place('procedures') }}
from {{ ref('stg_tthc__procedures') }} as procedures
inner join targets on targets.measure in ('within_authority', procedures.interlinked)
left join served on procedures.procedure_code = served.procedure_code
