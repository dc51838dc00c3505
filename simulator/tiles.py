"""`python -m simulator tiles`: the tile tables of a province of any size written directly, for measuring what reads them.

Firms, distress, seasons and amounts are those of the simulator (province.people); what the lake would count from bank files and
records is drawn around them in plausible ranges, so shapes, sizes and null shares are right and single values are not
reconciled. Rows depend on seed and size only, not on the block of firms they are computed in. Everything is known at the night of the last day; tile.firm_day
is not written.
"""

from __future__ import annotations

from simulator.calendar_sql import date_sql, days_in_month
from simulator.draws import Draws, clip, lookup, select, union
from simulator.params import Params
from simulator.reference_data import BANKS, INDUSTRIES
from simulator.tile_columns import categories, firm_months, loans, tax_months

PARTIES = 18
"""Slots of counterparties of a firm, half of them payers; about 15 are active in a month."""
SECTIONS = sorted({code[0] for _a, code, _n in INDUSTRIES})


def _id(stream: str, d: Draws, *keys: str) -> str:
    """26 characters like a token of the lake."""
    first, second = (f"lpad(hex({d.hash(stream + x, *keys)}), 16, '0')" for x in ("", ":2"))
    return f"concat({first}, substr({second}, 1, 10))"


def months_of(p: Params) -> str:
    """Months of the firms in `state`, with firm_id, `days` (length of the month) and `month` (its first day), firm by firm."""
    firm_id, days = _id("firm", Draws(p.seed), "f"), days_in_month(p, "m")
    return select("state", "*", f"{firm_id} AS firm_id", f"{days} AS days", f"{date_sql('m', '1')} AS month") + " ORDER BY f, m"


Tile = tuple[str, dict[str, str]]
"""Query of the rows of a tile, and SQL over them of columns that they do not have under their own name."""


