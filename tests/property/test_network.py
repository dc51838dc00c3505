"""tile.network: Spark and plain Python agree on random small graphs with ties, hubs, gaps and late knowledge."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from features.tiles import network, network_flows
from jobs.tiles_lake import tile_lake
from lake.clock import CLOSE_AFTER_DAYS, closed_on, month_end
from lake.io import Lake, local_rows
from tests.support.network_oracle import OPEN, World

MONTHS = [date(2024, 1, 1), date(2024, 2, 1), date(2024, 3, 1)]
GRAPHS = 60
HUB, RETURNS = 3, 3
FLOW = "firm_id string, cpty_id string, biz_date date, ts bigint, txn_key string, credit boolean, amt bigint, category string, month date, receipt boolean, supply boolean, e boolean"
DDL = {
    "reg_shareholder": "firm_id string, party_id string, party_kind string, holding_pct decimal(9,6), valid_from date, valid_to date",
    "reg_key_person": "firm_id string, party_id string, role string, valid_from date, valid_to date",
    "court_dishonest": "party_id string, publish_date date, end_date date",
    "loan_performance": "firm_id string, month_end date, dpd int",
    "loan_guarantee": "guarantor_id string, obligor_id string, start_date date, end_date date",
    "reg_enterprise": "firm_id string, status string, valid_from date, valid_to date",
    "reg_abnormal": "firm_id string, event_date date, end_date date",
}  # fmt: skip


def _flows(r: random.Random, firms: list[str], others: list[str]) -> Iterable[dict[str, Any]]:
    first = date(2024, 1, 1) + timedelta(days=r.randrange(70))
    for k in range(r.randrange(5, 60)):
        day = first + timedelta(days=r.randrange(16))
        firm, cpty, credit = r.choice(firms), r.choice([*firms, *firms, *others, None]), r.random() < 0.5
        category = r.choice(
            ["sales_receipt", "sales_receipt", "interest_income"]
            if credit
            else ["supplier_payment", "supplier_payment", "wage", "logistics"]
        )
        row = {
            "firm_id": firm, "cpty_id": cpty, "biz_date": day, "ts": day.toordinal() * 86400 + r.choice([0, 0, 3600, -90000]), "credit": credit,
            "txn_key": f"{r.randrange(10**6):06}-{firm}-{k}", "amt": r.choice([1_000_000, 1_000_000, 2_000_000, 999_999]), "category": category,
            "month": day.replace(day=1), "receipt": category == "sales_receipt", "supply": category in ("supplier_payment", "logistics"), "e": r.random() < 0.97,
        }  # fmt: skip
        yield row
        if cpty in firms and r.random() < 0.8:  # the other leg
            yield row | {"firm_id": cpty, "cpty_id": firm, "credit": not credit, "txn_key": "x" + row["txn_key"], "category": "other_in" if not credit else "other_out", "receipt": False, "supply": False}  # fmt: skip


def _records(r: random.Random, firms: list[str], others: list[str]) -> Iterable[tuple[str, dict[str, Any]]]:
    def day() -> date:
        return date(2023, 12, 1) + timedelta(days=r.randrange(140))

    def span(begin: str, end: str) -> dict[str, Any]:
        since, known = day(), day()
        until = since + timedelta(days=r.randrange(60)) if r.random() < 0.4 else None
        to = known + timedelta(days=r.randrange(1, 60)) if r.random() < 0.3 else OPEN
        return {begin: since, end: until, "known_from": known, "known_to": to}

    every = [*firms, *others]
    for _ in range(r.randrange(12)):
        kind = r.choice(["FIRM", "PERSON"])
        party = r.choice(every if kind == "FIRM" else others)
        yield "reg_shareholder", {"firm_id": r.choice(firms), "party_id": party, "party_kind": kind, "holding_pct": Decimal(r.choice(["0.2", "0.19", "0.9"]))} | span("valid_from", "valid_to")  # fmt: skip
        yield (
            "reg_key_person",
            {"firm_id": r.choice(every), "party_id": r.choice(others), "role": "MANAGER"} | span("valid_from", "valid_to"),
        )
    for _ in range(r.randrange(9)):
        yield "loan_guarantee", {"guarantor_id": r.choice(every), "obligor_id": r.choice(every)} | span("start_date", "end_date")
        yield "court_dishonest", {"party_id": r.choice(every)} | span("publish_date", "end_date")
        yield (
            "reg_enterprise",
            {"firm_id": r.choice(every), "status": r.choice(["ACTIVE", "REVOKED", "CANCELLED"])} | span("valid_from", "valid_to"),
        )
        yield "reg_abnormal", {"firm_id": r.choice(every)} | span("event_date", "end_date")
        known = {k: v for k, v in span("a", "b").items() if k.startswith("known")}
        yield (
            "loan_performance",
            {"firm_id": r.choice(every), "month_end": month_end(r.choice(MONTHS)), "dpd": r.choice([89, 90, 200])} | known,
        )


def test_random_graphs(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    spark = lake.spark
    monkeypatch.setattr(network, "HUB_FIRMS", HUB)
    monkeypatch.setattr(network_flows, "RETURNS_SEEN", RETURNS)
    flows: list[dict[str, Any]] = []
    records: dict[str, list[dict[str, Any]]] = {name: [] for name in DDL}
    worlds: dict[str, World] = {}
    for n in range(GRAPHS):
        r = random.Random(n)
        firms = [f"{n}-F{k}" for k in range(r.randrange(2, 6))]
        others = [f"{n}-P{k}" for k in range(3)]
        mine: dict[str, list[dict[str, Any]]] = {name: [] for name in DDL}
        for name, record in _records(r, firms, others):
            mine[name].append(record)
        paid = list(_flows(r, firms, others))
        worlds |= dict.fromkeys(firms, World(paid, mine, HUB, RETURNS))
        flows += paid
        for name in DDL:
            records[name] += mine[name]
    frames = {name: local_rows(spark, records[name], f"{ddl}, known_from date, known_to date") for name, ddl in DDL.items()}
    months = local_rows(spark, [(m, month_end(m), closed_on(m)) for m in MONTHS], "month date, month_end date, close date")
    population = local_rows(spark, [(f,) for f in worlds], "firm_id string")
    rows = network_flows.payments(local_rows(spark, flows, FLOW)).persist()
    parts = [
        network_flows.mirror_pairs(rows), network_flows.loops(network_flows.loop_payments(rows), None),
        network_flows.risky(rows, network.risky_spans(frames), CLOSE_AFTER_DAYS), network.related(frames, months, population),
        network.guarantee_circles(frames["loan_guarantee"], months, population),
    ]  # fmt: skip
    before = local_rows(spark, [], "firm_id string, month date, " + ", ".join(f"{m} bigint" for m in network.MEASURES))
    with tile_lake(lake, small=False):
        found = {(row["firm_id"], row["month"]): row.asDict() for row in network.network(parts, before).collect()}
    rows.unpersist()
    hit = dict.fromkeys(network.MEASURES, 0)
    for firm, world in worlds.items():
        for month in MONTHS:
            want = world.row(firm, month)
            have = found.get((firm, month), dict.fromkeys(network.MEASURES, 0))
            assert {m: have[m] for m in want} == want, (firm, month)
            hit = {m: hit[m] + (want[m] > 0) for m in hit}
    assert min(hit.values()) >= 10, hit
