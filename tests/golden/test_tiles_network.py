"""tile.network on small graphs drawn by hand."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from features.tiles.network import HUB_FIRMS, MEASURES
from jobs import tiles
from tests.support.silver import Silver
from tests.support.tiles import fresh_lake, rows

H = date(2024, 6, 30)
JAN, FEB, MAR, APR, MAY = (date(2024, m, 1) for m in (1, 2, 3, 4, 5))
SINCE = date(2020, 1, 1)
CNY = 100


def day(month: int, d: int) -> date:
    return date(2024, month, d)


class Graph:
    """Payments between firms with both legs, at hours of a day, and records of the registry known since 2020."""

    def __init__(self, silver: Silver) -> None:
        self.s = silver
        self.firms: set[str] = set()

    def firm(self, *names: str) -> None:
        for name in set(names) - self.firms:
            self.firms.add(name)
            self.s.account(f"A-{name}", name, is_history=True).balance(f"A-{name}", day(1, 1), 0, firm_id=name)

    def pay(
        self, payer: str, payee: str, on: date, cny: int, hour: int = 10, category: str = "supplier_payment", back: str = "sales_receipt"
    ) -> None:
        self.firm(payer, payee)
        at = datetime(on.year, on.month, on.day, hour)
        for firm, other, side, name in ((payer, payee, "D", category), (payee, payer, "C", back)):
            self.s.txn(on, cny * CNY, name, side, account_id=f"A-{firm}", firm_id=firm, cpty_id=other, txn_ts=at)

    def holder(self, firm: str, party: str, pct: str, kind: str = "PERSON", since: date = SINCE, until: date | None = None) -> None:
        self.s.row(
            "reg_shareholder",
            firm_id=firm,
            party_id=party,
            party_kind=kind,
            holding_pct=Decimal(pct),
            valid_from=since,
            valid_to=until,
            known=since,
        )

    def person(self, firm: str, party: str, role: str = "LEGAL_REP", known: date = SINCE) -> None:
        self.s.row("reg_key_person", firm_id=firm, party_id=party, role=role, valid_from=SINCE, known=known)

    def guarantee(self, a: str, b: str, since: date = SINCE, until: date | None = None) -> None:
        self.s.row("loan_guarantee", contract_no=f"{a}{b}", guarantor_id=a, obligor_id=b, balance_fen=1, start_date=since, end_date=until, known=since)  # fmt: skip


def money(g: Graph) -> None:
    # a ring of three: 30, 20 and 25 thousand in a week, then once more from the second firm on
    g.pay("R1", "R2", day(1, 8), 30_000)
    g.pay("R2", "R3", day(1, 10), 20_000)
    g.pay("R3", "R1", day(1, 15), 25_000)
    g.pay("R1", "R2", day(1, 16), 40_000)
    # a ring of four is no loop
    for k, (a, b) in enumerate((("Q1", "Q2"), ("Q2", "Q3"), ("Q3", "Q4"), ("Q4", "Q1"))):
        g.pay(a, b, day(1, 8 + k), 30_000)
    # broken: the last payment comes on the eighth day; the middle one before the first; too small; wages
    for a, days, cny in (("B", (8, 10, 16), 30_000), ("C", (10, 8, 12), 30_000), ("D", (8, 10, 12), 9_999)):
        for k, d in enumerate(days):
            g.pay(f"{a}{k}", f"{a}{(k + 1) % 3}", day(1, d), cny)
    g.pay("W1", "W2", day(1, 8), 30_000, category="wage")
    g.pay("W2", "W1", day(1, 9), 30_001)
    # there and back: the return of two payments counts once; money back within the day; over the end of a month
    g.pay("T1", "T2", day(1, 8), 50_000)
    g.pay("T1", "T2", day(1, 9), 60_000)
    g.pay("T2", "T1", day(1, 10), 70_000)
    g.pay("H1", "H2", day(1, 8), 50_000, hour=9)
    g.pay("H2", "H1", day(1, 8), 20_000, hour=11)
    g.pay("M1", "M2", day(1, 28), 50_000)
    g.pay("M2", "M1", day(2, 3), 20_000)
    # a middle firm without accounts here: the payer tells the payment between, so there and back is seen, three are not
    g.s.txn(day(1, 8), 30_000 * CNY, "supplier_payment", "D", account_id="A-T1", firm_id="T1", cpty_id="OUT")
    g.s.txn(day(1, 9), 10_000 * CNY, account_id="A-T1", firm_id="T1", cpty_id="OUT")


def mirrors(g: Graph) -> None:
    g.pay("P1", "P2", day(1, 8), 50_000, hour=9)
    g.pay("P2", "P1", day(1, 8), 50_000, hour=15)  # the same day
    g.pay("P1", "P2", day(1, 9), 50_000)  # alone: the other two met
    g.pay("P1", "P2", day(1, 20), 80_000)
    g.pay("P2", "P1", day(1, 23), 80_000)  # the third day
    g.pay("P1", "P2", day(2, 5), 90_000)
    g.pay("P2", "P1", day(2, 9), 90_000)  # the fourth day
    g.pay("P1", "P2", day(2, 28), 70_000)
    g.pay("P2", "P1", day(3, 1), 70_000)  # month of the later row
    g.pay("P1", "P2", day(3, 10), 60_000)
    g.pay("P2", "P1", day(3, 10), 60_001, hour=12)  # not equal
    g.pay("P1", "P2", day(3, 20), 9_999)
    g.pay("P2", "P1", day(3, 20), 9_999, hour=12)  # too small


def relations(g: Graph) -> None:
    g.firm("F1", "F2", "F3", "F4", "F5", "F6", "N1", "N2")
    g.person("F1", "P1")
    g.person("F2", "P1", "DIRECTOR")  # one person: two steps
    g.holder("F3", "F2", "0.2", kind="FIRM")  # F2 holds 20 % of F3: one step; F1 to F3 would be three
    g.holder("F4", "F2", "0.199999", kind="FIRM")  # too little
    g.holder("F5", "F1", "0.5", kind="FIRM", until=day(2, 10))  # until February
    g.person("F6", "P1", known=day(3, 6))  # known a day after February closed
    g.s.row("court_dishonest", case_no="D1", party_id="F2", publish_date=day(2, 20), end_date=day(4, 10), known=day(2, 21))
    own = {"lender_id": "BK", "loan_no": "L3", "firm_id": "F2"}
    g.s.row("loan_performance", month_end=day(1, 31), dpd=89, known=day(2, 1), **own)
    g.s.row("loan_performance", month_end=day(2, 29), dpd=90, known=day(3, 1), **own)
    g.s.row("loan_performance", month_end=day(3, 31), dpd=120, known=day(4, 7), **own)  # after March closed
    for k in range(HUB_FIRMS + 1):  # an agency that acts for 51 firms, and a holding that has exactly 50
        g.person(f"X{k}", "AGENCY", "MANAGER")
        if k < HUB_FIRMS:
            g.holder(f"Y{k}", "HOLDING", "0.5", kind="FIRM")
    g.firm("X0", "X1", "Y0", "HOLDING")
    # a chain that closes to a ring, and one firm beside it whose guarantee ends
    for a, b in (("G1", "G2"), ("G2", "G3"), ("G3", "G1"), ("G4", "G5")):
        g.firm(a, b)
        g.guarantee(a, b)
    g.guarantee("G4", "G1", until=day(3, 15))


def risks(g: Graph) -> None:
    g.firm("N1")
    g.s.row("court_dishonest", case_no="D2", party_id="N9", publish_date=day(2, 10), end_date=day(3, 10), known=day(2, 11))
    g.s.row("reg_abnormal", event_id="E1", firm_id="N8", kind="abnormal", event_date=day(2, 10), known=day(2, 11))
    g.s.row("reg_enterprise", firm_id="N7", status="CANCELLED", valid_from=day(2, 10), known=day(4, 10))
    on = {"account_id": "A-N1", "firm_id": "N1"}
    for other, d, fen in [("N9", day(2, 9), 1), ("N9", day(2, 10), 10), ("N9", day(3, 10), 100), ("N8", day(2, 11), 1000), ("N7", day(2, 12), 10_000), ("N7", day(4, 12), 100_000)]:  # fmt: skip
        g.s.txn(d, fen, cpty_id=other, **on)
        g.s.txn(d, 2 * fen, "logistics", "D", cpty_id=other, **on)
        g.s.txn(d, 5 * fen, "rent", "D", cpty_id=other, **on)


@pytest.fixture(scope="module")
def world(spark, tmp_path_factory):  # type: ignore[no-untyped-def]
    lake = fresh_lake(spark, tmp_path_factory, "network")
    g = Graph(Silver(lake.settings, H))
    for part in (money, mirrors, relations, risks):
        part(g)
    g.s.write()
    tiles.run(lake, H, history=True)
    return lake


@pytest.fixture(scope="module")
def found(world):  # type: ignore[no-untyped-def]
    table = rows(world, "network")
    return lambda firm, month, column: table.get((firm, month), dict.fromkeys(MEASURES, 0))[column]


@pytest.mark.parametrize(
    ("firm", "month", "amount", "n"),
    [
        ("R1", JAN, 20_000, 1), ("R2", JAN, 20_000, 1), ("R3", JAN, 0, 0),
        *((f"{x}{k}", JAN, 0, 0) for x, n in (("Q", (1, 2, 3, 4)), ("B", (0, 1)), ("C", (0, 1, 2)), ("D", (0, 1, 2))) for k in n),
        ("T1", JAN, 60_000, 2), ("T2", JAN, 0, 0), ("H1", JAN, 20_000, 1), ("H2", JAN, 0, 0),
        ("M1", JAN, 0, 0), ("M1", FEB, 20_000, 1), ("W1", JAN, 0, 0), ("W2", JAN, 0, 0),
    ],
)  # fmt: skip
def test_loops(found, firm: str, month: date, amount: int, n: int) -> None:  # type: ignore[no-untyped-def]
    assert (found(firm, month, "circ_amt"), found(firm, month, "circ_cnt")) == (amount * CNY, n)


@pytest.mark.parametrize("firm", ["P1", "P2"])
def test_mirror_pairs(found, firm: str) -> None:  # type: ignore[no-untyped-def]
    assert [found(firm, m, "mirror_cnt") for m in (JAN, FEB, MAR, APR)] == [2, 0, 1, 0]


def test_related_firms(found) -> None:  # type: ignore[no-untyped-def]
    assert [found(f, JAN, "n_related") for f in ("F1", "F2", "F3", "F4", "F5", "F6")] == [2, 2, 1, 0, 1, 0]
    assert [found(f, FEB, "n_related") for f in ("F1", "F5", "F6")] == [1, 0, 0], "a holding ended; a representative is known too late"
    assert [found(f, MAR, "n_related") for f in ("F1", "F2", "F6")] == [2, 3, 2]
    assert [found(f, JAN, "n_related") for f in ("X0", "Y0", "HOLDING")] == [0, HUB_FIRMS, HUB_FIRMS]


def test_related_firms_in_trouble(found) -> None:  # type: ignore[no-untyped-def]
    assert [found("F1", m, "n_rel_default") for m in (JAN, FEB, MAR)] == [0, 1, 0]
    assert [found("F1", m, "n_rel_dishonest") for m in (JAN, FEB, MAR, APR)] == [0, 1, 1, 0]
    assert found("F2", FEB, "n_rel_default") == 0, "its own arrears are not those of a related firm"


def test_guarantee_circle(found) -> None:  # type: ignore[no-untyped-def]
    assert [found(f, FEB, "guar_circle_n") for f in ("G1", "G3", "G4", "G5", "F1")] == [5, 5, 5, 5, 0]
    assert [found(f, MAR, "guar_circle_n") for f in ("G1", "G3", "G4", "G5")] == [3, 3, 2, 2]


def test_risky_counterparties(found) -> None:  # type: ignore[no-untyped-def]
    assert [found("N1", m, "risky_payer_amt") for m in (FEB, MAR, APR)] == [1010, 0, 100_000]
    assert [found("N1", m, "risky_payee_amt") for m in (FEB, MAR, APR)] == [2020, 0, 200_000]


def test_a_row_says_something_or_is_not_there(world) -> None:  # type: ignore[no-untyped-def]
    assert all(any(r[m] for m in MEASURES) for r in rows(world, "network").values())


def test_a_night_restates_the_months_a_late_payment_reaches(world) -> None:  # type: ignore[no-untyped-def]
    """The missing payment between B1 and B2's neighbours comes late: the loop of the payer of its payer appears, and nothing else."""
    before, night = rows(world, "network"), H + timedelta(days=1)
    s = Silver(world.settings, night)
    g = Graph(s)
    g.firms = {"B0", "B2", "P1"}
    g.pay("B2", "B0", day(1, 15), 30_000)
    s.txn(
        day(1, 20), 80_000 * CNY, "supplier_payment", "D", account_id="A-P1", firm_id="P1", cpty_id="P2", txn_no="T-none", is_reversed=True
    )
    s.write()
    tiles.run(world, night)
    after = rows(world, "network")
    changed = {k for k in before.keys() | after.keys() if before.get(k) != after.get(k)}
    assert changed == {("B0", JAN)}
    assert (after["B0", JAN]["circ_amt"], after["B0", JAN]["circ_cnt"], after["B0", JAN]["tile_version"]) == (30_000 * CNY, 1, 20240701)
    assert rows(world, "network", at=H).keys() == before.keys()
