-- One row per finding that the register gives away against the plan. Kinds:
--   unknown_target   results of a target that the plan does not name: they are in no figure
--   unknown_number   a number of the year that no target is computed from (number_formula): it is in no figure
--   two_reporters    a target that one office reports for the whole province (agency_scope one_office) was reported by another
--                    one, too, in the year: the province adds both up. The first to have reported is before, each further after
-- First seen = the first delivery that showed it.
with results as (
    select
        landed.target_id,
        landed.agency_code,
        landed.reported_on,
        landed._delivered_on,
        landed._file_name,
        landed._sheet_no,
        landed._row_number,
        landed._file_id,
        targets.target_id is null as is_unknown,
        coalesce(targets.agency_scope = 'one_office' and targets.is_in_force, false)
        and {{ in_year_to_date('landed.reported_on') }} as is_of_one_office
    from {{ source('register', 'criteria_results') }} as landed
    left join {{ ref('int_target') }} as targets on landed.target_id = targets.target_id
),

numbers as (
    select landed.*
    from {{ source('register', 'indicators') }} as landed
    where
        landed.indicator_code not in (select formulas.numerator_code from {{ ref('number_formula') }} as formulas)
        and landed.indicator_code not in (select formulas.denominator_code from {{ ref('number_formula') }} as formulas)
),

offices as (
    select
        target_id,
        agency_code,
        min(reported_on) as first_reported_on
    from results
    where is_of_one_office
    group by
        target_id,
        agency_code
),

others as (
    select
        *,
        first_value(agency_code) over (
            partition by target_id
            order by first_reported_on, agency_code
        ) as first_agency
    from offices
),

shown as (
    select
        'unknown_target' as kind,
        target_id as record_key,
        agency_code,
        cast(null as string) as before,
        target_id as after,
        _delivered_on,
        _file_name,
        _sheet_no,
        _row_number,
        _file_id
    from results
    where is_unknown
    union all
    select
        'unknown_number' as kind,
        indicator_code as record_key,
        agency_code,
        cast(null as string) as before,
        indicator_code as after,
        _delivered_on,
        _file_name,
        _sheet_no,
        _row_number,
        _file_id
    from numbers
    union all
    select
        'two_reporters' as kind,
        results.target_id as record_key,
        results.agency_code,
        others.first_agency as before,
        results.agency_code as after,
        results._delivered_on,
        results._file_name,
        results._sheet_no,
        results._row_number,
        results._file_id
    from results
    inner join others
        on
            results.target_id = others.target_id
            and results.agency_code = others.agency_code
            and others.agency_code <> others.first_agency
    where results.is_of_one_office
),

ranked as (
    select
        *,
        row_number() over (
            partition by kind, record_key, agency_code
            order by _delivered_on, _file_name, _sheet_no, _row_number, _file_id
        ) as turn
    from shown
)

select
    kind,
    record_key,
    agency_code,
    before,
    after,
    _delivered_on as first_seen,
    cast(null as string) as delivery_before,
    _file_id as delivery_after
from ranked
where turn = 1
