"""What people ask: how was the night, what is wrong, why this score, any SQL. Reads published tables, writes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from lake import store
from lake.errors import UsageError
from lake.settings import Settings

console = Console()

# Which command helps when a rule parks or blocks data; the family decides.
HELP = {
    "V": "ask the bank for a REPLACE of the file, then rerun `liushui pull flows` and `liushui check flows`",
    "C": "ask the bank for the account-days named in the feedback, delivered as REPLACE or DELTA",
    "G": "ask the bank's accounting unit for the group's balances; compare `liushui sql \"SELECT * FROM dq.violation\"`",
    "T": "compare with the bank's statistics unit; open differences become issues on T+5",
}


def _grid(title: str, columns: list[str], rows: list[tuple[Any, ...]]) -> Table:
    """A terminal table; numbers are right-aligned with thousands separators."""
    grid = Table(title=title, title_justify="left", header_style="bold")
    for i, column in enumerate(columns):
        numeric = bool(rows) and isinstance(rows[0][i], int | float)
        grid.add_column(column, justify="right" if numeric else "left")
    for row in rows:
        grid.add_row(
            *["" if v is None else f"{v:,.4g}" if isinstance(v, float) else f"{v:,}" if isinstance(v, int) else str(v) for v in row]
        )
    return grid


def _query(settings: Settings, query: str, **tables: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Run DuckDB over the named lake tables (alias=table name) at their latest version."""
    con = duckdb.connect()
    for alias, name in tables.items():
        con.register(alias, store.read(settings, name))
    found = con.execute(query)
    return [d[0] for d in found.description or []], found.fetchall()


def _need_lake(settings: Settings) -> None:
    if not store.home_exists(settings):
        raise UsageError(f"nothing was ever loaded into {settings.home}. Run `make run`, or set LIUSHUI_HOME to the home of a lake.")


def status(settings: Settings) -> None:
    """Last nights, last runs and the champion model."""
    _need_lake(settings)
    nights = _query(settings, "SELECT as_of, status, model_id, firms_scored, at FROM n ORDER BY as_of DESC LIMIT 7", n="ops.night")
    console.print(_grid("published nights", *nights))
    runs = "SELECT job, as_of, status, round(seconds, 1) AS seconds, rows, at FROM r ORDER BY at DESC LIMIT 20"
    console.print(_grid("last runs", *_query(settings, runs, r="ops.run")))
    champion = settings.home / "models" / "champion"
    console.print(f"champion model: {champion.read_text().strip() if champion.is_file() else 'none yet (liushui train)'}")


def doctor(settings: Settings) -> None:
    """The failing source, file, rule and scope of the last night, with the command that helps."""
    _need_lake(settings)
    _, last = _query(settings, "SELECT max(as_of) FROM r", r="ops.run")
    day = last[0][0] if last else None
    if day is None:
        raise UsageError("no job has run in this home yet")
    console.print(f"night {day}")
    failed = f"SELECT job, detail, at FROM r WHERE as_of = DATE '{day}' AND status = 'FAILED' ORDER BY at"
    pulls = f"SELECT source, provider_id, unit, status, message FROM p WHERE as_of = DATE '{day}' AND status NOT IN ('DONE', 'NOTHING')"
    files = f"SELECT bank_id, file_name, manifest_status, read_error FROM f WHERE as_of = DATE '{day}' AND (read_error IS NOT NULL OR manifest_status <> 'OK')"
    rules = f"SELECT rule_id, bank_id, severity, count(*)::BIGINT AS violations, min(scope_key) AS example FROM v WHERE as_of = DATE '{day}' AND severity <> 'warn' GROUP BY ALL ORDER BY violations DESC LIMIT 30"
    parts = {
        "jobs that failed": _query(settings, failed, r="ops.run"),
        "sources that did not deliver": _query(settings, pulls, p="ops.pull"),
        "files refused": _query(settings, files, f="bronze.bank_file"),
        "rules that parked or blocked data": _query(settings, rules, v="dq.violation"),
    }
    for title, (columns, rows) in parts.items():
        console.print(_grid(title, columns, rows) if rows else f"{title}: none")
    for family in sorted({row[0][0] for row in parts["rules that parked or blocked data"][1]}):
        console.print(f"  rules {family}: {HELP.get(family, 'see docs/operator.md')}")
    _, night = _query(settings, f"SELECT status FROM n WHERE as_of = DATE '{day}'", n="ops.night")
    console.print("the night is PUBLISHED" if night else "the night is NOT published: rerun the failed job, then `liushui publish`")


