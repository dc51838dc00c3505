"""`liushui audit`: the continuity rules on any ledger with a running balance, described by a mapping file. No Spark, no lake."""

from __future__ import annotations

import csv
import json
import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import jinja2
import typer

from expectations.ledger import continuity, mapping, read
from lake.errors import ConfigError

log = logging.getLogger(__name__)

PAGE = Path(mapping.__file__).with_name("page.html")
PAGE_BREAKS = 500
PAGE_DATES = 60


@dataclass(frozen=True)
class BreakRow:
    """One broken account-day as it is written out: amounts as decimal text."""

    account: str
    date: date
    rows: int
    expected: str
    found: str


@dataclass(frozen=True)
class AuditResult:
    """Counts of one audit, the broken account-days in the order of account and date, and what was audited."""

    rows: int
    accounts: int
    account_days: int
    broken: int
    breaks: list[BreakRow]
    mapping: mapping.Mapping
    files: list[str]
    until: date | None
    span: tuple[date, date] | None

    @property
    def summary(self) -> dict[str, int]:
        """The content of summary.json."""
        return {"rows": self.rows, "accounts": self.accounts, "account_days": self.account_days, "broken": self.broken}


def run_audit(
    mapping_file: str | Path, files: Sequence[str | Path], out: str | Path | None = None, until: date | None = None
) -> AuditResult:
    """Check the ledger in `files` as `mapping_file` reads it; with `out`, write summary.json, breaks.csv and audit.html there.

    Raises ConfigError (mapping, absent column, folder not writable), UsageError (no such file), ContractBroken (empty or
    damaged file, rows that do not parse: the first of them are named with file and line).
    """
    started = time.monotonic()
    m = mapping.load_mapping(mapping_file)
    names = [str(f) for f in files]
    ledger = read.read_ledger(m, names, until=until)
    found = continuity.check_ledger(ledger)
    breaks = [BreakRow(b.account, b.day, b.rows, m.money(b.expected), m.money(b.found)) for b in found.breaks]
    span = (ledger.date_of(ledger.day.min()), ledger.date_of(ledger.day.max())) if len(ledger) else None
    result = AuditResult(found.rows, found.accounts, found.account_days, found.broken, breaks, m, names, until, span)
    log.info("audit bank=%s rows=%s broken=%s seconds=%.1f", m.bank_id, result.rows, result.broken, time.monotonic() - started)
    if out is not None:
        write(result, Path(out))
    return result


def cell(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def write(result: AuditResult, out: Path) -> None:
    """Write summary.json, breaks.csv and audit.html into `out`, made when absent."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise ConfigError(f"cannot create {out}: {e.strerror}. Give --out a folder that this user may write to.") from e
    with (out / "breaks.csv").open("w", encoding="utf-8", newline="") as f:
        rows = csv.writer(f, lineterminator="\n")
        rows.writerow(["account", "date", "rows", "expected", "found"])
        rows.writerows([cell(b.account), b.date.isoformat(), b.rows, b.expected, b.found] for b in result.breaks)
    (out / "audit.html").write_text(page(result), encoding="utf-8")
    (out / "summary.json").write_text(json.dumps(result.summary, indent=2) + "\n", encoding="utf-8")


def page(result: AuditResult) -> str:
    """The result as one HTML page that needs no network."""
    dates = sorted(Counter(b.date for b in result.breaks).items())
    first, last = result.span or (None, None)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.from_string(PAGE.read_text(encoding="utf-8")).render(
        **result.summary,
        title=result.mapping.title,
        files=[Path(f).name for f in result.files],
        until=result.until,
        first_day=first,
        last_day=last,
        currency=result.mapping.currency,
        tolerance=result.mapping.tolerance,
        ordered=result.mapping.columns.order is not None,
        dates=dates[:PAGE_DATES],
        more_dates=len(dates[PAGE_DATES:]),
        most=max((n for _, n in dates), default=1),
        breaks=result.breaks[:PAGE_BREAKS],
        more_breaks=len(result.breaks[PAGE_BREAKS:]),
    )


def run(mapping_file: Path, files: Sequence[str], out: Path | None = None, until: date | None = None) -> AuditResult:
    """`run_audit` for the command line: prints the counts, the dates that broke and where the files are."""
    result = run_audit(mapping_file, files, out, until)
    for name, value in result.summary.items():
        typer.echo(f"{name.replace('_', '-'):<13}{value:>12,}")
    dates = Counter(b.date for b in result.breaks)
    if dates:
        shown = ", ".join(f"{day} ({n})" for day, n in sorted(dates.most_common(5)))
        typer.echo(f"broken on    {shown}" + (f" and {len(dates) - 5} more dates" if len(dates) > 5 else ""))
    if out is not None:
        typer.echo(f"written      {out / 'summary.json'}, breaks.csv, audit.html")
    return result
