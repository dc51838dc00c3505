"""One Spark session for the whole run; every test gets a home of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lake.settings import Settings, load_settings

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
BERKA = Path(__file__).resolve().parents[2] / "shared" / "data" / "berka"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of the local profile in a fresh home."""
    return load_settings("local", tmp_path / "home")


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """The session all tests share: one shuffle partition, small memory."""
    from lake.session import spark_session

    base = load_settings("local", tmp_path_factory.mktemp("spark"))
    small = base.spark.model_copy(update={"shuffle_partitions": 2, "driver_memory": "3g"})
    session = spark_session(base.model_copy(update={"spark": small}), "liushui-tests", night=True)  # small data: one compiler is enough
    yield session
    session.stop()


@pytest.fixture
def lake(spark, settings: Settings):  # type: ignore[no-untyped-def]
    """Tables in a fresh home."""
    from lake.io import Lake

    yield Lake(spark, settings)
    spark.catalog.clearCache()
    for view in spark.catalog.listTables():
        if view.isTemporary:
            spark.catalog.dropTempView(view.name)


@pytest.fixture
def berka() -> Path:
    """Folder of the real ledger; the test is skipped where it does not lie beside the checkout."""
    if not BERKA.is_dir():
        pytest.skip(f"the Berka ledger is not at {BERKA}")
    return BERKA
