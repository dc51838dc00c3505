"""tile.firm_category_month: amount and number of each category by firm and month, sparse."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def category_month(flows: DataFrame) -> DataFrame:
    """Measures of tile.firm_category_month: rows on the side the catalogue gives the category, own transfers included."""
    return (
        flows.where("sided").groupBy("firm_id", "month", "category").agg(F.sum("amt").alias("amt"), F.count("*").cast("int").alias("cnt"))
    )
