-- Every dossier code that landed since the build before is in the mart: in a whole build, every code there is.
-- That the mart holds each code once and as many as landed is held by the gate, so it has lost none and invented none.
-- `except` takes a third of the time of `not exists` over ten million.
{{ config(meta={'dagster': {'ref': {'name': 'fct_dossier'}}}) }}

select dossier_code from {{ source('tthc', 'dossiers_new') }}
except
select dossier_code from {{ ref('fct_dossier') }}
