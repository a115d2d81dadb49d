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

{% if is_incremental() -%}
with fresh as (
    select * from {{ source('document_office', 'documents_new') }}
),

versions as (
    select
        delivered.*,
        files._file_id is not null as is_fresh
    from {{ source('document_office', 'documents') }} as delivered
    inner join (
        select distinct {{ key | join(', ') }}
        from fresh
    ) as changed on {{ same_key('delivered', 'changed', key) }}
    left join (
        select distinct _file_id
        from fresh
    ) as files on delivered._file_id = files._file_id
),

ranked as (
    select
        *,
        {{ version_rank(key) }} as rank_now,
        {{ version_rank(key + ['is_fresh']) }} as rank_among_its_like
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
    where not is_fresh and rank_among_its_like = 1
),
{%- else -%}
with documents as (
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
        cast(sum(weight) as bigint) as document_count,
        cast(sum(case when secrecy = 'none' then weight else 0 end) as bigint) as open_count,
        cast(
            sum(case when secrecy = 'none' and processed_online then weight else 0 end) as bigint
        ) as open_processed_online_count,
        cast(
            sum(case when direction = 'in' and exchanged_electronically then weight else 0 end) as bigint
        ) as electronic_in_count,
        cast(
            sum(case when direction = 'out' and exchanged_electronically then weight else 0 end) as bigint
        ) as electronic_out_count
    from documents
    group by
        agency_code,
        cast(registered_at as date)
)

select
    counted.agency_code,
    counted.registered_on,
{%- set counts = [
    'document_count', 'open_count', 'open_processed_online_count', 'electronic_in_count', 'electronic_out_count'
] %}
{%- for count in counts %}
    counted.{{ count }}{% if is_incremental() %} + coalesce(stood.{{ count }}, 0) as {{ count }}{% endif %}{{ ',' if not loop.last }}
{%- endfor %}
from counted
{%- if is_incremental() %}
left join {{ this }} as stood
    on
        counted.agency_code = stood.agency_code
        and counted.registered_on = stood.registered_on
{%- endif %}
