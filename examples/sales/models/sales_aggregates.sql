-- Per region and product: totals, rank and share in the region, running total, and the last full month's change.
{{ config(materialized='table', connection='shop', indexes=[{'columns': ['region', 'product_id'], 'unique': true}]) }}

-- The one look at the sales; everything below is computed from it.
with monthly as (
    select
        region,
        product_id,
        date_trunc('month', sale_date::timestamp) as month,
        count(*)                                  as sales,
        sum(sale_amount)                          as amount
    from {{ source('shop', 'sales') }}
    group by region, product_id, month
),
changes as (
    select
        region,
        product_id,
        month,
        amount,
        amount - lag(amount) over (partition by region, product_id order by month) as change,
        row_number() over (partition by region, product_id order by month desc)    as months_ago
    from monthly
),
totals as (
    select
        region,
        product_id,
        sum(sales)                              as sales_count,
        sum(amount)                             as sales_amount,
        round(sum(amount) / sum(sales), 4)      as average_sale_amount
    from monthly
    group by region, product_id
)
select
    totals.region,
    totals.product_id,
    totals.sales_count::bigint                                                                          as sales_count,
    totals.sales_amount::numeric(18, 2)                                                                 as sales_amount,
    totals.average_sale_amount::numeric(18, 4)                                                          as average_sale_amount,
    rank() over (partition by totals.region order by totals.sales_amount desc)::bigint                  as rank_in_region,
    round(totals.sales_amount / sum(totals.sales_amount) over (partition by totals.region), 6)::numeric(9, 6) as share_of_region,
    sum(totals.sales_amount) over (partition by totals.region order by totals.sales_amount desc, totals.product_id
                                   rows unbounded preceding)::numeric(18, 2)                            as running_total,
    changes.change::numeric(18, 2)                                                                      as month_over_month_change
from totals
left join changes on changes.region = totals.region and changes.product_id = totals.product_id and changes.months_ago = 2
