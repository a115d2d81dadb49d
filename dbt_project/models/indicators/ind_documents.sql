-- One row per target 7.2.1a-b and 7.2.2, reading, agency (and the province) and period: documents handled on the network.
-- Rules: 7.2.1 two grains: an agency passes when its share of documents processed online reaches the inner threshold (80 %
-- of departments, 50 % of district units), the figure is the share of agencies that pass; `documents` is the share of
-- documents. 7.2.2 agencies valid on the day with a document in and one out exchanged electronically, of all agencies; no figure
-- before any document of the year has come.
with targets as (
    {{ targets_of('documents') }}
),

documents as (
    select
        monthly.agency_code,
        period_months.period_kind,
        period_months.period_start,
        sum(monthly.open_count) as open_count,
        sum(monthly.open_processed_online_count) as open_processed_online_count,
        sum(monthly.electronic_in_count) as electronic_in_count,
        sum(monthly.electronic_out_count) as electronic_out_count
    from {{ ref('int_documents_monthly') }} as monthly
    inner join {{ ref('int_period_month') }} as period_months on monthly.month_start = period_months.month_start
    group by
        monthly.agency_code,
        period_months.period_kind,
        period_months.period_start
),

processed as (
    select
        targets.target_id,
        targets.inner_threshold,
        documents.agency_code,
        documents.period_kind,
        documents.period_start,
        documents.open_count,
        documents.open_processed_online_count
    from documents
    inner join {{ ref('int_agency_as_of') }} as agencies on documents.agency_code = agencies.agency_code
    inner join targets on agencies.level = targets.measure
    where documents.open_count > 0
),

periods as (
    select distinct
        period_kind,
        period_start
    from {{ ref('int_period_month') }}
),

year_so_far as (
    select count(*) as documents_count
    from documents
),

counted as (
    select
        target_id,
        'headline' as variant,
        agency_code,
        period_kind,
        period_start,
        case when 100 * open_processed_online_count >= inner_threshold * open_count then 1 else 0 end as numerator,
        1 as denominator
    from processed
    union all
    select
        target_id,
        'documents' as variant,
        agency_code,
        period_kind,
        period_start,
        open_processed_online_count as numerator,
        open_count as denominator
    from processed
    union all
    select
        targets.target_id,
        'headline' as variant,
        agencies.agency_code,
        periods.period_kind,
        periods.period_start,
        case
            when documents.electronic_in_count > 0 and documents.electronic_out_count > 0 then 1
            else 0
        end as numerator,
        1 as denominator
    from {{ ref('int_agency_as_of') }} as agencies
    cross join periods
    inner join targets on targets.measure = 'exchanged'
    cross join year_so_far
    left join documents
        on
            agencies.agency_code = documents.agency_code
            and periods.period_kind = documents.period_kind
            and periods.period_start = documents.period_start
    where
        agencies.is_valid_on_as_of
        and year_so_far.documents_count > 0
)

{{ with_province_row('counted') }}
