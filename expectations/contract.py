"""dq.contract: one row per written table and column, from the footers of its files; value sets of enumerated columns are read.

Nothing is scanned twice: rows, nulls, smallest and largest values are stated by the Parquet footers, and enumerated columns
are dictionary-encoded, so that reading them costs little.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds

from lake.clock import SHANGHAI
from lake.files import column_stats
from lake.tables import table


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


SETS: dict[str, dict[str, frozenset[str]]] = {
    "silver.acct_txn": {
        "dr_cr": frozenset("CD"), "instrument": _set("TRANSFER BILL CARD CASH INTERNAL"), "cash_flag": frozenset(("CASH", "TRANSFER")),
        "channel": _set("COUNTER NET MOBILE API POS ATM BATCH SYSTEM"), "reversal_flag": frozenset("NRS"),
        "cpty_kind": _set("corp person gov fin platform own"),
    },
    "silver.acct_account": {
        "account_type": _set("BASIC GENERAL SPECIAL TEMP"), "product_type": _set("DEMAND NOTICE TIME MARGIN"),
        "status": _set("NORMAL DORMANT FROZEN STOPPED CLOSED"), "freeze_authority": _set("COURT TAX POLICE BANK"),
    },
    "silver.bank_control_flow": {"dr_cr": frozenset("CD")},
    "silver.tax_vat_return": {"taxpayer_type": frozenset(("GENERAL", "SMALL")), "filing_cycle": frozenset("MQ")},
    "silver.tax_payment": {"tax_type": _set("VAT CIT IIT SURCHARGE STAMP LATE_FEE FINE OTHER")},
    "silver.tax_credit_rating": {"rating": frozenset("ABMCD")},
    "silver.tax_invoice": {
        "direction": frozenset(("OUT", "IN")), "color": frozenset(("BLUE", "RED")), "status": frozenset(("VALID", "VOID")),
    },
    "silver.court_case": {
        "role": frozenset(("PLAINTIFF", "DEFENDANT")), "cause_group": _set("loan sales labor other"),
        "status": _set("OPEN JUDGED WITHDRAWN CLOSED"),
    },
    "silver.court_enforcement": {"end_kind": _set("PERFORMED TERMINATED_NO_ASSETS WITHDRAWN")},
    "silver.court_dishonest": {"performance": _set("NONE PART ALL")},
    "silver.reg_enterprise": {"status": _set("ACTIVE REVOKED CANCELLED MOVED_OUT")},
    "silver.reg_shareholder": {"party_kind": frozenset(("FIRM", "PERSON"))},
    "silver.reg_key_person": {"role": _set("LEGAL_REP DIRECTOR MANAGER")},
    "silver.ref_related_party": {"kind": _set("SHAREHOLDER LEGAL_REP COMMON")},
    "silver.tag_enterprise": {"level": _set("NATIONAL PROVINCE CITY DERIVED"), "tag_code": frozenset(f"{n:02}" for n in range(1, 29))},
    "silver.loan_contract": {
        "lender_type": _set("BANK SMALL_LOAN LEASING OTHER"), "guarantee_type": _set("CREDIT GUARANTEE COLLATERAL PLEDGE"),
    },
    "silver.loan_query": {"purpose": _set("LOAN_APPROVAL POST_LOAN OTHER")},
}  # fmt: skip
"""Columns with a fixed set of values; nulls are judged by the registry."""
NO_EXTREMES = {"summary_masked", "account_no_tail4"}
"""Columns whose smallest and largest value would tell something about a person."""


def _text(value: Any) -> str | None:
    if isinstance(value, datetime):
        return value.astimezone(SHANGHAI).replace(tzinfo=None).isoformat(" ") if value.tzinfo else value.isoformat(" ")
    return None if value is None or isinstance(value, bytes) else str(value)[:64]


def contract_rows(name: str, paths: Sequence[Path], source: str, as_of: date) -> list[dict[str, Any]]:
    """Rows of dq.contract for the files of one table; none when nothing was written."""
    stats = column_stats(paths)
    t = table(name)
    found = []
    for c in t.columns:
        s = stats.get(c.name)
        if s is None or c.name in t.partition:
            continue
        distinct, outside = _values(paths, c.name, SETS.get(name, {}).get(c.name))
        shown = c.name not in NO_EXTREMES
        found.append({
            "source": source, "table_name": name, "column_name": c.name, "rows": s["rows"], "nulls": s["nulls"] or 0, "distincts": distinct,
            "min_value": _text(s["min"]) if shown else None, "max_value": _text(s["max"]) if shown else None, "out_of_set": outside, "as_of": as_of,
        })  # fmt: skip
    return found


def _values(paths: Sequence[Path], column: str, allowed: frozenset[str] | None) -> tuple[int | None, int | None]:
    """Number of distinct values and of rows outside the set; (None, None) for a column without a set."""
    if allowed is None:
        return None, None
    counts: dict[str, int] = {}
    for batch in ds.dataset([str(p) for p in paths], format="parquet").to_batches(columns=[column]):
        for pair in batch.column(0).value_counts().to_pylist():
            if pair["values"] is not None:
                counts[pair["values"]] = counts.get(pair["values"], 0) + pair["counts"]
    return len(counts), sum(n for v, n in counts.items() if v not in allowed)
