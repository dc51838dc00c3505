"""Commands that write: the steps of a night, history, training, the whole night with and without Airflow."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from jobs import steps
from jobs.runner import Report, run_job
from lake.clock import SHANGHAI
from lake.errors import UsageError
from lake.settings import Settings, load_settings

AsOf = Annotated[str | None, typer.Option("--as-of", help="business date D of the night, yyyy-mm-dd (default: yesterday in Shanghai)")]
History = Annotated[bool, typer.Option("--history", help="load as history: knowledge times from the data, not from the night")]


def as_date(text: str | None) -> date:
    """The date of `--as-of`; the default is the Shanghai date less one day."""
    if text is None:
        return datetime.now(SHANGHAI).date() - timedelta(days=1)
    try:
        return date.fromisoformat(text)
    except ValueError as e:
        raise UsageError(f"--as-of {text!r} is not a date; expected yyyy-mm-dd, for example 2026-09-14") from e


def tell(name: str, report: Report) -> None:
    """One line per finished step."""
    state = "nothing to do" if report.nothing else f"{report.rows:,} rows"
    typer.echo(f"{name}: {state}")


def published(settings: Settings, as_of: date) -> bool:
    """Whether the night is already PUBLISHED."""
    from lake import store

    return as_of in store.read(settings, "ops.night", columns=["as_of"]).column("as_of").to_pylist()


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""

    @app.command()
    def pull(source: str, as_of: AsOf = None, bank: str | None = None, history: History = False) -> None:
        """Pull flows (one --bank or all), tax, court, registry or loans into staging."""
        report = steps.pull(load_settings(), source, as_date(as_of), bank, history)
        tell(f"pull {source}", report)
        if report.detail.get("late"):
            typer.echo(f"LATE: {', '.join(report.detail['late'])}")

    @app.command()
    def check(sources: list[str], as_of: AsOf = None, history: History = False) -> None:
        """Check what was pulled and commit bronze, dq and silver; several sources share one session."""
        settings, day = load_settings(), as_date(as_of)
        for s in sources:
            steps.known_source(s)
        with steps.session(settings, night=not history) as lake:
            for s in sources:
                tell(f"check {s}", steps.check(lake, s, day, history))

    @app.command("steps")
    def several(names: list[str], as_of: AsOf = None) -> None:
        """Run several of tiles, indicators, samples, train, score in one Spark session."""
        day = as_date(as_of)
        with steps.session(load_settings()) as lake:
            for name in names:
                tell(name, steps.spark_step(lake, name, day))

    def spark_command(name: str, text: str) -> None:
        def command(as_of: AsOf = None) -> None:
            with steps.session(load_settings(), night=name in steps.NIGHT_STEPS) as lake:
                tell(name, steps.spark_step(lake, name, as_date(as_of)))

        app.command(name, help=text)(command)

    spark_command("tiles", "Build the tiles touched by the night.")

    @app.command()
    def indicators(
        as_of: AsOf = None, full: Annotated[bool, typer.Option(help="carry nothing over from the night before")] = False
    ) -> None:
        """Compute the indicators of every small firm."""
        with steps.session(load_settings(), night=True) as lake:
            tell("indicators", steps.spark_step(lake, "indicators", as_date(as_of), full=full))

    spark_command("samples", "Freeze the sample library: matured observations and their outcomes.")
    spark_command("train", "Train, calibrate and evaluate; register as challenger (champion when there is none).")
    spark_command("score", "Score every small firm.")

    def plain_command(name: str, text: str) -> None:
        def command(as_of: AsOf = None) -> None:
            tell(name, steps.plain_step(load_settings(), name, as_date(as_of)))

        app.command(name, help=text)(command)

    plain_command("publish", "Load the online store and mark the night PUBLISHED.")
    plain_command("report", "Write the night report and run/summary.json.")

    @app.command()
    def backfill(as_of: AsOf = None, then: Annotated[str, typer.Option(help="Spark steps to run after it, comma separated")] = "") -> None:
        """Load all history up to D: pull every source, check, tiles."""
        names = tuple(filter(None, then.split(",")))
        for name, report in steps.history(load_settings(), as_date(as_of), names).items():
            tell(name, report)

    @app.command()
    def run(as_of: AsOf = None, again: Annotated[bool, typer.Option(help="run a published night again")] = False) -> None:
        """The whole night in order, without Airflow. A published night is left alone."""
        settings, day = load_settings(), as_date(as_of)
        if published(settings, day) and not again:
            typer.echo(f"night {day} is already PUBLISHED: nothing to do (--again reruns it)")
            return
        down = lambda s, e: typer.secho(f"source {s} is unavailable, the night goes on without it: {e}", err=True, fg="yellow")  # noqa: E731
        for name, report in steps.night(settings, day, down).items():
            tell(name, report)

    @app.command()
    def evaluate(as_of: AsOf = None) -> None:
        """Compare the challenger with the champion on outcomes neither was trained on."""
        from jobs import evaluate as evaluation

        with steps.session(load_settings()) as lake:
            tell("evaluate", run_job(lake.settings, "evaluate", as_date(as_of), lambda: evaluation.run(lake, as_date(as_of))))

    @app.command()
    def promote(as_of: AsOf = None, back: Annotated[bool, typer.Option(help="put the previous champion back")] = False) -> None:
        """Make the evaluated challenger the champion, when its evaluation allows it."""
        from jobs import promote as promotion

        settings, day = load_settings(), as_date(as_of)
        action = promotion.rollback if back else promotion.run
        tell("promote", run_job(settings, "promote", day, lambda: action(settings, day)))

    @app.command()
    def banks() -> None:
        """Bank folders under sources.bank_files, as a JSON list (for Airflow's mapping)."""
        import fsspec

        url = load_settings().sources.bank_files
        fs, path = fsspec.core.url_to_fs(url)
        found = sorted(p["name"].rstrip("/").rsplit("/", 1)[-1] for p in fs.ls(path, detail=True) if p["type"] == "directory")
        typer.echo(json.dumps(found))

    @app.command("rotate-key")
    def rotate_key() -> None:
        """Make the next version of the key that signs receipts; older receipts stay verifiable."""
        from lake import signatures

        settings = load_settings()
        number = signatures.new_platform_key(settings)
        typer.echo(f"platform-{number} signs from now on; give banks {settings.home / 'keys' / f'platform-{number}.pub.pem'}")

    @app.command()
    def rekey(
        key_file: Annotated[Path, typer.Option(help="file with the new token key (hex, 32 bytes)")],
        version: Annotated[int, typer.Option(help="version of the new key, above the present one")],
    ) -> None:
        """Map every token of the present key to that of a new one; tables are left as they are."""
        from lake import tokens, vault

        path, n = vault.rekey(load_settings(), tokens.key_of(key_file), version)
        typer.echo(f"{n:,} tokens mapped: {path}")

    @app.command("night-state")
    def night_state(as_of: AsOf = None) -> None:
        """Whether the night is published or stopped by its checks, as JSON (for Airflow's gate)."""
        from jobs import night_state as state

        typer.echo(json.dumps(state.run(load_settings(), as_date(as_of)), ensure_ascii=False))

    @app.command("airflow-night")
    def airflow_night(as_of: AsOf = None) -> None:
        """Run the night's DAGs with Airflow, on a metadata database of their own."""
        from jobs import airflow_home

        airflow_home.run_night(load_settings(), as_date(as_of))

    @app.command()
    def up() -> None:
        """Start Airflow (scheduler, API, UI) on PostgreSQL, with the simulated sources."""
        from jobs import airflow_home

        here = airflow_home.up(load_settings())
        typer.echo(f"Airflow {'is up' if here.started else 'was up already'}: {here.url}   user {here.user}   password {here.password}")

    @app.command()
    def down() -> None:
        """Stop what `up` started."""
        from jobs import airflow_home

        typer.echo(f"stopped {airflow_home.down(load_settings())} processes")

    @app.command()
    def demo(preset: str = "ci", seed: int = 7, end: str = "2026-09-14") -> None:
        """From nothing: a synthetic province, its history, a model, one night by Airflow, a report."""
        from jobs import demo as play

        play.run(load_settings(), preset, seed, as_date(end))
