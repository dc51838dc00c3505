"""The generated ledger: independent of blocks, threads and memory, both legs agree, balances chain, and as many defaults as the design says."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from duckdb import DuckDBPyConnection

from simulator import build, database, distress, firms, loans, province
from simulator.database import connect, keep
from simulator.layout import Layout
from simulator.params import PRESETS, Params, month_no
from simulator.purposes import KINDS

P = replace(PRESETS["unit"], firms=120, months=3, txns=30)
RATE = 0.053
"""Share of the observations at a quarter end that turn bad within 12 months (domain G)."""


def no(*names: str) -> str:
    return ", ".join(str(KINDS[n].no) for n in names)


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBPyConnection]:
    with connect(tmp_path_factory.mktemp("work")) as con:
        province.generate(con, P)
        province.book(con, P, P.first_m, P.end_m)
        yield con


def one(con: DuckDBPyConnection, query: str) -> Any:
    (found,) = con.execute(query).fetchall()
    return found


def test_rows_do_not_depend_on_blocks(generated: DuckDBPyConnection) -> None:
    whole = database.rows(generated, "SELECT * FROM booked ORDER BY m, bank, acct, pos")
    assert whole.num_rows > 10_000
    cursor = generated.cursor()
    for m in range(P.first_m, P.end_m + 1):
        province.book(cursor, P, m, m)
        part = database.rows(cursor, "SELECT * FROM booked ORDER BY m, bank, acct, pos")
        assert part.num_rows and part.equals(whole.slice(0, part.num_rows))
        whole = whole.slice(part.num_rows)
    assert whole.num_rows == 0


def digests(home: Path) -> dict[str, str]:
    files = (x for x in home.rglob("*") if x.is_file())
    return {str(x.relative_to(home)): hashlib.sha256(x.read_bytes()).hexdigest() for x in files}


def test_files_do_not_depend_on_threads_memory_or_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build.build(P, tmp_path / "first")
    blocks = province.blocks
    monkeypatch.setattr(province, "blocks", lambda p: blocks(p, 1))
    monkeypatch.setattr(build, "connect", lambda work, memory: connect(work, memory, threads=2))
    build.build(P, tmp_path / "second", memory="400m", threads=3)
    first, second = digests(tmp_path / "first"), digests(tmp_path / "second")
    assert len(first) > 500
    assert first == second


def test_both_legs_of_a_payment_inside_agree(generated: DuckDBPyConnection) -> None:
    inside = f"FROM booked WHERE cpty BETWEEN 0 AND {Layout(P).outside - 1}"
    columns = "m, day, pos >> 30 AS second"
    paid = f"SELECT acct AS payer, cpty AS payee, -s AS amount, {columns} {inside} AND kind IN ({no('PURCHASE', 'RELATED_OUT')})"
    got = f"SELECT cpty AS payer, acct AS payee, s AS amount, {columns} {inside} AND kind IN ({no('SALES', 'RELATED_IN')})"
    for a, b in ((paid, got), (got, paid)):
        assert one(generated, f"SELECT count(*) FROM ({a} EXCEPT ALL {b})") == (0,)
    assert one(generated, f"SELECT count(*) > 500 FROM ({paid})") == (True,)


def test_balances_chain_and_sequence_numbers_have_no_gap(generated: DuckDBPyConnection) -> None:
    rows = "SELECT *, lag(after) OVER (PARTITION BY acct ORDER BY m, pos) AS before FROM booked"
    assert one(generated, f"SELECT count(*) FROM ({rows}) WHERE after < 0 OR before IS NOT NULL AND before + s <> after") == (0,)
    days = "SELECT max(seq) - count(DISTINCT seq) AS gap, count_if(last) AS ends FROM booked GROUP BY acct, m, day"
    assert one(generated, f"SELECT count(*) FROM ({days}) WHERE gap <> 0 OR ends <> 1") == (0,)
    assert one(generated, "SELECT count(seq) - count(DISTINCT (acct, m, pos)) FROM booked WHERE seq IS NOT NULL") == (0,)


def test_amounts_are_whole_minor_units(generated: DuckDBPyConnection) -> None:
    """A sum of doubles would depend on the order of the rows, and show as decimals in currencies that have none."""
    types = {name: kind for name, kind, *_ in generated.execute("DESCRIBE booked").fetchall()}
    assert {types[c] for c in ("pos", "s", "after", "ref")} == {"BIGINT"}
    assert {types[c] for c in ("acct", "m", "day", "seq", "cpty")} == {"INTEGER"}


def test_blocks_cover_every_month_once() -> None:
    for p in (P, PRESETS["ci"], PRESETS["load"]):
        months = [m for a, b in province.blocks(p) for m in range(a, b + 1)]
        assert months == list(range(p.first_m, p.end_m + 1))


def population(con: DuckDBPyConnection, p: Params) -> None:
    """Firms, defaults and loans, without the months of the firms."""
    keep(con, "firm", firms.firms(p))
    keep(con, "defaulted", distress.defaults(p))
    keep(con, "distress", distress.distress(p))
    keep(con, "contract", loans.contracts(p))


def test_default_rate_at_every_quarter_end(tmp_path: Path) -> None:
    """Firms with a loan open on the 5th day after a quarter end, not bad in the year before nor cured within six months.

    Bad: 90 days past due on any loan within the 12 months after; that day (tau) lies in the third month after the first miss.
    """
    p = replace(PRESETS["ci"], firms=20_000)
    quarters = [m for m in range(p.first_m + 6, month_no(p.end) - 13) if m % 3 == 2]
    with connect(tmp_path) as con:
        population(con, p)
        held = f"SELECT DISTINCT f, q FROM contract, (SELECT unnest({quarters}) AS q) WHERE grant_m <= q AND q < grant_m + term AND (miss_m IS NULL OR q < miss_m + 3)"
        past = "SELECT f, miss_m + 3 AS tau, miss_m + 3 + cure_m AS cured FROM defaulted"
        seen = f"SELECT * FROM ({held}) a ANTI JOIN ({past}) b ON a.f = b.f AND tau <= q AND (tau > q - 12 OR cured > q - 6)"
        bad = f"SELECT * FROM ({seen}) a SEMI JOIN (SELECT f, miss_m + 3 AS tau FROM contract) b ON a.f = b.f AND tau > q AND tau <= q + 12"
        n, k = (dict(con.execute(f"SELECT q, count(*) FROM ({x}) GROUP BY q").fetchall()) for x in (seen, bad))
    rates = {q: round(k[q] / n[q], 4) for q in quarters}
    assert len(quarters) >= 8 and min(n.values()) > 5_000
    assert all(0.8 * RATE <= r <= 1.2 * RATE for r in rates.values()), rates
