"""The sales pipeline as a data team writes it in PySpark: the same steps on the same databases as examples/sales.

Usage: pipeline.py ROWS SERVICES JDBC_DRIVER (see run.sh). Spark gets two cores and the settings that its documentation
recommends for one machine; PostgreSQL is written through JDBC in large batches with rewritten inserts.
"""

import csv
import datetime
import json
import os
import random
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

REGIONS = ["North", "South", "East", "West"]
PRODUCTS = 200
CUSTOMERS = 50_000
DEFECT_RATE = 0.02


def generate(path: Path, rows: int) -> None:
    """One year of sales with defects at the rates of examples/sales, roughly."""
    rng = random.Random(7)
    today = datetime.date.today()
    days = [(today - datetime.timedelta(days=d)).isoformat() for d in range(365)]
    prices = [rng.randrange(100, 50_000) for _ in range(PRODUCTS)]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["sale_id", "customer_id", "product_id", "quantity", "sale_date", "sale_amount", "region"])
        for sale_id in range(1, rows + 1):
            product = min(int(rng.paretovariate(1.1)) - 1, PRODUCTS - 1)
            quantity = rng.randrange(1, 6)
            amount = f"{quantity * prices[product] / 100:.2f}"
            row = [sale_id, rng.randrange(1, CUSTOMERS), product + 1, quantity, days[rng.randrange(365)], amount,
                   REGIONS[rng.randrange(4)]]
            if rng.random() < DEFECT_RATE:
                row[rng.randrange(1, 7)] = rng.choice(["", " ", "x", "-1"])
            writer.writerow(row)
            if rng.random() < DEFECT_RATE / 4:
                writer.writerow(row)


def start(driver: str):
    from pyspark.sql import SparkSession

    return (
        SparkSession.builder.master("local[2]")
        .appName("sales")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "4")
        .config("spark.driver.memory", "2g")
        .config("spark.jars", driver)
        .getOrCreate()
    )


def clean_and_load(spark, path: Path, url: str, properties: dict) -> None:
    from pyspark.sql import functions as f

    raw = spark.read.csv(str(path), header=True)  # every cell as text, as Weir stages it
    trimmed = raw.select([f.trim(f.col(c)).alias(c) for c in raw.columns])
    valid = trimmed.filter(
        f.col("sale_id").rlike("^[0-9]{1,18}$")
        & f.col("customer_id").rlike("^[0-9]{1,18}$")
        & f.col("product_id").rlike("^[0-9]{1,9}$")
        & f.col("quantity").rlike("^[0-9]{1,9}$")
        & f.col("sale_amount").rlike(r"^[0-9]{1,10}\.[0-9]{2}$")
        & f.col("sale_date").rlike("^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
        & f.lower("region").isin([r.lower() for r in REGIONS])
    )
    typed = valid.select(
        f.col("sale_id").cast("bigint"),
        f.col("customer_id").cast("bigint"),
        f.col("product_id").cast("int"),
        f.col("quantity").cast("int"),
        f.col("sale_date").cast("date"),
        f.col("sale_amount").cast("decimal(12,2)"),
        f.initcap("region").alias("region"),
    )
    typed.dropDuplicates(["sale_id"]).write.option("truncate", "true").option("batchsize", 10_000).jdbc(
        url, "pyspark_sales", mode="overwrite", properties=properties
    )


def aggregate(spark, url: str, properties: dict) -> None:
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    sales = spark.read.jdbc(url, "pyspark_sales", properties=properties)
    totals = sales.groupBy("region", "product_id").agg(
        f.count("*").alias("sales_count"),
        f.sum("sale_amount").alias("sales_amount"),
        f.avg("sale_amount").alias("average_sale_amount"),
    )
    region = Window.partitionBy("region")
    by_amount = region.orderBy(f.col("sales_amount").desc())
    ranked = (
        totals.withColumn("rank_in_region", f.rank().over(by_amount))
        .withColumn("share_of_region", f.col("sales_amount") / f.sum("sales_amount").over(region))
        .withColumn("running_total", f.sum("sales_amount").over(by_amount))
    )
    ranked.write.jdbc(url, "pyspark_sales_aggregates", mode="overwrite", properties=properties)


def publish(spark, url: str, properties: dict, warehouse: dict) -> int:
    rows = spark.read.jdbc(url, "pyspark_sales_aggregates", properties=properties).toJSON().collect()
    send(warehouse, "DROP TABLE IF EXISTS pyspark_sales_aggregates")
    send(
        warehouse,
        "CREATE TABLE pyspark_sales_aggregates (region String, product_id Int32, sales_count Int64,"
        " sales_amount Decimal(18, 2), average_sale_amount Decimal(18, 6), rank_in_region Int32,"
        " share_of_region Decimal(18, 10), running_total Decimal(18, 2)) ENGINE = MergeTree ORDER BY (region, product_id)",
    )
    send(warehouse, "INSERT INTO pyspark_sales_aggregates FORMAT JSONEachRow", "\n".join(rows).encode())
    return len(rows)


def send(warehouse: dict, query: str, data: bytes = b"") -> None:
    address = f"http://{warehouse['host']}:{warehouse['port']}/?" + urllib.parse.urlencode({"query": query})
    request = urllib.request.Request(address, data=data, method="POST")
    request.add_header("X-ClickHouse-User", warehouse["user"])
    request.add_header("X-ClickHouse-Key", warehouse["password"])
    if warehouse["database"]:
        request.add_header("X-ClickHouse-Database", warehouse["database"])
    with urllib.request.urlopen(request) as answer:
        answer.read()


def main() -> None:
    rows, services, driver = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    shop = json.loads((services / "shop.json").read_text())["address"]
    warehouse = json.loads((services / "warehouse.json").read_text())["address"]
    url = f"jdbc:postgresql://{shop['host']}:{shop['port']}/{shop['database']}?reWriteBatchedInserts=true"
    properties = {"user": shop["user"], "password": shop["password"], "driver": "org.postgresql.Driver"}
    seconds = {}

    def timed(step, function, *arguments):
        begin = time.monotonic()
        result = function(*arguments)
        seconds[step] = round(time.monotonic() - begin, 2)
        return result

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sales.csv"
        timed("generate", generate, path, rows)
        spark = timed("start", start, driver)
        timed("clean_and_load", clean_and_load, spark, path, url, properties)
        timed("aggregate", aggregate, spark, url, properties)
        published = timed("publish", publish, spark, url, properties, warehouse)
        spark.stop()
    print(json.dumps({"rows": rows, "published": published, "seconds": seconds, "total_seconds": round(sum(seconds.values()), 2)}))
    sys.stdout.flush()
    os._exit(0)  # Spark's gateway threads would hold the process for seconds that are nobody's work


if __name__ == "__main__":
    main()
