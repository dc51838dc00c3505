"""SQL of the tile columns of a firm-month, over the state of the month (months.COMPACT) and `days`, its length; amounts in fen."""

from __future__ import annotations

from simulator.draws import Draws, clip
from simulator.params import Params


def firm_months(d: Draws, p: Params) -> dict[str, str]:
    """Columns of tile.firm_month; those that tile.firm_bucket shares mean the same there."""

    def u(stream: str) -> str:
        return d.u("tile " + stream, "f", "m")

    def near(amount: str, stream: str, sd: float = 0.2) -> str:
        return f"round({amount} * exp({sd}e0 * {d.z('tile ' + stream, 'f', 'm')}))"

    def of(amount: str, low: float, high: float, stream: str) -> str:
        return f"round({amount} * ({low}e0 + {high - low}e0 * {u(stream)}))"

    def sometimes(chance: str, value: str, stream: str, other: str = "0") -> str:
        return f"IF({u(stream + '?')} < {chance}, {value}, {other})"

    op_out = "(budget + wages + vat + social + 0.06e0 * inflow)"
    n_in, n_out = "(n_sales + n_pos)", "(n_outside + 12)"
    in_amt, out_amt = of("inflow", 1.05, 1.4, "other in"), of(op_out, 1.05, 1.4, "other out")
    balance = near("reserve", "balance", 0.3)
    covered = sometimes("0.97e0", "days", "covered", f"days - 1 - {d.pick('tile gap', 8, 'f', 'm')}")
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
        "op_in_amt": f"IF({n_in} = 0, 0, round(inflow))",
        "op_out_amt": f"round({op_out})",
        "op_in_cnt": n_in,
        "op_out_cnt": n_out,
        "med_in_amt": near(f"inflow / nullif({n_in}, 0) * 0.7e0", "median"),
        "max_in_amt": of("inflow", 0.1, 0.5, "max in"),
        "max_out_amt": of(op_out, 0.1, 0.4, "max out"),
        "large_in_amt": f"IF(inflow > 1e8, {of('inflow', 0, 0.4, 'large in')}, 0)",
        "large_in_cnt": f"IF(inflow > 1e8, {d.pick('large n', 4, 'f', 'm')}, 0)",
        "large_out_cnt": f"IF(inflow > 1e8, {d.pick('large out n', 4, 'f', 'm')}, 0)",
        "fx_in_amt": f"IF(cur2 > 0, {of('inflow', 0, 0.3, 'fx')}, 0)",
        "bill_in_amt": sometimes("0.06e0", of("inflow", 0.02, 0.15, "bill"), "bill"),
        "cash_in_amt": sometimes("0.2e0", of("inflow", 0, 0.05, "cash in"), "cash in"),
        "cash_out_amt": sometimes("0.25e0 + 0.2e0 * d", of("inflow", 0, 0.05, "cash out"), "cash out"),
        "main_bank_in_amt": of(in_amt, 0.6, 1, "main bank"),
        "basic_in_amt": of(in_amt, 0.5, 1, "basic"),
        "bal_avg": balance,
        "bal_eom": near("reserve", "end", 0.4),
        "bal_min": of(balance, 0.1, 0.8, "low"),
        "bal_max": of(balance, 1.1, 2.5, "high"),
        "bal_std": f"{balance} * (0.05e0 + 0.5e0 * {u('bal std')})",
        "td_bal_avg": "IF(kind3 = 1, round(reserve * 0.4e0), 0)",
        "margin_bal_avg": "IF(kind3 = 2, round(reserve * 0.2e0), 0)",
        "low_bal_days": f"trunc(days * {clip('0.1e0 + 0.7e0 * d', '0e0', '1e0')} * {u('low days')})",
        "zero_bal_days": sometimes("0.02e0 + 0.3e0 * d", d.pick("tile zero", 6, "f", "m"), "zero"),
        "frozen_days": sometimes("0.05e0 * d", "days", "frozen"),
        "active_days": active,
        "in_days": f"least(days, {n_in})",
        "in_gap_max": f"greatest(1, trunc(days / (1e0 + {n_in}) * (1e0 + 2e0 * {u('gap')}))::INTEGER)",
        "in_daily_std": f"inflow / days * (0.5e0 + 2e0 * {u('daily std')})",
        "last5d_in_amt": of("inflow", 0.05, 0.35, "last days"),
        "in_dom_mean": f"10e0 + 10e0 * {u('dom')}",
        "wage_dom": f"IF(wage_missed, NULL, payday + 3e0 * {u('wage day')})",
        "wage_payee_cnt": "IF(wage_missed, 0, least(5, staff))",
        "n_bank_active": "IF(has1, 2, 1)",
        "n_acct_active": "1 + IF(has1, 1, 0) + IF(kind3 > 0, 1, 0)",
        "n_acct_open": "1 + IF(has1, 1, 0) + IF(cur2 >= 0, 1, 0)",
        "n_payer": f"least(payers, {n_in})",
        "n_payee": "least(12, n_outside)",
        "n_new_payer": d.pick("tile new payer", 3, "f", "m"),
        "n_new_payee": d.pick("tile new payee", 3, "f", "m"),
        "top1_payer_repeat": sometimes("0.7e0 - 0.4e0 * d", "1", "repeat"),
        "night_cnt": sometimes("0.1e0 + 0.3e0 * d", "2", "night"),
        "holiday_cnt": f"trunc({n_in} * 0.2e0 * {u('holiday')})",
        "round_cnt": d.pick("tile round", 5, "f", "m"),
        "near_thr_cash_cnt": sometimes("0.02e0 + 0.05e0 * d", "1", "near"),
        "ret_out_cnt": sometimes("0.01e0 + 0.1e0 * d", "1", "returned"),
        "sameday_amt": of("inflow", 0.05, 0.5, "same day"),
        "passthru_days": d.pick("tile through", 4, "f", "m"),
        "loan_div_amt": sometimes("0.02e0 + 0.05e0 * d", of("inflow", 0, 0.2, "diverted"), "diverted"),
    }


