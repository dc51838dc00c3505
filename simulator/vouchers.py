"""What a bank's vouchers say: its answers to a sample, and faults that no file shows (0.2 % of transactions, 2 % at one bank).

The voucher is right and the file is wrong, in a way that fits every total, balance and control sum. Truth goes to
source/truth/voucher_<yyyymm>.parquet; only tests read it.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from simulator.fault_lines import Line, draw

RATE, BAD_RATE, MINOR_RATE = 0.002, 0.02, 0.002
FIELDS = ("amount", "dr_cr", "voucher_date")
HEADER = (
    "position", "txn_no", "sub_no", "biz_date", "voucher_date", "dr_cr", "currency", "amount", "balance_after", "account_no", "cpty_account", "cpty_name",
)  # fmt: skip
Key = tuple[str, str, str]


def _chance(*keys: object) -> float:
    return draw(*keys) / 2**64


def bad_bank(seed: int, banks: list[str]) -> str:
    """The bank whose files differ from its vouchers ten times as often."""
    return min(banks, key=lambda b: draw(seed, "bad bank", b))


def fault(seed: int, bank: str, key: Key, rate: float) -> str | None:
    """The field in which file and voucher differ; None for almost all."""
    if _chance(seed, "voucher", bank, *key) < rate:
        return FIELDS[draw(seed, "voucher field", bank, *key) % len(FIELDS)]
    return "cpty_name" if _chance(seed, "voucher name", bank, *key) < MINOR_RATE else None


def _sent(folder: Path, bank: str, month: date) -> Iterator[Line]:
    """Transactions in the bank's files of the month, in the order of the files."""
    for path in sorted(folder.glob(f"{bank}_TXN_{month:%Y%m}*.dat.gz")):
        for raw in gzip.decompress(path.read_bytes()).split(b"\n"):
            if raw.startswith(b"D|"):
                try:
                    text = raw.decode()
                except UnicodeDecodeError:
                    text = raw.decode("gb18030", errors="replace")
                if text.count("|") == 25:
                    yield Line(text, "TXN")


def _day(text: str) -> str:
    return f"{text[:4]}-{text[4:6]}-{text[6:]}"


def _voucher(line: Line, differs: str | None) -> list[str]:
    said = Line("|".join(line.fields), "TXN")
    day = _day(said["biz_date"])
    if differs == "amount":
        said.add("amount", 1000)
    elif differs == "dr_cr":
        said["dr_cr"] = "D" if said["dr_cr"] == "C" else "C"
    elif differs == "voucher_date":
        day = (date.fromisoformat(day) - timedelta(days=1)).isoformat()
    elif differs == "cpty_name":
        said["cpty_name"] += "分公司"
    return [day, *(said[f] for f in ("dr_cr", "currency", "amount", "balance_after", "account_no", "cpty_account", "cpty_name"))]


def answer(home: Path, month: date, seed: int) -> list[Path]:
    """Answer every sample of the month below HOME/samples and write the truth; returns the answers files."""
    banks = sorted(p.name for p in (home / "landing" / "banks").iterdir() if p.is_dir())
    bad, truth, written = bad_bank(seed, banks), [], []
    for bank in banks:
        rate = BAD_RATE if bank == bad else RATE
        asked = home / "samples" / bank / f"sample_{month:%Y%m}.csv"
        with asked.open(encoding="utf-8", newline="") as f:
            wanted = {(r["txn_no"], r["sub_no"], r["biz_date"]): r["position"] for r in csv.DictReader(f)}
        found: dict[Key, list[str]] = {}
        for line in _sent(home / "landing" / "banks" / bank, bank, month):
            key = (line["txn_no"], line["sub_no"], _day(line["biz_date"]))
            differs = fault(seed, bank, key, rate)
            if differs:
                truth.append({"bank_id": bank, "txn_no": key[0], "sub_no": key[1], "biz_date": key[2], "field": differs})
            if key in wanted:
                found[key] = _voucher(line, differs)
        target = asked.with_name(f"answers_{month:%Y%m}.csv")
        with target.open("w", encoding="utf-8", newline="") as f:
            out = csv.writer(f, lineterminator="\n")
            out.writerow(HEADER)
            out.writerows([wanted[k], *k, *found[k]] for k in sorted(found, key=lambda k: int(wanted[k])))
        written.append(target)
    folder = home / "source" / "truth"
    folder.mkdir(parents=True, exist_ok=True)
    schema = pa.schema([(n, pa.string()) for n in ("bank_id", "txn_no", "sub_no", "biz_date", "field")])
    pq.write_table(pa.Table.from_pylist(truth, schema), folder / f"voucher_{month:%Y%m}.parquet")
    return written
