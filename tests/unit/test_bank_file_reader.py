"""Reading one bank file: rows, line numbers, escapes, encodings, and what is set aside."""

from __future__ import annotations

import gzip
import io

import bankfile
import pytest

from jobs.ingest.bank_files import BankFile
from jobs.ingest.gunzip import Unreadable, gunzip
from jobs.ingest.lines import blocks

DAY = "20260914"
MAX_LINE = 65_536
STATED = [("CNY", "C", 3, "1.00")]


def read(data: bytes, file_type: str = "TXN", max_line: int = MAX_LINE) -> tuple[BankFile, list[dict]]:
    file = BankFile(io.BytesIO(data), file_type, max_line)
    return file, sorted((r for batch in file.batches() for r in batch.to_pylist()), key=lambda r: r["row_no"])


def txn_file(rows: list[str], encoding: str = "utf-8") -> bytes:
    return bankfile.content("B0001", "TXN", DAY, rows).encode(encoding)


def test_rows_keep_their_line_number_and_empty_fields_are_null() -> None:
    file, rows = read(txn_file([bankfile.txn(1), bankfile.txn(2, summary="")]))
    assert [r["row_no"] for r in rows] == [2, 3]
    assert rows[1]["summary"] is None and rows[1]["op"] is None and rows[0]["amount"] == "101.00"
    assert (file.body.rows, file.body.bad, file.trailer.rows, file.body.encoding) == (2, 0, 2, "utf-8")
    assert [(t.currency, t.dr_cr, t.rows, t.amount) for t in file.trailer.totals] == [("CNY", "C", 1, "102.00"), ("CNY", "D", 1, "101.00")]


@pytest.mark.parametrize("text", ["a|b", "a\\b", "\\|", "\\\\", '"quoted', "'", "50% | 50%", "tail\\"])
def test_escapes_and_quotes_come_back_as_they_were(text: str) -> None:
    _, rows = read(txn_file([bankfile.txn(1, summary=text)]))
    assert rows[0]["summary"] == text and rows[0]["parse_error"] is None


def test_a_wrong_field_count_is_a_bad_row_that_keeps_its_text() -> None:
    broken = bankfile.txn(2) + "|one|more"
    file, rows = read(txn_file([bankfile.txn(1), broken, "D|short", bankfile.txn(4)]))
    assert [r["row_no"] for r in rows] == [2, 3, 4, 5]
    assert [r["parse_error"] for r in rows] == [
        None, "field count: 25 expected, 27 found", "field count: 25 expected, 1 found", None,
    ]  # fmt: skip
    assert rows[1]["raw"] == broken and rows[1]["txn_no"] is None and rows[0]["raw"] is None
    assert (file.body.rows, file.body.bad) == (4, 2)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("X|what", "line type"),
        ("T|1", "line type"),
        ("d|lower", "line type"),
        (bankfile.txn(2) + "\\", "escape"),
        (bankfile.txn(2, summary="a\rb"), "carriage return"),
        (bankfile.txn(2, summary="a\0b"), "zero byte"),
        (bankfile.txn(2, summary="x" * 70_000), "longer than 65536 bytes"),
    ],
)
def test_a_line_that_cannot_be_split_does_not_take_its_neighbours_with_it(line: str, reason: str) -> None:
    _, rows = read(bankfile.content("B0001", "TXN", DAY, [bankfile.txn(1), line, bankfile.txn(3)], stated=STATED).encode())
    assert [r["txn_no"] is not None for r in rows] == [True, False, True]
    assert rows[1]["parse_error"].startswith(reason) and rows[1]["row_no"] == 3


def test_line_feed_after_carriage_return_and_blank_lines() -> None:
    text = bankfile.content("B0001", "TXN", DAY, [bankfile.txn(1), "", bankfile.txn(3)], stated=[("CNY", "C", 2, "1.00")])
    _, rows = read(text.replace("\n", "\r\n").encode() + b"\r\n\r\n")
    assert [(r["row_no"], r["parse_error"], r["returned_flag"]) for r in rows] == [(2, None, "N"), (4, None, "N")]


def test_gb18030_file_whose_second_bytes_are_bars_and_backslashes() -> None:
    name = "亅倈|億乗俓\\僜"
    assert set(b"|\\") <= set("亅倈億乗俓僜".encode("gb18030"))
    file, rows = read(txn_file([bankfile.txn(i, cpty_name=name) for i in range(1, 40)], "gb18030"))
    assert file.body.encoding == "gb18030" and file.body.bad == 0
    assert {r["cpty_name"] for r in rows} == {name}


