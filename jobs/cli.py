"""The commands of `python -m jobs` and how one ends. The only place that knows today, prints, and catches broadly."""

from __future__ import annotations

import errno

import typer

from jobs import cli_governance, cli_night, cli_people
from lake.errors import ConfigError, LiushuiError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="liushui 流水: the night shift that scores small firms from account flows, tax and court data.",
)
cli_night.register(app)
cli_governance.register(app)
cli_people.register(app)


def _as_user_error(e: BaseException) -> LiushuiError | None:
    """What the machine refused (full disk, no permission) as an error for people; None for a defect of ours."""
    if isinstance(e, OSError) and e.errno in (errno.ENOSPC, errno.EDQUOT):
        return ConfigError(
            f"the disk is full ({e.filename or 'while writing'}). Nothing half-written will be read. Free space, then rerun."
        )
    if isinstance(e, OSError) and e.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return ConfigError(f"not allowed to write {e.filename or ''} ({e.strerror}). Give LIUSHUI_HOME a folder this user may write to.")
    if "No space left on device" in str(e):
        return ConfigError("the disk is full. Nothing half-written will be read. Free space, then rerun the same command.")
    return None


def run_command(arguments: list[str]) -> int:
    """Run one command line here; returns an exit code of lake.errors, without a traceback for what a user can cause."""
    try:
        app(arguments, standalone_mode=False)
    except typer.Exit as e:
        return e.exit_code
    except typer.Abort:
        return 130
    except LiushuiError as e:
        typer.secho(f"{type(e).__name__}: {e}", err=True, fg="red")
        return e.exit_code
    except Exception as e:
        if type(e).__module__.startswith(("click", "typer")) and hasattr(e, "format_message"):
            typer.secho(f"{e.format_message()}  (liushui --help)", err=True, fg="red")
            return 2
        friendly = _as_user_error(e)
        if friendly is None:
            raise
        typer.secho(f"{type(friendly).__name__}: {friendly}", err=True, fg="red")
        return friendly.exit_code
    return 0
