"""tile.network by its definitions in plain Python, by brute force: what the Spark form is held against."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import product
from typing import Any

from features.tiles.network import GONE, MEASURES
from features.tiles.network_flows import APART
from lake.clock import closed_on, month_end, month_start

Record = dict[str, Any]
OPEN = date(9999, 12, 31)


@dataclass(frozen=True)
class World:
    """Rows of `rowsets.flows` and record versions (with known_from, known_to) as dicts."""

    flows: list[Record]
    records: dict[str, list[Record]]
    hub: int
    returns: int

    def row(self, firm: str, month: date) -> dict[str, int]:
        """The measures of a firm's month."""
        found = dict.fromkeys(MEASURES, 0)
        found["circ_amt"], found["circ_cnt"] = self._loops(firm, month)
        found["mirror_cnt"] = self._pairs(firm, month)
        found["risky_payer_amt"] = self._risky(firm, month, "receipt")
        found["risky_payee_amt"] = self._risky(firm, month, "supply")
        near = self._related(firm, month)
        found["n_related"] = len(near)
        late = {r["firm_id"] for r in self._known("loan_performance", month) if month_start(r["month_end"]) == month and r["dpd"] >= 90}
        listed = {r["party_id"] for r in self._at_end("court_dishonest", month, "publish_date", "end_date")}
        found["n_rel_default"], found["n_rel_dishonest"] = len(near & late), len(near & listed)
        found["guar_circle_n"] = self._circle(firm, month)
        return found

    def _e(self, first: date, last: date, least: int) -> list[Record]:
        return [r for r in self.flows if r["e"] and r["cpty_id"] and r["amt"] >= least and first <= r["biz_date"] <= last]

    def _loops(self, firm: str, month: date) -> tuple[int, int]:
        rows = [r for r in self._e(month - timedelta(days=7), month_end(month), 1_000_000) if r["category"] not in APART]
        rows = [r for r in rows if r["firm_id"] != r["cpty_id"]]
        out, home = ([r for r in rows if r["firm_id"] == firm and r["credit"] is side] for side in (False, True))
        between = [r for r in rows if not r["credit"]]
        found: list[tuple[Any, Any, list[Record]]] = []
        for a, z in product(out, home):
            if not (a["ts"] < z["ts"] and 0 <= (z["biz_date"] - a["biz_date"]).days <= 7):
                continue
            start, end = (a["ts"], a["txn_key"]), (z["ts"], z["txn_key"])
            if a["cpty_id"] == z["cpty_id"]:
                found.append((start, (*end, ""), [a, z]))
            else:
                way = [m for m in between if (m["firm_id"], m["cpty_id"]) == (a["cpty_id"], z["cpty_id"])]
                inside = [m for m in way if a["ts"] < m["ts"] < z["ts"] and a["biz_date"] <= m["biz_date"] <= z["biz_date"]]
                found += [(start, (*end, m["txn_key"]), [a, m, z]) for m in inside]
        used: set[str] = set()
        seen: dict[Any, int] = {}
        amount = n = 0
        for start, _end, loop in sorted(found, key=lambda x: x[:2]):
            seen[start] = seen.get(start, 0) + 1
            keys = {r["txn_key"] for r in loop}
            if seen[start] <= self.returns and not keys & used:
                used |= keys
                if month_start(loop[-1]["biz_date"]) == month:
                    amount, n = amount + min(r["amt"] for r in loop), n + 1
        return amount, n

    def _pairs(self, firm: str, month: date) -> int:
        rows = [r for r in self._e(month - timedelta(days=3), month_end(month), 1_000_000) if r["firm_id"] == firm]
        rows.sort(key=lambda r: (r["ts"], r["txn_key"]))
        used: set[int] = set()
        n = 0
        for i, early in enumerate(rows):
            if i in used:
                continue
            for j in range(i + 1, len(rows)):
                late = rows[j]
                same = (late["cpty_id"], late["amt"]) == (early["cpty_id"], early["amt"]) and late["credit"] != early["credit"]
                if j not in used and same and abs((late["biz_date"] - early["biz_date"]).days) <= 3:
                    used |= {i, j}
                    n += month_start(late["biz_date"]) == month
                    break
        return n

    def _risky(self, firm: str, month: date, side: str) -> int:
        dishonest = [(r["party_id"], r["publish_date"], r["end_date"]) for r in self._known("court_dishonest", month)]
        gone = [(r["firm_id"], r["valid_from"], r["valid_to"]) for r in self._known("reg_enterprise", month) if r["status"] in GONE]
        abnormal = [(r["firm_id"], r["event_date"], r["end_date"]) for r in self._known("reg_abnormal", month)]
        spans = [*dishonest, *gone, *abnormal]
        rows = [r for r in self._e(month, month_end(month), 0) if r["firm_id"] == firm and r[side]]
        return sum(r["amt"] for r in rows if any(p == r["cpty_id"] and a <= r["biz_date"] < (b or OPEN) for p, a, b in spans))

    def _known(self, name: str, month: date) -> Iterable[Record]:
        return [r for r in self.records[name] if r["known_from"] <= closed_on(month) < r["known_to"]]

    def _at_end(self, name: str, month: date, begin: str, end: str) -> list[Record]:
        return [r for r in self._known(name, month) if r[begin] <= month_end(month) < (r[end] or OPEN)]

    def _related(self, firm: str, month: date) -> set[str]:
        beside: dict[str, set[str]] = {}
        firms: set[str] = set()
        holders = [r for r in self._at_end("reg_shareholder", month, "valid_from", "valid_to") if r["holding_pct"] >= Decimal("0.2")]
        for r in [*holders, *self._at_end("reg_key_person", month, "valid_from", "valid_to")]:
            if r["firm_id"] != r["party_id"]:
                beside.setdefault(r["firm_id"], set()).add(r["party_id"])
                beside.setdefault(r["party_id"], set()).add(r["firm_id"])
                firms |= {r["firm_id"]} | ({r["party_id"]} if r.get("party_kind") == "FIRM" else set())
        near = beside.get(firm, set())
        passable = [x for x in near if len(beside[x] & firms) <= self.hub]
        return ((near | {y for x in passable for y in beside[x]}) & firms) - {firm}

    def _circle(self, firm: str, month: date) -> int:
        edges = [(r["guarantor_id"], r["obligor_id"]) for r in self._at_end("loan_guarantee", month, "start_date", "end_date")]
        circle = {firm} if any(firm in e for e in edges) else set()
        while more := {x for e in edges if circle & set(e) for x in e} - circle:
            circle |= more
        return len(circle)
