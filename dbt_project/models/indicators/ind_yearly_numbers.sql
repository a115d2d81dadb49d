-- One row per target that a yearly number of the register answers (4.1.3, 4.2.x, 5.6x, 7.1.3, 7.1.4, 8.2, 8.3.1, 8.3.2, 8.4).
-- Rules, by the seed number_formula: ratio = one number of the year over another; reduction = (base year - this year) / base
-- year; growth = (this year - last year) / last year. A missing number gives no value; half of a ratio is still shown. The
-- province only, year to date.
with targets as (
    {{ targets_of('yearly_numbers') }}
),

numbers as (
    select
        year as number_year,
        indicator_code,
        value as number_value
    from {{ ref('stg_register__indicators') }}
),

paired as (
    select
        targets.target_id,
        formulas.formula,
        this_year.number_value as this_value,
        base.number_value as base_value
    from targets
    inner join {{ ref('number_formula') }} as formulas on targets.measure = formulas.measure
    left join numbers as this_year
        on
            formulas.numerator_code = this_year.indicator_code
            and this_year.number_year = {{ as_of_year() }}
    left join numbers as base
        on
            formulas.denominator_code = base.indicator_code
            and base.number_year
            = coalesce(formulas.base_year, {{ as_of_year() }} - coalesce(formulas.base_years_back, 0))
    where
        (formulas.formula = 'ratio' and this_year.number_value is not null)
        or (this_year.number_value is not null and base.number_value is not null)
)

select
    target_id,
    'headline' as variant,
    {{ province_code() }} as agency_code,
    {{ year_to_date_period() }},
    cast(
        case
            when formula = 'ratio' then this_value
            when formula = 'reduction' then base_value - this_value
            when formula = 'growth' then this_value - base_value
        end as decimal(38, 6)
    ) as numerator,
    cast(base_value as decimal(38, 6)) as denominator
from paired
