"""Bank files as they lie in the landing folder: header, lines, trailer, gzip, and the manifest beside them."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from simulator.params import Params
from simulator.reference_data import CURRENCIES

EXPONENT = {c: e for c, e, _r in CURRENCIES}
FILE_TYPES = ("ACCT", "BAL", "TXN", "GL", "CTL")
LAYOUT = "1"

Totals = dict[tuple[str, str], tuple[int, int]]
"""(currency, side) -> (rows, sum in minor units)."""


@dataclass(frozen=True)
class Submission:
    """One bank file to be sent: what it covers, when it is sent, and what is wrong with it on purpose."""

    bank: str
    file_type: str
    first: date
    last: date
    monthly: bool
    sent_at: datetime
    version: int = 0
    mode: str = "FULL"
    wrong_trailer: int = 0
    wrong_sum: int = 0
    wrong_digest: bool = False
    withheld: bool = False

    @property
    def name(self) -> str:
        day = f"{self.first:%Y%m}" if self.monthly else f"{self.first:%Y%m%d}"
        return f"{self.bank}_{self.file_type}_{day}_v{self.version:02d}.dat.gz"

    @property
    def submission_id(self) -> str:
        return f"{self.bank}_{self.file_type}_{self.first:%Y%m%d}_v{self.version:02d}"


@dataclass
class Sent:
    """Counts of what was written."""

    files: int = 0
    rows: int = 0
    bytes: int = 0
    by_type: dict[str, int] = field(default_factory=dict)

    def add(self, submission: Submission, rows: int, size: int) -> None:
        """Count one file."""
        self.files += 1
        self.rows += rows
        self.bytes += size
        self.by_type[submission.file_type] = self.by_type.get(submission.file_type, 0) + rows


def plan(p: Params, banks: Iterable[str], seed_hash: int) -> dict[tuple[str, str, int], Submission]:
    """Every file the banks owe: (bank, type, yyyymm or yyyymmdd) -> submission, all FULL and in time."""
    out: dict[tuple[str, str, int], Submission] = {}
    for n, bank in enumerate(banks):
        for k, file_type in enumerate(FILE_TYPES):
            minutes = 45 + (seed_hash + n * 31 + k * 17) % 130  # 00:45 to 02:55
            for first, last in p.history:
                sent = datetime.combine(last + timedelta(days=1), time()) + timedelta(minutes=minutes)
                out[bank, file_type, first.year * 100 + first.month] = Submission(bank, file_type, first, last, True, sent)
            for day in p.daily_dates:
                sent = datetime.combine(day + timedelta(days=1), time()) + timedelta(minutes=minutes + (day.day * 7) % 20)
                key = day.year * 10_000 + day.month * 100 + day.day
                out[bank, file_type, key] = Submission(bank, file_type, day, day, False, sent)
    return out


def money(minor: int, currency: str) -> str:
    """Decimal text of minor units; an unknown currency has two decimals."""
    e = EXPONENT.get(currency, 2)
    if e == 0:
        return str(minor)
    sign, x = ("-" if minor < 0 else ""), abs(minor)
    return f"{sign}{x // 10**e}.{x % 10**e:0{e}d}"


def bank_key(seed: int, bank: str) -> Ed25519PrivateKey:
    """The key a bank of this province signs with: it follows from the seed, so that the same seed sends the same bytes."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"liushui synthetic bank {seed} {bank}".encode()).digest())


def key_id(bank: str) -> str:
    """What a manifest calls the key it is signed with."""
    return f"{bank}-1"


def write_keys(home: Path, seed: int, banks: Iterable[str]) -> None:
    """Write the banks' public keys where the home reads them (sources.bank_keys of the local profile)."""
    lines = []
    for bank in banks:
        public = bank_key(seed, bank).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        lines += [f"{bank}:", f"  - {{id: {key_id(bank)}, algorithm: Ed25519, public_key: {base64.b64encode(public).decode('ascii')}}}"]
    folder = home / "keys"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / "banks.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_entrusted(home: Path, branches: Mapping[str, tuple[str, str]], ended: Mapping[str, date]) -> None:
    """Write each bank's list of entrusted accounts: all it has, those of `ended` not on that day."""
    by_bank: dict[str, list[str]] = {}
    for no in sorted(branches):
        rows = by_bank.setdefault(f"B{branches[no][0][:4]}", ["account_no,consent_no,valid_from,valid_to"])
        day = ended.get(no)
        rows.append(f"{no},E{no},2000-01-01,{day or ''}")
        rows += [f"{no},E{no},{day + timedelta(days=1)},"] if day else []
    folder = home / "landing" / "entrusted"
    folder.mkdir(parents=True, exist_ok=True)
    for bank, rows in by_bank.items():
        (folder / f"{bank}.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def write(folder: Path, s: Submission, body: bytes | memoryview, rows: int, totals: Totals, key: Ed25519PrivateKey | None = None) -> int:
    """Write a file and its manifest, signed with `key`; returns the compressed size. A withheld file is not written."""
    if s.withheld:
        return 0
    stated = sorted(totals.items())
    header = f"H|{LAYOUT}|{s.bank}|{s.file_type}|{s.first:%Y%m%d}|{s.last:%Y%m%d}|{s.version:02d}|{s.mode}|{s.sent_at:%Y%m%d%H%M%S}\n"
    sums = [((c, side), (n, a + (s.wrong_sum if i == 0 else 0))) for i, ((c, side), (n, a)) in enumerate(stated)]
    groups = "".join(f"|{ccy}|{side}|{n}|{money(amount, ccy)}" for (ccy, side), (n, amount) in sums)
    trailer = f"T|{rows + s.wrong_trailer}{groups}\n"
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    parts = [packer.compress(header.encode()), packer.compress(body), packer.compress(trailer.encode()), packer.flush()]
    packed = b"".join(parts)
    digest = hashlib.sha256(packed).hexdigest()
    if s.wrong_digest:
        digest = digest[::-1]
    manifest = {
        "bank_id": s.bank,
        "file_type": s.file_type,
        "from_date": s.first.isoformat(),
        "to_date": s.last.isoformat(),
        "version": s.version,
        "mode": s.mode,
        "prev_version": s.version - 1 if s.version else None,
        "file_name": s.name,
        "row_cnt": rows,
        "totals": [{"currency": c, "dr_cr": side, "row_cnt": n, "amount": money(a, c)} for (c, side), (n, a) in stated],
        "digest_alg": "SHA-256",
        "digest": digest,
        "sent_at": s.sent_at.isoformat(),
        "signer": key_id(s.bank),
    }
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if key is not None:
        manifest["signature"] = base64.b64encode(key.sign(text.encode())).decode("ascii")
    target = folder / s.bank
    target.mkdir(parents=True, exist_ok=True)
    (target / s.name).write_bytes(packed)
    (target / (s.name + ".ok")).write_text(json.dumps(manifest), encoding="utf-8")
    return len(packed)


def empty(s: Submission) -> Submission:
    """The submission of a bank that has nothing to report."""
    return replace(s, mode="ZERO")
