"""A changed meaning is a new version; the old one is in no table and stays computable."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import random_tiles

from features import catalogue, compiled, inputs, reference, retired
from jobs import docs_indicators, indicator_values
from lake.errors import ContractBroken, UsageError
from lake.tables import TABLES

NEW = "op_inflow_month_max_12m"
ROW = {"version": "1", "until": "2026-03-31", "reason": "it was the largest month of six"}


def row(name: str = NEW, **change: str) -> dict[str, str]:
    with catalogue.FILE.open(encoding="utf-8", newline="") as f:
        found = next(r for r in csv.DictReader(f) if r["name"] == name)
    return found | {"formula": "max(fm.op_in_amt,6)", "window": "6m"} | ROW | change


@pytest.fixture
def keep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Rows as the program's file of earlier versions."""

    def write(*rows: dict[str, str]) -> Path:
        path = tmp_path / "retired.csv"
        with path.open("w", encoding="utf-8", newline="") as f:
            writer = csv.DictWriter(f, row())
            writer.writeheader()
            writer.writerows(rows)
        monkeypatch.setattr(retired, "FILE", path)
        retired.load.cache_clear()
        return path

    yield write
    retired.load.cache_clear()


def test_the_programs_file_is_read_and_nothing_in_it_is_in_a_table() -> None:
    old = {r.compiled.indicator.name for r in retired.load()}
    assert not old & {c for t in TABLES.values() for c in t.names}


def test_an_earlier_version_is_computed_by_name_and_the_new_one_beside_it(keep, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    keep(row())
    assert (retired.version(NEW), retired.version("op_inflow_amt_1m")) == (2, 1)
    assert retired.find(f"{NEW}@2") is retired.find(NEW) is retired.find("FS022")
    rows = random_tiles.random_rows(3, 40)
    old, new = {}, {}
    for found, name in ((old, f"{NEW}@1"), (new, NEW)):
        file = tmp_path / "values.csv"
        indicator_values.values(random_tiles.tables(rows), retired.find(name), random_tiles.AS_OF, file)
        with file.open(encoding="utf-8", newline="") as f:
            found |= {r["firm_id"]: float(r[name]) if r[name] else None for r in csv.DictReader(f)}
    assert old != new and sum(v is not None for v in old.values()) > 10
    for firm, value in old.items():
        slow = reference.indicator(retired.find(f"{NEW}@1"), reference.Firm.of(rows, firm, random_tiles.AS_OF))
        assert (value is None) == (slow is None) and (value is None or math.isclose(value, slow, rel_tol=1e-9))
    assert f"{NEW}@1" not in {c.indicator.name for c in compiled.load()}


def test_peer_ranks_of_one_indicator_are_those_of_the_night(tmp_path: Path) -> None:
    rows = random_tiles.random_rows(5, 60)
    for k, r in enumerate(rows["registration"]):
        r |= {"industry_section": None if k % 9 == 0 else "C", "size_class": "MICRO"}
    c = retired.find("inflow_level_peer_pct_12m")
    indicator_values.values(random_tiles.tables(rows), c, random_tiles.AS_OF, tmp_path / "values.csv")
    with (tmp_path / "values.csv").open(encoding="utf-8", newline="") as f:
        found = {r["firm_id"]: float(r[c.indicator.name]) if r[c.indicator.name] else None for r in csv.DictReader(f)}
    place = {r["firm_id"]: (r["industry_section"], r["size_class"]) for r in rows["registration"]}
    group = [f for f, p in place.items() if p == ("C", "MICRO")]
    slow = reference.peer_pct([reference.indicator(c, reference.Firm.of(rows, f, random_tiles.AS_OF)) for f in group])
    assert len([v for v in slow if v is not None]) >= 20
    assert [found[f] for f in group] == [None if v is None else pytest.approx(v) for v in slow]
    assert all(found[f] is None for f, p in place.items() if p[0] is None)


def test_the_page_tells_the_earlier_meaning(keep) -> None:  # type: ignore[no-untyped-def]
    keep(row())
    text = docs_indicators.entry(retired.find(NEW))
    assert "version 1, until 2026-03-31: `max(fm.op_in_amt,6)`" in text and "changed because it was the largest month of six" in text
    assert f"{NEW}@1" in docs_indicators.entry(retired.find(f"{NEW}@1"))


def test_vectors_packed_under_another_meaning_are_told_apart(keep) -> None:  # type: ignore[no-untyped-def]
    keep()
    before = inputs.feature_hash()
    keep(row())
    assert inputs.feature_hash() != before


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([row(version="2")], r"versions of op_inflow_month_max_12m are \[2\], expected 1 to 1"),
        ([row(version="one")], "version is 'one'"),
        ([row(until="March")], "until is 'March'"),
        ([row(reason=" ")], "has no reason"),
        ([row(formula="max(fm.gone,6)")], "FS022: 'fm.gone'"),
        ([row(unit="ratio")], "yields fen, the row says ratio"),
        ([row(formula="max(fm.op_in_amt,12)", window="12m")], "two versions in a row have the same formula"),
        ([row(), row(version="2")], "two versions in a row"),
        ([row(formula="sum(fm.fx_in_amt,3)", window="3m", clock="day")], "no fm.fx_in_amt any more"),
    ],
)
def test_a_row_that_cannot_be_computed_any_more_is_refused(keep, rows: list[dict[str, str]], said: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ContractBroken, match=said):
        retired.read(keep(*rows))


def test_an_unknown_version_is_a_users_mistake() -> None:
    with pytest.raises(UsageError, match="op_inflow_amt_1m@7.*Close: op_inflow_amt_1m"):
        retired.find("op_inflow_amt_1m@7")
