"""The steps of a night by name, each with what it needs: Spark steps share one session, the others start without it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from typing import Any

from jobs.runner import Report, run_job
from lake.errors import UsageError
from lake.settings import Settings

SOURCES = ("flows", "tax", "court", "registry", "loans")
SPARK_STEPS = ("tiles", "indicators", "samples", "train", "score")
NIGHT_STEPS = ("tiles", "indicators", "score")
PLAIN_STEPS = ("publish", "report")


_kept: list[Any] = []
"""The session of a process that keeps one for the commands it runs for others (jobs.session_host)."""


def keep_session(settings: Settings, *, night: bool) -> None:
    """Start the session that every `session` of this process is a part of; raises when one that has started is gone."""
    from lake.session import spark_session

    if _kept:
        _kept[0].sql("SELECT 1").collect()
    else:
        _kept.append(spark_session(settings, night=night))


@contextmanager
def session(settings: Settings, *, night: bool = False) -> Iterator[Any]:
    """A Lake with a Spark session that ends with the block; `night`: for the steps of one night."""
    from lake.io import Lake
    from lake.session import spark_session

    if _kept:
        try:
            yield Lake(_kept[0].newSession(), settings)  # with views of its own
        finally:
            _kept[0].catalog.clearCache()
        return
    spark = spark_session(settings, night=night)
    try:
        yield Lake(spark, settings)
    finally:
        spark.stop()


def job(name: str) -> Callable[..., Report]:
    """`run` of jobs.<name>, imported when needed (GX, Feast and Spark are slow to import)."""
    run: Callable[..., Report] = importlib.import_module(f"jobs.{name}").run
    return run


def known_source(source: str) -> str:
    """`source` if it is one; UsageError otherwise."""
    if source not in SOURCES:
        raise UsageError(f"unknown source {source!r}; known: {', '.join(SOURCES)}")
    return source


def pull(settings: Settings, source: str, as_of: date, bank: str | None = None, history: bool = False) -> Report:
    """Pull one source (for flows: one bank, or all)."""
    name = f"pull-{known_source(source)}" + (f"-{bank}" if bank else "")
    return run_job(settings, name, as_of, lambda: job("pull")(settings, source, as_of, bank=bank, history=history))


def check(lake: Any, source: str, as_of: date, history: bool = False) -> Report:
    """Check one source in the session of `lake`."""
    known_source(source)
    return run_job(lake.settings, f"check-{source}", as_of, lambda: job("check")(lake, source, as_of, history=history))


def spark_step(lake: Any, name: str, as_of: date, **options: Any) -> Report:
    """One of SPARK_STEPS in the session of `lake`."""
    if name not in SPARK_STEPS:
        raise UsageError(f"unknown step {name!r}; known: {', '.join(SPARK_STEPS)}")
    return run_job(lake.settings, name, as_of, lambda: job(name)(lake, as_of, **options))


def plain_step(settings: Settings, name: str, as_of: date) -> Report:
    """One of PLAIN_STEPS."""
    return run_job(settings, name, as_of, lambda: job(name)(settings, as_of))


def history(settings: Settings, as_of: date, then: tuple[str, ...] = ()) -> dict[str, Report]:
    """Load everything known at `as_of` as history, build the tiles, then the named Spark steps, in one session."""
    # registry first: flows are categorised with the firms and related parties it knows; flows are pulled, which needs no
    # Spark, while the records of the others are checked
    records = ("registry", "tax", "court", "loans")
    with ThreadPoolExecutor(1) as pool, session(settings) as lake:
        pulls = {s: pool.submit(pull, settings, s, as_of, history=True) for s in (*records, "flows")}
        reports = {}
        try:
            for s in (*records, "flows"):
                reports[f"pull {s}"] = pulls[s].result()
                reports[f"check {s}"] = check(lake, s, as_of, history=True)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # do not pull millions of rows before telling
            raise
        reports["tiles"] = spark_step(lake, "tiles", as_of, history=True)
        for name in then:
            reports[name] = spark_step(lake, name, as_of)
    return reports


def night(settings: Settings, as_of: date, unavailable: Callable[[str, Exception], None]) -> dict[str, Report]:
    """A whole night without Airflow. A source that is down is told to `unavailable` and the night goes on without it."""
    from lake.errors import SourceUnavailable

    reports: dict[str, Report] = {}
    for s in SOURCES:
        try:
            reports[f"pull {s}"] = pull(settings, s, as_of)
        except SourceUnavailable as e:
            unavailable(s, e)
    with session(settings, night=True) as lake:
        for s in ("registry", "tax", "court", "loans", "flows"):
            if f"pull {s}" in reports:
                reports[f"check {s}"] = check(lake, s, as_of)
        for name in NIGHT_STEPS:
            reports[name] = spark_step(lake, name, as_of)
    for name in PLAIN_STEPS:
        reports[name] = plain_step(settings, name, as_of)
    return reports
