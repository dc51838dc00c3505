"""Pulling the bank files of a night: every bank for itself, two at a time, each in a process of its own."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import date
from multiprocessing import get_context

from jobs.ingest import bank_keys, ledger
from jobs.ingest.bank import BankJob, BankPull, pull_bank, target_folder
from jobs.ingest.bank_keys import BankKeys
from jobs.ingest.deliveries import Seen, received_before, select
from jobs.ingest.intake import Sender
from jobs.ingest.landing import Landing
from jobs.ingest.reference import due_daily, known_banks
from jobs.runner import Report
from lake.errors import SourceUnavailable, UsageError
from lake.schemas.bank import FILE_FIELDS
from lake.settings import Settings
from lake.tokens import load_key

log = logging.getLogger(__name__)
PROCESSES = 2
FEW_BYTES = 16 << 20
"""Up to so much is read in this process: starting others costs seconds."""


def pull(settings: Settings, as_of: date, bank: str | None, history: bool) -> Report:
    """Pull one bank, or every bank that has a folder or ever sent something.

    Banks that can be reached are recorded even when others cannot; then raises SourceUnavailable naming those.
    """
    known, owed = known_banks(), due_daily()
    landing = Landing(settings)
    folders = landing.banks()
    if bank is not None and bank not in known and bank not in folders:
        raise UsageError(f"no bank {bank!r}: it is not in conf/ref/ref_bank.csv and has no folder. Known: {', '.join(sorted(known))}")
    seen, key = received_before(settings, as_of), load_key(settings)
    keys = bank_keys.load(settings)
    banks = [bank] if bank else sorted({*folders, *seen})
    failed: dict[str, SourceUnavailable] = {}
    jobs, done = [], []
    for name in banks:
        try:
            jobs.append(_plan(settings, landing, Sender(name, as_of, history, name in known), seen.get(name, []), key, keys.get(name)))
        except SourceUnavailable as e:
            failed[name] = e
    for job, result in _run(jobs):
        name = job.sender.bank
        if isinstance(result, SourceUnavailable):
            failed[name] = result
        else:
            done.append(result)
            log.info("pulled bank=%s as_of=%s files=%d rows=%d", name, as_of, len(result.files), _rows(result))
    done.sort(key=lambda p: p.bank)
    due = {} if history else owed
    pulls = [_ledger(settings, p, as_of, history, due.get(p.bank, frozenset()), seen.get(p.bank, [])) for p in done]
    ledger.record(settings, [*pulls, *(_failed(settings, b, as_of, history, e) for b, e in sorted(failed.items()))])
    if failed:
        raise SourceUnavailable(f"banks {', '.join(sorted(failed))} could not be read: {next(iter(failed.values()))}")
    return _report(done, pulls)


def _plan(settings: Settings, landing: Landing, sender: Sender, seen: list[Seen], key: bytes, keys: BankKeys | None) -> BankJob:
    """What the bank's pull is to take."""
    found, remarks = landing.files(sender.bank)
    deliveries = select(landing, sender.bank, found, seen, sender.as_of, keys)
    return BankJob(settings, sender, tuple(deliveries), tuple(remarks), tuple(seen), key)


def _run(jobs: list[BankJob]) -> Iterator[tuple[BankJob, BankPull | SourceUnavailable]]:
    """Results as they come; only a source that is down is a result, everything else ends the pull."""
    if len(jobs) < PROCESSES or sum(job.bytes for job in jobs) <= FEW_BYTES:
        for job in jobs:
            yield job, _attempt(job)
        return
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        running = {pool.submit(_attempt, job): job for job in sorted(jobs, key=lambda j: -j.bytes)}
        for future in as_completed(running):
            yield running[future], future.result()


def _attempt(job: BankJob) -> BankPull | SourceUnavailable:
    try:
        return pull_bank(job)
    except SourceUnavailable as e:
        return e


def _ledger(settings: Settings, p: BankPull, as_of: date, history: bool, due: frozenset[str], seen: list[Seen]) -> ledger.Pull:
    """The bank's rows of the pull ledger: one for each file type, and for files of no known type."""
    units = []
    arrived = {f["submission_id"].rpartition("_v")[0] for f in p.files} | {s.submission_id.rpartition("_v")[0] for s in seen}
    for file_type in [*FILE_FIELDS, *sorted({f["file_type"] for f in p.files} - set(FILE_FIELDS))]:
        files = [f for f in p.files if f["file_type"] == file_type]
        notes = [f"{f['file_name']}: {_fate(f)}" for f in files if _fate(f)]
        late = file_type in due and f"{p.bank}_{file_type}_{as_of:%Y%m%d}" not in arrived
        if late:
            notes.insert(0, f"LATE: the file of {as_of} has not arrived")
        if file_type == "TXN":
            notes += p.remarks
        status = "DONE" if files else "LATE" if late else "NOTHING"
        size = sum(f["size_bytes"] for f in files)
        units.append(ledger.Unit(file_type, status, p.rows.get(f"bank_{file_type.lower()}", 0), len(files), size, "; ".join(notes) or None))
    watermark = None if history else ledger.watermark(settings, "flows", p.bank, as_of)
    folder = target_folder(settings, p.bank, as_of).relative_to(settings.home)
    return ledger.Pull("flows", p.bank, as_of, history, watermark, tuple(units), str(folder))


def _failed(settings: Settings, bank: str, as_of: date, history: bool, error: SourceUnavailable) -> ledger.Pull:
    units = tuple(ledger.Unit(t, "FAILED", message=str(error)) for t in FILE_FIELDS)
    return ledger.Pull("flows", bank, as_of, history, None, units, "")


def _fate(f: dict) -> str | None:
    """Why a file's rows were not staged; None when they were."""
    if f["duplicate_of"] is not None:
        return f"a copy of {f['duplicate_of']}"
    if f["manifest_status"] == "MISSING":
        return "no manifest"
    if f["read_error"] is None and f["digest_actual"] != f["digest_expected"]:
        return "its digest is not that of the manifest"
    return f["read_error"]


def _rows(p: BankPull) -> int:
    return sum(p.rows.get(f"bank_{t.lower()}", 0) for t in FILE_FIELDS)


def _report(done: list[BankPull], pulls: list[ledger.Pull]) -> Report:
    files = [f for p in done for f in p.files]
    fates = Counter("copies" if f["duplicate_of"] else "refused" if _fate(f) else "read" for f in files)
    late = sorted(f"{p.provider} {u.name}" for p in pulls for u in p.units if u.message and u.message.startswith("LATE"))
    rows = {p.bank: _rows(p) for p in done}
    detail = {"files": len(files), **fates, "rows": rows, "bad_rows": sum(f["rows_bad"] or 0 for f in files), "late": late}
    return Report(sum(rows.values()), detail, nothing=not files)
