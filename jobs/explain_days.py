"""Broken account-days of a night with their transactions and neighbours, and what explains each of them (C1, C3, C4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from expectations.explain import NOT_SEARCHED, Cause
from expectations.explain.books import Balance, Day, Gap, Txn, gap
from expectations.explain.chain import Break, explain_break
from expectations.explain.control import Key as CellKey
from expectations.explain.control import Part
from expectations.explain.days import Around, explain_day
from jobs.flow_night import Night
from lake.io import local_rows

Row = dict[str, Any]
AccountDay = tuple[str, str, str, date]
"""bank_id, account_id, currency, biz_date."""
BESIDE = 32
"""Days around a broken chain in which the rows before and after it are looked for: a sparse sender has one a month."""
ROWS = """
SELECT d.bank_id, d.account_id, d.currency, d.biz_date, d.has_bal, d.has_txn, concat(d.submission_id, ':', d.row_no) AS ref, d.opening_minor,
       d.credit_minor, d.debit_minor, d.closing_minor, d.credit_cnt, d.debit_cnt, d.prev_date, d.prev_closing_minor, d.tolerance_minor,
       d.txn_credit_cnt + d.txn_debit_cnt AS txn_cnt, coalesce(d.branch_id, a.branch_id) AS branch_id
FROM account_day d JOIN explain_span k ON d.bank_id = k.bank_id AND d.account_id = k.account_id AND d.biz_date BETWEEN k.low AND k.high
LEFT JOIN account a ON a.bank_id = d.bank_id AND a.account_id = d.account_id
"""
TRANSACTIONS = """
SELECT t.bank_id, t.account_id, t.currency, t.biz_date, concat(t.submission_id, ':', t.row_no) AS ref, t.seq_no, t.dr_cr, t.amt_minor,
       t.balance_after_minor, concat(t.txn_no, '|', t.sub_no) AS txn_key, t.places, t.bad_fields = '' AS reads
