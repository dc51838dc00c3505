"""Commands of data governance: single-transaction samples, and closing a month for the banks that delivered it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jobs.cli_night import AsOf, as_date, tell
from jobs.runner import run_job
from lake.clock import closed_on
from lake.settings import load_settings

Month = Annotated[str | None, typer.Option("--month", help="month, yyyy-mm (default: the latest closed one)")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""

    @app.command()
    def feedback(as_of: AsOf = None) -> None:
        """Write what the night found for each bank: findings.csv and a page (feedback/)."""
        from jobs import feedback as writing

        settings, night = load_settings(), as_date(as_of)
        tell("feedback", run_job(settings, "feedback", night, lambda: writing.run(settings, night)))

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

    sample = typer.Typer(no_args_is_help=True, help="Single-transaction sampling: commit before a month closes, draw after, read answers.")
    app.add_typer(sample, name="sample")

    @sample.command()
    def commit(month: Annotated[str, typer.Option(help="month, yyyy-mm")], as_of: AsOf = None) -> None:
        """Make the seed of a month and publish its sha256, before the month closes."""
        from jobs import close_month as closing
        from jobs import sample_draw

        settings, night = load_settings(), as_date(as_of)
        first = closing.month_of(month, night)
        report = run_job(settings, "sample-commit", night, lambda: sample_draw.commit(settings, first, night))
        tell(f"sample commit {month}", report)
        typer.echo(report.detail.get("commitment", "promised before: dq.sample_seed"))

    @sample.command()
    def draw(month: Month = None, as_of: AsOf = None) -> None:
        """Draw the month's sample of every bank and export it (samples/<bank>/); a month is drawn once."""
        from jobs import close_month as closing
        from jobs import sample_draw

        settings, night = load_settings(), as_date(as_of)
        first = closing.month_of(month, night)
        report = run_job(settings, "sample-draw", night, lambda: sample_draw.draw(settings, first, night))
        tell(f"sample draw {first:%Y-%m}", report)

    @sample.command()
    def answers(bank: str, file: Path, month: Month = None, as_of: AsOf = None) -> None:
        """Read what a bank found on its vouchers, and decide."""
        from jobs import close_month as closing
        from jobs import sample_judge

        settings, night = load_settings(), as_date(as_of)
        first = closing.month_of(month, night)
        report = run_job(settings, f"sample-answers-{bank}", night, lambda: sample_judge.answers(settings, bank, first, file, night))
        tell(f"sample answers {bank} {first:%Y-%m}", report)
        typer.echo("  " + "  ".join(f"{k} {v}" for k, v in report.detail.items()))
