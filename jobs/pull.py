"""`pull`: bring what one source has changed since the last night into staging, as sent. No Spark, no judgement of rows.

Reads the source system and, for the watermark and the list of files received, `ops.pull` and `bronze.bank_file` of earlier
nights. Writes staging folders (jobs.ingest.staging) and `ops.pull`. A rerun of a night asks for the same changes again and
replaces what it staged.
"""

from __future__ import annotations

from datetime import date

from jobs.runner import Report
from lake.errors import UsageError
from lake.settings import Settings

SOURCES = ("flows", "tax", "court", "registry", "loans")


def run(settings: Settings, source: str, as_of: date, *, bank: str | None = None, history: bool = False) -> Report:
    """Pull `source` for night `as_of`; `bank` restricts flows to one bank, `history` asks for everything up to the night.

    Raises SourceUnavailable (11) when the source does not answer, ContractBroken (13) when it answers something else than
    agreed, ConfigError (10) when staging cannot be written.
    """
    if source not in SOURCES:
        raise UsageError(f"no source {source!r}; known: {', '.join(SOURCES)}")
    if bank is not None and source != "flows":
        raise UsageError(f"--bank is for flows only, not for {source}")
    # each with its own client alone: that of the database imports pandas, a second of every bank's pull
    if source == "flows":
        from jobs.ingest import flows

        return flows.pull(settings, as_of, bank, history)
    if source == "tax":
        from jobs.ingest import tax

        return tax.pull(settings, as_of, history)
    from jobs.ingest import records_api

    return records_api.pull(settings, source, as_of, history)
