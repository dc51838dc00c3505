"""Twenty-five indicators by hand-written SQL straight from silver transactions, against those of a published night.

Reads the province that `make run` leaves (LIUSHUI_HOME); skipped where there is none. Compared are the firms whose last 24
months are wholly covered, so that no rule for gaps stands between the two; how windows and gaps go is held elsewhere.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

import duckdb
import pytest

from jobs.sql_views import open_published
from lake.errors import LiushuiError
from lake.settings import load_settings

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
OP_IN = "('sales_receipt', 'pos_settlement', 'platform_settlement')"
OP_OUT = """('supplier_payment', 'wage', 'tax', 'social_security', 'rent', 'utility', 'logistics', 'service_fee', 'insurance', 'bank_fee',
             'travel_ent', 'refund_out')"""

FLOWS = f"""
CREATE TABLE whole AS
  SELECT firm_id FROM (SELECT * FROM tile.firm_month QUALIFY row_number() OVER (PARTITION BY firm_id, month ORDER BY tile_version DESC) = 1)
  WHERE month BETWEEN $last - INTERVAL 23 MONTH AND $last
  GROUP BY firm_id HAVING count(*) = 24 AND min(days_covered / days_in_month) = 1;
CREATE TABLE t AS
  SELECT firm_id, date_trunc('month', biz_date)::DATE AS month, biz_date, dr_cr, category, cpty_id, cpty_kind, instrument, amt_cny_fen::HUGEINT AS amt,
         datediff('month', biz_date, $last) AS back, dr_cr = 'C' AND category IN {OP_IN} AS op_in, dr_cr = 'D' AND category IN {OP_OUT} AS op_out
  FROM (SELECT * FROM silver.acct_txn QUALIFY row_number() OVER (PARTITION BY bank_id, txn_no, sub_no, biz_date ORDER BY row_version DESC, available_at DESC) = 1)
  WHERE reversal_flag IN ('N', 'S') AND NOT is_reversed AND NOT returned_flag AND category NOT IN ('own_transfer_in', 'own_transfer_out', 'reversal')
    AND biz_date < $last + INTERVAL 1 MONTH AND firm_id IN (SELECT firm_id FROM whole);
CREATE TABLE m AS
  SELECT firm_id, back, sum(amt) FILTER (op_in) AS op_in, coalesce(sum(amt) FILTER (op_out), 0) - coalesce(sum(amt) FILTER (dr_cr = 'C' AND category IN ('tax_refund', 'refund_in')), 0) AS op_out, count(*) FILTER (op_in) AS n_in,
         count(DISTINCT biz_date) FILTER (op_in) AS in_days
  FROM t GROUP BY ALL;
CREATE TABLE month AS
  SELECT firm_id, back, coalesce(op_in, 0) AS op_in, coalesce(op_out, 0) AS op_out, coalesce(n_in, 0) AS n_in, coalesce(in_days, 0) AS in_days
  FROM (SELECT firm_id, range AS back FROM whole, range(24)) LEFT JOIN m USING (firm_id, back);
CREATE TABLE payer AS
  SELECT firm_id, cpty_id, sum(amt) FILTER (back < 12) AS now, sum(amt) FILTER (back BETWEEN 12 AND 23) AS before,
         count(DISTINCT month) FILTER (back < 12) AS months, bool_or(cpty_kind = 'person') AS person
  FROM t WHERE dr_cr = 'C' AND category = 'sales_receipt' AND cpty_id IS NOT NULL AND back < 24 GROUP BY ALL;
CREATE TABLE told AS
  SELECT firm_id FROM month LEFT JOIN (SELECT firm_id, sum(now) AS receipts FROM payer GROUP BY 1) USING (firm_id)
  WHERE back < 12 GROUP BY firm_id HAVING coalesce(max(receipts), 0) >= 0.2 * sum(op_in);
