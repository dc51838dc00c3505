"""What a user can hand over by mistake: one sentence that says where and what, and the right exit code."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import yaml

from expectations.ledger.mapping import load_mapping
from jobs.audit import run_audit
from lake.errors import ConfigError, ContractBroken, LiushuiError, UsageError

GOOD = {
    "bank_id": "TEST",
    "title": "Test",
    "columns": {"account": ["acct"], "date": "day", "amount": "amount", "side": "side", "balance": "balance"},
    "credit_words": ["C"],
    "debit_words": ["D"],
    "currency": "CZK",
}
HEADER = "acct,day,side,amount,balance\n"
ROW = "1,2024-01-01,C,5.00,5.00\n"


def mapping(folder: Path, **changes) -> Path:
    path = folder / "bank.yaml"
    path.write_text(yaml.safe_dump({k: v for k, v in {**GOOD, **changes}.items() if v != "absent"}), encoding="utf-8")
    return path


def audit(folder: Path, content: str | bytes, name: str = "ledger.csv", **changes):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return run_audit(mapping(folder, **changes), [path])


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("1,2024-02-30,C,5.00,5.00", "day '2024-02-30' is not a date"),
        ("1,2024-1-3,C,5.00,5.00", "day '2024-1-3' is not a date"),
        ("1,20240103,C,5.00,5.00", "is not a date"),
        ("1,,C,5.00,5.00", "day '' is not a date"),
        ('1,2024-01-01,C,"12,50",5.00', "amount '12,50' is not an amount"),
        ("1,2024-01-01,C,1e5,5.00", "amount '1e5' is not an amount"),
        ("1,2024-01-01,C,5.001,5.00", "amount '5.001' is not an amount"),
        ("1,2024-01-01,C,nan,5.00", "amount 'nan' is not an amount"),
        ("1,2024-01-01,C,٥,5.00", "is not an amount"),
        ("1,2024-01-01,C,12345678901234567.00,5.00", "is not an amount"),
        ("1,2024-01-01,C,5.00,", "balance '' is not an amount"),
        ("1,2024-01-01,X,5.00,5.00", "side 'X' is not a word of the mapping"),
        (",2024-01-01,C,5.00,5.00", "acct '' identifies no account"),
        ("1,2024-01-01,C,5.00", "4 fields, expected 5"),
        ("1,2024-01-01,C,5.00,5.00,6", "6 fields, expected 5"),
    ],
)
def test_rows_that_do_not_parse_are_named_by_line(tmp_path: Path, row: str, says: str) -> None:
    with pytest.raises(ContractBroken) as e:
        audit(tmp_path, HEADER + ROW + "\n" + ROW + row + "\n" + ROW)
    assert e.value.exit_code == 13
    assert "1 rows of the ledger do not parse" in str(e.value)
    assert "ledger.csv line 5" in str(e.value) and says in str(e.value)


def test_the_first_five_are_listed_in_the_order_of_the_file(tmp_path: Path) -> None:
    bad = ["1,2024-01-01,C,x,5.00\n", "1,2024-01-01\n", "1,2024-01-01,Q,1.00,5.00\n"] * 3
    with pytest.raises(ContractBroken) as e:
        audit(tmp_path, HEADER + "".join(bad))
    lines = [x for x in str(e.value).splitlines() if " line " in x]
    assert "9 rows" in str(e.value)
    assert [x.split(" line ")[1].split(":")[0] for x in lines] == ["2", "3", "4", "5", "6"]


def test_bytes_that_are_not_the_encoding(tmp_path: Path) -> None:
    garbage = (HEADER + ROW).encode() + b"\xff\xfe1,2024-01-01,C,5.00,10.00\n" + ROW.encode()
    with pytest.raises(ContractBroken, match="line 3: not valid utf-8"):
        audit(tmp_path, garbage)


@pytest.mark.parametrize("content", ["", "\n", HEADER])
def test_an_empty_ledger(tmp_path: Path, content: str) -> None:
    with pytest.raises(ContractBroken, match="is empty|no rows"):
        audit(tmp_path, content)


def test_blank_lines_are_no_rows(tmp_path: Path) -> None:
    assert audit(tmp_path, HEADER + ROW + "\n\n").rows == 1


def test_a_byte_order_mark_is_not_part_of_the_first_name(tmp_path: Path) -> None:
    assert audit(tmp_path, b"\xef\xbb\xbf" + (HEADER + ROW).encode()).rows == 1


def test_a_gzip_cut_off_in_the_middle(tmp_path: Path) -> None:
    whole = gzip.compress((HEADER + "".join(f"{i},2024-01-01,C,5.00,5.00\n" for i in range(5000))).encode())
    with pytest.raises(ContractBroken, match="cut off or damaged"):
        audit(tmp_path, whole[: len(whole) // 2], "ledger.csv.gz")
    damaged = bytearray(whole)
    damaged[-6] ^= 0xFF
    with pytest.raises(ContractBroken, match="cut off or damaged"):
        audit(tmp_path, bytes(damaged), "ledger.csv.gz")


def test_a_gzip_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ContractBroken, match="cut off or damaged"):
        audit(tmp_path, HEADER + ROW, "ledger.csv.gz")


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot open the ledger"):
        run_audit(mapping(tmp_path), [tmp_path / "none.csv"])
    with pytest.raises(UsageError, match="cannot open the ledger"):
        run_audit(mapping(tmp_path), [tmp_path])
    with pytest.raises(UsageError, match="cannot open the ledger"):
        run_audit(mapping(tmp_path), ["nosuch://bucket/file.csv"])
    with pytest.raises(ConfigError, match="cannot read the mapping"):
        run_audit(tmp_path / "none.yaml", [tmp_path / "none.csv"])


def test_an_absent_column_is_named_with_the_columns_found(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as e:
        audit(tmp_path, HEADER.replace("balance", "saldo") + ROW)
    assert e.value.exit_code == 10
    assert "ledger.csv" in str(e.value) and "'balance'" in str(e.value) and "acct, day, side, amount, saldo" in str(e.value)


def test_a_column_that_appears_twice(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'balance' of the mapping TEST appears 2 times"):
        audit(tmp_path, "acct,day,side,amount,balance,balance\n1,2024-01-01,C,5.00,5.00,6.00\n")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"colour": "red"}, "colour"),
        ({"tolerance": 0.105}, "tolerance"),
        ({"tolerance": "-1"}, "negative"),
        ({"tolerance": "much"}, "not a decimal number"),
        ({"credit_words": ["C", "D"]}, "both credit and debit"),
        ({"debit_words": []}, "needs credit_words and debit_words"),
        ({"sign": "signed"}, "sign 'signed' goes with"),
        ({"date_format": "%Y-%m"}, "loses a part"),
        ({"file": {"encoding": "klingon"}}, "no encoding"),
        ({"file": {"header": False}}, "columns by position"),
        ({"columns": "absent"}, "columns: Field required"),
        ({"currency": "crowns"}, "currency"),
    ],
)
def test_a_mapping_that_contradicts_itself(tmp_path: Path, changes: dict, says: str) -> None:
    with pytest.raises(ConfigError) as e:
        load_mapping(mapping(tmp_path, **changes))
    assert "bank.yaml" in str(e.value) and says in str(e.value)


@pytest.mark.parametrize("content", [b"- a\n- b\n", b"a: [", b"\xff\xfe\x00"])
def test_a_mapping_that_is_no_mapping(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bank.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="bank.yaml"):
        load_mapping(path)


def test_an_output_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    path = tmp_path / "ledger.csv"
    path.write_text(HEADER + ROW)
    with pytest.raises(LiushuiError, match="cannot create"):
        run_audit(mapping(tmp_path), [path], tmp_path / "file" / "out")