FROM txn_known t JOIN explain_day k ON t.bank_id = k.bank_id AND t.account_id = k.account_id AND t.biz_date = k.biz_date
WHERE t.op IS NULL AND t.parse_error IS NULL
"""


def moved(day: date, days: int) -> date:
    """`day` moved by some days; where the calendar ends, its last day (a file may cover any date that is one)."""
    return date.fromordinal(min(max(day.toordinal() + days, 1), date.max.toordinal()))


def of_violation(v: Row) -> AccountDay:
    """The account-day that a violation names."""
    account, _, currency = v["scope_key"].partition("|")
    return v["bank_id"], account, currency, v["biz_date"]


class Days:
    """The broken account-days of a night. `parts`: what those whose sums differ (C3) add to the control cells, by bank;
    `left_out`: banks and dates of which not all broken account-days were searched."""

    def __init__(self, n: Night, broken: Sequence[Row], most_days: int, most_rows: int) -> None:
        wanted = sorted({of_violation(v) for v in broken})
        chains = {of_violation(v) for v in broken if v["rule_id"] == "C1"}
        self._known = self._collect(n, wanted[:most_days], chains) if wanted else {}
        kept, total = [], 0
        for k in wanted[:most_days]:
            total += sum(self._known[x]["txn_cnt"] for x in self._near(k) if x in self._known)
            if total > most_rows:
                break
            kept.append(k)
        self._searched = set(kept)
        self.left_out = {(k[0], k[3]) for k in wanted[len(kept) :]}
        self._txns = self._transactions(n, kept) if kept else {}
        self._dates: dict[tuple[str, str, str], list[date]] = defaultdict(list)
        self._currencies: dict[tuple[str, str, date], set[str]] = defaultdict(set)
        for k in sorted({*self._known, *self._txns}, key=str):
            self._dates[k[:3]].append(k[3])
            self._currencies[k[0], k[1], k[3]].add(k[2])
        self._breaks = {k: self._break(k) for k in sorted(chains & self._searched)}
        self._peers: dict[tuple[object, ...], list[AccountDay]] = defaultdict(list)
        for k, b in self._breaks.items():
            self._peers[k[0], k[2], k[3], b.opening, b.previous_closing].append(k)
        self._causes = {k: explain_day(self._day(k), self._around(k)) for k in kept}
        self.parts = self._parts({of_violation(v) for v in broken if v["rule_id"] == "C3"} & self._searched)

    def cause(self, v: Row) -> Cause:
        """What explains a violation of C1, C3 or C4."""
        key = of_violation(v)
        if key not in self._searched:
            return NOT_SEARCHED
        return self._causes[key] if v["rule_id"] != "C1" else self._chain(key)

    @staticmethod
    def _collect(n: Night, wanted: Sequence[AccountDay], chains: set[AccountDay]) -> dict[AccountDay, Row]:
        spans = []
        for k in wanted:
            days = BESIDE if k in chains else 1
            spans.append((k[0], k[1], moved(k[3], -days), moved(k[3], days)))
        spark = n.lake.spark
        local_rows(spark, sorted(set(spans)), "bank_id string, account_id string, low date, high date").createOrReplaceTempView(
            "explain_span"
        )
        return {(r["bank_id"], r["account_id"], r["currency"], r["biz_date"]): r for r in spark.sql(ROWS).toArrow().to_pylist()}

    @staticmethod
    def _near(key: AccountDay) -> Iterator[AccountDay]:
        """The account-day, and those of the days before and after."""
        bank, account, currency, day = key
        yield from ((bank, account, currency, moved(day, k)) for k in (0, -1, 1))

    def _transactions(self, n: Night, kept: Sequence[AccountDay]) -> dict[AccountDay, list[Txn]]:
        days = {x for k in kept for x in self._near(k)} | {
            (*k[:3], r["prev_date"]) for k in kept if (r := self._known.get(k)) and r["prev_date"]
        }
        spark = n.lake.spark
        rows = sorted({(bank, account, day) for bank, account, _, day in days})
        local_rows(spark, rows, "bank_id string, account_id string, biz_date date").createOrReplaceTempView("explain_day")
        found: dict[AccountDay, list[Txn]] = defaultdict(list)
        for r in spark.sql(TRANSACTIONS).toArrow().to_pylist():
            whole = r["reads"] and r["places"] is not None and r["seq_no"] is not None
            found[r["bank_id"], r["account_id"], r["currency"], r["biz_date"]].append(
                Txn(
                    r["ref"], r["seq_no"] or 0, r["dr_cr"], r["amt_minor"] if whole else None, r["balance_after_minor"], r["txn_key"] or "",
                    r["places"] or 0,
                )
            )  # fmt: skip
        return found

    def _day(self, key: AccountDay) -> Day:
        row, txns = self._known.get(key), self._txns.get(key, [])
        if row is None or not row["has_bal"]:
            return Day.of(None, txns)
        balance = Balance(
            row["ref"],
            row["opening_minor"],
            row["credit_minor"],
            row["debit_minor"],
            row["closing_minor"],
            row["credit_cnt"],
            row["debit_cnt"],
        )
        return Day.of(balance, txns, row["tolerance_minor"])

    def _around(self, key: AccountDay) -> Around:
        bank, account, currency, day = key
        others = sorted(c for c in self._currencies[bank, account, day] if c and c != currency)
        return Around(tuple(self._day(x) for x in self._near(key) if x != key), {c: self._day((bank, account, c, day)) for c in others})

    def _chain(self, key: AccountDay) -> Cause:
        own = self._breaks[key]
        exchanged = self._peers.get((key[0], key[2], key[3], own.previous_closing, own.opening), ())
        return explain_break(own, [self._breaks[k] for k in exchanged if k != key])

    def _break(self, key: AccountDay) -> Break:
        row = self._known[key]
        before = (*key[:3], row["prev_date"])
        earlier = self._known.get(before)
        later = [d for d in self._dates[key[:3]] if d > key[3] and (r := self._known.get((*key[:3], d))) and r["has_bal"]]
        following = self._known[(*key[:3], min(later))] if later else None
        return Break(
            self._day(key), earlier["ref"] if earlier else None, row["prev_closing_minor"], self._day(before) if earlier else None,
            earlier["prev_closing_minor"] if earlier else None, following["opening_minor"] if following else None,
        )  # fmt: skip

    def _parts(self, broken: set[AccountDay]) -> Mapping[str, dict[CellKey, list[Part]]]:
        """By bank and control cell: what its account-days have too much. One whose balance row is the wrong one adds nothing."""
        found: dict[str, dict[CellKey, list[Part]]] = defaultdict(lambda: defaultdict(list))
        for key in sorted(broken):
            day, cause, row = self._day(key), self._causes[key], self._known[key]
            difference = Gap() if day.balance is None or cause.suspects == (day.balance.ref,) else gap(day)
            for side in "CD":
                count, amount = difference.side(side)
                if (count, amount) != (0, 0):
                    cell = (row["branch_id"], key[2], side, key[3].toordinal())
                    found[key[0]][cell].append(Part(cause.kind, count, amount, cause.suspects))
        return found
