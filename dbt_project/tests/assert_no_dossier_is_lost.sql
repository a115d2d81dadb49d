-- Every dossier code that landed since the build before is in the mart: in a whole build, every code there is.
-- That the mart holds each code once and as many as landed is held by the gate, so it has lost none and invented none.
{{ config(meta={'dagster': {'ref': {'name': 'fct_dossier'}}}) }}

select distinct landed.dossier_code
from {{ source('tthc', 'dossiers_new') }} as landed
where
    not exists (
        select 1 from {{ ref('fct_dossier') }} as dossiers
        where landed.dossier_code = dossiers.dossier_code
    )