def categories(d: Draws) -> dict[str, tuple[str, str, str]]:
    """category -> (condition, amount, count) of tile.firm_category_month."""

    def part(stream: str, amount: str, chance: str = "1e0", n: str = "1") -> tuple[str, str, str]:
        key = "tile cat " + stream
        return f"{d.u(key + '?', 'f', 'm')} < {chance}", f"greatest(1e0, round({amount} * exp(0.3e0 * {d.z(key, 'f', 'm')})))", n

    return {
        "sales_receipt": part("sales", "inflow - pos", "IF(n_sales > 0, 1e0, 0e0)", "n_sales"),
        "pos_settlement": part("pos", "pos", "IF(n_pos > 0, 0.95e0, 0e0)", "greatest(1, n_pos)"),
        "supplier_payment": part("supplier", "budget", n="n_outside"),
        "wage": part("wage", "wages", "IF(wage_missed, 0e0, 1e0)", "4"),
        "tax": part("tax", "vat * 1.1e0", "IF(general OR m % 3 = 2, 0.97e0, 0e0)", "2"),
        "social_security": part("social", "social", "IF(social_missed, 0e0, 1e0)"),
        "rent": part("rent", "inflow * 0.03e0", "IF(rents, 0.75e0, 0e0)"),
        "utility": part("utility", "inflow * 0.012e0", "0.9e0"),
        "logistics": part("logistics", "inflow * 0.02e0", "0.55e0"),
        "service_fee": part("service", "inflow * 0.015e0", "0.4e0"),
        "bank_fee": part("fee", "5000e0", "0.4e0"),
        "travel_ent": part("travel", "inflow * 0.006e0", "0.5e0"),
        "insurance": part("insurance", "trend * 0.03e0", "0.08e0"),
        "personal_out": part("person out", "trend * 0.03e0", "0.28e0 + 0.3e0 * d"),
        "personal_in": part("person in", "trend * 0.04e0", "0.07e0 + 0.1e0 * d"),
        "related_out": part("related out", "trend * 0.05e0", "IF(paired, 0.45e0, 0.02e0)"),
        "related_in": part("related in", "trend * 0.05e0", "IF(paired, 0.4e0, 0.02e0)"),
        "own_transfer_in": part("own in", "trend * 0.18e0", "IF(has1, 0.55e0, 0e0)"),
        "own_transfer_out": part("own out", "trend * 0.18e0", "IF(has1, 0.55e0, 0e0)"),
        "cash_withdrawal": part("cash out", "trend * 0.02e0", "0.25e0 + 0.2e0 * d"),
        "cash_deposit": part("cash in", "inflow * 0.03e0", "0.1e0"),
        "loan_disbursement": part("loan in", "trend * 2e0", "IF(borrower, 0.06e0, 0e0)"),
        "loan_principal": part("principal", "trend * 0.15e0", "IF(borrower, 0.6e0, 0e0)"),
        "loan_interest": part("interest", "trend * 0.01e0", "IF(borrower, 0.9e0, 0e0)"),
        "interest_income": part("earned", "reserve * 0.0006e0", "IF(m % 3 = 2, 1e0, 0e0)"),
        "invest_purchase": part("buy", "trend * 0.2e0", "0.2e0"),
        "invest_redemption": part("sell", "trend * 0.2e0", "0.2e0"),
        "refund_in": part("back", "inflow * 0.015e0", "0.03e0"),
        "refund_out": part("returned", "inflow * 0.02e0", "0.05e0 + 0.1e0 * d"),
        "gov_subsidy": part("subsidy", "2000000e0", "0.02e0"),
        "fixed_asset": part("asset", "trend * 0.25e0", "0.04e0"),
        "risk_merchant": part("risk", "500000e0", "0.002e0 + 0.03e0 * d"),
        "court_payment": part("court", "trend * 0.05e0", "0.004e0 + 0.05e0 * d"),
        "other_out": part("other", "trend * 0.01e0", "0.02e0"),
    }


