"""A column expectation on unified social credit codes, for suites of our own and for analysts. Spark built-ins, no UDF."""

from __future__ import annotations

from typing import Any

from great_expectations.execution_engine.sparkdf_execution_engine import SparkDFExecutionEngine
from great_expectations.expectations.expectation import ColumnMapExpectation
from great_expectations.expectations.metrics.map_metric_provider.column_condition_partial import column_condition_partial
from great_expectations.expectations.metrics.map_metric_provider.column_map_metric_provider import ColumnMapMetricProvider
from pyspark.sql import Column

from expectations.uscc import uscc_ok, uscc_shape


class ColumnValuesValidUscc(ColumnMapMetricProvider):
    """Which values of a column are valid codes; nulls are left out as in every column map metric."""

    condition_metric_name = "column_values.valid_uscc"
    condition_value_keys = ("level",)

    @column_condition_partial(engine=SparkDFExecutionEngine)
    def _spark(cls, column: Column, level: str = "check", **kwargs: Any) -> Column:
        return uscc_shape(column) if level == "shape" else uscc_ok(column)


class ExpectColumnValuesToBeValidUscc(ColumnMapExpectation):
    """Values are unified social credit codes: of the right shape (`level` shape), with the right check character (check)."""

    map_metric = "column_values.valid_uscc"
    success_keys = ("mostly", "level")
    level: str = "check"
