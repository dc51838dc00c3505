"""Command line: `python -m jobs NAME --as-of D`, also `liushui NAME`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType

from jobs import session_host
from lake.errors import LiushuiError

LEAN = ("banks", "night-state", "pull")
"""Commands of a night that use Arrow and no data frames."""


class _NoPandas(MetaPathFinder):
    """Answers that there is no pandas.

    Arrow imports pandas, where there is one, before its first conversion: a second of each of a dozen processes of a night.
    """

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("pandas is not for this command (jobs.__main__.LEAN)", name="pandas")


def setup_logging() -> None:
    """Log lines of ours to standard error, those of chatty libraries from warnings on."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    for noisy in ("py4j", "httpx", "great_expectations", "feast", "matplotlib", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def main() -> None:
    """Entry point: the command runs in a session that is kept for it, or here."""
    setup_logging()
    arguments = sys.argv[1:]
    try:
        code = session_host.hand_over(arguments)
    except LiushuiError:
        code = None  # wrong settings: the command itself says so
    if code is None:
        if arguments and arguments[0] in LEAN:
            sys.meta_path.insert(0, _NoPandas())
        from jobs.cli import run_command  # what a command needs takes half a second, which one that is handed over need not spend

        code = run_command(arguments)
    sys.exit(code)


if __name__ == "__main__":
    main()
