"""The real ledger as a bank in a lake of its own: through check and tiles to indicators, held against SQL over the raw file."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pytest

from jobs import load_ledger
from jobs.audit import run_audit
from lake import store
from lake.errors import UsageError
from lake.io import Lake
from lake.settings import Settings
from lake.tokens import Tokenizer, load_key

ROOT = Path(__file__).resolve().parents[2]
MAPPING = ROOT / "conf" / "banks" / "berka.yaml"
FILE = "trans_1993-01_1994-03.asc.gz"
D = date(1994, 3, 31)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

RAW = """
CREATE TABLE raw AS
SELECT account_id::VARCHAR AS account, strptime(date::VARCHAR, '%y%m%d')::DATE AS day, type, operation, trim(coalesce(k_symbol, '')) AS k,
       (amount * 100)::DECIMAL(18, 0)::BIGINT AS fen, (balance * 100)::DECIMAL(18, 0)::BIGINT AS balance,
       coalesce(bank, '') AS bank, coalesce(account, '') AS other
FROM read_csv('{}', delim = ';', header = true, quote = '"',
              types = {{'amount': 'DECIMAL(18,2)', 'balance': 'DECIMAL(18,2)', 'bank': 'VARCHAR', 'account': 'VARCHAR', 'k_symbol': 'VARCHAR'}})
"""
COVERED = """
CREATE TABLE covered AS
SELECT account, CASE WHEN (date_diff('day', d, last_day(d)) + 1) * 10 >= day(last_day(d)) * 8 THEN date_trunc('month', d)::DATE
                     ELSE (date_trunc('month', d) + INTERVAL 1 MONTH)::DATE END AS month
