"""Single-transaction sampling: sizes and bounds by hand, a choice nobody can steer, answers, decisions, and what they do to quality."""

from __future__ import annotations

import csv
import hashlib
import json
import random
from datetime import date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy.stats import hypergeom

from expectations import references, sampling
from expectations.sampling import NORMAL, TIGHT, Frame
from jobs import close_month, sample_draw, sample_judge
from lake import signatures, store
from lake.errors import ConfigError, UsageError
from lake.tokens import Tokenizer, load_key
from simulator import vouchers
from simulator.build import build
from simulator.params import preset
from tests.support.silver import Silver

MONTH, NIGHT = date(2026, 8, 1), date(2026, 9, 5)
SEED = bytes(range(32))


def key(i: int) -> str:
    return hashlib.sha256(str(i).encode()).hexdigest()


def test_sizes_by_hand() -> None:
    assert sampling.sample_size(10**7, NORMAL) == 628
    assert sampling.sample_size(10**7, NORMAL, allowed=0) == 299
    assert sampling.sample_size(10**7, TIGHT) == 1257
    assert (sampling.sample_size(0, NORMAL), sampling.sample_size(200, NORMAL)) == (0, 200)  # 2 bad rows of 200 would pass unseen
    # 3 bad of 300: P(X <= 2) = 1 - C(n,3)/C(300,3) <= 5 % from n = 295 (C(295,3)/C(300,3) = 0.9507)
    assert sampling.sample_size(300, NORMAL) == 295


@given(st.integers(1, 3000), st.sampled_from([NORMAL, TIGHT, Fraction(1, 10)]))
def test_the_size_is_the_smallest_that_proves_it(population: int, p: Fraction) -> None:
    n, bad = sampling.sample_size(population, p), -(-population * p.numerator // p.denominator)
    if bad > sampling.ALLOWED:
        assert hypergeom.cdf(2, population, bad, n) <= 0.05 < hypergeom.cdf(2, population, bad, n - 1)
    else:
        assert n == population


def test_the_plan_fails_banks_at_the_rates_the_design_states() -> None:
    n, big = 628, 10**6
    fails = [float(hypergeom.sf(2, big, round(big * rate), n)) for rate in (0.0005, 0.002, 0.01)]
    assert [round(f, 3) for f in fails] == [0.004, 0.133, 0.95]


def test_bounds_by_hand() -> None:
    # no error in 59: 1 - 0.05 ** (1/59) = 4.95 %; all wrong: the lower bound is 0.05 ** (1/n)
    assert sampling.upper_bound(0, 59) == pytest.approx(1 - 0.05 ** (1 / 59))
    assert sampling.lower_bound(10, 10) == pytest.approx(0.05**0.1) and sampling.upper_bound(10, 10) == 1.0
    assert sampling.upper_bound(2, 628) == pytest.approx(0.01, abs=2e-5) and sampling.lower_bound(0, 628) == 0.0
    assert sampling.upper_bound(0, 0) is None and sampling.lower_bound(0, 0) is None


def test_caps_and_the_tightened_plan() -> None:
    assert sampling.cap("PASS", 2, 628, "FAIL") is None and sampling.cap("PENDING", 0, 628, None) is None
    assert (sampling.cap("FAIL", 3, 628, "PASS"), sampling.cap("FAIL", 3, 628, "FAIL")) == (84, 69)
    assert sampling.lower_bound(6, 628) < 0.005 < sampling.lower_bound(7, 628)
    assert (sampling.cap("FAIL", 6, 628, None), sampling.cap("FAIL", 7, 628, None)) == (84, 69)
    history = ["PASS", "FAIL", "PASS", "PENDING", "PASS", "FAIL"]
    assert [sampling.tightened(history[:k]) for k in range(7)] == [False, False, True, True, True, False, True]
    assert [sampling.decision(x, waiting) for x, waiting in ((2, 0), (2, 1), (3, 1), (3, 0))] == ["PASS", "PENDING", "FAIL", "FAIL"]


@hypothesis_settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 2000))
def test_nobody_can_steer_the_choice(start: int, n: int) -> None:
    rng = random.Random(start)
    frame = [Frame(key(i), rng.randrange(1, 10**6), rng.random() < 0.05) for i in range(n)]
    drawn = sampling.draw(SEED, frame, NORMAL)
    mixed = list(frame)
    rng.shuffle(mixed)
    assert sampling.draw(SEED, mixed, NORMAL) == drawn
    # other amounts that leave the 60 largest where they are choose the same rows
    top = {k for k, stratum in drawn.items if stratum == "LARGEST"}
    least = min((r.amount_fen for r in frame if r.txn_key in top), default=0)
    other = [Frame(r.txn_key, 10**6 + r.amount_fen if r.txn_key in top else rng.randrange(0, least + 1), r.is_reversal) for r in frame]
    assert sampling.draw(SEED, other, NORMAL) == drawn
    # and whatever the amounts are, those drawn at random are the first ones by HMAC of the rows that are neither largest nor reversals
    rest = [r.txn_key for r in frame if r.txn_key not in top and not r.is_reversal]
    first = sorted(rest, key=lambda k: sampling.place(SEED, k))[: drawn.random]
    assert {k for k, stratum in drawn.items if stratum == "RANDOM"} == set(first)
    assert len(top) == min(60, n)
    if n > 500:
        assert sampling.draw(bytes(32), frame, NORMAL).items != drawn.items


