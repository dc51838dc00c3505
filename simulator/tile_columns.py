"""SQL of the tile columns of a firm-month, over the state of the month (months.COMPACT) and `days`, its length; amounts in fen."""

from __future__ import annotations

from simulator.draws import Draws, clip
from simulator.params import Params


def firm_months(d: Draws, p: Params) -> dict[str, str]:
    """Columns of tile.firm_month; those that tile.firm_bucket shares mean the same there."""

    def u(stream: str) -> str:
        return d.u("tile " + stream, "f", "m")

    def near(amount: str, stream: str, sd: float = 0.2) -> str:
        return f"round({amount} * exp({sd}D * {d.z('tile ' + stream, 'f', 'm')}))"

    def of(amount: str, low: float, high: float, stream: str) -> str:
        return f"round({amount} * ({low}D + {high - low}D * {u(stream)}))"

    def sometimes(chance: str, value: str, stream: str, other: str = "0") -> str:
        return f"IF({u(stream + '?')} < {chance}, {value}, {other})"

    op_out = "(budget + wages + vat + social + 0.06D * inflow)"
    n_in, n_out = "(n_sales + n_pos)", "(n_outside + 12)"
    in_amt, out_amt = of("inflow", 1.05, 1.4, "other in"), of(op_out, 1.05, 1.4, "other out")
    balance = near("reserve", "balance", 0.3)
    covered = sometimes("0.97D", "days", "covered", f"days - 1 - {d.pick('tile gap', 8, 'f', 'm')}")
    active = f"least(days, {n_in} + {n_out})"
    return {
        "days_in_month": "days",
        "days_covered": covered,
        "hist_months": f"least(36, m - greatest(open_m, {p.first_m}) + 1)",
        "in_amt": in_amt,
        "out_amt": out_amt,
        "in_cnt": f"{n_in} + 3",
        "out_cnt": f"{n_out} + 4",
        "all_cnt": f"{n_in} + {n_out} + 7",
        "op_in_amt": "round(inflow)",
        "op_out_amt": f"round({op_out})",
        "op_in_cnt": n_in,
        "op_out_cnt": n_out,
        "med_in_amt": near(f"inflow / {n_in} * 0.7D", "median"),
        "max_in_amt": of("inflow", 0.1, 0.5, "max in"),
        "max_out_amt": of(op_out, 0.1, 0.4, "max out"),
        "large_in_amt": f"IF(inflow > 1e8D, {of('inflow', 0, 0.4, 'large in')}, 0)",
        "large_in_cnt": f"IF(inflow > 1e8D, {d.pick('large n', 4, 'f', 'm')}, 0)",
        "large_out_cnt": f"IF(inflow > 1e8D, {d.pick('large out n', 4, 'f', 'm')}, 0)",
        "fx_in_amt": f"IF(cur2 > 0, {of('inflow', 0, 0.3, 'fx')}, 0)",
        "bill_in_amt": sometimes("0.06D", of("inflow", 0.02, 0.15, "bill"), "bill"),
        "cash_in_amt": sometimes("0.2D", of("inflow", 0, 0.05, "cash in"), "cash in"),
        "cash_out_amt": sometimes("0.25D + 0.2D * d", of("inflow", 0, 0.05, "cash out"), "cash out"),
        "main_bank_in_amt": of(in_amt, 0.6, 1, "main bank"),
        "basic_in_amt": of(in_amt, 0.5, 1, "basic"),
        "bal_avg": balance,
        "bal_eom": near("reserve", "end", 0.4),
        "bal_min": of(balance, 0.1, 0.8, "low"),
        "bal_max": of(balance, 1.1, 2.5, "high"),
        "bal_std": f"{balance} * (0.05D + 0.5D * {u('bal std')})",
        "td_bal_avg": "IF(kind3 = 1, round(reserve * 0.4D), 0)",
        "margin_bal_avg": "IF(kind3 = 2, round(reserve * 0.2D), 0)",
        "low_bal_days": f"CAST(days * {clip('0.1D + 0.7D * d', '0D', '1D')} * {u('low days')} AS INT)",
        "zero_bal_days": sometimes("0.02D + 0.3D * d", d.pick("tile zero", 6, "f", "m"), "zero"),
        "frozen_days": sometimes("0.05D * d", "days", "frozen"),
        "active_days": active,
        "in_days": f"least(days, {n_in})",
        "in_gap_max": f"greatest(1, CAST(days / (1D + {n_in}) * (1D + 2D * {u('gap')}) AS INT))",
        "in_daily_std": f"inflow / days * (0.5D + 2D * {u('daily std')})",
        "last5d_in_amt": of("inflow", 0.05, 0.35, "last days"),
        "in_dom_mean": f"10D + 10D * {u('dom')}",
        "wage_dom": f"IF(wage_missed, NULL, payday + 3D * {u('wage day')})",
        "wage_payee_cnt": "IF(wage_missed, 0, least(5, staff))",
        "n_bank_active": "IF(has1, 2, 1)",
        "n_acct_active": "1 + IF(has1, 1, 0) + IF(kind3 > 0, 1, 0)",
        "n_acct_open": "1 + IF(has1, 1, 0) + IF(cur2 >= 0, 1, 0)",
        "n_payer": f"least(payers, {n_in})",
        "n_payee": "least(12, n_outside)",
        "n_new_payer": d.pick("tile new payer", 3, "f", "m"),
        "n_new_payee": d.pick("tile new payee", 3, "f", "m"),
        "top1_payer_repeat": sometimes("0.7D - 0.4D * d", "1", "repeat"),
        "night_cnt": sometimes("0.1D + 0.3D * d", "2", "night"),
        "holiday_cnt": f"CAST({n_in} * 0.2D * {u('holiday')} AS INT)",
        "round_cnt": d.pick("tile round", 5, "f", "m"),
        "near_thr_cash_cnt": sometimes("0.02D + 0.05D * d", "1", "near"),
        "ret_out_cnt": sometimes("0.01D + 0.1D * d", "1", "returned"),
        "sameday_amt": of("inflow", 0.05, 0.5, "same day"),
        "passthru_days": d.pick("tile through", 4, "f", "m"),
        "loan_div_amt": sometimes("0.02D + 0.05D * d", of("inflow", 0, 0.2, "diverted"), "diverted"),
    }


