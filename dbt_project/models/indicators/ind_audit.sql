-- One row per target 6.1.3, reading and agency (and the province), as of the day: audit recommendations carried out.
-- Rule: findings issued up to the day. Headline: money recovered of money found (money is usual); `count`: findings
-- completed by the day, of all findings, with an amount or not.
with targets as (
    {{ targets_of('audit') }}
),

findings as (
    select
        targets.target_id,
        findings.agency_code,
        findings.amount_vnd,
        findings.recovered_vnd,
        coalesce(findings.completed_on <= {{ as_of() }}, false) as is_completed
    from {{ ref('stg_finance__audit_findings') }} as findings
    cross join targets
    where findings.issued_on <= {{ as_of() }}
),

counted as (
    select
        target_id,
        'headline' as variant,
        agency_code,
        {{ year_to_date_period() }},
        sum(coalesce(recovered_vnd, 0)) as numerator,
        sum(amount_vnd) as denominator
    from findings
    where amount_vnd is not null
    group by
        target_id,
        agency_code
    union all
    select
        target_id,
        'count' as variant,
        agency_code,
        {{ year_to_date_period() }},
        count(*) filter (where is_completed) as numerator,
        count(*) as denominator
    from findings
    group by
        target_id,
        agency_code
)

{{ with_province_row('counted') }}