@pytest.fixture
def bank(settings: Any) -> Any:
    """B1 with 400 transactions of August: 5 of them reversals; known since the month's end."""
    silver = Silver(settings, date(2026, 8, 31))
    tokens = Tokenizer(load_key(settings), settings.token_hash)
    for i in range(400):
        silver.row(
            "acct_txn", txn_key=key(i), txn_no=f"T{i:04d}", biz_date=date(2026, 8, 1 + i % 28), amt_minor=1000 + i, amt_cny_fen=1000 + i,
            balance_after_minor=5000 + i, account_id=tokens.token("account", f"62{i:014d}"), firm_id="F", reversal_flag="R" if i % 80 == 7 else "N",
            cpty_account_token=tokens.token("account", "99"), cpty_name_token=tokens.token("name", "甲公司"), txn_ts=datetime(2026, 8, 1 + i % 28),
        )  # fmt: skip
    silver.write()
    sample_draw.commit(settings, MONTH, date(2026, 8, 20))
    return settings


def vouchers_of(settings: Any, wrong: dict[int, dict[str, str]] | None = None, leave_out: int = 0) -> Path:
    """Answers to what was exported, right but for `wrong` (number of the transaction -> fields)."""
    folder = sample_draw.folder(settings, "B1")
    with (folder / "sample_202608.csv").open(encoding="utf-8", newline="") as f:
        asked = list(csv.DictReader(f))
    path = folder / "answers.csv"
    with path.open("w", encoding="utf-8", newline="") as f:
        out = csv.DictWriter(f, sample_judge.ANSWER, lineterminator="\n")
        out.writeheader()
        for r in asked[leave_out:]:
            i = int(r["txn_no"][1:])
            said = {"voucher_date": r["biz_date"], "dr_cr": "C", "currency": "CNY", "amount": f"{(1000 + i) / 100:.2f}", "account_no": f"62{i:014d}",
                    "balance_after": f"{(5000 + i) / 100:.2f}", "cpty_account": "99", "cpty_name": " 甲公司"}  # fmt: skip
            out.writerow(r | said | (wrong or {}).get(i, {}))
    return path


def result(settings: Any) -> dict[str, Any]:
    return max(store.read(settings, "dq.sample_result").to_pylist(), key=lambda r: r["as_of"])


def random_ones(settings: Any) -> list[int]:
    chosen = {r["txn_key"] for r in store.read(settings, "dq.sample_item").to_pylist() if r["stratum"] == "RANDOM"}
    return [i for i in range(400) if key(i) in chosen]


