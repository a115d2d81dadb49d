-- One row per agency and day of registration, of all years and whatever the day of the figures: documents, and those handled
-- on the network.
-- A build that starts from another one takes its counts and corrects them by the documents that were delivered since: less
-- what stood of these, plus what stands now. A day that all its documents have left keeps a row of zeros.
-- Secret documents are outside the rates of processing (the plan: "trừ văn bản, hồ sơ mật").
{{ config(
    materialized='incremental' if target.type == 'duckdb' else 'table',
    incremental_strategy='delete+insert',
    unique_key=['agency_code', 'registered_on'],
    on_schema_change='fail',
) }}

{%- set key = ['document_code', 'agency_code', 'direction'] %}

with
{% if is_incremental() -%}
    new_files as (
        select distinct _file_id
        from {{ source('document_office', 'documents_new') }}
    ),

    changed as (
        select distinct {{ key | join(', ') }}
        from {{ source('document_office', 'documents_new') }}
    ),

    versions as (
        select
            delivered.*,
            new_files._file_id is not null as is_new
        from {{ source('document_office', 'documents') }} as delivered
        inner join changed on {{ same_key('delivered', 'changed', key) }}
        left join new_files on delivered._file_id = new_files._file_id
    ),

    ranked as (
        select
            *,
            {{ version_rank(key) }} as rank_now,
            {{ version_rank(key + ['is_new']) }} as rank_among_new_or_old
        from versions
    ),

    documents as (
        select
            *,
            1 as weight
        from ranked
        where rank_now = 1
        union all
        select
            *,
            -1 as weight
        from ranked
        where not is_new and rank_among_new_or_old = 1
    ),
{%- else -%}
    documents as (
        select
            *,
            1 as weight
        from {{ ref('stg_document_office__documents') }}
    ),
{%- endif %}

counted as (
    select
        agency_code,
        cast(registered_at as date) as registered_on,
        sum(weight) as document_count,
        sum(case when secrecy = 'none' then weight else 0 end) as open_count,
        sum(case when secrecy = 'none' and processed_online then weight else 0 end) as open_processed_online_count,
        sum(case when direction = 'in' and exchanged_electronically then weight else 0 end) as electronic_in_count,
        sum(case when direction = 'out' and exchanged_electronically then weight else 0 end) as electronic_out_count
    from documents
    group by
        agency_code,
        cast(registered_at as date)
    {% if is_incremental() -%}
        union all
        select
            stood.agency_code,
            stood.registered_on,
            stood.document_count,
            stood.open_count,
            stood.open_processed_online_count,
            stood.electronic_in_count,
            stood.electronic_out_count
        from {{ this }} as stood
        where
            (stood.agency_code, stood.registered_on) in (
                select
                    documents.agency_code,
                    cast(documents.registered_at as date) as registered_on
                from documents
            )
    {%- endif %}
)

select
    agency_code,
    registered_on,
    cast(sum(document_count) as bigint) as document_count,
    cast(sum(open_count) as bigint) as open_count,
    cast(sum(open_processed_online_count) as bigint) as open_processed_online_count,
    cast(sum(electronic_in_count) as bigint) as electronic_in_count,
    cast(sum(electronic_out_count) as bigint) as electronic_out_count
from counted
group by
    agency_code,
    registered_on