def test_a_few_damaged_lines_leave_a_file_utf8_and_are_bad_rows() -> None:
    data = txn_file([bankfile.txn(i) for i in range(1, 200)])
    at = data.index("货款 77".encode())
    file, rows = read(data[:at] + b"\xff\xfe" + data[at + 2 :])
    bad = [r for r in rows if r["parse_error"]]
    assert file.body.encoding == "utf-8" and len(rows) == 199 and [r["row_no"] for r in bad] == [78]
    assert bad[0]["parse_error"] == "encoding: not valid utf-8" and "\\xff\\xfe" in bad[0]["raw"]


def test_damaged_lines_of_a_gb18030_file_are_bad_rows() -> None:
    data = txn_file([bankfile.txn(i) for i in range(1, 60)], "gb18030")
    at = data.index("货款 7|".encode("gb18030"))
    file, rows = read(data[:at] + b"\xff\xff" + data[at + 2 :])
    assert file.body.encoding == "gb18030" and [r["row_no"] for r in rows if r["parse_error"]] == [8]


@pytest.mark.parametrize("size", [1, 7, 64, 1000, 1 << 20])
def test_blocks_do_not_depend_on_their_size(size: int) -> None:
    text = b"one\ntwo\n\n" + b"x" * 50 + b"\n" + b"y" * 10 + b"\nlast"
    got = b"".join(blocks(io.BytesIO(text), len(text), 20, size))
    shortened = [line if len(line) <= 21 else line[:21] for line in got.split(b"\n")]
    assert shortened == [b"one", b"two", b"", b"x" * 21, b"y" * 10, b"last", b""]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"\n", "header: the first line is blank"),
        (b"D|1\nT|1\n", "header: the first line"),
        (b"H|1|B0001\nT|0\n", "header: 9 fields expected, 3 found"),
        (b"H|2|B0001|TXN|20260914|20260914|00|FULL|20260915013500\nT|0\n", "header: layout"),
        (b"H|1|B0001|TXN|20260230|20260914|00|FULL|20260915013500\nT|0\n", "header: from and to"),
        (b"H|1|B0001|TXN|20260914|20260914|00|SOME|20260915013500\nT|0\n", "header: version, mode"),
        (b"H|1|B0001|TXN|20260914|20260914|00|FULL|20260915013500\nD|1\n", "no trailer"),
        (b"H|1|B0001|TXN|20260914|20260914|00|FULL|20260915013500\nT|0\nD|1\n", "no trailer"),
        (b"H|1|B0001|TXN|20260914|20260914|00|FULL|20260915013500\nT|x\n", "trailer"),
        (b"H|1|B0001|TXN|20260914|20260914|00|FULL|20260915013500\nT|0|CNY|C|0\n", "trailer"),
        (b"H|1|B0001|TXN|20260914|20260914|00|FULL|20260915013500\nT|0|CNY|C|0|0|CNY|C|0|0\n", "trailer: states"),
        (b"H|1|B0001|TXN|20260914|20260914|00|FULL|2026091501350\xff\nT|0\n", "header: not UTF-8"),
    ],
)
def test_a_file_without_its_frame_is_unreadable_and_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match="^" + reason.replace("|", "\\|")):
        read(data)


def unzip(data: bytes, max_bytes: int = 10**9, max_ratio: int = 200) -> bytes:
    out = io.BytesIO()
    gunzip(io.BytesIO(data), out, max_bytes=max_bytes, max_ratio=max_ratio)
    return out.getvalue()


def test_gunzip_reads_several_members_and_padding() -> None:
    assert unzip(gzip.compress(b"one") + gzip.compress(b"two") + b"\0" * 100) == b"onetwo"
    big = bytes(range(256)) * 200_000
    assert unzip(gzip.compress(big, 1), max_ratio=10**6) == big


@pytest.mark.parametrize("cut", [1, 5, 10, 19, 40, 200, -1, -4, -8, -9])
def test_a_truncated_gzip_is_never_taken_for_whole(cut: int) -> None:
    with pytest.raises(Unreadable, match="truncated gzip"):
        unzip(gzip.compress(b"".join(b"%d|" % i for i in range(10_000)))[:cut])


@pytest.mark.parametrize(
    ("data", "reason"), [(b"", "empty"), (b"H|1|plain", "not a gzip"), (gzip.compress(b"x") + b"tail", "damaged gzip")]
)
def test_gunzip_refuses(data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        unzip(data)


def test_gunzip_checks_the_sum_at_the_end() -> None:
    packed = bytearray(gzip.compress(b"some content" * 100))
    packed[-6] ^= 1
    with pytest.raises(Unreadable, match="damaged gzip"):
        unzip(bytes(packed))


def test_bombs_are_stopped_by_ratio_and_by_size() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    with pytest.raises(Unreadable, match="more than 200 times"):
        unzip(bomb)
    with pytest.raises(Unreadable, match="more than 1000000 bytes"):
        unzip(bomb, max_bytes=1_000_000, max_ratio=10**6)
    with pytest.raises(Unreadable, match="more than 200 times"):
        unzip(b"".join(gzip.compress(b"\0" * 1_500_000) for _ in range(3)))
