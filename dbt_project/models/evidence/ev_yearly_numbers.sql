-- Numbers of the register behind 4.1.3, 4.2.x, 5.6x, 7.1.3, 7.1.4, 8.2, 8.3.1, 8.3.2 and 8.4: the two of each formula.
-- Rule: ind_yearly_numbers; without one of the two there is no figure and no row, but half of a ratio is still shown.
with targets as (
    {{ targets_of('yearly_numbers') }}
),

numbers as (
    select * from {{ ref('stg_register__indicators') }}
),

paired as (
    select
        targets.target_id,
        formulas.formula,
        formulas.numerator_code,
        formulas.denominator_code,
        coalesce(formulas.base_year, {{ as_of_year() }} - coalesce(formulas.base_years_back, 0)) as base_year
    from targets
    inner join {{ ref('number_formula') }} as formulas on targets.measure = formulas.measure
    left join numbers as this_year
        on
            formulas.numerator_code = this_year.indicator_code
            and this_year.year = {{ as_of_year() }}
    left join numbers as base
        on
            formulas.denominator_code = base.indicator_code
            and base.year = coalesce(formulas.base_year, {{ as_of_year() }} - coalesce(formulas.base_years_back, 0))
    where
        this_year.value is not null
        and (formulas.formula = 'ratio' or base.value is not null)
),

parts as (
    select
        paired.target_id,
        numbers.*,
        case when paired.formula = 'reduction' then -numbers.value else numbers.value end as in_numerator,
        cast(null as decimal(38, 6)) as in_denominator,
        case when paired.formula = 'reduction' then 'Số của năm (trừ vào tử số)' else 'Số của năm' end as why,
        'tử số' as part
    from paired
    inner join numbers
        on
            paired.numerator_code = numbers.indicator_code
            and numbers.year = {{ as_of_year() }}
    union all
    select
        paired.target_id,
        numbers.*,
        case paired.formula
            when 'reduction' then numbers.value
            when 'growth' then -numbers.value
        end as in_numerator,
        numbers.value as in_denominator,
        case paired.formula
            when 'ratio' then 'Mẫu số của năm'
            when 'reduction' then 'Số của năm gốc'
            else 'Số của năm trước (trừ vào tử số)'
        end as why,
        'mẫu số' as part
    from paired
    inner join numbers
        on
            paired.denominator_code = numbers.indicator_code
            and paired.base_year = numbers.year
)

select
    target_id,
    'headline' as variant,
    {{ province_code() }} as agency_code,
    indicator_code || ' / ' || cast(year as string) || ' / ' || part as record_key,
    {{ as_of() }} as event_on,
    cast(in_numerator as decimal(38, 6)) as in_numerator,
    cast(in_denominator as decimal(38, 6)) as in_denominator,
    why,
    indicator_code,
    year as number_year,
    value as number_value,
    {{ evidence_place() }}
from parts