def test_what_is_promised_is_what_is_drawn(bank: Any) -> None:
    (promise,) = store.read(bank, "dq.sample_seed").to_pylist()
    assert sample_draw.seed_file(bank, MONTH).stat().st_mode & 0o077 == 0
    with pytest.raises(UsageError, match="closes on 2026-09-05"):
        sample_draw.draw(bank, MONTH, date(2026, 9, 4))
    sample_draw.draw(bank, MONTH, NIGHT)
    (sample,) = store.read(bank, "dq.sample").to_pylist()
    assert hashlib.sha256(bytes.fromhex(sample["seed"])).hexdigest() == promise["commitment"] == sample["commitment"]
    # 400 rows: 60 largest (i >= 340, none of them a reversal but 407..), reversals i = 7, 87, 167, 247, 327; the rest 335
    n = sampling.sample_size(335, NORMAL)
    assert (sample["frame_rows"], sample["population"], sample["random_rows"], sample["sampled"]) == (400, 335, n, 65 + n)
    body = (sample_draw.folder(bank, "B1") / "sample_202608.csv").read_bytes()
    assert hashlib.sha256(body).hexdigest() == sample["export_digest"]
    assert body.startswith(b"position,txn_no,sub_no,biz_date\n1,") and b"\r" not in body
    statement = json.loads((sample_draw.folder(bank, "B1") / "sample_202608.json").read_text())
    assert statement["seed"] == sample["seed"] and statement["export_digest"] == sample["export_digest"]
    _, ours = signatures.platform_key(bank)
    assert signatures.verify(ours.public_key(), statement) is None
    assert signatures.verify(ours.public_key(), statement | {"seed": "0"}) is not None
    # anyone can draw it again from the published seed
    frame = [Frame(key(i), 1000 + i, i % 80 == 7) for i in range(400)]
    again = sampling.draw(bytes.fromhex(sample["seed"]), frame, NORMAL)
    items = sorted(store.read(bank, "dq.sample_item").to_pylist(), key=lambda r: r["position"])
    assert [(r["txn_key"], r["stratum"]) for r in items] == list(again.items)
    sample_draw.draw(bank, MONTH, NIGHT)
    assert sorted(store.read(bank, "dq.sample_item").to_pylist(), key=lambda r: r["position"]) == items
    assert sample_draw.draw(bank, MONTH, date(2026, 9, 9)).nothing


def test_a_seed_is_promised_in_time_and_kept(bank: Any) -> None:
    assert sample_draw.commit(bank, MONTH, date(2026, 8, 21)).nothing
    with pytest.raises(UsageError, match="too late"):
        sample_draw.commit(bank, date(2026, 7, 1), date(2026, 8, 5))
    with pytest.raises(UsageError, match="no seed was promised"):
        sample_draw.draw(bank, date(2026, 7, 1), NIGHT)
    sample_draw.seed_file(bank, MONTH).write_text("00" * 32)
    with pytest.raises(ConfigError, match="not the seed that was promised"):
        sample_draw.draw(bank, MONTH, NIGHT)


def test_answers_are_compared_and_decided(bank: Any) -> None:
    sample_draw.draw(bank, MONTH, NIGHT)
    a, b, c, d, *_ = random_ones(bank)
    wrong = {a: {"amount": "1.00"}, b: {"voucher_date": "2026-08-31"}, c: {"cpty_name": "乙公司"}}
    sample_judge.answers(bank, "B1", MONTH, vouchers_of(bank, wrong), date(2026, 9, 8))
    found = result(bank)
    assert (found["decision"], found["critical"], found["minor"], found["cap"], found["waiting"]) == ("PASS", 2, 1, None, 0)
    (sample,) = store.read(bank, "dq.sample").to_pylist()
    assert found["upper_bound"] == sampling.upper_bound(2, sample["random_rows"])
    said = {r["txn_key"]: (r["critical"], r["minor"]) for r in store.read(bank, "dq.sample_answer").to_pylist()}
    assert (said[key(a)], said[key(b)], said[key(c)], said[key(d)]) == (
        ("amt_minor", ""),
        ("biz_date", ""),
        ("", "cpty_name_token"),
        ("", ""),
    )
    sample_judge.answers(bank, "B1", MONTH, vouchers_of(bank, wrong), date(2026, 9, 8))  # again: the same
    assert result(bank) == found
    with pytest.raises(UsageError, match="the first answer counts"):
        sample_judge.answers(bank, "B1", MONTH, vouchers_of(bank), date(2026, 9, 9))


