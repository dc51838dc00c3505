"""Broken ledger groups and control cells of a night with what is needed to explain them: neighbours, candidate accounts, lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from expectations.explain.control import Cell
from expectations.explain.control import Key as CellKey
from expectations.explain.ledger import Account, Ledger, Place
from jobs.explain_days import moved
from jobs.flow_night import Night
from lake.io import local_rows

Row = dict[str, Any]
BankDay = tuple[str, str, date]
"""bank_id, currency, biz_date."""
MOST_ACCOUNTS = 200_000
"""Candidate accounts looked at in a night."""
GROUPS = """
SELECT g.*, concat(l.submission_id, ':', l.row_no) AS ref
FROM gl_group g JOIN explain_bank_day k ON g.bank_id = k.bank_id AND g.biz_date = k.biz_date
LEFT JOIN gl_known l ON l.bank_id = g.bank_id AND l.biz_date = g.biz_date AND l.branch_id = g.branch_id AND l.gl_subject = g.gl_subject
  AND l.currency = g.currency AND l.submission_id = g.gl_submission_id
"""
# A row is a candidate when its value is one of the differences of its bank-day, its place is not that of the day before, there
# are two of it, or it disagrees with its transactions or neighbours. An account that has no row today is named by its last one.
ACCOUNTS = """
WITH near AS (
  SELECT d.bank_id, d.account_id, d.currency, d.biz_date, concat(d.submission_id, ':', d.row_no) AS ref, d.branch_id, d.gl_subject,
         d.opening_minor, d.credit_minor, d.debit_minor, d.closing_minor, d.has_txn, d.day_has_txn,
         try_subtract(d.txn_credit_minor, d.txn_debit_minor) AS moved, k.diffs
  FROM account_day d JOIN explain_diff k ON d.bank_id = k.bank_id AND d.currency = k.currency AND d.biz_date = k.biz_date
  LEFT ANTI JOIN (SELECT bank_id, account_id FROM account WHERE is_summary) s ON s.bank_id = d.bank_id AND s.account_id = d.account_id
  WHERE d.has_bal
), beside AS (
  SELECT *, lag(struct(biz_date, branch_id, gl_subject, closing_minor)) OVER w AS before, lead(struct(biz_date, opening_minor)) OVER w AS after,
         count(*) OVER (PARTITION BY account_id, bank_id, currency, biz_date) AS copies
  FROM near WINDOW w AS (PARTITION BY account_id, bank_id, currency ORDER BY biz_date, ref)
), told AS (
  SELECT *, before.biz_date = date_sub(biz_date, 1) AS follows, after.biz_date = date_add(biz_date, 1) AS goes_on,
         try_subtract(credit_minor, debit_minor) AS net FROM beside
)
SELECT bank_id, account_id, currency, biz_date, ref, branch_id, gl_subject, opening_minor, credit_minor, debit_minor, closing_minor,
       CASE WHEN day_has_txn THEN CASE WHEN has_txn THEN moved ELSE 0 END END AS moved,
       CASE WHEN follows THEN before END AS before, CASE WHEN goes_on THEN after.opening_minor END AS opens_next, goes_on
FROM told
WHERE (diffs IS NOT NULL AND (array_contains(diffs, closing_minor) OR array_contains(diffs, net) OR copies > 1
       OR (follows AND (before.branch_id <> branch_id OR before.gl_subject <> gl_subject OR before.closing_minor <> opening_minor))
       OR (goes_on AND after.opening_minor <> closing_minor) OR coalesce(try_add(opening_minor, net) <> closing_minor, true)
       OR (day_has_txn AND coalesce(CASE WHEN has_txn THEN moved ELSE 0 END <> net, true))))
   OR NOT coalesce(goes_on, false)
"""
CELLS = """
SELECT c.*, concat(l.submission_id, ':', l.row_no) AS ref, b.has_bal
FROM control_cell c JOIN explain_bank_day k ON c.bank_id = k.bank_id AND c.biz_date = k.biz_date
LEFT JOIN bank_day b ON b.bank_id = c.bank_id AND b.biz_date = c.biz_date
LEFT JOIN ctl_known l ON l.bank_id = c.bank_id AND l.biz_date = c.biz_date AND l.branch_id = c.branch_id AND l.currency = c.currency
  AND l.dr_cr = c.dr_cr AND l.kind = 'FLOW' AND l.submission_id = c.ctl_submission_id
