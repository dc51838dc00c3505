"""Commands for people: status, doctor, explain, blast, sql, audit. They write nothing to the lake."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lake.errors import UsageError
from lake.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""

    @app.command()
    def status() -> None:
        """The last nights, the last runs, the champion model."""
        from jobs import people

        people.status(load_settings())

    @app.command()
    def doctor(
        as_of: Annotated[str | None, typer.Option("--as-of", help="night (default: the last one)")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="everything, as JSON")] = False,
    ) -> None:
        """What is wrong with the last night: source, file, rule, scope, firms, and the command that helps."""
        from jobs import people
        from jobs.cli_night import as_date

        people.doctor(load_settings(), as_date(as_of) if as_of else None, as_json=as_json)

    @app.command()
    def explain(firm: str) -> None:
        """A firm's last score: grade, sub-scores, reasons, limit and what it rests on."""
        from jobs import people

        people.explain(load_settings(), firm)

    @app.command()
    def sql(query: str, limit: Annotated[int, typer.Option(help="rows shown")] = 50) -> None:
        """Read the published tables with SQL (DuckDB); a view per table, e.g. score.firm_score."""
        from jobs import people

        people.sql(load_settings(), query, limit)

    @app.command()
    def blast(
        bank: Annotated[str | None, typer.Argument(help="bank, e.g. B0001")] = None,
        day: Annotated[str | None, typer.Argument(metavar="[DATE]", help="accounting date, yyyy-mm-dd")] = None,
        firm: Annotated[str | None, typer.Option(help="the other way: what the score of this firm (token) rests on")] = None,
        night: Annotated[str | None, typer.Option(help="scores of this night (default: the last published one)")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="everything, as JSON")] = False,
        limit: Annotated[int, typer.Option(help="rows shown of each table")] = 20,
    ) -> None:
        """From a bank-day to the firms, indicators, scores and grades it touched; with --firm, back to the deliveries."""
        from jobs import blast as following
        from jobs import people
        from jobs.cli_night import as_date

        settings, at = load_settings(), as_date(night) if night else None
        if firm is not None and bank is None:
            found = following.back(settings, firm, at)
        elif firm is None and bank and day:
            found = following.forward(settings, bank, as_date(day), at)
        else:
            raise UsageError("give a bank and an accounting date, or --firm FIRM")
        if as_json:
            typer.echo(following.as_json(found))
        else:
            people.blast(found, limit)

    @app.command()
    def indicator(
        name: str,
        values: Annotated[Path | None, typer.Option(help="write its value per firm of the last published night to this CSV file")] = None,
    ) -> None:
        """What an indicator means: formula, windows, null rule, sign, unit, sources, worked examples."""
        from jobs import people

        people.indicator(load_settings(), name, values)

    @app.command()
    def docs(
        examples: Annotated[
            bool, typer.Option("--examples", help="first read distributions and worked examples from this home's published night")
        ] = False,
    ) -> None:
        """Regenerate the reference pages under docs/."""
        from jobs import docs as pages
        from jobs import docs_province

        if examples:
            typer.echo(str(docs_province.run(load_settings())))

        for path in pages.write():
            typer.echo(str(path))

    @app.command()
    def audit(
        files: list[Path],
        mapping: Annotated[Path, typer.Option(help="mapping file of the ledger, e.g. conf/banks/berka.yaml")],
        out: Annotated[Path | None, typer.Option(help="folder for summary.json, breaks.csv and the page")] = None,
        until: Annotated[str | None, typer.Option(help="leave out rows after this date, yyyy-mm-dd")] = None,
    ) -> None:
        """Continuity of any ledger with a running balance."""
        from jobs import audit as auditing
        from jobs.cli_night import as_date

        if not files:
            raise UsageError("give at least one ledger file")
        auditing.run(mapping, [str(f) for f in files], out, as_date(until) if until else None)

    @app.command("load-ledger")
    def load_ledger(
        files: list[Path],
        mapping: Annotated[Path, typer.Option(help="mapping file of the ledger")],
        as_of: Annotated[str, typer.Option(help="date of the load")],
    ) -> None:
        """Load a foreign ledger as a bank into this home: staging, check, tiles, indicators."""
        from jobs import load_ledger as loading
        from jobs import steps
        from jobs.cli_night import as_date, tell

        with steps.session(load_settings()) as lake:
            tell("load-ledger", loading.run(lake, mapping, [str(f) for f in files], as_date(as_of)))

    @app.command("verify-receipt")
    def verify_receipt(
        file: Path,
        key: Annotated[Path | None, typer.Option(help="public key (PEM); default: the home's key that the receipt names")] = None,
    ) -> None:
        """Whether a receipt is ours and unchanged, and what it says. Banks can do the same with openssl."""
        from jobs import receipts

        settings = load_settings()
        found = receipts.check(settings, file, key)
        typer.echo(f"good signature of {found['key_id']}: {found['file_name']!a} of {found['bank_id']}, night {found['received_in_night']}")
        typer.echo(", ".join([f"verdict {found['verdict']}", *(f"{r['rule']}: {r['found']!a}" for r in found["refused_by"])]))
        signed = receipts.sender_signed(settings, found)
        typer.echo(f"manifest signed by the bank with {found['signer']}" if signed else "no manifest in it that a key of the bank signed")

    @app.command("vault")
    def look_up(token: str) -> None:
        """The raw identifier a token stands for; only for who may read the vault."""
        from lake import vault

        kind, value = vault.value_of(load_settings(), token)
        typer.echo(f"{kind}\t{value}")
