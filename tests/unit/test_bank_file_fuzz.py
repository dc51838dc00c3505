"""Three hundred damaged deliveries at once: none stops the pull, none disappears, and no row of a sound file is lost."""

from __future__ import annotations

import gzip
import json
import random
from datetime import date
from pathlib import Path

import bankfile
import pyarrow.parquet as pq
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from jobs import pull
from jobs.ingest import staging
from lake.settings import Settings
from lake.signatures import verify

NIGHT = date(2026, 9, 14)
FILES = 300
SPICE = [
    b"\0",
    b"\r",
    b"\r\n",
    b"\n",
    b"\\",
    b"|",
    b"\xff",
    b"\x81\x30",
    b"H|",
    b"T|",
    b"D|",
    b"\xef\xbb\xbf",
    "万".encode(),
    b"\x1f\x8b",
    b'"',
]


def mutate(data: bytes, rng: random.Random) -> bytes:
    """`data` after one to eight random edits."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(out) + 1)
        match rng.randrange(6):
            case 0:
                out[at:at] = rng.choice(SPICE)
            case 1:
                del out[at : at + rng.randint(1, 40)]
            case 2:
                out[at:at] = rng.randbytes(rng.randint(1, 30))
            case 3:
                out[at : at + 1] = rng.randbytes(1)
            case 4:
                out[at:at] = out[rng.randrange(len(out) + 1) :][:200]
            case _:
                del out[at:]
        if not out:
            out += b"\n"
    return bytes(out)


KEY = Ed25519PrivateKey.from_private_bytes(b"\7" * 32)
ROWS = {
    "TXN": lambda i, day: bankfile.txn(i, day, summary=f"a|b\\{i}"),
    "ACCT": lambda i, day: bankfile.acct(i),
    "BAL": lambda i, day: bankfile.line(
        "BAL", account_no=bankfile.ACCOUNTS[0], currency="CNY", biz_date=day, opening="1.00", closing=f"{i}.00"
    ),
    "GL": lambda i, day: bankfile.line("GL", branch_id="000101", gl_subject=f"2{i:03d}", currency="CNY", biz_date=day),
    "CTL": lambda i, day: bankfile.line("CTL", kind="FLOW", branch_id="000101", currency="CNY", biz_date=day, dr_cr="CD"[i % 2], cnt=i),
}


def deliver(root: Path, n: int, rng: random.Random) -> str:
    """One damaged delivery: its text, its compressed bytes, its manifest (signed before or after), or nothing but noise."""
    day, kind = f"202609{1 + n % 14:02d}", list(ROWS)[n % 5 if n % 3 else 0]
    text = bankfile.content("B0001", kind, day, [ROWS[kind](i, day) for i in range(1, 6)], version=n // 14)
    path = bankfile.put(root, text)
    if n % 4 < 2:  # damaged content under a manifest that fits it
        path.write_bytes(gzip.compress(mutate(text.encode(rng.choice(["utf-8", "gb18030"])), rng), mtime=0))
    elif n % 4 == 2:
        path.write_bytes(mutate(path.read_bytes(), rng) if n % 8 == 2 else rng.randbytes(rng.randrange(500)))
    ok = json.dumps(bankfile.signed(bankfile.manifest(text, path.read_bytes(), path.name, signer="k"), KEY)).encode()
    if n % 8 == 3:
        ok = mutate(ok, rng)
    elif n % 8 == 7:  # one digit of what is stated or of the signature, so that it is still JSON
        at = rng.choice([i for i, c in enumerate(ok) if chr(c).isdigit()])
        ok = ok[:at] + str((int(chr(ok[at])) + rng.randint(1, 9)) % 10).encode() + ok[at + 1 :]
    path.with_name(path.name + ".ok").write_bytes(ok)
    return path.name


@pytest.mark.parametrize("signs", [False, True])
def test_damaged_deliveries_never_stop_the_pull(settings: Settings, signs: bool) -> None:
    damaged(settings, 1 + signs, signs)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 44))
def test_ten_thousand_damaged_deliveries(settings: Settings, seed: int) -> None:
    damaged(settings, seed, seed % 2 == 0)


def damaged(settings: Settings, seed: int, signs: bool) -> None:
    """Deliver FILES damaged files of a bank and pull them; of one that `signs` no changed manifest may be believed."""
    rng = random.Random(seed)
    root = settings.home / "landing" / "banks"
    names = sorted(deliver(root, n, rng) for n in range(FILES))
    if signs:
        bankfile.trust(settings.home, "B0001", k=KEY)
    before = {p for p in settings.home.parent.rglob("*") if settings.home not in p.parents}
    pull.run(settings, "flows", NIGHT, bank="B0001", history=True)
    assert {p for p in settings.home.parent.rglob("*") if settings.home not in p.parents} == before
    (path,) = staging.staged(settings, "flows", NIGHT, "bank_file")
    files = {f["file_name"]: f for f in pq.read_table(path).to_pylist()}
    waiting = set(names) - set(files)
    assert set(files) <= set(names) and (not waiting or not signs), "who signs cannot be made to wait by a stranger"
    for name in waiting:  # what their manifests say now belongs to a later night
        said = json.loads((root / "B0001" / f"{name}.ok").read_text())
        assert said["sent_at"] > "20260915040000" or said["to_date"] > "20260914"
    rows = [r for t in ROWS for p in staging.staged(settings, "flows", NIGHT, f"bank_{t.lower()}") for r in pq.read_table(p).to_pylist()]
    assert len(rows) == sum(f["rows_body"] or 0 for f in files.values())
    assert all((r["parse_error"] is None) == (r["raw"] is None) for r in rows)
    assert len({(r["file_name"], r["row_no"]) for r in rows}) == len(rows)
    read = [f for f in files.values() if f["rows_body"] is not None]
    refused = [f for f in files.values() if f["rows_body"] is None]
    assert len(read) > 20 and len(refused) > 100
    for f in refused:
        assert f["read_error"] or f["duplicate_of"] or f["manifest_status"] != "OK" or f["digest_actual"] != f["digest_expected"]
    if signs:
        for f in files.values():
            assert f["manifest_status"] != "OK" or verify(KEY.public_key(), json.loads(f["manifest"])) is None
        assert sum(f["manifest_status"] == "UNSIGNED" for f in files.values()) > 10


def test_every_line_between_header_and_trailer_is_a_row_exactly_once(settings: Settings) -> None:
    rng = random.Random(7)
    root = settings.home / "landing" / "banks"
    expected: dict[str, list[int]] = {}
    for n in range(40):
        lines = [bankfile.txn(i) for i in range(1, 30)]
        for _ in range(6):
            at = rng.randrange(len(lines))
            lines[at] = mutate(lines[at].encode(), rng).decode("latin-1").replace("\n", "").replace("\r", "")
        text = bankfile.content("B0001", "TXN", "20260914", lines, version=n, stated=[])
        name = bankfile.put(root, text).name
        expected[name] = [i for i, line in enumerate(lines, 2) if line]
    pull.run(settings, "flows", NIGHT, bank="B0001")
    (path,) = staging.staged(settings, "flows", NIGHT, "bank_txn")
    found: dict[str, list[int]] = {}
    for r in pq.read_table(path, columns=["file_name", "row_no"]).to_pylist():
        found.setdefault(r["file_name"], []).append(r["row_no"])
    assert {name: sorted(numbers) for name, numbers in found.items()} == expected
