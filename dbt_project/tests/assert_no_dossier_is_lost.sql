-- Every dossier code that landed is in the mart, and the mart has no other.
{{ config(meta={'dagster': {'ref': {'name': 'fct_dossier'}}}) }}

with landed as (
    select distinct dossier_code
    from {{ source('tthc', 'dossiers') }}
)

select
    coalesce(landed.dossier_code, dossiers.dossier_code) as dossier_code,
    landed.dossier_code is null as is_invented
from landed
full outer join {{ ref('fct_dossier') }} as dossiers on landed.dossier_code = dossiers.dossier_code
where
    landed.dossier_code is null
    or dossiers.dossier_code is null
