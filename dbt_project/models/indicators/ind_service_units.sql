-- One row per target 6.3.1, 6.3.2a-c, 6.3.3 and 6.3.4 and managing agency (and the province), as of the day.
-- Rules: 6.3.1 and 6.3.2 units in a band of self-financing, this year less last year; 6.3.3 units that distribute lawfully, of
-- the year's units; 6.3.4 direct budget, the base year's less this year's, of the base year's. A base year without any unit at
-- the grain (the agency, or the province) gives no figure for it, and so does a year that nobody has reported yet.
{% set base_year = var('direct_budget_base_year') %}
with targets as (
    {{ targets_of('service_units') }}
),

units as (
    select
        agency_code,
        budget_year,
        self_financing_pct,
        direct_budget_vnd,
        distribution_compliant
    from {{ ref('stg_finance__service_units') }}
    where budget_year in ({{ as_of_year() }}, {{ years_before(1) }}, {{ base_year }})
),

-- Differences do not add up when an agency has no base year, so the province is a grain of its own.
units_by_grain as (
    select
        agency_code,
        budget_year,
        self_financing_pct,
        direct_budget_vnd,
        distribution_compliant
    from units
    where agency_code <> {{ province_code() }}
    union all
    select
        {{ province_code() }} as agency_code,
        budget_year,
        self_financing_pct,
        direct_budget_vnd,
        distribution_compliant
    from units
),

is_reported as (
    select count(*) > 0 as this_year
    from units
    where budget_year = {{ as_of_year() }}
),

moves as (
    select
        bands.measure,
        units_by_grain.agency_code,
        count(*) filter (where units_by_grain.budget_year = {{ years_before(1) }}) as units_last_year,
        count(*) filter (
            where
            units_by_grain.budget_year = {{ as_of_year() }}
            and units_by_grain.self_financing_pct >= bands.pct_from
            and (bands.pct_below is null or units_by_grain.self_financing_pct < bands.pct_below)
        ) as in_band_this_year,
        count(*) filter (
            where
            units_by_grain.budget_year = {{ years_before(1) }}
            and units_by_grain.self_financing_pct >= bands.pct_from
            and (bands.pct_below is null or units_by_grain.self_financing_pct < bands.pct_below)
        ) as in_band_last_year
    from units_by_grain
    cross join {{ ref('autonomy_band') }} as bands
    group by
        bands.measure,
        units_by_grain.agency_code
),

budgets as (
    select
        agency_code,
        sum(case when budget_year = {{ base_year }} then direct_budget_vnd end) as base_vnd,
        sum(case when budget_year = {{ as_of_year() }} then direct_budget_vnd else 0 end) as this_year_vnd
    from units_by_grain
    group by agency_code
),

measured as (
    select
        moves.measure,
        moves.agency_code,
        case
            when moves.units_last_year > 0 and is_reported.this_year
                then moves.in_band_this_year - moves.in_band_last_year
        end as numerator,
        cast(null as bigint) as denominator
    from moves
    cross join is_reported
    union all
    select
        'distribution_compliant' as measure,
        agency_code,
        count(*) filter (where distribution_compliant) as numerator,
        count(*) as denominator
    from units_by_grain
    where budget_year = {{ as_of_year() }}
    group by agency_code
    union all
    select
        'direct_budget_cut' as measure,
        budgets.agency_code,
        budgets.base_vnd - budgets.this_year_vnd as numerator,
        budgets.base_vnd as denominator
    from budgets
    cross join is_reported
    where is_reported.this_year
)

select
    targets.target_id,
    'headline' as variant,
    measured.agency_code,
    {{ year_to_date_period() }},
    cast(measured.numerator as decimal(38, 6)) as numerator,
    cast(measured.denominator as decimal(38, 6)) as denominator
from measured
inner join targets on measured.measure = targets.measure
where
    measured.numerator is not null
    or measured.denominator is not null
