-- On a day of no plan there is no figure and no scorecard: readers keep the night that they have.
select count(*) as target_count
from {{ ref('dim_target') }}
where is_in_force
having count(*) = 0
