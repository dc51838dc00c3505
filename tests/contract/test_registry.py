"""The registry is sound, the rooms keep to themselves, and the product stands alone."""

from __future__ import annotations

import ast
import csv
import re
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

from lake.schemas import derived
from lake.tables import DIMENSIONS, TABLES, parse_columns

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("dags", "jobs", "expectations", "features", "models", "lake", "simulator")
TYPE = re.compile(r"string|int|bigint|double|boolean|date|timestamp|decimal\(\d+,\d+\)|map<.+>|array<.+>")


@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_table_has_meaning_types_and_keys(name: str) -> None:
    t = TABLES[name]
    names = t.names
    assert t.meaning and len(set(names)) == len(names)
    assert set(t.key) <= set(names) and set(t.partition) <= set(names)
    for c in t.columns:
        assert TYPE.fullmatch(c.type), c
        assert c.meaning, f"{name}.{c.name} has no meaning"
    for c in t.columns:
        if t.layer == "bronze":
            continue  # as sent: text
        if c.name.endswith(("_minor", "_fen")):
            assert c.type == "bigint", f"{name}.{c.name}: money is BIGINT minor units"
        if c.name.endswith("_date"):
            assert c.type == "date", f"{name}.{c.name}"


def test_catalogue_has_the_given_numbers() -> None:
    rows = derived.catalogue()
    assert len(rows) == 370 and tuple(derived.dimensions()) == DIMENSIONS
    for column in ("id", "name", "name_zh"):
        assert len({r[column] for r in rows}) == 370, column
    flow = [r for r in rows if r["dimension"] in DIMENSIONS[:6]]
    assert len(flow) == 264
    features = sum(len(TABLES[f"feature.{d}"].names) - 4 for d in DIMENSIONS)
    assert features == 370


def test_schema_lines_must_have_a_type() -> None:
    assert [(c.name, c.type, c.nullable) for c in parse_columns("a bigint! money\nb string x")] == [
        ("a", "bigint", False),
        ("b", "string", True),
    ]
    with pytest.raises(ValueError):
        parse_columns("lonely")


def test_no_installed_package_shadows_a_room() -> None:
    # a distribution that ships one of our top-level names would silently win or lose against ours
    clashes = [
        (d.metadata["Name"], f)
        for d in distributions()
        if d.metadata["Name"] != "liushui"
        for f in d.files or []
        if str(f).split("/")[0] in ROOMS and str(f).endswith("__init__.py") and str(f).count("/") == 1
    ]
    assert not clashes


def test_rooms_are_importable_from_elsewhere(tmp_path: Path) -> None:
    found = subprocess.run([sys.executable, "-c", "import jobs.runner, lake.tables"], cwd=tmp_path, capture_output=True, text=True)
    assert (found.returncode, found.stderr) == (0, "")


def test_registry_needs_the_standard_library_only() -> None:
    code = (
        "import sys; import lake.tables; bad=[m for m in ('pyspark','pandas','numpy','pyarrow') if m in sys.modules]; sys.exit(bool(bad))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_no_path_of_a_table_outside_the_registry() -> None:
    layers = {t.layer for t in TABLES.values()}
    found = []
    for room in ("jobs", "expectations", "features", "models", "dags"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.Constant)
                    and isinstance(node.value, str)
                    and re.fullmatch(rf"(lake/)?({'|'.join(layers)})/\w+", node.value)
                ):
                    found.append(f"{path.relative_to(ROOT)}: {node.value}")
    assert not found, found


def test_reference_tables_say_where_they_come_from() -> None:
    files = sorted((ROOT / "conf" / "ref").glob("*.csv"))
    assert files
    for path in files:
        first, *rest = path.read_text(encoding="utf-8").splitlines()
        assert first.startswith("# source:"), f"{path.name} has no source line"
        rows = list(csv.reader(x for x in rest if not x.startswith("#")))
        assert len({len(r) for r in rows}) == 1, f"{path.name}: rows of different length"
