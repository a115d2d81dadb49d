-- One row per agency that had service units last year and has not reported any of this year.
-- Rule: only agencies that are in force on the day: those that are no more have handed theirs over, or have none left (D10).
{{ config(materialized='view') }}

select units.agency_code
from {{ ref('stg_finance__service_units') }} as units
inner join {{ ref('int_agency_as_of') }} as agencies
    on
        units.agency_code = agencies.agency_code
        and agencies.is_valid_on_as_of
where units.budget_year in ({{ as_of_year() }}, {{ years_before(1) }})
group by units.agency_code
having max(units.budget_year) < {{ as_of_year() }}
