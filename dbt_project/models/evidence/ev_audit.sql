-- Findings behind 6.1.3: headline in money (those with an amount), `count` one each.
-- Rule: ind_audit; findings issued up to the day.
with targets as (
    {{ targets_of('audit') }}
),

findings as (
    select
        targets.target_id,
        findings.agency_code,
        findings.finding_code as record_key,
        findings.issued_on as event_on,
        findings.amount_vnd,
        findings.recovered_vnd,
        findings.completed_on,
        coalesce(findings.completed_on <= {{ as_of() }}, false) as is_completed,
        {{ row_place('findings') }}
    from {{ ref('stg_finance__audit_findings') }} as findings
    cross join targets
    where findings.issued_on <= {{ as_of() }}
)

select
    target_id,
    'headline' as variant,
    agency_code,
    record_key,
    event_on,
    cast(coalesce(recovered_vnd, 0) as decimal(38, 6)) as in_numerator,
    cast(amount_vnd as decimal(38, 6)) as in_denominator,
    case
        when coalesce(recovered_vnd, 0) >= amount_vnd then 'Đã thu hồi đủ'
        when recovered_vnd > 0 then 'Đã thu hồi một phần'
        else 'Chưa thu hồi'
    end as why,
    completed_on,
    {{ evidence_place() }}
from findings
where amount_vnd is not null
union all
select
    target_id,
    'count' as variant,
    agency_code,
    record_key,
    event_on,
    cast(case when is_completed then 1 else 0 end as decimal(38, 6)) as in_numerator,
    cast(1 as decimal(38, 6)) as in_denominator,
    case when is_completed then 'Đã thực hiện xong' else 'Chưa thực hiện xong' end as why,
    completed_on,
    {{ evidence_place() }}
from findings
