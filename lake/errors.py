"""Errors a person is meant to read, each with the exit code the shell, cron and Airflow see.

A message says what was expected, what was found, where, and what to do. The CLI prints it without a traceback.
Exit codes: 0 done, 2 wrong use, 10 configuration, 11 source unavailable (retry), 12 gate failed (do not retry),
13 schema or contract broken.
"""

from __future__ import annotations


class LiushuiError(Exception):
    """Base of all expected failures. `exit_code` is what the process returns."""

    exit_code = 1


class UsageError(LiushuiError):
    """The command line was used in a way that cannot work."""

    exit_code = 2


class ConfigError(LiushuiError):
    """A setting, mapping or environment is missing or wrong."""

    exit_code = 10


class SourceUnavailable(LiushuiError):
    """A source system did not answer; trying again later may help."""

    exit_code = 11


class GateFailed(LiushuiError):
    """Data broke a rule that stops the run; trying again changes nothing."""

    exit_code = 12


class ContractBroken(LiushuiError):
    """A schema or a contract between two parts of the system is broken."""

    exit_code = 13
