-- One row per dossier: its latest version.
-- Source: contract tthc.dossiers; key dossier_code.
{{ latest_dossiers(source('tthc', 'dossiers')) }}
