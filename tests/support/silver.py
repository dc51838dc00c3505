"""Silver rows for tests: name what matters, the rest has defaults; rows go straight into Delta, without Spark."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Any

from lake import store
from lake.clock import cut_off
from lake.settings import Settings
from lake.tables import table

ZERO: dict[str, Any] = {"string": "x", "int": 0, "bigint": 0, "double": 0.0, "boolean": False}
DEFAULTS: dict[str, dict[str, Any]] = {
    "silver.acct_account": {"account_type": "GENERAL", "product_type": "DEMAND", "currency": "CNY", "status": "NORMAL", "bank_id": "B1"},
    "silver.acct_balance_daily": {"currency": "CNY", "bank_id": "B1"},
    "silver.acct_txn": {
        "bank_id": "B1", "dr_cr": "C", "currency": "CNY", "instrument": "TRANSFER", "cash_flag": "TRANSFER", "channel": "NET", "reversal_flag": "N",
        "category": "sales_receipt", "cpty_kind": "corp", "sub_no": "0",
    },
    "silver.tax_vat_return": {"return_type": "VAT", "taxpayer_type": "GENERAL", "filing_cycle": "M"},
    "silver.tax_invoice": {"direction": "OUT", "color": "BLUE", "status": "VALID", "invoice_code": ""},
    "silver.court_case": {"role": "DEFENDANT", "cause_group": "sales", "status": "OPEN"},
    "silver.reg_enterprise": {"industry4": "C3311", "region6": "450103", "status": "ACTIVE", "org_form": "LLC"},
    "silver.reg_shareholder": {"party_kind": "PERSON"},
    "silver.reg_key_person": {"role": "LEGAL_REP"},
    "silver.loan_contract": {"lender_type": "BANK", "guarantee_type": "COLLATERAL"},
    "silver.loan_performance": {"class5": 1},
    "silver.loan_query": {"purpose": "LOAN_APPROVAL"},
}  # fmt: skip


class Silver:
    """Collects rows by table, `write` commits them; knowledge time follows the night unless it is given."""

    def __init__(self, settings: Settings, as_of: date) -> None:
        self.settings = settings
        self.as_of = as_of
        self.rows: dict[tuple[str, date], list[dict[str, Any]]] = defaultdict(list)
        self._n = 0

    def row(self, name: str, *, known: date | datetime | None = None, **values: Any) -> Silver:
        """One row of `silver.<name>`; `known`: the night that accepted it, or its exact available_at."""
        full = f"silver.{name}"
        night = known if isinstance(known, date) and not isinstance(known, datetime) else self.as_of
        at = known if isinstance(known, datetime) else cut_off(night)
        made: dict[str, Any] = {"available_at": at, "ingested_at": at, "as_of": self.as_of, "is_history": False, "row_version": 0}
        row = {
            c.name: values.get(c.name, DEFAULTS.get(full, {}).get(c.name, made.get(c.name, _zero(c.type, c.nullable))))
            for c in table(full).columns
        }
        unknown = set(values) - set(row)
        assert not unknown, f"{full} has no columns {unknown}"
        self.rows[full, row["as_of"]].append(row)
        return self

    def account(self, account_id: str, firm_id: str = "F1", open_date: date = date(2020, 1, 1), **values: Any) -> Silver:
        return self.row(
            "acct_account",
            account_id=account_id,
            firm_id=firm_id,
            open_date=open_date,
            valid_from=values.pop("valid_from", open_date),
            **values,
        )

    def balance(self, account_id: str, day: date, closing: int, opening: int | None = None, firm_id: str = "F1", **values: Any) -> Silver:
        return self.row(
            "acct_balance_daily", account_id=account_id, firm_id=firm_id, biz_date=day, closing_minor=closing,
            closing_cny_fen=closing, opening_minor=closing if opening is None else opening, **values,
        )  # fmt: skip

    def balances(self, account_id: str, first: date, last: date, closing: int = 0, **values: Any) -> Silver:
        """Dense rows with one closing balance."""
        for k in range((last - first).days + 1):
            self.balance(account_id, first + timedelta(days=k), closing, **values)
        return self

    def txn(
        self,
        day: date,
        amt: int,
        category: str = "sales_receipt",
        side: str = "C",
        account_id: str = "A1",
        firm_id: str = "F1",
        **values: Any,
    ) -> Silver:
        self._n += 1
        at = values.pop("txn_ts", datetime(day.year, day.month, day.day, 10) + timedelta(seconds=self._n))
        amounts = {"amt_minor": amt, "amt_cny_fen": values.pop("amt_cny_fen", amt)}
        ids = {"txn_no": values.pop("txn_no", f"T{self._n}"), "txn_key": f"K{self._n}", "seq_no": self._n}
        return self.row(
            "acct_txn", biz_date=day, category=category, dr_cr=side, account_id=account_id, firm_id=firm_id, txn_ts=at, **ids, **amounts, **values
        )  # fmt: skip

    def pull(self, source: str, upto: datetime, since: datetime | None = None) -> Silver:
        """A line of ops.pull: the source was pulled up to `upto`."""
        record = {
            "pull_id": f"{source}{upto}", "source": source, "provider_id": source, "unit": "x", "as_of": self.as_of, "watermark_from": since, "watermark_to": upto,
            "deliveries": 1, "rows": 1, "bytes": 1, "status": "DONE", "is_history": since is None, "at": upto,
        }  # fmt: skip
        store.replace(self.settings, "ops.pull", store.rows_of("ops.pull", [record]), None)
        return self

    def write(self) -> None:
        """Replace the partitions of the rows collected."""
        for (name, as_of), rows in self.rows.items():
            store.replace(self.settings, name, store.rows_of(name, rows), f"as_of = '{as_of.isoformat()}'")


def _zero(type_: str, nullable: bool) -> Any:
    """A value for a column nobody named."""
    if nullable:
        return None
    return ZERO[type_] if type_ in ZERO else date(2020, 1, 1)
