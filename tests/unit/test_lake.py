"""Writing and reading: schema, partitions, versions, locks, knowledge time."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from pyspark.sql import functions as F

from lake import store
from lake.arrow import arrow_schema
from lake.clock import SHANGHAI, closed_on, cut_off, known_at, latest_closed_month
from lake.errors import ConfigError, ContractBroken
from lake.io import Lake
from lake.settings import Settings, load_settings
from lake.tables import TABLES, table

D1, D2 = date(2026, 9, 13), date(2026, 9, 14)


def gate(lake: Lake, day: date, *observed: int):  # type: ignore[no-untyped-def]
    rows = [("night", "flows", "C1", "warning", "quarantine", False, n, "", day) for n in observed]
    return lake.spark.createDataFrame(rows, table("dq.gate").ddl)


def test_a_partition_is_replaced_and_its_neighbours_are_not(lake: Lake) -> None:
    lake.overwrite_partition("dq.gate", gate(lake, D1, 1, 2), as_of=D1, source="flows")
    lake.overwrite_partition("dq.gate", gate(lake, D2, 3), as_of=D2, source="flows")
    lake.overwrite_partition("dq.gate", gate(lake, D2, 4, 5), as_of=D2, source="flows")
    assert sorted(r.observed for r in lake.read("dq.gate").collect()) == [1, 2, 4, 5]


def test_rows_of_another_partition_are_refused(lake: Lake) -> None:
    lake.overwrite_partition("dq.gate", gate(lake, D1, 1), as_of=D1, source="flows")
    with pytest.raises(Exception, match="REPLACE_WHERE"):
        lake.overwrite_partition("dq.gate", gate(lake, D2, 9), as_of=D1, source="flows")
    assert [r.observed for r in lake.read("dq.gate").collect()] == [1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda df: df.drop("message"), "Missing: \\['message'\\]"),
        (lambda df: df.withColumn("extra", F.lit(1)), "Not registered: \\['extra'\\]"),
        (lambda df: df.withColumn("observed", F.col("observed").cast("int")), "expected bigint, found int"),
    ],
)
def test_rows_that_do_not_fit_the_registry_are_refused(lake: Lake, change, said: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ContractBroken, match=said):
        lake.overwrite_partition("dq.gate", change(gate(lake, D1, 1)), as_of=D1, source="flows")
    assert not lake.exists("dq.gate")


def test_null_in_a_column_that_is_never_null_is_refused(lake: Lake) -> None:
    df = gate(lake, D1, 1).withColumn("expectation", F.when(F.lit(False), F.lit("x")))
    with pytest.raises(Exception, match="NOT_NULL|NOT NULL"):
        lake.overwrite_partition("dq.gate", df, as_of=D1, source="flows")


def test_time_travel_reads_the_old_version(lake: Lake) -> None:
    first = lake.overwrite_partition("dq.gate", gate(lake, D1, 1), as_of=D1, source="flows")
    lake.overwrite_partition("dq.gate", gate(lake, D1, 2), as_of=D1, source="flows")
    assert [r.observed for r in lake.read("dq.gate", version=first).collect()] == [1]


def test_current_takes_the_highest_version_known_then(lake: Lake) -> None:
    name = "silver.loan_query"
    t = table(name)
    base = {"query_id": "q", "firm_id": "f", "lender_id": "l", "purpose": "OTHER", "query_date": D1, "provider_id": "p", "submission_id": "s",
            "ingested_at": datetime(2026, 9, 13, tzinfo=SHANGHAI), "is_history": False}  # fmt: skip
    for version, day in ((0, D1), (1, D2)):
        row = base | {"row_version": version, "available_at": cut_off(day).replace(tzinfo=SHANGHAI), "as_of": day}
        lake.overwrite_partition(name, lake.spark.createDataFrame([tuple(row[c] for c in t.names)], t.ddl), as_of=day)
    assert [r.row_version for r in lake.current(name).collect()] == [1]
    assert [r.row_version for r in lake.current(name, known_by=known_at(D1)).collect()] == [0]


def test_every_table_opens_in_delta_rs_duckdb_and_spark(lake: Lake) -> None:
    for name, t in TABLES.items():
        store.create(lake.settings, name)
        delta = DeltaTable(lake.uri(name))
        assert delta.to_pyarrow_table().schema.names == t.names
        assert (delta.protocol().min_reader_version, delta.protocol().min_writer_version <= 3) == (1, True), name
    con = duckdb.connect()
    con.register("t", store.read(lake.settings, "score.firm_score"))
    assert con.execute("SELECT count(*) FROM t").fetchone() == (0,)
    by_spark = lake.spark.read.format("delta").load(lake.uri("score.firm_score"))
    assert by_spark.schema.simpleString() == lake.read("score.firm_score").schema.simpleString()


def test_a_second_writer_waits_and_is_then_refused(settings: Settings) -> None:
    with store.lock(settings, "dq.gate"), pytest.raises(ConfigError, match="another process holds"):
        code = f"from lake import store; from lake.settings import load_settings\nwith store.lock(load_settings('local', {str(settings.home)!r}), 'dq.gate', 0.2): pass"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2])
        assert done.returncode == 1
        raise ConfigError(done.stderr.strip().splitlines()[-1])


def test_ledger_rows_are_checked(settings: Settings) -> None:
    with pytest.raises(ContractBroken, match="ops.run: columns differ"):
        store.replace(settings, "ops.run", pa.table({"job": ["x"]}), None)
    assert arrow_schema(table("ops.run")).names == table("ops.run").names


def test_settings_name_the_wrong_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LIUSHUI__SPARK__DRIVER_MEMROY", "4g")
    with pytest.raises(ConfigError, match="spark.driver_memroy"):
        load_settings("local", tmp_path)
    monkeypatch.delenv("LIUSHUI__SPARK__DRIVER_MEMROY")
    monkeypatch.setenv("LIUSHUI__SPARK__SHUFFLE_PARTITIONS", "3")
    assert load_settings("local", tmp_path).spark.shuffle_partitions == 3
    with pytest.raises(ConfigError, match=r"no profile 'moon'.*Known: cluster, local"):
        load_settings("moon", tmp_path)


@pytest.mark.parametrize(
    ("day", "month"),
    [(date(2026, 9, 4), date(2026, 7, 1)), (date(2026, 9, 5), date(2026, 8, 1)), (date(2026, 9, 14), date(2026, 8, 1)), (date(2026, 1, 4), date(2025, 11, 1)), (date(2025, 3, 5), date(2025, 2, 1))],
)  # fmt: skip
def test_a_month_closes_on_the_fifth_day_after_its_end(day: date, month: date) -> None:
    assert latest_closed_month(day) == month
    assert closed_on(month) <= day


def test_a_partition_value_that_looks_like_a_number_is_read_back_as_written(lake: Lake) -> None:
    row = {"release_id": "20250705.10", "firm_id": "F1", "snapshot_date": date(2025, 7, 5), "event_timestamp": datetime(2025, 7, 6, 6, tzinfo=UTC),
           "sample_kind": "behaviour", "segment": "THIN", "credit_invisible": False, "split": "train", "is_oot": False, "digest": "d"}  # fmt: skip
    store.replace(lake.settings, "sample.frame", store.rows_of("sample.frame", [row]), None)
    assert [r.release_id for r in lake.read("sample.frame").collect()] == ["20250705.10"]


def test_a_process_that_ends_right_after_reading_ends_well(settings: Settings) -> None:
    """With the file system of delta-rs one process of two aborted."""
    store.replace(
        settings,
        "dq.gate",
        store.rows_of("dq.gate", [dict(zip(table("dq.gate").names, ("c", "flows", "C1", "info", "info", True, 0, "", D1)))]),
        None,
    )
    code = f"from lake import store; from lake.settings import load_settings; print(store.read(load_settings(home={str(settings.home)!r}), 'dq.gate').num_rows)"
    ends = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False) for _ in range(6)]
    assert [(e.returncode, e.stdout) for e in ends] == [(0, "1\n")] * 6