def explain(settings: Settings, firm: str) -> None:
    """Last score of one firm."""
    _need_lake(settings)
    columns, rows = _query(
        settings, f"SELECT * FROM s WHERE firm_id = '{firm.replace(chr(39), '')}' ORDER BY snapshot_date DESC LIMIT 1", s="score.firm_score"
    )
    if not rows:
        raise UsageError(
            f'firm {firm!r} has no score. Firms are named by their token (26 characters), see `liushui sql "SELECT firm_id FROM score.firm_score"`.'
        )
    row = dict(zip(columns, rows[0]))
    reasons, parts = row.pop("reasons") or [], row.pop("limit_parts") or {}
    console.print(
        _grid(
            f"firm {firm}",
            ["what", "value"],
            [(k, v if not isinstance(v, int | float) else f"{v:,}") for k, v in row.items() if v is not None],
        )
    )
    if reasons:
        console.print(_grid("reasons", list(reasons[0]), [tuple(r.values()) for r in reasons]))
    if parts:
        items = parts.items() if isinstance(parts, dict) else parts
        console.print(_grid("parts of the limit (fen)", ["part", "fen"], [tuple(x) for x in items]))


def sql(settings: Settings, query: str, limit: int) -> None:
    """Rows of a query over the published tables."""
    from jobs.sql_views import open_published

    _need_lake(settings)
    con = open_published(settings)
    try:
        found = con.execute(query)
    except duckdb.Error as e:
        raise UsageError(f"the query failed: {e}") from e
    rows = found.fetchmany(limit + 1)
    console.print(_grid("", [d[0] for d in found.description or []], rows[:limit]))
    if len(rows) > limit:
        console.print(f"(first {limit} rows; --limit shows more)")


def blast(found: dict[str, Any], limit: int) -> None:
    """What jobs.blast found, either way, as tables of at most `limit` rows."""
    if "firm" in found:
        score = found["score"]
        console.print(
            f"firm {found['firm']}, night {found['night']}: score {score['score']}, grade {score['grade']}, confidence {score['confidence']}"
        )
        _show("banks", found["banks"], limit)
        _show(f"bank files with rows of the firm since {found['since']}, latest first", found["deliveries"], limit)
        _show("records of other sources", found["records"], limit)
        return
    console.print(
        f"bank {found['bank']}, accounting date {found['date']}; scores of night {found['night']}, before: {found['before'] or 'no night without it'}"
    )
    _show("deliveries", found["deliveries"], limit)
    _show(
        "indicators that read the day",
        [{"dimension": d, "indicators": len(n), "for example": ", ".join(n[:3])} for d, n in found["indicators"].items()],
        limit,
    )
    _show("grades of the firms touched", found["grades"], limit)
    _show("firms touched, largest turnover first", found["firms"], limit)


def _show(title: str, rows: list[dict[str, Any]], limit: int) -> None:
    more = f" ({limit} of {len(rows):,}; --limit shows more, --json all)" if len(rows) > limit else f" ({len(rows):,})"
    console.print(_grid(title + more, list(rows[0]), [tuple(r.values()) for r in rows[:limit]]) if rows else f"{title}: none")


def indicator(settings: Settings, name: str, values: Path | None = None) -> None:
    """The page of one indicator, by name, id or name@version; with `values` its value for every firm of the last night instead."""
    from features import retired
    from jobs import docs_indicators, indicator_values

    found = retired.find(name)
    if values is not None:
        _need_lake(settings)
        console.print(f"{indicator_values.write(settings, found, values):,} firms in {values}")
    else:
        console.print(docs_indicators.entry(found), markup=False, highlight=False, soft_wrap=True)
