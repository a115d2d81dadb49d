-- One row per target 6.1.2, 6.2.1 and 6.2.3 and agency (and the province), as of the day: lawful spending, asset rules, premises.
-- Rules: reports of the year. 6.1.2 agencies whose spending complies; 6.2.1 agencies with asset rules; 6.2.3 premises with an
-- approved plan, of all premises.
with targets as (
    {{ targets_of('budget_compliance') }}
),

reports as (
    select
        agency_code,
        spending_compliant,
        asset_regulation_issued,
        premises_approved,
        premises_total
    from {{ ref('stg_finance__budget_compliance') }}
    where budget_year = {{ as_of_year() }}
),

measured as (
    select
        'spending_compliant' as measure,
        agency_code,
        case when spending_compliant then 1 else 0 end as numerator,
        1 as denominator
    from reports
    union all
    select
        'asset_regulation_issued' as measure,
        agency_code,
        case when asset_regulation_issued then 1 else 0 end as numerator,
        1 as denominator
    from reports
    union all
    select
        'premises_approved' as measure,
        agency_code,
        premises_approved as numerator,
        premises_total as denominator
    from reports
),

counted as (
    select
        targets.target_id,
        'headline' as variant,
        measured.agency_code,
        {{ year_to_date_period() }},
        measured.numerator,
        measured.denominator
    from measured
    inner join targets on measured.measure = targets.measure
)

{{ with_province_row('counted') }}
