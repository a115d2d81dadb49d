-- The seed and the variable name one and the same province.
select agency_code
from {{ ref('province') }}
where agency_code <> {{ province_code() }}
union all
select 'no province' as agency_code
from (select count(*) as province_count from {{ ref('province') }}) as provinces
where province_count <> 1
