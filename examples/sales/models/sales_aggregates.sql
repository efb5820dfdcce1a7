-- Per region and product: totals, rank and share in the region, running total, and the last complete month's change.
{{ config(materialized='table', connection='shop', indexes=[{'columns': ['region', 'product_id'], 'unique': true}]) }}

-- The one look at the sales; everything below is computed from it.
with monthly as (
    select
        region,
        product_id,
        date_trunc('month', sale_date::timestamp)::date as month,
        count(*)                                        as sales,
        sum(sale_amount)                                as amount,
        min(sale_date)                                  as first_day,
        max(sale_date)                                  as last_day
    from {{ source('shop', 'sales') }}
    group by region, product_id, month
),
-- The newest month that all sales together cover to its last day, and the month before it: the same two for every row, so
-- that a product without sales in one of them is compared with nothing sold, not with some older month.
months as (
    select newest, (newest - interval '1 month')::date as before, first_day
    from (
        select
            (date_trunc('month', (max(last_day) + 1)::timestamp) - interval '1 month')::date as newest,
            min(first_day)                                                                   as first_day
        from monthly
    ) as covered
),
totals as (
    select
        region,
        product_id,
        sum(sales)                                                                as sales_count,
        sum(amount)                                                               as sales_amount,
        round(sum(amount) / sum(sales), 4)                                        as average_sale_amount,
        coalesce(sum(amount) filter (where month = (select newest from months)), 0) as newest_month,
        coalesce(sum(amount) filter (where month = (select before from months)), 0) as month_before
    from monthly
    group by region, product_id
)
select
    region,
    product_id,
    sales_count::bigint                                                                        as sales_count,
    sales_amount::numeric(18, 2)                                                               as sales_amount,
    average_sale_amount::numeric(18, 4)                                                        as average_sale_amount,
    rank() over (partition by region order by sales_amount desc)::bigint                       as rank_in_region,
    round(sales_amount / sum(sales_amount) over (partition by region), 6)::numeric(9, 6)       as share_of_region,
    sum(sales_amount) over (partition by region order by sales_amount desc, product_id
                            rows unbounded preceding)::numeric(18, 2)                          as running_total,
    case when months.first_day <= months.before then newest_month - month_before end::numeric(18, 2)
                                                                                               as month_over_month_change
from totals
cross join months
