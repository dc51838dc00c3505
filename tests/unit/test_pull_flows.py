"""Pulling bank files: which files a night takes, what is staged, and that a rerun does the same again."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path

import bankfile
import pyarrow.parquet as pq
import pytest
from pulled import DAY, NIGHT, TEXT, commit, files, ledger, one, rows

from jobs import pull
from jobs.ingest import flows, staging
from jobs.ingest.intake import FILE_SCHEMA, SCHEMAS, TOTAL_SCHEMA
from lake import store
from lake.clock import SHANGHAI, cut_off
from lake.errors import ConfigError, SourceUnavailable
from lake.settings import Settings
from lake.tokens import Tokenizer, load_key


@pytest.fixture
def root(settings: Settings) -> Path:
    """Folder of the banks."""
    path = settings.home / "landing" / "banks"
    path.mkdir(parents=True)
    return path


def test_a_good_file_is_staged_in_the_schema_of_bronze(settings: Settings, root: Path) -> None:
    bankfile.put(root, TEXT)
    report = pull.run(settings, "flows", NIGHT, bank="B0001")
    table = rows(settings)
    assert report.rows == table.num_rows == 10 and table.schema.equals(SCHEMAS["TXN"])
    (file,) = files(settings)
    assert (file["submission_id"], file["read_error"], file["manifest_status"]) == ("B0001_TXN_20260914_v00", None, "OK")
    assert (file["rows_body"], file["rows_bad"], file["rows_trailer"], file["rows_manifest"]) == (10, 0, 10, 10)
    assert file["sent_at"] == datetime(2026, 9, 15, 1, 35, tzinfo=SHANGHAI) and file["encoding"] == "utf-8"
    assert rows(settings, "bank_file").schema.equals(FILE_SCHEMA)
    totals = rows(settings, "bank_file_total")
    assert totals.schema.equals(TOTAL_SCHEMA)
    assert {(t["stated_by"], t["dr_cr"], t["row_cnt"], t["amount"]) for t in totals.to_pylist()} == {
        (by, side, 5, amount) for by in ("TRAILER", "MANIFEST") for side, amount in (("C", "530.00"), ("D", "525.00"))
    }
    entry = ledger(settings)["B0001", "TXN"]
    assert (entry["status"], entry["rows"], entry["deliveries"], entry["pull_id"]) == ("DONE", 10, 1, "flows-B0001-20260914")
    assert entry["watermark_to"].astimezone(SHANGHAI).replace(tzinfo=None) == cut_off(NIGHT) and entry["watermark_from"] is None


def test_identifiers_get_tokens_and_long_numbers_in_texts_are_masked(settings: Settings, root: Path) -> None:
    bankfile.put(root, bankfile.content("B0001", "TXN", DAY, [bankfile.txn(1, summary="还款 6222021234567 号 12345", cpty_name=None)]))
    bankfile.put(root, bankfile.content("B0001", "ACCT", DAY, [bankfile.acct(0), bankfile.acct(1, parent_account_no=bankfile.ACCOUNTS[0])]))
    pull.run(settings, "flows", NIGHT, bank="B0001")
    tokenizer = Tokenizer(load_key(settings), settings.token_hash)
    (txn,) = rows(settings).to_pylist()
    assert txn["summary_masked"] == "还款 ****** 号 12345" and txn["summary"] == "还款 6222021234567 号 12345"
    assert txn["account_id"] == tokenizer.token("account", bankfile.ACCOUNTS[1]) and txn["cpty_name_token"] is None
    first, second = rows(settings, "bank_acct").to_pylist()
    assert first["firm_id"] == tokenizer.token("firm", bankfile.USCC) and first["account_no_tail4"] == "0981"
    assert first["name_token"] == tokenizer.token("name", "某贸易有限公司") and first["parent_account_id"] is None
    assert second["parent_account_id"] == first["account_id"] != second["account_id"]


def test_sm3_digests_and_gb18030(settings: Settings, root: Path) -> None:
    bankfile.put(root, TEXT, alg="SM3", encoding="gb18030")
    file = one(settings)
    assert (file["digest_alg"], file["encoding"], file["read_error"], file["rows_bad"]) == ("SM3", "gb18030", None, 0)
    assert rows(settings)["cpty_name"][0].as_py() == "某材料1有限公司"


def test_the_second_copy_is_a_duplicate(settings: Settings, root: Path) -> None:
    path = bankfile.put(root, TEXT)
    bankfile.put(root, TEXT, name="B0001_TXN_20260914_v01.dat.gz")
    (path.parent / "again").mkdir()
    for name in (path.name, path.name + ".ok"):
        (path.parent / "again" / name).write_bytes((path.parent / name).read_bytes())
    pull.run(settings, "flows", NIGHT, bank="B0001")
    got = {f["file_name"]: (f["duplicate_of"], f["rows_body"]) for f in files(settings)}
    assert got == {
        path.name: (None, 10), "B0001_TXN_20260914_v01.dat.gz": ("B0001_TXN_20260914_v00", None),
        f"again/{path.name}": ("B0001_TXN_20260914_v00", None),
    }  # fmt: skip
    assert rows(settings).num_rows == 10


def test_a_file_sent_again_later_is_a_duplicate_of_the_earlier_night(settings: Settings, root: Path) -> None:
    path = bankfile.put(root, TEXT)
    pull.run(settings, "flows", NIGHT, bank="B0001")
    commit(settings)
    night = date(2026, 9, 15)
    assert pull.run(settings, "flows", night, bank="B0001").nothing
    ok = bankfile.manifest(TEXT, path.read_bytes(), path.name, sent_at="20260916013500")
    path.with_name(path.name + ".ok").write_text(json.dumps(ok))
    pull.run(settings, "flows", night, bank="B0001")
    (file,) = files(settings, night)
    assert file["duplicate_of"] == "B0001_TXN_20260914_v00" and rows(settings, as_of=night).num_rows == 0


def test_other_content_under_a_version_already_read_is_refused(settings: Settings, root: Path) -> None:
    path = bankfile.put(root, TEXT)
    pull.run(settings, "flows", NIGHT, bank="B0001")
    commit(settings)
    path.unlink()
    bankfile.put(root, bankfile.content("B0001", "TXN", DAY, [bankfile.txn(77)]))
    pull.run(settings, "flows", date(2026, 9, 15), bank="B0001")
    (file,) = files(settings, date(2026, 9, 15))
    assert file["read_error"].startswith("version:")


def test_a_file_whose_bytes_were_wrong_may_come_again_under_its_name(settings: Settings, root: Path) -> None:
    path = bankfile.put(root, TEXT)
    good = path.read_bytes()
    path.write_bytes(good[:-1] + b"\x01")
    pull.run(settings, "flows", NIGHT, bank="B0001")
    commit(settings)
    night = date(2026, 9, 15)
    assert pull.run(settings, "flows", night, bank="B0001").nothing
    path.write_bytes(good)
    assert pull.run(settings, "flows", night, bank="B0001").rows == 10


def test_what_a_night_takes(settings: Settings, root: Path) -> None:
    for day, sent in (("20260912", None), ("20260913", "20260915050000"), ("20260914", None), ("20260915", None)):
        bankfile.put(root, bankfile.content("B0001", "TXN", day, [bankfile.txn(1, day)], sent_at=sent))
    bankfile.put(
        root, bankfile.content("B0001", "TXN", "20260801", [bankfile.txn(1, "20260802")], to_day="20260810", sent_at="20260811010000")
    )
    (root / "B0001" / "B0001_GL_20260914_v00.dat.gz.part").write_bytes(b"half")
    (root / "B0001" / "B0001_GL_20260914_v00.dat.gz.ok").write_bytes(b"{}")

    def names(as_of: date) -> list[str]:
        return sorted(f["file_name"].split("_")[2] for f in files(settings, as_of))

    pull.run(settings, "flows", date(2026, 9, 13), bank="B0001", history=True)
    assert names(date(2026, 9, 13)) == ["202608", "20260912"]
    assert all(f["is_history"] for f in files(settings, date(2026, 9, 13)))
    commit(settings, date(2026, 9, 13))
    pull.run(settings, "flows", NIGHT, bank="B0001")
    assert names(NIGHT) == ["20260914"]
    assert "B0001_GL_20260914_v00.dat.gz.ok is there, its file is not" in ledger(settings)["B0001", "TXN"]["message"]
    commit(settings)
    pull.run(settings, "flows", date(2026, 9, 15), bank="B0001")
    assert names(date(2026, 9, 15)) == ["20260913", "20260915"]
    commit(settings, date(2026, 9, 15))
    pull.run(settings, "flows", NIGHT, bank="B0001")
    assert names(NIGHT) == ["20260914"]


def test_late_and_nothing_are_told_and_are_no_errors(settings: Settings, root: Path) -> None:
    bankfile.put(root, TEXT)
    pull.run(settings, "flows", NIGHT, bank="B0001")
    entries = ledger(settings)
    assert entries["B0001", "TXN"]["status"] == "DONE"
    assert entries["B0001", "GL"]["status"] == "LATE" and entries["B0001", "GL"]["message"].startswith("LATE")
    report = pull.run(settings, "flows", date(2026, 8, 1), bank="B0002", history=True)
    assert report.nothing and ledger(settings, date(2026, 8, 1))["B0002", "TXN"]["status"] == "NOTHING"


def test_a_rerun_writes_the_same_bytes_and_one_set_of_ledger_rows(settings: Settings, root: Path) -> None:
    for bank in ("B0001", "B0002"):
        bankfile.put(root, TEXT.replace("B0001", bank))

    def state() -> dict[str, bytes]:
        folder = staging.night_folder(settings, "flows", NIGHT)
        return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}

    pull.run(settings, "flows", NIGHT)
    before, entries = state(), store.read(settings, "ops.pull").num_rows
    pull.run(settings, "flows", NIGHT)
    assert state() == before and "B0001/_DONE.json" in before
    assert store.read(settings, "ops.pull").num_rows == entries


def test_a_pull_that_dies_leaves_nothing_that_is_read(settings: Settings, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bankfile.put(root, TEXT)
    monkeypatch.setattr(staging.Stage, "close", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        pull.run(settings, "flows", NIGHT, bank="B0001")
    assert staging.staged(settings, "flows", NIGHT, "bank_txn") == []
    monkeypatch.undo()
    partial = staging.bank_folder(settings, NIGHT, ".B0001.partial")
    partial.mkdir(parents=True)
    for name in ("bank_txn.parquet", "left_over.parquet"):
        (partial / name).write_bytes(b"half")
    assert staging.staged(settings, "flows", NIGHT, "bank_txn") == []
    assert pull.run(settings, "flows", NIGHT, bank="B0001").rows == 10 and not partial.exists()
    assert staging.staged(settings, "flows", NIGHT, "left_over") == []


def test_a_full_disk_is_told_and_what_was_staged_before_stays(settings: Settings, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bankfile.put(root, TEXT)
    pull.run(settings, "flows", NIGHT, bank="B0001")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    with pytest.raises(ConfigError, match="cannot write .*No space left on device"):
        pull.run(settings, "flows", NIGHT, bank="B0001")
    monkeypatch.undo()
    assert rows(settings).num_rows == 10


def test_two_pulls_of_a_bank_at_once_take_turns(settings: Settings, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "LOCK_SECONDS", 0.1)
    bankfile.put(root, TEXT)
    with (
        staging.stage(settings, staging.bank_folder(settings, NIGHT, "B0001")) as stage,
        pytest.raises(ConfigError, match="another process holds"),
    ):
        try:
            pull.run(settings, "flows", NIGHT, bank="B0001")
        finally:
            stage.close({})


def test_a_landing_place_that_is_not_there_is_a_source_that_is_down(settings: Settings) -> None:
    with pytest.raises(SourceUnavailable, match="listing failed"):
        pull.run(settings, "flows", NIGHT)
    remote = settings.sources.model_copy(update={"bank_files": "nosuch://u:secret@host/x"})
    with pytest.raises(ConfigError) as e:
        pull.run(settings.model_copy(update={"sources": remote}), "flows", NIGHT)
    assert "secret" not in str(e.value)


def test_any_file_system_looks_the_same(settings: Settings) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    local = settings.home / "made"
    bankfile.put(local, TEXT)
    memory.put(str(local), "/drop/banks", recursive=True)
    sources = settings.sources.model_copy(update={"bank_files": "memory://drop/banks"})
    try:
        assert one(settings.model_copy(update={"sources": sources}))["rows_body"] == 10
    finally:
        memory.rm("/drop", recursive=True)


def test_banks_read_in_processes_stage_the_same_as_one_after_the_other(
    settings: Settings, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for bank in ("B0001", "B0002"):
        bankfile.put(root, TEXT.replace("B0001", bank))
    first = pull.run(settings, "flows", NIGHT)
    before = rows(settings)
    monkeypatch.setattr(flows, "FEW_BYTES", 0)
    second = pull.run(settings, "flows", NIGHT)
    assert second == first and rows(settings).equals(before) and before.num_rows == 20


def test_a_bank_that_cannot_be_read_does_not_keep_the_others_out(settings: Settings, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for bank in ("B0001", "B0002"):
        bankfile.put(root, TEXT.replace("B0001", bank))
    real = flows.pull_bank

    def fails(job: flows.BankJob) -> flows.BankPull:
        if job.sender.bank == "B0001":
            raise SourceUnavailable("no answer")
        return real(job)

    monkeypatch.setattr(flows, "pull_bank", fails)
    with pytest.raises(SourceUnavailable, match="B0001"):
        pull.run(settings, "flows", NIGHT)
    entries = ledger(settings)
    assert (entries["B0001", "TXN"]["status"], entries["B0002", "TXN"]["status"]) == ("FAILED", "DONE")
    assert rows(settings).num_rows == 10
