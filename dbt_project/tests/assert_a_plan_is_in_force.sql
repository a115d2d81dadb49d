-- On a day of no plan there is no figure and no scorecard: readers keep the night that they have.
select in_force.target_count
from (
    select count(*) as target_count
    from {{ ref('dim_target') }}
    where is_in_force
) as in_force
where in_force.target_count = 0
