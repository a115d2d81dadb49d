-- Service units behind 6.3.1, 6.3.2a-c (+1 in the band this year, -1 last year), 6.3.3 (one each) and 6.3.4 (budgets).
-- Rule: ind_service_units. Differences: an agency without a base year has no figure of its own, but its units count in the
-- province; where the province has no base year nothing is measured, and the rows stand here without numbers.
{% set base_year = var('direct_budget_base_year') %}
with targets as (
    {{ targets_of('service_units') }}
),

units as (
    select
        agency_code,
        unit_code,
        unit_name,
        budget_year,
        self_financing_pct,
        direct_budget_vnd,
        distribution_compliant,
        {{ row_place() }}
    from {{ ref('stg_finance__service_units') }}
    where budget_year in ({{ as_of_year() }}, {{ years_before(1) }}, {{ base_year }})
),

years as (
    select
        count(*) filter (where budget_year = {{ as_of_year() }}) > 0 as has_this_year,
        count(*) filter (where budget_year = {{ years_before(1) }}) > 0 as has_last_year,
        count(direct_budget_vnd) filter (where budget_year = {{ base_year }}) > 0 as has_base_year
    from units
),

-- Every unit of both years against every band, so that one outside a band is seen to be outside.
banded as (
    select
        bands.measure,
        bands.name_vi as band,
        units.agency_code,
        units.unit_code,
        units.unit_name,
        units.budget_year,
        units.self_financing_pct,
        coalesce(
            units.self_financing_pct >= bands.pct_from
            and (bands.pct_below is null or units.self_financing_pct < bands.pct_below),
            false
        ) as is_in_band,
        {{ row_place('units') }}
    from units
    cross join {{ ref('autonomy_band') }} as bands
    where units.budget_year in ({{ as_of_year() }}, {{ years_before(1) }})
),

measured as (
    select
        banded.measure,
        banded.agency_code,
        banded.unit_code,
        banded.unit_name,
        banded.budget_year,
        banded.self_financing_pct,
        banded.band,
        cast(null as decimal(38, 6)) as direct_budget_vnd,
        cast(
            case
                when not (years.has_this_year and years.has_last_year) then null
                when not banded.is_in_band then 0
                when banded.budget_year = {{ as_of_year() }} then 1
                else -1
            end as decimal(38, 6)
        ) as in_numerator,
        cast(null as decimal(38, 6)) as in_denominator,
        case
            when not banded.is_in_band then 'Ngoài nhóm tự chủ này (0)'
            when banded.budget_year = {{ as_of_year() }} then 'Thuộc nhóm tự chủ này năm nay (+1)'
            else 'Thuộc nhóm tự chủ này năm trước (-1)'
        end as why,
        {{ row_place('banded') }}
    from banded
    cross join years
    union all
    select
        'distribution_compliant' as measure,
        agency_code,
        unit_code,
        unit_name,
        budget_year,
        self_financing_pct,
        cast(null as string) as band,
        cast(null as decimal(38, 6)) as direct_budget_vnd,
        cast(case when distribution_compliant then 1 else 0 end as decimal(38, 6)) as in_numerator,
        cast(1 as decimal(38, 6)) as in_denominator,
        case
            when distribution_compliant then 'Phân phối kết quả tài chính đúng quy định'
            else 'Chưa xác nhận phân phối kết quả tài chính đúng quy định'
        end as why,
        {{ row_place() }}
    from units
    where budget_year = {{ as_of_year() }}
    union all
    select
        'direct_budget_cut' as measure,
        units.agency_code,
        units.unit_code,
        units.unit_name,
        units.budget_year,
        units.self_financing_pct,
        cast(null as string) as band,
        cast(units.direct_budget_vnd as decimal(38, 6)) as direct_budget_vnd,
        cast(
            case
                when not (years.has_this_year and years.has_base_year) then null
                when units.budget_year = {{ base_year }} then units.direct_budget_vnd
                else -units.direct_budget_vnd
            end as decimal(38, 6)
        ) as in_numerator,
        cast(
            case
                when years.has_this_year and years.has_base_year and units.budget_year = {{ base_year }}
                    then units.direct_budget_vnd
            end as decimal(38, 6)
        ) as in_denominator,
        case
            when units.budget_year = {{ base_year }} then 'Chi trực tiếp năm gốc {{ base_year }}'
            else 'Chi trực tiếp năm nay (trừ vào tử số)'
        end as why,
        {{ row_place('units') }}
    from units
    cross join years
    where units.budget_year in ({{ as_of_year() }}, {{ base_year }})
)

select
    targets.target_id,
    'headline' as variant,
    measured.agency_code,
    measured.unit_code || ' / ' || cast(measured.budget_year as string) as record_key,
    {{ as_of() }} as event_on,
    measured.in_numerator,
    measured.in_denominator,
    measured.why,
    measured.budget_year,
    measured.unit_name,
    measured.self_financing_pct,
    measured.band,
    measured.direct_budget_vnd,
    {{ evidence_place('measured') }}
from measured
inner join targets on measured.measure = targets.measure