def categories(d: Draws) -> dict[str, tuple[str, str, str]]:
    """category -> (condition, amount, count) of tile.firm_category_month."""

    def part(stream: str, amount: str, chance: str = "1D", n: str = "1") -> tuple[str, str, str]:
        key = "tile cat " + stream
        return f"{d.u(key + '?', 'f', 'm')} < {chance}", f"greatest(1D, round({amount} * exp(0.3D * {d.z(key, 'f', 'm')})))", n

    return {
        "sales_receipt": part("sales", "inflow - pos", n="n_sales"),
        "pos_settlement": part("pos", "pos", "IF(pos > 0D, 0.95D, 0D)", "greatest(1, n_pos)"),
        "supplier_payment": part("supplier", "budget", n="n_outside"),
        "wage": part("wage", "wages", "IF(wage_missed, 0D, 1D)", "4"),
        "tax": part("tax", "vat * 1.1D", "IF(general OR m % 3 = 2, 0.97D, 0D)", "2"),
        "social_security": part("social", "social", "IF(social_missed, 0D, 1D)"),
        "rent": part("rent", "inflow * 0.03D", "IF(rents, 0.75D, 0D)"),
        "utility": part("utility", "inflow * 0.012D", "0.9D"),
        "logistics": part("logistics", "inflow * 0.02D", "0.55D"),
        "service_fee": part("service", "inflow * 0.015D", "0.4D"),
        "bank_fee": part("fee", "5000D", "0.4D"),
        "travel_ent": part("travel", "inflow * 0.006D", "0.5D"),
        "insurance": part("insurance", "trend * 0.03D", "0.08D"),
        "personal_out": part("person out", "trend * 0.03D", "0.28D + 0.3D * d"),
        "personal_in": part("person in", "trend * 0.04D", "0.07D + 0.1D * d"),
        "related_out": part("related out", "trend * 0.05D", "IF(paired, 0.45D, 0.02D)"),
        "related_in": part("related in", "trend * 0.05D", "IF(paired, 0.4D, 0.02D)"),
        "own_transfer_in": part("own in", "trend * 0.18D", "IF(has1, 0.55D, 0D)"),
        "own_transfer_out": part("own out", "trend * 0.18D", "IF(has1, 0.55D, 0D)"),
        "cash_withdrawal": part("cash out", "trend * 0.02D", "0.25D + 0.2D * d"),
        "cash_deposit": part("cash in", "inflow * 0.03D", "0.1D"),
        "loan_disbursement": part("loan in", "trend * 2D", "IF(borrower, 0.06D, 0D)"),
        "loan_principal": part("principal", "trend * 0.15D", "IF(borrower, 0.6D, 0D)"),
        "loan_interest": part("interest", "trend * 0.01D", "IF(borrower, 0.9D, 0D)"),
        "interest_income": part("earned", "reserve * 0.0006D", "IF(m % 3 = 2, 1D, 0D)"),
        "invest_purchase": part("buy", "trend * 0.2D", "0.2D"),
        "invest_redemption": part("sell", "trend * 0.2D", "0.2D"),
        "refund_in": part("back", "inflow * 0.015D", "0.03D"),
        "refund_out": part("returned", "inflow * 0.02D", "0.05D + 0.1D * d"),
        "gov_subsidy": part("subsidy", "2000000D", "0.02D"),
        "fixed_asset": part("asset", "trend * 0.25D", "0.04D"),
        "risk_merchant": part("risk", "500000D", "0.002D + 0.03D * d"),
        "court_payment": part("court", "trend * 0.05D", "0.004D + 0.05D * d"),
        "other_out": part("other", "trend * 0.01D", "0.02D"),
    }


