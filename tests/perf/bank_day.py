"""One bank-day of a given size as bank files that break no rule, made by SQL (for measurements)."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import duckdb

BANK, BRANCH, SUBJECT, DAY, SENT = "B0001", "000101", "2011", "20260914", "20260915013500"
PER_ACCOUNT = 10
TXN = """SELECT 'D|' || concat_ws('|', 'T' || lpad((a * 10 + k)::VARCHAR, 12, '0'), '0', account, '20260914', lpad((90000 + k * 100)::VARCHAR, 6, '0'),
  k::VARCHAR, side, 'CNY', money(amt), money(100000000 + sum(signed) OVER (PARTITION BY a ORDER BY k)), '622' || lpad((a % 9973)::VARCHAR, 10, '0'),
  '某材料' || (a % 997)::VARCHAR || '有限公司', '102611000018', 'TRANSFER', 'TRANSFER', 'NET', '0101', '货款', '', '20260914', 'N', '', '', 'N', '') AS line
  FROM t ORDER BY a, k"""


def _files(rows: int) -> dict[str, tuple[list[str], list[tuple[str, str, int, int]]]]:
    """Lines and totals (currency, side, count, minor units) by file type."""
    con = duckdb.connect()
    con.execute("SET threads = 2")
    con.execute("CREATE MACRO money(x) AS (x // 100)::VARCHAR || '.' || lpad((x % 100)::VARCHAR, 2, '0')")
    con.execute(f"""CREATE TABLE t AS SELECT a, k, '211' || lpad(a::VARCHAR, 14, '0') AS account, CASE WHEN k % 2 = 1 THEN 'C' ELSE 'D' END AS side,
      (1000 + hash(a * 16 + k) % 900000)::BIGINT AS amt, CASE WHEN k % 2 = 1 THEN 1 ELSE -1 END * (1000 + hash(a * 16 + k) % 900000)::BIGINT AS signed
      FROM range(1, {rows // PER_ACCOUNT + 1}) x(a), range(1, {PER_ACCOUNT + 1}) y(k)""")
    con.execute("""CREATE TABLE b AS SELECT account, sum(amt) FILTER (side = 'C')::BIGINT AS c, sum(amt) FILTER (side = 'D')::BIGINT AS d,
      count(*) FILTER (side = 'C') AS nc, count(*) FILTER (side = 'D') AS nd FROM t GROUP BY account ORDER BY account""")

    def lines(query: str) -> list[str]:
        return [x for (x,) in con.execute(query).fetchall()]

    n, c, d, nc, nd = (
        con.execute("SELECT count(*), sum(c)::BIGINT, sum(d)::BIGINT, sum(nc)::BIGINT, sum(nd)::BIGINT FROM b").fetchone() or (0,) * 5
    )
    opening = 100_000_000
    money = lambda x: f"{x // 100}.{x % 100:02d}"  # noqa: E731
    bal = f"""SELECT 'D|' || concat_ws('|', account, 'CNY', '{DAY}', money({opening}), money(c), money(d), money({opening} + c - d), nc::VARCHAR, nd::VARCHAR,
      '0.00', (nc + nd)::VARCHAR, '{BRANCH}', '{SUBJECT}', '0', '') FROM b"""
    acct = f"""SELECT 'D|' || concat_ws('|', account, '91450100MA5KXT070Y', '某贸易有限公司', '{BRANCH}', 'GENERAL', 'DEMAND', '', '0', 'CNY', '{SUBJECT}',
      '20200101', '', 'NORMAL', '', '0', '') FROM b"""
    gl = "|".join(
        [
            "D",
            BRANCH,
            SUBJECT,
            "CNY",
            DAY,
            money(n * opening),
            money(d),
            money(c),
            money(n * opening + c - d),
            str(n),
            "0.00",
            "0.00",
            "0.00",
            "0.00",
            "0",
        ]
    )
    flow = [f"D|FLOW|{BRANCH}|CNY|{DAY}|C|{nc}|{money(c)}", f"D|FLOW|{BRANCH}|CNY|{DAY}|D|{nd}|{money(d)}"]
    balance = f"D|BALANCE|{BRANCH}|CNY|{DAY}||{n}|{money(n * opening + c - d)}"
    close = n * opening + c - d
    return {
        "ACCT": (lines(acct), [("CNY", "C", n, 0)]),
        "BAL": (lines(bal), [("CNY", "C", n, close)]),
        "TXN": (lines(TXN), [("CNY", "C", nc, c), ("CNY", "D", nd, d)]),
        "GL": ([gl], [("CNY", "C", 1, close)]),
        "CTL": ([*flow, balance], [("CNY", "B", 1, close), ("CNY", "C", 1, c), ("CNY", "D", 1, d)]),
    }


def write(folder: Path, rows: int) -> None:
    """Write the five files and their manifests into `folder`/B0001."""
    target = folder / BANK
    target.mkdir(parents=True)
    for kind, (lines, totals) in _files(rows).items():
        stated = [(c, s, n, f"{x // 100}.{x % 100:02d}") for c, s, n, x in totals]
        trailer = "|".join(["T", str(len(lines)), *(str(v) for part in stated for v in part)])
        text = "\n".join([f"H|1|{BANK}|{kind}|{DAY}|{DAY}|00|FULL|{SENT}", *lines, trailer]) + "\n"
        name = f"{BANK}_{kind}_{DAY}_v00.dat.gz"
        data = gzip.compress(text.encode(), compresslevel=1, mtime=0)
        (target / name).write_bytes(data)
        manifest = {
            "bank_id": BANK, "file_type": kind, "from_date": "2026-09-14", "to_date": "2026-09-14", "version": 0, "mode": "FULL", "prev_version": None,
            "file_name": name, "row_cnt": len(lines), "totals": [dict(zip(("currency", "dr_cr", "row_cnt", "amount"), x, strict=True)) for x in stated],
            "digest_alg": "SHA-256", "digest": hashlib.sha256(data).hexdigest(), "sent_at": "2026-09-15T01:35:00", "signer": BANK,
        }  # fmt: skip
        (target / f"{name}.ok").write_text(json.dumps(manifest), encoding="utf-8")
