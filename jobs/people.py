"""What people ask: how was the night, what is wrong, why this score, any SQL. Reads published tables, writes nothing."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from lake import store
from lake.errors import UsageError
from lake.settings import Settings

console = Console()


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
    nights = _query(settings, 'SELECT as_of, status, model_id, firms_scored, "at" FROM n ORDER BY as_of DESC LIMIT 7', n="ops.night")
    console.print(_grid("published nights", *nights))
    runs = 'SELECT job, as_of, status, round(seconds, 1) AS seconds, rows, "at" FROM r ORDER BY "at" DESC LIMIT 20'
    console.print(_grid("last runs", *_query(settings, runs, r="ops.run")))
    champion = settings.home / "models" / "champion"
    console.print(f"champion model: {champion.read_text().strip() if champion.is_file() else 'none yet (liushui train)'}")


DOCTOR = {
    "jobs": "jobs that failed", "sources": "sources that did not deliver", "stops": "the gate stopped the night", "lost": "deliveries with rows unaccounted for",
    "files": "files refused", "rules": "rules that parked or blocked data", "firms": "firms with parked rows, most first", "publish": "publication",
}  # fmt: skip


def doctor(settings: Settings, as_of: date | None = None, *, as_json: bool = False) -> None:
    """What is wrong with night `as_of` (default: the last one of which a job ran), and the command that helps; see jobs.doctor."""
    from jobs import doctor as examining

    _need_lake(settings)
    _, last = _query(settings, "SELECT max(as_of) FROM r", r="ops.run")
    day = as_of or (last[0][0] if last else None)
    if day is None:
        raise UsageError("no job has run in this home yet")
    found = examining.examine(settings, day)
    if as_json:
        console.print_json(data={"night": day, **found}, default=str)
        return
    console.print(f"night {day}" + ("" if any(found.values()) else ": nothing is wrong"))
    for part, title in DOCTOR.items():
        rows = found[part]
        if part == "publish":
            console.print(rows[0]["command"] if rows else "the night is PUBLISHED", markup=False)
            continue
        if part == "rules":
            _rules(rows, examining.MOST)
            continue
        _show(title, [{k: v for k, v in r.items() if k != "command"} for r in rows], examining.MOST)
        for command in dict.fromkeys(r["command"] for r in rows[: examining.MOST] if part != "firms"):
            console.print(f"  -> {command}", markup=False, soft_wrap=True)
    if found["firms"]:
        console.print("  -> liushui explain FIRM for its score, liushui blast --firm FIRM for what it rests on", markup=False)


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
    columns = ("firm_id", "rows", "in_fen", "out_fen", "parked", "score_before", "score", "grade_before", "grade", "moved")
    _show("firms touched, largest turnover first", [{c: f[c] for c in columns} for f in found["firms"]], limit)


def _rules(rows: list[dict[str, Any]], limit: int) -> None:
    """Rules that parked or blocked data as a few lines each: keys and file names must stay whole on a narrow terminal."""
    console.print(f"{DOCTOR['rules']}: {len(rows):,}" if rows else f"{DOCTOR['rules']}: none")
    for r in rows[:limit]:
        firms = f", {r['firms']:,} firms" if r["firms"] else ""
        lines = [
            f"  {r['rule_id']} {r['severity']}, {r['bank_id']}: {r['violations']:,} x {r['title'] or r['source']}, {r['rows_parked'] or 0:,} rows parked{firms}",
            f"     for example {r['scope_kind']} {r['example']} in {r['file']}",
            f"     likely: {r['causes']}; {r['suspects'] or 'no row to name'}" if r["causes"] else "",
            f"     -> {r['command']}",
        ]
        console.print("\n".join(x for x in lines if x), markup=False, highlight=False, soft_wrap=True)
    if len(rows) > limit:
        console.print(f"  ({limit} of {len(rows):,}; --json shows all)")


def _show(title: str, rows: list[dict[str, Any]], limit: int) -> None:
    more = f" ({limit} of {len(rows):,}; --limit shows more, --json all)" if len(rows) > limit else f" ({len(rows):,})"
    console.print(title + more if rows else f"{title}: none", markup=False)
    if rows:
        console.print(_grid("", list(rows[0]), [tuple(r.values()) for r in rows[:limit]]))


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