def tax_months(d: Draws) -> dict[str, str]:
    """Columns of tile.tax_month but its keys and due_date; a return that is due and not filed leaves its sales null."""

    def u(stream: str) -> str:
        return d.u("tile tax " + stream, "f", "m")

    missing, late = f"{u('missing')} < 0.003D + 0.05D * d", f"{u('late')} < 0.01D + 0.15D * d"
    sales = f"round(inflow * 0.88D * (0.9D + 0.12D * {u('declared')}))"
    return {
        "vat_sales": f"IF({missing}, NULL, {sales})",
        "vat_paid": "IF(tax_missed, 0, round(vat))",
        "decl_zero": f"IF({u('zero')} < 0.02D * d, 1, 0)",
        "decl_late": f"IF({late}, 1, 0)",
        "decl_missing": f"IF({missing}, 1, 0)",
        "tax_paid": "IF(tax_missed, 0, round(vat * 1.3D))",
        "tax_late_days_max": f"IF(tax_missed, 5 + {d.pick('tile tax days', 60, 'f', 'm')}, 0)",
        "arrears_bal": "IF(tax_missed, round(vat), 0)",
        "penalty_amt": "IF(tax_missed, round(vat * 0.02D), 0)",
        "rating_score": f"IF(m - open_m < 12, 3, CAST({clip('4D + 0.6D * q - 3D * d', '1D', '5D')} AS INT))",
        "inv_out_amt": f"round(inflow * (0.7D + 0.3D * {u('invoiced')}))",
        "inv_out_cnt": "n_sales",
        "inv_out_red_amt": f"IF({u('red')} < 0.1D, round(inflow * 0.02D), 0)",
        "inv_out_void_cnt": f"IF({u('void')} < 0.1D, 1, 0)",
        "inv_in_amt": f"IF({u('no purchases')} < 0.2D, 0, round(budget * (0.5D + 0.4D * {u('bought')})))",
        "n_inv_buyer": "least(payers, n_sales)",
        "inv_top1_buyer_amt": f"round(inflow * (0.1D + 0.4D * {u('buyer')}))",
        "inv_top1_seller_amt": f"round(budget * (0.1D + 0.4D * {u('seller')}))",
        "cit_revenue": f"round(inflow * 0.88D * (0.95D + 0.1D * {u('revenue')}))",
        "cit_profit": f"round(inflow * (0.08D - 0.2D * d + 0.1D * ({u('profit')} - 0.5D)))",
        "sso_headcount": "staff",
        "sso_missed": "IF(social_missed, 1, 0)",
    }


def loans(d: Draws) -> dict[str, str]:
    """Columns of tile.loan but its keys; 0 for a firm without loans."""
    u = d.u("tile loan", "f")
    used = {
        "bal": f"trend * (1D + 4D * {u})",
        "nonbank_bal": f"IF({u} > 0.8D, trend * 0.5D, 0D)",
        "unsecured_bal": f"IF({u} < 0.5D, trend, 0D)",
        "n_loan": f"1 + {d.pick('tile loans', 3, 'f')}",
        "n_lender": f"1 + {d.pick('tile lenders', 2, 'f')}",
        "n_nonbank_lender": f"IF({u} > 0.8D, 1, 0)",
        "limit_amt": f"trend * (1.5D + 4D * {u})",
        "used_amt": f"trend * (1D + 4D * {u})",
        "due_amt": f"trend * 0.15D * (1D + {d.u('tile due', 'f', 'm')})",
        "overdue_amt": "IF(d > 0.95D, trend * 0.5D, 0D)",
        "dpd_max": f"IF(d > 0.95D, {d.pick('tile dpd', 120, 'f', 'm')}, 0)",
        "new_amt": f"IF({d.u('tile new loan', 'f', 'm')} < 0.06D, trend * 2D, 0D)",
        "rollover_amt": f"IF({d.u('tile new loan', 'f', 'm')} < 0.02D, trend * 2D, 0D)",
        "n_grant": f"IF({d.u('tile new loan', 'f', 'm')} < 0.06D, 1, 0)",
        "n_new_lender": f"IF({d.u('tile new loan', 'f', 'm')} < 0.01D, 1, 0)",
        "n_query": f"IF({d.u('tile query', 'f', 'm')} < 0.1D + 0.3D * d, 1 + {d.pick('tile queries', 3, 'f', 'm')}, 0)",
        "n_query_lender": f"IF({d.u('tile query', 'f', 'm')} < 0.1D + 0.3D * d, 1, 0)",
        "bal_due_3m": "trend * 0.5D",
        "guar_out_bal": f"IF({u} > 0.9D, trend, 0D)",
    }
    zero_or = {c: f"IF(borrower, round({x}), 0)" for c, x in used.items()}
    return zero_or | {"first_loan_age": f"IF(borrower, least(m - open_m, {d.pick('tile first loan', 80, 'f')}), NULL)"}