def test_a_failed_sample_caps_the_month_and_tightens_the_next(bank: Any) -> None:
    sample_draw.draw(bank, MONTH, NIGHT)
    a, b, c, *_ = random_ones(bank)
    wrong = {a: {"dr_cr": "D"}, b: {"account_no": "1"}, c: {"currency": "USD"}}
    sample_judge.answers(bank, "B1", MONTH, vouchers_of(bank, wrong), date(2026, 9, 8))
    found = result(bank)
    assert (found["decision"], found["critical"], found["cap"]) == ("FAIL", 3, 84)  # 3 of 329: the lower bound is 0.25 %
    write_manifest(bank)
    close_month.run(bank, MONTH, date(2026, 9, 8))
    (row,) = store.read(bank, "dq.quality").to_pylist()
    (sample,) = store.read(bank, "dq.sample").to_pylist()
    assert (row["sampling_failing"], row["sampling_total"], row["capped_at"]) == (3, sample["sampled"], 84)
    assert row["q"] <= 84
    september = date(2026, 9, 1)
    sample_draw.commit(bank, september, date(2026, 9, 20))
    Silver(bank, date(2026, 9, 30)).row(
        "acct_txn", txn_key=key(999), txn_no="T0999", biz_date=date(2026, 9, 2), amt_cny_fen=1, txn_ts=datetime(2026, 9, 2)
    ).write()
    sample_draw.draw(bank, september, date(2026, 10, 5))
    assert {r["month"]: r["plan"] for r in store.read(bank, "dq.sample").to_pylist()} == {MONTH: "NORMAL", september: "TIGHT"}


def write_manifest(settings: Any) -> None:
    """One delivery of B1, so that it is a bank that delivers."""
    rows = [{"bank_id": "B1", "biz_date": MONTH, "to_date": date(2026, 8, 31), "file_type": "TXN", "version": 0, "submission_id": "B1_TXN", "mode": "FULL",
             "file_name": "f", "row_cnt": 400, "digest_alg": "SHA-256", "digest": "0", "sent_at": datetime(2026, 8, 31), "status": "ACCEPTED", "is_history": False,
             "as_of": date(2026, 8, 31)}]  # fmt: skip
    store.replace(settings, "silver.sub_manifest", store.rows_of("silver.sub_manifest", rows), None)


def test_silence_is_reminded_of_and_then_critical(bank: Any) -> None:
    sample_draw.draw(bank, MONTH, NIGHT)
    five, ten = references.workdays_after(NIGHT, 5), references.workdays_after(NIGHT, 10)
    assert (five, ten) == (date(2026, 9, 11), date(2026, 9, 18))  # a Saturday's month, both weeks without holidays
    sample_judge.answers(bank, "B1", MONTH, vouchers_of(bank, leave_out=4), date(2026, 9, 8))
    assert (result(bank)["decision"], result(bank)["waiting"], result(bank)["remind"], result(bank)["upper_bound"]) == (
        "PENDING",
        4,
        False,
        None,
    )
    write_manifest(bank)
    close_month.run(bank, MONTH, date(2026, 9, 8))
    assert store.read(bank, "dq.quality").to_pylist()[0]["sampling_score"] is None
    for night, remind, silent in ((five, False, 0), (date(2026, 9, 12), True, 0), (ten, True, 0), (date(2026, 9, 19), True, 4)):
        sample_judge.judge(bank, MONTH, night)
        assert (result(bank)["remind"], result(bank)["silent"], result(bank)["critical"]) == (remind, silent, silent), night


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.replace("position", "place", 1), "line 1: expected position"),
        (lambda t: t.replace(",CNY,", ",CNY,x", 1), "line 2: amount"),
        (lambda t: t + t.splitlines()[1] + "\n", "was answered before"),
        (lambda t: t + "9,T9999,0,2026-08-01" + "," * 8 + "\n", "T9999 is not in the sample"),
        (lambda t: t + "1,2\n", "expected 12 fields, found 2"),
        (lambda t: t.replace(",C,CNY", ",C,XXQ", 1), "is no amount in XXQ"),
    ],
)
def test_answers_that_cannot_be_read_change_nothing(bank: Any, change: Any, message: str) -> None:
    sample_draw.draw(bank, MONTH, NIGHT)
    path = vouchers_of(bank)
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        sample_judge.answers(bank, "B1", MONTH, path, date(2026, 9, 8))
    assert store.read(bank, "dq.sample_answer").num_rows == 0