FROM (SELECT account, min(day) AS d FROM raw GROUP BY account)
"""  # a month is covered when 80 % of its days are; the ledger has no gap after an account's first day
OP_IN = "type = 'PRIJEM' AND operation = 'PREVOD Z UCTU' AND k <> 'DUCHOD'"
OP_OUT = "type <> 'PRIJEM' AND (k IN ('SLUZBY', 'POJISTNE', 'SIPO') OR (operation = 'PREVOD NA UCET' AND k <> 'UVER'))"


def at_hand(settings: Settings, berka: Path, tables: list[str]) -> duckdb.DuckDBPyConnection:
    """The raw file and lake tables in one SQL session; `firm` maps tokens to account numbers."""
    db = duckdb.connect()
    db.execute(RAW.format(berka / FILE))
    db.execute(COVERED)
    tokens = Tokenizer(load_key(settings), settings.token_hash)
    accounts = [r[0] for r in db.execute("SELECT DISTINCT account FROM raw").fetchall()]
    db.execute("CREATE TABLE firm (firm_id VARCHAR, account VARCHAR)")
    db.executemany("INSERT INTO firm VALUES (?, ?)", [[tokens.token("firm", a), a] for a in accounts])
    for name in tables:
        db.register(name.replace(".", "_"), store.read(settings, name))
    return db


@pytest.fixture(scope="module")
def loaded(spark, tmp_path_factory):
    """The ledger loaded once for the tests of this file; skipped where it does not lie beside the checkout."""
    from lake.settings import load_settings

    folder = ROOT.parent / "shared" / "data" / "berka"
    if not folder.is_dir():
        pytest.skip(f"the Berka ledger is not at {folder}")
    lake = Lake(spark, load_settings("local", tmp_path_factory.mktemp("berka") / "home"))
    report = load_ledger.run(lake, MAPPING, [folder / FILE], D)
    return lake, report, folder


def test_counts_are_those_of_the_audit_and_only_broken_days_are_parked(loaded) -> None:
    lake, report, folder = loaded
    detail = report.detail
    assert {k: detail[k] for k in ("rows", "accounts", "account_days", "broken")} == {
        "rows": 49_102, "accounts": 1_229, "account_days": 39_960, "broken": 28,
    }  # fmt: skip
    assert detail["steps"]["check"]["violations"] == {"C2": 28, "C4": 28}
    assert set(detail["not_applicable"]) >= {"V01", "V02", "V03", "V05", "V06", "C6", "G1", "G2", "T1"}
    db = at_hand(lake.settings, folder, ["silver.acct_txn", "silver.acct_account", "dq.violation", "dq.quarantine"])
    assert db.execute("SELECT count(DISTINCT biz_date), min(biz_date) FROM dq_violation").fetchone() == (1, D)
    parked = db.execute("SELECT count(*) FROM dq_quarantine WHERE submission_id LIKE '%TXN%'").fetchone()[0]
    assert parked == sum(b.rows for b in run_audit(MAPPING, [folder / FILE]).breaks)
    assert db.execute("SELECT count(*), count(DISTINCT firm_id) FROM silver_acct_txn").fetchone() == (49_102 - parked, 1_229)
    assert db.execute("SELECT count(*), count(DISTINCT firm_id) FROM silver_acct_account").fetchone() == (1_229, 1_229)


def test_transactions_keep_their_amounts_and_get_the_meaning_of_the_mapping(loaded) -> None:
    lake, _, folder = loaded
    db = at_hand(lake.settings, folder, ["silver.acct_txn"])
    by_category = dict(
        db.execute(
            "SELECT category, sum(amt_cny_fen)::BIGINT FROM silver_acct_txn WHERE biz_date < DATE '1994-03-31' GROUP BY 1"
        ).fetchall()
    )
    raw = dict(db.execute(f"""
        SELECT CASE WHEN k = 'UROK' THEN 'interest_income' WHEN k = 'SANKC. UROK' THEN 'loan_interest' WHEN k = 'SLUZBY' THEN 'bank_fee'
                    WHEN k = 'POJISTNE' THEN 'insurance' WHEN k = 'SIPO' THEN 'utility' WHEN k = 'UVER' THEN 'loan_principal'
                    WHEN k = 'DUCHOD' THEN 'gov_subsidy' WHEN operation = 'VKLAD' THEN 'cash_deposit' WHEN {OP_IN} THEN 'sales_receipt'
                    WHEN operation = 'PREVOD NA UCET' THEN 'supplier_payment' ELSE 'cash_withdrawal' END, sum(fen)::BIGINT
        FROM raw WHERE day < DATE '1994-03-31' GROUP BY 1""").fetchall())  # fmt: skip
    assert by_category == raw
    assert db.execute("SELECT DISTINCT currency, amt_minor = amt_cny_fen FROM silver_acct_txn").fetchall() == [("CZK", True)]
    chains = db.execute("""
        SELECT max(abs(balance_after_minor - m - before)) FROM (
          SELECT balance_after_minor, CASE dr_cr WHEN 'C' THEN amt_minor ELSE -amt_minor END AS m,
                 lag(balance_after_minor) OVER (PARTITION BY account_id ORDER BY biz_date, seq_no) AS before
          FROM silver_acct_txn WHERE biz_date < DATE '1994-03-31')""").fetchone()  # fmt: skip
    assert chains == (10,)  # the sequence is the order found: nothing apart by more than the rounding of interest


def test_months_add_up_to_the_raw_file(loaded) -> None:
    lake, _, folder = loaded
    db = at_hand(lake.settings, folder, ["tile.firm_month"])
    wrong = db.execute(f"""
        WITH by_month AS (
          SELECT account, date_trunc('month', day)::DATE AS month, sum(fen) FILTER (type = 'PRIJEM') AS cr, sum(fen) FILTER (type <> 'PRIJEM') AS dr,
                 sum(fen) FILTER ({OP_IN}) AS op_in, sum(fen) FILTER ({OP_OUT}) AS op_out, count(*) AS n, count(DISTINCT day) AS days
          FROM raw GROUP BY 1, 2)
        SELECT count(*) FROM tile_firm_month t JOIN firm USING (firm_id) LEFT JOIN by_month r ON r.account = firm.account AND r.month = t.month
        WHERE t.in_amt <> coalesce(cr, 0) OR t.out_amt <> coalesce(dr, 0) OR t.op_in_amt <> coalesce(op_in, 0) OR t.op_out_amt <> coalesce(op_out, 0)
           OR t.all_cnt <> coalesce(n, 0) OR t.active_days <> coalesce(days, 0)""").fetchone()[0]  # fmt: skip
    assert wrong == 0
    rows, first, last = db.execute("SELECT count(*), min(month), max(month) FROM tile_firm_month").fetchone()
    assert (first, last) == (date(1993, 1, 1), date(1994, 2, 1))
    expected = db.execute("""
        SELECT sum(date_diff('month', month, DATE '1994-02-01') + 1) FROM covered WHERE month <= DATE '1994-02-01'""").fetchone()[0]  # fmt: skip
    assert rows == expected  # dense from the first covered month: silence in the ledger is no gap
    balances = db.execute("""
        SELECT count(*) FILTER (t.bal_eom <> r.balance), count(*) FROM tile_firm_month t JOIN firm USING (firm_id) JOIN (
          SELECT account, day, any_value(balance) AS balance FROM raw GROUP BY 1, 2 HAVING count(*) = 1
        ) r ON r.account = firm.account AND r.day = last_day(t.month)""").fetchone()  # fmt: skip
    closed_alone = db.execute("""
        SELECT count(*) FROM (SELECT account, day FROM raw GROUP BY 1, 2 HAVING count(*) = 1) r JOIN covered USING (account)
        WHERE day = last_day(day) AND day < DATE '1994-03-01' AND date_trunc('month', day) >= month""").fetchone()[0]  # fmt: skip
    assert balances == (0, closed_alone) and closed_alone > 3_000


def test_indicators_of_the_flow_dimensions(loaded) -> None:
    lake, report, folder = loaded
    names = ["fund_scale", "economic_benefit", "flow_stability", "fund_usage", "tax", "judicial", "registration"]
    db = at_hand(lake.settings, folder, [f"feature.{n}" for n in names])
    firms, full = db.execute("SELECT count(*), count(op_inflow_amt_12m) FROM feature_fund_scale").fetchone()
    half_a_year = db.execute("SELECT count(*) FILTER (month <= DATE '1993-09-01') FROM covered").fetchone()[0]
    assert (firms, full) == (1_229, half_a_year)  # the others have fewer than 6 covered months of the 12
    wrong, seen = db.execute(f"""
        WITH year AS (
          SELECT account, coalesce(sum(fen) FILTER ({OP_IN}), 0) / 100.0 AS op_in, coalesce(sum(fen) FILTER ({OP_OUT}), 0) / 100.0 AS op_out,
                 coalesce(sum(fen) FILTER (type = 'PRIJEM'), 0) / 100.0 AS total
          FROM raw WHERE day >= DATE '1993-03-01' AND day < DATE '1994-03-01' GROUP BY 1)
        SELECT count(*) FILTER (abs(f.op_inflow_amt_12m - op_in) > 0.005 OR abs(f.op_outflow_amt_12m - op_out) > 0.005
                                OR abs(f.total_inflow_amt_12m - total) > 0.005 OR abs(e.op_net_flow_amt_12m - (op_in - op_out)) > 0.005
                                OR f.op_inflow_amt_12m IS NULL), count(*)
        FROM feature_fund_scale f JOIN feature_economic_benefit e USING (firm_id) JOIN firm USING (firm_id) JOIN year USING (account)
        WHERE account IN (SELECT account FROM raw GROUP BY 1 HAVING min(day) <= DATE '1993-03-01')""").fetchone()  # fmt: skip
    assert wrong == 0 and seen > 150
    cash = db.execute("""
        SELECT count(*) FILTER (abs(f.op_inflow_single_max_12m - r.best) > 0.005) FROM feature_fund_scale f JOIN firm USING (firm_id) JOIN (
          SELECT account, max(fen) / 100.0 AS best FROM raw WHERE type = 'PRIJEM' AND operation = 'PREVOD Z UCTU' AND k <> 'DUCHOD'
            AND day >= DATE '1993-03-01' AND day < DATE '1994-03-01' GROUP BY 1) r USING (account)
        WHERE f.op_inflow_single_max_12m IS NOT NULL""").fetchone()[0]  # fmt: skip
    assert cash == 0
    assert report.detail["steps"]["indicators"]["firms"] == 1_229
    # no other source exists here: what it would say is null, never 0
    for name in ("tax", "judicial"):
        columns = [
            c
            for c in db.execute(f"DESCRIBE feature_{name}").fetchall()
            if c[0] not in ("firm_id", "snapshot_date") and "timestamp" not in c[0]
        ]
        filled = " + ".join(f"count({c[0]})" for c in columns)
        assert db.execute(f"SELECT {filled} FROM feature_{name}").fetchone()[0] == 0


def test_a_home_holds_one_ledger_up_to_one_date(loaded, tmp_path: Path) -> None:
    lake, _, folder = loaded
    other = tmp_path / "other.yaml"
    other.write_text(MAPPING.read_text().replace("bank_id: BERKA", "bank_id: OTHER"))
    with pytest.raises(UsageError, match="holds data of BERKA"):
        load_ledger.run(lake, other, [folder / FILE], D)
    with pytest.raises(UsageError, match="holds BERKA as of 1994-03-31"):
        load_ledger.run(lake, MAPPING, [folder / FILE], date(1994, 3, 30))
