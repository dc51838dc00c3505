"""Bank files and planted faults: manifests, totals, kinds, the same every time."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from simulator import files
from simulator.fault_kinds import KINDS
from simulator.fault_lines import Body, Line
from simulator.faults import FILE_KINDS, Faults
from simulator.params import PRESETS, Params, preset
from simulator.purposes import CATEGORY_OF_KIND, RULES
from simulator.tax_database import TaxDatabase
from simulator.uscc import check_char, valid

P = replace(PRESETS["unit"], banks=2)
BANKS = ["B0001", "B0002"]
ACCOUNTS = [f"211{i:014d}" for i in range(12)]
GOOD = "91450100MA5KXT070Y"


def lines_of(s: files.Submission) -> bytes:
    """A plausible body: every account has two transactions, or none on the balance file's idle accounts."""
    day = f"{s.first:%Y%m%d}"
    rows = []
    for i, account in enumerate(ACCOUNTS):
        if s.file_type == "TXN":
            amount = 12000 if i == 7 else 100  # one account large enough for the rule of large transfers
            card = "6217000000000000004" if i == 8 else "84000"
            for seq, flag in ((1, "N"), (2, "R" if i in (3, 9) else "N")):
                rows.append(
                    f"D|{day}{i}{seq}|0|{account}|{day}|101502|{seq}|C|CNY|{amount}.00|{seq * amount}.00|{card}|某公司|1051|TRANSFER|TRANSFER|NET|0101|货款||{day}|{flag}|{'' if flag == 'N' else day + '01'}|{'' if flag == 'N' else '0'}|N|"
                )
        elif s.file_type == "BAL":
            rows.append(f"D|{account}|CNY|{day}|10.00|0.00|0.00|10.00|0|0|0.00||000101|201101|0|")
        elif s.file_type == "ACCT":
            rows.append(f"D|{account}|{GOOD}|某公司|000101|BASIC|DEMAND||N|CNY|201101|20200101||NORMAL||N|")
    if s.file_type == "GL":
        rows = [f"D|000101|{x}|CNY|{day}|9.00|0.00|0.00|9.00|3|7.00|0.00|0.00|7.00|1" for x in ("201101", "201201")]
    if s.file_type == "CTL":
        rows = [f"D|FLOW|000101|CNY|{day}|C|24|2400.00", f"D|BALANCE|000101|CNY|{day}||12|120.00"]
    return "".join(r + "\n" for r in rows).encode()


def planted(p: Params) -> tuple[Faults, dict[str, bytes]]:
    """Faults of `p` over plausible bodies, applied in the order of the writer."""
    faults = Faults(p, files.plan(p, BANKS, p.seed), dict.fromkeys(ACCOUNTS, ("000101", "201101")), {ACCOUNTS[5]: date(2026, 8, 20)})
    out: dict[str, bytes] = {}
    for file_type in files.FILE_TYPES:
        mine = [s for s in faults.plan.values() if s.file_type == file_type and faults.touches(s)]
        for s in sorted(mine, key=lambda s: (s.last != p.end, s.submission_id)):
            for changed, body, _n, _t in faults.apply(s, lines_of(s), 0, {}):
                out[changed.submission_id] = body
    return faults, out


def test_no_fault_at_scale_0() -> None:
    p = replace(P, fault_scale=0.0)
    faults = Faults(p, files.plan(p, BANKS, p.seed), {}, {})
    assert faults.plan == files.plan(p, BANKS, p.seed)
    assert not any(faults.touches(s) for s in faults.plan.values())
    assert faults.truth == [] and faults.consequence == []


def test_every_kind_is_planted_and_has_a_primary_consequence() -> None:
    faults, _ = planted(P)
    found = Counter(t["kind"] for t in faults.truth)
    assert set(found) >= set(KINDS) | set(FILE_KINDS)
    primary = {c["fault_id"] for c in faults.consequence if c["primary"]}
    assert {t["fault_id"] for t in faults.truth} <= primary


def test_the_same_faults_every_time_and_others_with_another_seed() -> None:
    first, second, other = planted(P), planted(P), planted(replace(P, seed=8))
    assert first[1] == second[1] and first[0].consequence == second[0].consequence
    assert first[0].consequence != other[0].consequence


def test_row_consequences_name_the_changed_line() -> None:
    faults, bodies = planted(P)
    rows = [c for c in faults.consequence if c["rule_id"] == "V13"]
    assert rows
    for c in rows:
        submission, _, number = c["scope_key"].partition(":")
        assert "|FAX|" in bodies[submission].decode().split("\n")[int(number) - 2]


@pytest.mark.parametrize("file_type", files.FILE_TYPES)
def test_manifest_states_what_the_file_holds(tmp_path: Path, file_type: str) -> None:
    s = files.plan(P, BANKS, 7)["B0001", file_type, 20260914]
    body = Body.of(s, lines_of(s))
    text, n, totals, _ = body.finish()
    files.write(tmp_path, s, text, n, totals)
    packed = (tmp_path / "B0001" / s.name).read_bytes()
    manifest = json.loads((tmp_path / "B0001" / (s.name + ".ok")).read_text())
    content = gzip.decompress(packed).decode().split("\n")[:-1]
    assert manifest["digest"] == hashlib.sha256(packed).hexdigest()
    assert manifest["row_cnt"] == n == sum(x.startswith("D|") for x in content) > 0
    assert content[0] == f"H|1|B0001|{file_type}|20260914|20260914|00|FULL|{s.sent_at:%Y%m%d%H%M%S}"
    stated = "".join(f"|{t['currency']}|{t['dr_cr']}|{t['row_cnt']}|{t['amount']}" for t in manifest["totals"])
    assert content[-1] == f"T|{n}{stated}"


def test_amounts_are_added_to_in_minor_units() -> None:
    line = Line("D|a|CNY|20260914|-0.05|0.00|0.00|100|0|0|0.00||b|s|0|", "BAL")
    line.add("opening", 7)
    line.add("closing", -1)
    assert (line["opening"], line["closing"]) == ("0.02", "99")


def test_history_is_monthly_and_the_last_35_days_are_daily() -> None:
    p = preset("ci")
    assert p.history[0] == (date(2022, 9, 1), date(2022, 9, 30))
    assert p.history[-1] == (date(2026, 8, 1), date(2026, 8, 10))
    assert (p.daily_dates[0], p.daily_dates[-1], len(p.daily_dates)) == (date(2026, 8, 11), date(2026, 9, 14), 35)


@pytest.mark.parametrize(
    "change", [{"banks": 0}, {"banks": 13}, {"firms": 1}, {"months": 0}, {"fault_scale": -1.0}, {"end": date(2030, 1, 1)}]
)
def test_values_out_of_range_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="found"):
        preset("unit", **change)


def test_check_characters() -> None:
    for code in ("914501000000000195", "91450100123456788F", GOOD, "92450900MAC1B2D325", "93451000MA0000YY1Q", "52450000500000007J"):
        assert valid(code) and check_char(code[:17]) == code[17]
    assert not valid("914501000000000196") and not valid("91450100123456788I")


def test_every_category_that_rules_do_not_decide_is_named() -> None:
    categories = {category for *_x, category, _m in RULES}
    assert {c for k, c in CATEGORY_OF_KIND.items() if not k.startswith("OWN")} <= categories


def test_a_home_too_deep_for_a_socket_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"path \d+ bytes too long: take a home with a shorter name"):
        TaxDatabase(tmp_path / ("deep" * 30)).start()
