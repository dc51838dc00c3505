"""`python -m simulator tiles`: the tile tables of a province of any size written directly, for measuring what reads them.

Firms, distress, seasons and amounts are those of the simulator (province.people); what the lake would count from bank files and
records is drawn around them in plausible ranges, so shapes, sizes and null shares are right and single values are not
reconciled. Rows depend on seed and size only. Everything is known at the night of the last day; tile.firm_day and
tile.network are not written.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lake.clock import SHANGHAI, cut_off
from lake.io import Lake
from lake.tables import table
from simulator import province
from simulator.calendar_sql import date_sql, days_in_month
from simulator.draws import Draws, clip, lookup
from simulator.params import Params
from simulator.reference_data import BANKS, INDUSTRIES
from simulator.tile_columns import categories, firm_months, loans, tax_months

log = logging.getLogger(__name__)
PARTIES = 18
"""Slots of counterparties of a firm, half of them payers; about 15 are active in a month."""
SECTIONS = sorted({code[0] for _a, code, _n in INDUSTRIES})


def _id(stream: str, d: Draws, *keys: str) -> str:
    """26 characters like a token of the lake."""
    first, second = (f"lpad(hex({d.hash(stream + x, *keys)}), 16, '0')" for x in ("", ":2"))
    return f"concat({first}, substr({second}, 1, 10))"


def _instant(when: datetime) -> str:
    return f"timestamp_micros({int(when.replace(tzinfo=SHANGHAI).timestamp() * 1_000_000)})"


class Tiles:
    """The tiles of a province, each as a table with the columns of the registry."""

    def __init__(self, lake: Lake, p: Params) -> None:
        self.lake, self.p, self.d = lake, p, Draws(p.seed)
        _firm, _default, state = province.people(lake.spark, p)
        self.state = state.selectExpr("*", f"{_id('firm', self.d, 'f')} AS firm_id", f"{days_in_month(p, 'm')} AS days")
        self.closed = self.state.where(f"m BETWEEN {p.first_m} AND {p.end_m - 1}").withColumn("month", F.expr(date_sql("m", "1")))
        self.now = self.state.where(f"m = {p.end_m}").withColumn("snapshot_date", F.expr(f"DATE'{p.end.isoformat()}'"))

    def shaped(self, name: str, rows: DataFrame, values: dict[str, str]) -> DataFrame:
        """`rows` with the columns of tile.<name>: its own columns, or `values`; a column with neither is an error."""
        tech = {
            "available_at": _instant(cut_off(self.p.end)), "tile_version": f"{self.p.end:%Y%m%d}", "as_of": f"DATE'{self.p.end.isoformat()}'",
        }  # fmt: skip
        known = {c: f"`{c}`" for c in rows.columns} | values | tech
        return rows.selectExpr(*(f"CAST({known[c.name]} AS {c.type}) AS `{c.name}`" for c in table(f"tile.{name}").columns))

    def firm_month(self) -> DataFrame:
        return self.shaped("firm_month", self.closed, firm_months(self.d, self.p))

    def firm_bucket(self) -> DataFrame:
        last = self.state.where(f"m > {self.p.end_m - 3}").selectExpr(
            "* EXCEPT (days)", "30 AS days", f"{self.p.end_m} - m AS bucket", f"DATE'{self.p.end.isoformat()}' AS snapshot_date"
        )
        cats = {f"cat_{c}_amt": f"IF({chance}, {amount}, 0)" for c, (chance, amount, _n) in categories(self.d).items()}
        return self.shaped("firm_bucket", last, firm_months(self.d, self.p) | cats)

    def firm_category_month(self) -> DataFrame:
        rows = {
            f"cat_{c}": f"IF({chance}, struct('{c}' AS category, CAST({amount} AS BIGINT) AS amt, CAST({n} AS INTEGER) AS cnt), NULL)"
            for c, (chance, amount, n) in categories(self.d).items()
        }
        wide = self.closed.selectExpr("firm_id", "month", *(f"{sql} AS {name}" for name, sql in rows.items()))
        found = wide.selectExpr("firm_id", "month", f"inline(array({', '.join(rows)}))")
        return self.shaped("firm_category_month", found.where("category IS NOT NULL"), {})

    def firm_bank_month(self) -> DataFrame:
        held = self.closed.selectExpr(
            "firm_id", "month", "days", "inflow",
            "inline(array(struct(b0 AS bank, IF(has1, 0.8e0, 1e0) AS share), struct(IF(has1, b0 + 1, NULL) AS bank, 0.2e0 AS share)))",
        ).where("bank IS NOT NULL")  # fmt: skip
        bank = lookup([b.bank_id for b in BANKS[: self.p.banks]], f"bank % {self.p.banks}")
        values = {
            "bank_id": bank,
            "op_in_amt": "round(inflow * share)",
            "days_covered": "days",
            "last_covered_date": "date_add(month, days - 1)",
        }
        return self.shaped("firm_bank_month", held, values)

    def firm_counterparty_month(self) -> DataFrame:
        d = self.d
        slots = self.closed.selectExpr(
            "f", "m", "d", "firm_id", "month", "inflow", "budget", "n_sales", "n_outside", f"explode(sequence(0, {PARTIES - 1})) AS r"
        ).where(f"{d.u('active party', 'f', 'm', 'r')} < 0.84e0")  # fmt: skip
        # a slot keeps its counterparty for months and then passes to another one
        life, phase = f"(8e0 + 50e0 * {d.u('life', 'f', 'r')})", d.u("phase", "f", "r")
        era = slots.selectExpr(
            "*", f"CAST(floor(m / {life} + {phase}) AS INTEGER) AS era", f"r < {PARTIES // 2} AS payer", f"r % {PARTIES // 2} + 1 AS rank"
        ).selectExpr(
            "*", f"least(month, {date_sql(f'CAST(ceil((era - {phase}) * {life}) AS INTEGER)', '1')}) AS since",
            f"round(IF(payer, inflow, budget) * 0.35e0 / rank * exp(0.5e0 * {d.z('party amount', 'f', 'm', 'r')})) AS amt",
            "greatest(1, IF(payer, n_sales, n_outside) // (rank + 2)) AS cnt", f"{d.u('party', 'f', 'r', 'era')} AS u",
        ).selectExpr("*", "NOT payer AND u < 0.04e0 AS both", f"{d.u('party place', 'f', 'r', 'era')} AS u_place")  # fmt: skip
        values = {
            "cpty_id": _id("party", d, "f", "r", "era"), "in_amt": "IF(payer OR both, amt, 0)", "in_cnt": "IF(payer OR both, cnt, 0)",
            "out_amt": "IF(payer, 0, amt)", "out_cnt": "IF(payer, 0, cnt)", "cpty_kind": "CASE WHEN u < 0.8e0 THEN 'corp' WHEN u < 0.97e0 THEN 'person' ELSE 'gov' END",
            "is_related": "u_place * 64e0 % 1e0 < 0.04e0 + 0.05e0 * d", "out_province": "u_place > 0.7e0",
            "region4": "CASE WHEN u_place < 0.5e0 THEN '4501' WHEN u_place < 0.7e0 THEN '4502' WHEN u_place < 0.9e0 THEN '4403' END",
            "industry2": "IF(u < 0.75e0, substr(CAST(10 + CAST(u * 80e0 AS INTEGER) AS VARCHAR), 1, 2), NULL)",
            "first_in_month": "IF(payer OR both, since, NULL)", "first_out_month": "IF(payer, NULL, since)",
        }  # fmt: skip
        return self.shaped("firm_counterparty_month", era, values)

    def tax_month(self) -> DataFrame:
        # one month earlier than the flows: the return of the latest month is not due yet, and a year on year growth needs 24
        known = self.state.where(f"NOT tax_missing AND m < {self.p.end_m}")
        due = known.selectExpr("*", f"{date_sql('m', '1')} AS month", f"{date_sql('m + 1', '15')} AS due_date")
        return self.shaped("tax_month", due.where(f"due_date <= DATE'{self.p.end.isoformat()}'"), tax_months(self.d))

    def loan(self) -> DataFrame:
        return self.shaped("loan", self.closed, loans(self.d))

    def court_event(self) -> DataFrame:
        d = self.d
        chance = {
            "case_def": "0.0025e0 + 0.05e0 * d * d", "case_pla": "0.004e0", "judgment_lost": "0.001e0 + 0.03e0 * d * d",
            "enforcement": "0.0003e0 + 0.03e0 * d * d", "dishonest": "0.0001e0 + 0.015e0 * d * d", "restriction": "0.0002e0 + 0.02e0 * d * d", "freeze": "0.0001e0 + 0.01e0 * d * d",
        }  # fmt: skip
        hits = self.closed.selectExpr("*", f"explode(array({', '.join(map(repr, chance))})) AS event_type")
        limits = " ".join(f"WHEN '{k}' THEN {v}" for k, v in chance.items())
        key = ("f", "m", "crc32(event_type)")
        rows = hits.where(f"{d.u('court', *key)} < CASE event_type {limits} END").selectExpr(
            "*", f"date_add(month, {d.pick('court day', 28, *key)}) AS publish_date", f"{d.u('court kind', *key)} AS u"
        ).selectExpr("*", "event_type IN ('enforcement', 'dishonest', 'restriction') AND u < 0.2e0 AS by_rep")  # fmt: skip
        values = {
            "event_id": _id("court event", d, *key), "via": "IF(by_rep, 'rep', 'firm')",
            "cause_group": f"IF(event_type LIKE 'case%', {lookup(['loan', 'sales', 'labor', 'other'], 'u * 3.999e0')}, NULL)",
            "rep_from": "IF(by_rep, add_months(month, -30), NULL)", "rep_to": "IF(by_rep AND u < 0.1e0, add_months(month, 3), NULL)",
            "start_date": "IF(event_type = 'freeze', publish_date, NULL)", "end_date": "IF(u < 0.5e0 AND event_type NOT LIKE 'case%', date_add(publish_date, 300), NULL)",
            "amount": "IF(event_type IN ('dishonest', 'restriction'), NULL, round(trend * 0.4e0 * exp(u)))",
        }  # fmt: skip
        return self.shaped("court_event", rows, values)

    def registration_event(self) -> DataFrame:
        d = self.d
        kinds = ("legal_rep", "shareholder", "address", "capital_decrease", "abnormal", "penalty", "equity_pledge")
        key = ("f", "m", "crc32(kind)")
        hits = self.closed.selectExpr("*", f"explode(array({', '.join(map(repr, kinds))})) AS kind")
        rows = hits.where(f"{d.u('registry event', *key)} < 0.002e0 + 0.008e0 * d")
        values = {
            "event_id": _id("registry event", d, *key), "event_date": f"date_add(month, {d.pick('registry day', 28, *key)})",
            "end_date": f"IF(kind IN ('abnormal', 'equity_pledge'), date_add(month, 90 + {d.pick('registry end', 300, *key)}), NULL)",
        }  # fmt: skip
        return self.shaped("registration_event", rows, values)

    def registration(self) -> DataFrame:
        d = self.d
        capital = f"round(exp(lnsize) * 100e0 * (0.5e0 + 2e0 * {d.u('capital size', 'f')}))"
        sole = f"{d.u('sole', 'f')} < 0.3e0"
        values = {
            "age_months": f"m - open_m + {d.pick('established', 60, 'f')}", "reg_capital": capital, "paid_in_capital": f"IF({d.u('paid in?', 'f')} < 0.05e0, NULL, round({capital} * 0.6e0))",
            "n_shareholder": f"IF({sole}, 1, 2 + {d.pick('holders', 4, 'f')})", "top1_holder_pct": f"IF({sole}, 1e0, 0.3e0 + 0.6e0 * {d.u('holding', 'f')})",
            "natural_holder_pct": f"IF({d.u('corporate holder', 'f')} < 0.15e0, 0.4e0, 1e0)", "abnormal_active": f"IF({d.u('abnormal', 'f')} < 0.01e0 + 0.1e0 * d, 1, 0)",
            "rep_tenure_months": f"least(m - open_m, {d.pick('tenure', 150, 'f')})", "n_tag_innov": f"IF({d.u('tag', 'f')} < 0.06e0, 1, 0)",
            "industry_section": lookup(SECTIONS, f"f % {len(SECTIONS)}"), "size_class": "CASE WHEN lnsize < 12e0 THEN 'MICRO' WHEN lnsize < 13.8e0 THEN 'SMALL' WHEN lnsize < 14.6e0 THEN 'MEDIUM' ELSE 'LARGE' END",
            "status": f"IF({d.u('gone', 'f')} < 0.03e0 * d, 'REVOKED', 'ACTIVE')", "tax_covered": "NOT tax_missing", "court_covered": "true", "loan_covered": "true", "registry_covered": "true",
        }  # fmt: skip
        return self.shaped("registration", self.now, values)

    def firm_state(self) -> DataFrame:
        p, d = self.p, self.d

        def op_in(first: int, last: int) -> str:
            return f"CAST(SUM(IF(m BETWEEN {p.end_m - first} AND {p.end_m - last}, round(inflow), 0e0)) AS BIGINT)"

        spans = {
            "op_in_12m": (12, 1),
            "op_in_6m": (6, 1),
            "op_in_3m": (3, 1),
            "op_in_3m_year_before": (15, 13),
            "op_in_12m_year_before": (24, 13),
        }
        sums = self.closed.groupBy("f").agg(
            *(F.expr(f"{op_in(*x)} AS {c}") for c, x in spans.items()), F.expr("CAST(COUNT(f) AS INTEGER) AS covered_months"),
            F.expr(f"CAST(SUM(IF(m > {p.end_m - 4} AND social_missed, 1, 0)) AS INTEGER) AS sso_missed_3m"),
            F.expr(f"CAST(SUM(IF(m > {p.end_m - 4} AND wage_missed, 1, 0)) AS INTEGER) AS months_without_wages"),
        )  # fmt: skip
        values = {
            "status": "'ACTIVE'", "coverage_share": "1e0", "low_quality_inflow_share": clip(f"0.05e0 + 0.3e0 * d * {d.u('low quality', 'f')}", "0e0", "1e0"),
            "class5_now": "IF(borrower, CASE WHEN d > 0.95e0 THEN 3 WHEN d > 0.6e0 THEN 2 ELSE 1 END, NULL)", "dpd_now": f"IF(borrower, IF(d > 0.9e0, {d.pick('dpd', 120, 'f', 'm')}, 0), NULL)",
            "court_freeze_now": f"d > 0.95e0 AND {d.u('frozen', 'f')} < 0.3e0", "rep_dishonest_active": f"d > 0.95e0 AND {d.u('rep dishonest', 'f')} < 0.2e0",
            "new_sales_cases_30d": "IF(d > 0.9e0, 1, 0)", "new_loan_cases_30d": "IF(d > 0.97e0, 1, 0)", "debt_service_12m": "IF(borrower, round(trend * 1.2e0), 0)",
            "unsecured_balance": "IF(borrower, round(trend), 0)", "has_loan_before": "borrower", "data_gap": "false",
            "tax_covered": "NOT tax_missing", "court_covered": "true", "loan_covered": "true", "registry_covered": "true",
        }  # fmt: skip
        return self.shaped("firm_state", self.now.join(sums, "f", "inner"), values)


NAMES = (
    "registration", "registration_event", "court_event", "firm_state", "firm_bucket", "firm_bank_month", "tax_month", "loan",
    "firm_month", "firm_category_month", "firm_counterparty_month",
)  # fmt: skip


def write(lake: Lake, p: Params) -> dict[str, float]:
    """Write the tiles of `p` into the home of `lake`, partition as_of = p.end; returns seconds per tile."""
    tiles, seconds = Tiles(lake, p), {}
    for name in NAMES:
        started = time.monotonic()
        lake.overwrite_partition(f"tile.{name}", getattr(tiles, name)(), as_of=p.end)
        seconds[name] = time.monotonic() - started
        log.info("tile=%s seconds=%.1f", name, seconds[name])
    return seconds
