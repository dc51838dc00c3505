"""Commands of data governance: closing a month for the banks that delivered it."""

from __future__ import annotations

from typing import Annotated

import typer

from jobs.cli_night import AsOf, as_date, tell
from jobs.runner import run_job
from lake.clock import closed_on
from lake.settings import load_settings

Month = Annotated[str | None, typer.Option("--month", help="month, yyyy-mm (default: the latest closed one)")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""

    @app.command("close-month")
    def close_month(month: Month = None, as_of: AsOf = None) -> None:
        """Judge the banks' data of a closed month: quality, grade, rank (dq.quality)."""
        from jobs import close_month as closing

        settings = load_settings()
        first = closing.month_of(month, as_date(as_of))
        night = as_date(as_of) if as_of else closed_on(first)
        report = run_job(settings, "close-month", night, lambda: closing.run(settings, first, night))
        tell(f"close-month {first:%Y-%m}", report)
        for bank, q in report.detail.get("q", {}).items():
            typer.echo(f"  {bank}  {report.detail['grades'][bank] or '-'}  {'not measured' if q is None else f'{q:.2f}'}")