"""


def _year(name: str, expression: str) -> str:
    """A value of a firm over the last twelve months of `month`."""
    return f"SELECT firm_id, {expression} AS {name} FROM month WHERE back < 12 GROUP BY firm_id"


def _category(name: str, side: str, categories: str, below: str) -> str:
    """The amount of categories in twelve months over another amount of the same rows."""
    return f"""SELECT firm_id, coalesce(sum(amt) FILTER (dr_cr = '{side}' AND category IN ({categories})), 0)::DOUBLE / nullif({below}, 0) AS {name}
               FROM t WHERE back < 12 GROUP BY firm_id"""


def _payers(name: str, expression: str) -> str:
    """A value over the payers of twelve months; null where too little of the inflow names its payer."""
    return f"""SELECT firm_id, CASE WHEN firm_id IN (FROM told) THEN {expression} END AS {name}
               FROM payer WHERE now > 0 GROUP BY firm_id"""


IN, OUT, OP = "sum(amt) FILTER (dr_cr = 'C')", "sum(amt) FILTER (dr_cr = 'D')", "sum(amt) FILTER (op_in)"
INDICATORS = {
    "op_inflow_amt_12m": _year("v", "sum(op_in) / 100.0"),
    "op_inflow_amt_24m": "SELECT firm_id, sum(op_in) / 100.0 AS v FROM month GROUP BY firm_id",
    "op_inflow_cnt_12m": _year("v", "sum(n_in)"),
    "op_inflow_ticket_avg_12m": _year("v", "sum(op_in) / 100.0 / nullif(sum(n_in), 0)"),
    "op_inflow_month_median_12m": _year("v", "median(op_in) / 100.0"),
    "op_inflow_single_max_12m": "SELECT firm_id, max(amt) FILTER (op_in) / 100.0 AS v FROM t WHERE back < 12 GROUP BY firm_id",
    "op_net_margin_12m": _year("v", "(sum(op_in) - sum(op_out))::DOUBLE / nullif(sum(op_in), 0)"),
    "op_inflow_growth_3m_yoy": """SELECT firm_id, sum(op_in) FILTER (back < 3)::DOUBLE / nullif(sum(op_in) FILTER (back BETWEEN 12 AND 14), 0) - 1 AS v
                                  FROM month GROUP BY firm_id""",
    "op_inflow_cv_12m": _year("v", "CASE WHEN avg(op_in) > 0 THEN stddev_samp(op_in) / avg(op_in) END"),
    "op_inflow_slope_12m": _year("v", "CASE WHEN avg(op_in) > 0 THEN regr_slope(op_in, -back) / avg(op_in) END"),
    "op_inflow_trend_r2_12m": _year("v", "CASE WHEN stddev_pop(op_in) > 0 THEN regr_r2(op_in, -back) END"),
    "active_inflow_month_cnt_12m": _year("v", "count(*) FILTER (n_in > 0)"),
    "inflow_day_share_12m": """SELECT firm_id, sum(in_days)::DOUBLE / datediff('day', $last - INTERVAL 11 MONTH, $last + INTERVAL 1 MONTH) AS v
                                FROM month WHERE back < 12 GROUP BY firm_id""",
    "pos_platform_share_12m": _category("v", "C", "'pos_settlement', 'platform_settlement'", OP),
    "op_inflow_share_of_total_12m": f"SELECT firm_id, {OP}::DOUBLE / nullif({IN}, 0) AS v FROM t WHERE back < 12 GROUP BY firm_id",
    "sales_return_ratio_12m": _category("v", "D", "'refund_out'", OP),
    "payer_cnt_12m": _payers("v", "count(*)"),
    "payer_hhi_12m": _payers("v", "sum(now::DOUBLE * now) / pow(sum(now), 2)"),
    "payer_top1_share_12m": _payers("v", "max(now)::DOUBLE / sum(now)"),
    "personal_payer_share_12m": _payers("v", "coalesce(sum(now) FILTER (person), 0)::DOUBLE / sum(now)"),
    "payer_median_amt_12m": _payers("v", "median(now) / 100.0"),
    "repeat_payer_ratio_12m": _payers("v", "count(*) FILTER (months >= 3)::DOUBLE / count(*)"),
    "payer_retention_12m": """SELECT firm_id, CASE WHEN firm_id IN (FROM told) THEN count(*) FILTER (now > 0)::DOUBLE / count(*) END AS v
                              FROM payer WHERE before > 0 GROUP BY firm_id""",
    "wage_share_12m": _category("v", "D", "'wage'", OUT),
    "personal_out_share_12m": _category("v", "D", "'personal_out'", OUT),
}


@pytest.fixture(scope="module")
def night() -> duckdb.DuckDBPyConnection:
    """A published night's tables with the flows of the firms to compare."""
    home = Path(os.environ.get("LIUSHUI_HOME", ROOT / "var"))
    try:
        con = open_published(load_settings("local", home))
    except LiushuiError as e:
        pytest.skip(f"no published night in {home} (`make run` leaves one): {e}")
    row = con.execute("SELECT max(snapshot_date) FROM feature.fund_scale").fetchone()
    assert row is not None
    # closed five days after its end: the latest closed month of the night
    last = con.execute("SELECT (date_trunc('month', $d::DATE - INTERVAL 4 DAY) - INTERVAL 1 MONTH)::DATE", {"d": row[0]}).fetchone()
    assert last is not None
    for statement in filter(str.strip, FLOWS.split(";")):
        con.execute(statement, {"last": last[0]} if "$last" in statement else None)
    con.execute("CREATE TABLE moment AS SELECT $d::DATE AS d, $l::DATE AS l", {"d": row[0], "l": last[0]})
    return con


def compared(con: duckdb.DuckDBPyConnection, name: str, query: str) -> list[tuple[str, float | None, float | None]]:
    """(firm, by hand, engine) of an indicator over the firms compared."""
    d, last = con.execute("SELECT d, l FROM moment").fetchone() or (None, None)
    found = con.execute(
        "SELECT table_name FROM information_schema.columns WHERE table_schema = 'feature' AND column_name = ?", [name]
    ).fetchone()
    assert found is not None, f"no feature table holds {name}"
    hand = query.replace("$last", f"DATE '{last}'")
    return con.execute(
        f"""SELECT firm_id, h.v::DOUBLE, f.{name}::DOUBLE FROM whole JOIN feature.{found[0]} f USING (firm_id) LEFT JOIN ({hand}) h USING (firm_id)
            WHERE f.snapshot_date = $d""",
        {"d": d},
    ).fetchall()


@pytest.mark.parametrize("name", INDICATORS)
def test_by_hand_as_by_the_engine(night: duckdb.DuckDBPyConnection, name: str) -> None:
    rows = compared(night, name, INDICATORS[name])
    told = [r for r in rows if r[2] is not None]
    assert len(told) >= 100, f"{name}: only {len(told)} firms to compare"
    wrong = [
        r
        for r in rows
        if (r[1] is None) != (r[2] is None)
        or (r[1] is not None and r[2] is not None and not math.isclose(r[1], r[2], rel_tol=1e-9, abs_tol=1e-9))
    ]
    assert not wrong, f"{name}: {len(wrong)} of {len(rows)} differ, first (firm, by hand, engine): {wrong[:3]}"