"""


@dataclass(frozen=True)
class Group:
    """A ledger group: its ledger row, our sums less the ledger's (None: a figure that does not fit 64 bits), and the difference
    of both sides where they agree in net."""

    ledger: Ledger
    close_diff: int | None
    net_diff: int | None
    side_diff: int


def _bank_days(n: Night, broken: Iterable[Row]) -> None:
    """The view explain_bank_day: banks and dates of violations, and the days before and after."""
    days = sorted({(v["bank_id"], moved(v["biz_date"], k)) for v in broken for k in (-1, 0, 1)})
    local_rows(n.lake.spark, days, "bank_id string, biz_date date").createOrReplaceTempView("explain_bank_day")


def groups(n: Night, broken: Sequence[Row]) -> tuple[dict[BankDay, dict[Place, Group]], dict[BankDay, list[Account]]]:
    """Groups of the bank-days of broken ones, and the accounts that may explain them; bank-days beyond MOST_ACCOUNTS have none."""
    _bank_days(n, broken)
    ledgers: dict[BankDay, dict[Place, Group]] = defaultdict(dict)
    for r in n.lake.spark.sql(GROUPS).toArrow().to_pylist():
        ledgers[r["bank_id"], r["currency"], r["biz_date"]][r["branch_id"], r["gl_subject"]] = _group(r)
    days = sorted({(v["bank_id"], v["scope_key"].rpartition("|")[2], v["biz_date"]) for v in broken})
    return ledgers, _accounts(n, days, ledgers)


def _group(r: Row) -> Group:
    close, credit, debit = (_sum(r[a], r[b]) for a, b in (
        ("closing_minor", "ne_close_minor"), ("day_credit_minor", "ne_credit_minor"), ("day_debit_minor", "ne_debit_minor"),
    ))  # fmt: skip
    theirs = [r[f"{c}_minor"] for c in ("open", "credit", "debit", "close")]
    if None in theirs:
        return Group(Ledger(r["ref"], 0, 0, 0, 0), None, None, 0)
    net = None if credit is None or debit is None else credit - debit
    before = None if close is None or net is None else close - net
    ledger = Ledger(r["ref"], theirs[0], theirs[1], theirs[2], theirs[3], before, r["accounts"])
    return Group(
        ledger,
        None if close is None else close - ledger.close,
        None if net is None else net - (ledger.credit - ledger.debit),
        0 if credit is None else credit - ledger.credit,
    )


def _sum(*values: int | None) -> int | None:
    known = [v for v in values if v is not None]
    return sum(known) if len(known) == len(values) else None


def _accounts(n: Night, days: Sequence[BankDay], ledgers: Mapping[BankDay, Mapping[Place, Group]]) -> dict[BankDay, list[Account]]:
    keys: dict[BankDay, list[int] | None] = {}
    for bank, currency, day in days:
        off = {
            x for g in ledgers[bank, currency, day].values() for d in (g.close_diff, g.net_diff) if d and abs(d) < 2**63 for x in (d, -d)
        }
        keys[bank, currency, day] = sorted(off)
        for k in (-1, 1):
            keys.setdefault((bank, currency, moved(day, k)), None)
    spark = n.lake.spark
    ddl = "bank_id string, currency string, biz_date date, diffs array<bigint>"
    local_rows(spark, [(*k, v) for k, v in sorted(keys.items())], ddl).createOrReplaceTempView("explain_diff")
    found: dict[BankDay, list[Account]] = {k: [] for k in days}
    rows = spark.sql(ACCOUNTS).limit(MOST_ACCOUNTS + 1).toArrow().to_pylist()
    if len(rows) > MOST_ACCOUNTS:
        return {}
    for r in rows:
        today = (r["bank_id"], r["currency"], r["biz_date"])
        if today in found:
            found[today].append(_account(r))
        gone = (r["bank_id"], r["currency"], moved(r["biz_date"], 1))
        if gone in found and not r["goes_on"]:
            place = (r["branch_id"], r["gl_subject"])
            found[gone].append(Account(None, r["account_id"], None, place, closed_at=r["closing_minor"]))
    return found


def _account(r: Row) -> Account:
    before = r["before"]
    return Account(
        r["ref"], r["account_id"], (r["branch_id"], r["gl_subject"]), (before["branch_id"], before["gl_subject"]) if before else None,
        r["opening_minor"], r["credit_minor"], r["debit_minor"], r["closing_minor"], before["closing_minor"] if before else None,
        r["opens_next"], r["moved"],
    )  # fmt: skip


def cells(n: Night, broken: Sequence[Row]) -> dict[str, dict[CellKey, Cell]]:
    """Control cells of the bank-days of broken ones and of the days beside them, by bank; cells whose amount does not fit 64 bits are left out."""
    _bank_days(n, broken)
    found: dict[str, dict[CellKey, Cell]] = defaultdict(dict)
    for r in n.lake.spark.sql(CELLS).toArrow().to_pylist():
        if r["received_amt_minor"] is None or r["stated_amt_minor"] is None:
            continue
        key = (r["branch_id"], r["currency"], r["dr_cr"], r["biz_date"].toordinal())
        found[r["bank_id"]][key] = Cell(
            r["received_cnt"], r["received_amt_minor"], r["stated_cnt"], r["stated_amt_minor"], r["ref"], bool(r["has_bal"])
        )
    return found
