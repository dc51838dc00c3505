"""The real ledger: known counts, and days that the truncation of the file broke."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path

from expectations.ledger.continuity import check_ledger
from expectations.ledger.mapping import load_mapping
from expectations.ledger.read import read_ledger
from jobs.audit import run_audit

ROOT = Path(__file__).resolve().parents[2]
MAPPING = ROOT / "conf" / "banks" / "berka.yaml"
FILE = "trans_1993-01_1994-03.asc.gz"


def test_the_figures_of_the_ledger(berka: Path, tmp_path: Path) -> None:
    result = run_audit(MAPPING, [berka / FILE], tmp_path)
    assert result.summary == {"rows": 49_102, "accounts": 1_229, "account_days": 39_960, "broken": 28}
    assert {b.date for b in result.breaks} == {date(1994, 3, 31)}
    assert len((tmp_path / "breaks.csv").read_text().splitlines()) == 29


def test_nothing_is_broken_before_the_day_the_file_was_cut_in(berka: Path) -> None:
    result = run_audit(MAPPING, [berka / FILE], until=date(1994, 3, 30))
    assert (result.rows, result.broken) == (46_997, 0)


def test_the_order_found_breaks_by_exactly_a_tenth_or_not_at_all(berka: Path) -> None:
    ledger = read_ledger(load_mapping(MAPPING), [str(berka / FILE)], until=date(1994, 3, 30), keep=["k_symbol"])
    found = check_ledger(ledger)
    rows = sorted(range(len(ledger)), key=lambda i: (ledger.account[i], ledger.day[i], found.position[i]))
    gaps: Counter[int] = Counter()
    for a, b in itertools.pairwise(rows):
        if ledger.account[a] == ledger.account[b]:
            gaps[abs(int(ledger.balance[b] - ledger.signed[b] - ledger.balance[a]))] += 1
    assert set(gaps) == {0, 10}
    sent = sum(
        abs(int(ledger.balance[i] - ledger.signed[i] - ledger.balance[i - 1])) > 10
        for i in range(1, len(ledger))
        if ledger.account[i] == ledger.account[i - 1]
    )
    assert sent > 100  # the rows as sent are not in order: the check had something to find


def test_without_the_third_debit_word_the_rows_are_refused(berka: Path, tmp_path: Path) -> None:
    mapping = tmp_path / "bank.yaml"
    mapping.write_text(MAPPING.read_text().replace("[VYDAJ, VYBER]", "[VYDAJ]"))
    done = subprocess.run(
        [sys.executable, "-m", "jobs", "audit", "--mapping", str(mapping), str(berka / FILE)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 13
    assert "651 rows" in done.stderr and "VYBER" in done.stderr and "Traceback" not in done.stderr


def test_the_command_line_prints_the_counts(berka: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "jobs", "audit", "--mapping", str(MAPPING), str(berka / FILE), "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0
    assert all(x in done.stdout for x in ("49,102", "1,229", "39,960", "28", "1994-03-31"))
    assert json.loads((tmp_path / "summary.json").read_text())["broken"] == 28