def tax_months(d: Draws) -> dict[str, str]:
    """Columns of tile.tax_month but its keys and due_date; a return that is due and not filed leaves its sales null."""

    def u(stream: str) -> str:
        return d.u("tile tax " + stream, "f", "m")

    missing, late = f"{u('missing')} < 0.003e0 + 0.05e0 * d", f"{u('late')} < 0.01e0 + 0.15e0 * d"
    sales = f"round(inflow * 0.88e0 * (0.9e0 + 0.12e0 * {u('declared')}))"
    return {
        "vat_sales": f"IF({missing}, NULL, {sales})",
        "vat_paid": "IF(tax_missed, 0, round(vat))",
        "decl_zero": f"IF({u('zero')} < 0.02e0 * d, 1, 0)",
        "decl_late": f"IF({late}, 1, 0)",
        "decl_missing": f"IF({missing}, 1, 0)",
        "tax_paid": "IF(tax_missed, 0, round(vat * 1.3e0))",
        "tax_late_days_max": f"IF(tax_missed, 5 + {d.pick('tile tax days', 60, 'f', 'm')}, 0)",
        "arrears_bal": "IF(tax_missed, round(vat), 0)",
        "penalty_amt": "IF(tax_missed, round(vat * 0.02e0), 0)",
        "rating_score": f"IF(m - open_m < 12, 3, trunc({clip('4e0 + 0.6e0 * q - 3e0 * d', '1e0', '5e0')}))",
        "inv_out_amt": f"round(inflow * (0.7e0 + 0.3e0 * {u('invoiced')}))",
        "inv_out_cnt": "n_sales",
        "inv_out_red_amt": f"IF({u('red')} < 0.1e0, round(inflow * 0.02e0), 0)",
        "inv_out_void_cnt": f"IF({u('void')} < 0.1e0, 1, 0)",
        "inv_in_amt": f"IF({u('no purchases')} < 0.2e0, 0, round(budget * (0.5e0 + 0.4e0 * {u('bought')})))",
        "n_inv_buyer": "least(payers, n_sales)",
        "inv_top1_buyer_amt": f"round(inflow * (0.1e0 + 0.4e0 * {u('buyer')}))",
        "inv_top1_seller_amt": f"round(budget * (0.1e0 + 0.4e0 * {u('seller')}))",
        "cit_revenue": f"round(inflow * 0.88e0 * (0.95e0 + 0.1e0 * {u('revenue')}))",
        "cit_profit": f"round(inflow * (0.08e0 - 0.2e0 * d + 0.1e0 * ({u('profit')} - 0.5e0)))",
        "sso_headcount": "staff",
        "sso_missed": "IF(social_missed, 1, 0)",
    }


def loans(d: Draws) -> dict[str, str]:
    """Columns of tile.loan but its keys; 0 for a firm without loans."""
    u = d.u("tile loan", "f")
    used = {
        "bal": f"trend * (1e0 + 4e0 * {u})",
        "nonbank_bal": f"IF({u} > 0.8e0, trend * 0.5e0, 0e0)",
        "unsecured_bal": f"IF({u} < 0.5e0, trend, 0e0)",
        "n_loan": f"1 + {d.pick('tile loans', 3, 'f')}",
        "n_lender": f"1 + {d.pick('tile lenders', 2, 'f')}",
        "n_nonbank_lender": f"IF({u} > 0.8e0, 1, 0)",
        "limit_amt": f"trend * (1.5e0 + 4e0 * {u})",
        "used_amt": f"trend * (1e0 + 4e0 * {u})",
        "due_amt": f"trend * 0.15e0 * (1e0 + {d.u('tile due', 'f', 'm')})",
        "overdue_amt": "IF(d > 0.95e0, trend * 0.5e0, 0e0)",
        "dpd_max": f"IF(d > 0.95e0, {d.pick('tile dpd', 120, 'f', 'm')}, 0)",
        "new_amt": f"IF({d.u('tile new loan', 'f', 'm')} < 0.06e0, trend * 2e0, 0e0)",
        "rollover_amt": f"IF({d.u('tile new loan', 'f', 'm')} < 0.02e0, trend * 2e0, 0e0)",
        "n_grant": f"IF({d.u('tile new loan', 'f', 'm')} < 0.06e0, 1, 0)",
        "n_new_lender": f"IF({d.u('tile new loan', 'f', 'm')} < 0.01e0, 1, 0)",
        "n_query": f"IF({d.u('tile query', 'f', 'm')} < 0.1e0 + 0.3e0 * d, 1 + {d.pick('tile queries', 3, 'f', 'm')}, 0)",
        "n_query_lender": f"IF({d.u('tile query', 'f', 'm')} < 0.1e0 + 0.3e0 * d, 1, 0)",
        "bal_due_3m": "trend * 0.5e0",
        "guar_out_bal": f"IF({u} > 0.9e0, trend, 0e0)",
    }
    zero_or = {c: f"IF(borrower, round({x}), 0)" for c, x in used.items()}
    return zero_or | {"first_loan_age": f"IF(borrower, least(m - open_m, {d.pick('tile first loan', 80, 'f')}), NULL)"}
