-- One row per dossier that is judged tonight, in its latest version: those of the deliveries that are new since the carried
-- build, and the carried ones that are judged again. In a whole build every delivery is new, so it is all of them.
-- What the mart shows of a dossier is what landing holds of it, so a carried row serves as the version that stood.
{{ config(materialized='view') }}

with candidates as {{ read_anew() }} (
    select
        {{ dossier_columns() | join(',\n        ') }},
        _delivered_on,
        _file_name,
        _sheet_no,
        _row_number,
        _file_id
    from {{ source('tthc', 'dossiers_new') }}
    {% for condition in rejudged_conditions() -%}
        union all
        select
            {{ dossier_columns() | join(',\n        ') }},
            delivered_on as _delivered_on,
            file_name as _file_name,
            sheet_no as _sheet_no,
            row_number_in_file as _row_number,
            cast(null as string) as _file_id
        from {{ source('carried', 'dossiers') }}
        where {{ condition }}
    {% endfor -%}
)

select * from (
    {{ latest_dossiers('candidates') }}
) as latest