class Tiles:
    """Queries of the tiles of a province over `monthly` (months_of): rows with the columns of their own, and the others by name."""

    def __init__(self, p: Params) -> None:
        self.p, self.d = p, Draws(p.seed)
        self.closed = select("monthly", "*", where=f"m BETWEEN {p.first_m} AND {p.end_m - 1}")
        self.now = select("monthly", "*", f"DATE '{p.end.isoformat()}' AS snapshot_date", where=f"m = {p.end_m}")

    def firm_month(self) -> Tile:
        return self.closed, firm_months(self.d, self.p)

    def firm_bucket(self) -> Tile:
        last = select(
            "monthly", "* REPLACE (30 AS days)", f"{self.p.end_m} - m AS bucket", f"DATE '{self.p.end.isoformat()}' AS snapshot_date", where=f"m > {self.p.end_m - 3}"
        )  # fmt: skip
        cats = {f"cat_{c}_amt": f"IF({chance}, {amount}, 0)" for c, (chance, amount, _n) in categories(self.d).items()}
        return last, firm_months(self.d, self.p) | cats

    def firm_category_month(self) -> Tile:
        rows = (
            f"IF({chance}, {{'category': '{c}', 'amt': ({amount})::BIGINT, 'cnt': ({n})::INTEGER}}, NULL)"
            for c, (chance, amount, n) in categories(self.d).items()
        )
        each = select(self.closed, "firm_id", "month", f"unnest([{', '.join(rows)}]) AS found")
        return select(each, "firm_id", "month", "found.category", "found.amt", "found.cnt", where="found IS NOT NULL"), {}

    def firm_bank_month(self) -> Tile:
        shares = "unnest(IF(has1, [{'bank': b0, 'share': 0.8e0}, {'bank': b0 + 1, 'share': 0.2e0}], [{'bank': b0, 'share': 1e0}])) AS held"
        values = {
            "bank_id": lookup([b.bank_id for b in BANKS[: self.p.banks]], f"held.bank % {self.p.banks}"),
            "op_in_amt": "round(inflow * held.share)",
            "days_covered": "days",
            "last_covered_date": "month + (days - 1)",
        }
        return select(self.closed, "*", shares), values

    def firm_counterparty_month(self) -> Tile:
        d = self.d
        slots = select(
            self.closed,
            "f",
            "m",
            "d",
            "firm_id",
            "month",
            "inflow",
            "budget",
            "n_sales",
            "n_outside",
            f"unnest(range({PARTIES}))::INTEGER AS r",
        )
        # a slot keeps its counterparty for months and then passes to another one
        active = select(
            slots, "*", f"8e0 + 50e0 * {d.u('life', 'f', 'r')} AS life", f"{d.u('phase', 'f', 'r')} AS phase", f"r < {PARTIES // 2} AS payer",
            f"r % {PARTIES // 2} + 1 AS rank", where=f"{d.u('active party', 'f', 'm', 'r')} < 0.84e0 AND (n_sales > 0 OR r >= {PARTIES // 2})",
        )  # fmt: skip
        era = select(active, "*", "floor(m / life + phase)::INTEGER AS era")
        drawn = select(
            era, "*", f"least(month, {date_sql('ceil((era - phase) * life)::INTEGER', '1')}) AS since",
            f"round(IF(payer, inflow, budget) * 0.35e0 / rank * exp(0.5e0 * {d.z('party amount', 'f', 'm', 'r')})) AS amt",
            "greatest(1, IF(payer, n_sales, n_outside) // (rank + 2)) AS cnt", f"{d.u('party', 'f', 'r', 'era')} AS u", f"{d.u('party place', 'f', 'r', 'era')} AS u_place",
        )  # fmt: skip
        values = {
            "cpty_id": _id("party", d, "f", "r", "era"), "in_amt": "IF(payer OR both_ways, amt, 0)", "in_cnt": "IF(payer OR both_ways, cnt, 0)",
            "out_amt": "IF(payer, 0, amt)", "out_cnt": "IF(payer, 0, cnt)", "cpty_kind": "CASE WHEN u < 0.8e0 THEN 'corp' WHEN u < 0.97e0 THEN 'person' ELSE 'gov' END",
            "is_related": "u_place * 64e0 % 1e0 < 0.04e0 + 0.05e0 * d", "out_province": "u_place > 0.7e0",
            "region4": "CASE WHEN u_place < 0.5e0 THEN '4501' WHEN u_place < 0.7e0 THEN '4502' WHEN u_place < 0.9e0 THEN '4403' END",
            "industry2": "IF(u < 0.75e0, (10 + floor(u * 80e0)::INTEGER)::VARCHAR, NULL)",
            "first_in_month": "IF(payer OR both_ways, since, NULL)", "first_out_month": "IF(payer, NULL, since)",
        }  # fmt: skip
        return select(drawn, "*", "NOT payer AND n_sales > 0 AND u < 0.04e0 AS both_ways"), values

    def tax_month(self) -> Tile:
        # one month earlier than the flows: the return of the latest month is not due yet, and a year on year growth needs 24
        due = select("monthly", "*", f"{date_sql('m + 1', '15')} AS due_date", where=f"NOT tax_missing AND m < {self.p.end_m}")
        return select(due, "*", where=f"due_date <= DATE '{self.p.end.isoformat()}'"), tax_months(self.d)

    def loan(self) -> Tile:
        return self.closed, loans(self.d)

    def network(self) -> Tile:
        d = self.d
        loop = f"IF(ringed AND m >= ring_m AND {d.u('ring month', 'f // 3', 'm')} < 0.5e0, 1, 0) + IF({d.u('tile loop', 'f', 'm')} < 0.004e0 + 0.03e0 * d, 1, 0)"
        chance = f"{d.u('tile related', 'f')}"
        values = {
            "n_related": f"IF({chance} < 0.3e0, 1 + {d.pick('tile n related', 4, 'f')}, 0)", "n_rel_default": f"IF({chance} < 0.02e0 + 0.05e0 * d, 1, 0)",
            "n_rel_dishonest": f"IF({chance} < 0.01e0 + 0.04e0 * d, 1, 0)", "circ_amt": f"({loop}) * round(2000000e0 * exp(0.5e0 * {d.z('tile loop size', 'f', 'm')}))",
            "circ_cnt": loop, "mirror_cnt": f"IF({d.u('tile mirror', 'f', 'm')} < 0.003e0 + 0.03e0 * d, 1, 0)",
            "risky_payer_amt": f"IF({d.u('tile risky payer', 'f', 'm')} < 0.03e0, round(inflow * 0.05e0), 0)",
            "risky_payee_amt": f"IF({d.u('tile risky payee', 'f', 'm')} < 0.03e0, round(budget * 0.05e0), 0)",
            "guar_circle_n": f"IF({d.u('tile guarantees', 'f')} < 0.1e0, 2 + {d.pick('tile circle', 5, 'f')}, 0)",
        }  # fmt: skip
        return self.closed, values

    def court_event(self) -> Tile:
        d = self.d
        chance = {
            "case_def": "0.0025e0 + 0.05e0 * d * d", "case_pla": "0.004e0", "judgment_lost": "0.001e0 + 0.03e0 * d * d",
            "enforcement": "0.0003e0 + 0.03e0 * d * d", "dishonest": "0.0001e0 + 0.015e0 * d * d", "restriction": "0.0002e0 + 0.02e0 * d * d", "freeze": "0.0001e0 + 0.01e0 * d * d",
        }  # fmt: skip
        hits = union(
            *(
                select(self.closed, "*", f"'{kind}' AS event_type", f"{i} AS no", where=f"{d.u('court', 'f', 'm', str(i))} < {limit}")
                for i, (kind, limit) in enumerate(chance.items())
            )
        )
        key = ("f", "m", "no")
        dated = select(hits, "*", f"month + {d.pick('court day', 28, *key)} AS publish_date", f"{d.u('court kind', *key)} AS u")
        rows = select(dated, "*", "event_type IN ('enforcement', 'dishonest', 'restriction') AND u < 0.2e0 AS by_rep")
        values = {
            "event_id": _id("court event", d, *key), "via": "IF(by_rep, 'rep', 'firm')",
            "cause_group": f"IF(event_type LIKE 'case%', {lookup(['loan', 'sales', 'labor', 'other'], 'floor(u * 3.999e0)::INTEGER')}, NULL)",
            "rep_from": f"IF(by_rep, {date_sql('m - 30', '1')}, NULL)", "rep_to": f"IF(by_rep AND u < 0.1e0, {date_sql('m + 3', '1')}, NULL)",
            "start_date": "IF(event_type = 'freeze', publish_date, NULL)", "end_date": "IF(u < 0.5e0 AND event_type NOT LIKE 'case%', publish_date + 300, NULL)",
            "amount": "IF(event_type IN ('dishonest', 'restriction'), NULL, round(trend * 0.4e0 * exp(u)))",
        }  # fmt: skip
        return rows + " ORDER BY f, m, no", values

    def registration_event(self) -> Tile:
        d = self.d
        kinds = ("legal_rep", "shareholder", "address", "capital_decrease", "abnormal", "penalty", "equity_pledge")
        chance = "0.002e0 + 0.008e0 * d"
        rows = union(
            *(
                select(self.closed, "*", f"'{kind}' AS kind", f"{i} AS no", where=f"{d.u('registry event', 'f', 'm', str(i))} < {chance}")
                for i, kind in enumerate(kinds)
            )
        )
        key = ("f", "m", "no")
        values = {
            "event_id": _id("registry event", d, *key), "event_date": f"month + {d.pick('registry day', 28, *key)}",
            "end_date": f"IF(kind IN ('abnormal', 'equity_pledge'), month + (90 + {d.pick('registry end', 300, *key)}), NULL)",
        }  # fmt: skip
        return rows + " ORDER BY f, m, no", values

    def registration(self) -> Tile:
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
        return self.now, values

    def firm_state(self) -> Tile:
        p, d = self.p, self.d

        def op_in(first: int, last: int) -> str:
            return f"sum(IF(m BETWEEN {p.end_m - first} AND {p.end_m - last} AND n_sales + n_pos > 0, round(inflow)::BIGINT, 0))::BIGINT"

        spans = {
            "op_in_12m": (12, 1),
            "op_in_6m": (6, 1),
            "op_in_3m": (3, 1),
            "op_in_3m_year_before": (15, 13),
            "op_in_12m_year_before": (24, 13),
        }
        sums = select(
            self.closed, "f", *(f"{op_in(*x)} AS {c}" for c, x in spans.items()), "count(*) AS covered_months",
            f"count_if(m > {p.end_m - 4} AND social_missed) AS sso_missed_3m", f"count_if(m > {p.end_m - 4} AND wage_missed) AS months_without_wages",
        )  # fmt: skip
        values = {
            "status": "'ACTIVE'", "coverage_share": "1e0", "low_quality_inflow_share": clip(f"0.05e0 + 0.3e0 * d * {d.u('low quality', 'f')}", "0e0", "1e0"),
            "class5_now": "IF(borrower, CASE WHEN d > 0.95e0 THEN 3 WHEN d > 0.6e0 THEN 2 ELSE 1 END, NULL)", "dpd_now": f"IF(borrower, IF(d > 0.9e0, {d.pick('dpd', 120, 'f', 'm')}, 0), NULL)",
            "court_freeze_now": f"d > 0.95e0 AND {d.u('frozen', 'f')} < 0.3e0", "rep_dishonest_active": f"d > 0.95e0 AND {d.u('rep dishonest', 'f')} < 0.2e0",
            "new_sales_cases_30d": "IF(d > 0.9e0, 1, 0)", "new_loan_cases_30d": "IF(d > 0.97e0, 1, 0)", "debt_service_12m": "IF(borrower, round(trend * 1.2e0), 0)",
            "unsecured_balance": "IF(borrower, round(trend), 0)", "has_loan_before": "borrower", "data_gap": "false",
            "tax_covered": "NOT tax_missing", "court_covered": "true", "loan_covered": "true", "registry_covered": "true",
        }  # fmt: skip
        return f"SELECT * FROM ({self.now}) JOIN ({sums} GROUP BY f) USING (f) ORDER BY f", values


NAMES = (
    "registration", "registration_event", "court_event", "firm_state", "firm_bucket", "firm_bank_month", "tax_month", "loan",
    "firm_month", "firm_category_month", "firm_counterparty_month", "network",
)  # fmt: skip