def test_faults_that_no_file_shows_are_found_in_the_sample(settings: Any) -> None:
    """A simulated province: every planted difference that was drawn is found, no other; the bad bank fails, at ten times the rate."""
    p = preset("unit", seed=7, fault_scale=0.0)
    build(p, settings.home)
    tokens, month = Tokenizer(load_key(settings), settings.token_hash), MONTH
    silver = Silver(settings, date(2026, 8, 31))
    banks = sorted(x.name for x in (settings.home / "landing" / "banks").iterdir())
    keys: dict[str, tuple[str, str, str, str]] = {}
    for bank in banks:
        for line in vouchers._sent(settings.home / "landing" / "banks" / bank, bank, month):
            name = (bank, line["txn_no"], line["sub_no"], vouchers._day(line["biz_date"]))
            k = hashlib.sha256("|".join(name).encode()).hexdigest()
            keys[k] = name
            party = {f"cpty_{c}_token": tokens.token(c, line[f"cpty_{c}"]) if line[f"cpty_{c}"] else None for c in ("account", "name")}
            silver.row(
                "acct_txn", txn_key=k, bank_id=bank, txn_no=name[1], sub_no=name[2], biz_date=date.fromisoformat(name[3]), dr_cr=line["dr_cr"],
                currency=line["currency"], amt_minor=line.minor("amount"), amt_cny_fen=line.minor("amount"), balance_after_minor=line.minor("balance_after"),
                account_id=tokens.token("account", line["account_no"]), reversal_flag=line["reversal_flag"], txn_ts=datetime(2026, 8, 1), **party,
            )  # fmt: skip
    silver.write()
    sample_draw.commit(settings, month, date(2026, 8, 20))
    sample_draw.seed_file(settings, month)
    sample_draw.draw(settings, month, NIGHT)
    for path in vouchers.answer(settings.home, month, seed=7):
        sample_judge.answers(settings, path.parent.name, month, path, date(2026, 9, 8))
    truth = {tuple(r[c] for c in ("bank_id", "txn_no", "sub_no", "biz_date")): r["field"]
             for r in pq.read_table(settings.home / "source" / "truth" / "voucher_202608.parquet").to_pylist()}  # fmt: skip
    drawn = {keys[r["txn_key"]] for r in store.read(settings, "dq.sample_item").to_pylist()}
    said = store.read(settings, "dq.sample_answer").to_pylist()
    assert {keys[r["txn_key"]] for r in said} == drawn
    critical = {keys[r["txn_key"]] for r in said if r["critical"]}
    assert critical == {k for k, field in truth.items() if k in drawn and field != "cpty_name"}
    assert {keys[r["txn_key"]] for r in said if r["minor"]} >= {k for k, field in truth.items() if k in drawn and field == "cpty_name"}
    bad = vouchers.bad_bank(7, banks)
    rates = {b: sum(k[0] == b for k in critical) / sum(k[0] == b for k in drawn) for b in banks}
    assert rates[bad] == max(rates.values()) and 0.005 < rates[bad] < 0.05
