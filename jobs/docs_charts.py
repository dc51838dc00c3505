"""The page of a dimension: its chart of small multiples as static SVG, and a section per indicator."""

from __future__ import annotations

from features import compiled, sql_form
from features.compiled import Compiled
from jobs.docs_indicators import _number, entry, province, sparse

WIDE, HIGH, ACROSS, GAP = 168, 74, 5, 12
INK, SOFT, BLUE = "#22303c", "#64717e", "#3f6f9f"


def _members(dimension: str) -> list[Compiled]:
    return [c for c in compiled.load() if c.indicator.dimension == dimension]


def chart(dimension: str) -> str:
    """One small histogram per indicator: code, share of nulls, the ends of its axis (1st and 99th per cent)."""
    members = _members(dimension)
    rows = -(-len(members) // ACROSS)
    width, height = ACROSS * (WIDE + GAP), rows * (HIGH + 2 * GAP)
    cells = [_cell(c, (k % ACROSS) * (WIDE + GAP), (k // ACROSS) * (HIGH + 2 * GAP)) for k, c in enumerate(members)]
    style = f"text{{font:10px Helvetica,Arial,sans-serif;fill:{SOFT}}}.n{{fill:{INK};font-weight:bold}}path{{fill:{BLUE}}}"
    label = f"distribution of the {len(members)} indicators of {dimension}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="{label}">'
        f"<style>{style}</style>\n" + "\n".join(cells) + "\n</svg>\n"
    )


def _cell(c: Compiled, x: int, y: int) -> str:
    e, firms = province()["indicators"][c.indicator.name], province()["firms"]
    head = f'<text class="n" x="{x}" y="{y + 10}">{c.indicator.id}</text><text x="{x + WIDE}" y="{y + 10}" text-anchor="end">{e["null"] / firms:.0%} null</text>'
    if "bars" not in e:
        return f'{head}<text x="{x}" y="{y + HIGH // 2}">not computed</text>'
    top, step, floor = max(e["bars"]), WIDE / len(e["bars"]), y + HIGH - 12
    bars = "".join(
        f"M{x + k * step:.1f} {floor}v{-max(1, round((HIGH - 30) * b / top))}h{step - 1:.1f}V{floor}z" for k, b in enumerate(e["bars"]) if b
    )
    low, high = (_number(v) for v in e["axis"])
    return f'{head}<path d="{bars}"/><text x="{x}" y="{y + HIGH}">{low}</text><text x="{x + WIDE}" y="{y + HIGH}" text-anchor="end">{high}</text>'


def page(dimension: str, note: str) -> str:
    """Chart and sections of a dimension."""
    about, members = province(), _members(dimension)
    head = (
        f"# {dimension}\n\n{note}Sources: `conf/catalogue/indicators.csv` and `docs/indicators/province.json`, which"
        f" `liushui docs --examples` writes from the published night of a home: a simulated province of {about['firms']:,} firms on"
        f" {about['as_of']}. Functions: [functions.md](../functions.md). The SQL reads the relation of [indicators.md](../indicators.md#sql).\n\n"
        f"![Distribution of each indicator, outer per cent in the outer bars]({dimension}.svg)\n\n"
    )
    return head + "\n".join(entry(c) for c in members).rstrip() + "\n"


def sparse_table() -> str:
    """Indicators that are null for most firms of the province, with the reason, and those that are constant on it."""
    about = province()
    lines = [f"| {c.indicator.id} | {c.indicator.name} | {e['null'] / about['firms']:.0%} | {_why(e)} |\n" for c, e in sparse()]
    same = [f"{c.indicator.id} {c.indicator.name}" for c in compiled.load() if about["indicators"][c.indicator.name]["distinct"] == 1]
    return (
        f"\n## Null for more than 60 % of the firms\n\nOf {about['firms']:,} firms on {about['as_of']}.\n\n| id | name | null | reason |\n|---|---|---|---|\n"
        + "".join(lines)
        + f"\nConstant on this province, because the simulator draws no other value: {', '.join(same) or 'none'}.\n"
    )


def _why(e: dict) -> str:  # type: ignore[type-arg]
    if e.get("absent"):
        return f"{', '.join('tile.' + t for t in e['absent'])} is not in this province"
    return "; ".join(f"{why}: {n:,}" for why, n in sorted(e["reasons"].items(), key=lambda x: -x[1]))


def sql_frame() -> str:
    """The relations that the SQL forms read, for one column each."""
    parts = []
    for title, day in (("month and point clock", False), ("day clock", True)):
        form = sql_form.Form(day)
        form.columns |= {("fm", "op_in_amt"), ("fcat", "wage")}
        if not day:
            form.derived["roll_op_in_amt_3"] = "…"
        parts.append(
            f"**{title}**\n\n```sql\n{sql_form.relation(form)}\nSELECT firm_id, … FROM {'s' if form.derived else 'm'} GROUP BY firm_id\n```\n"
        )
    count = sum(sql_form.has_form(c) for c in compiled.load())
    return (
        f"\n## SQL\n\n{count} of {len(compiled.load())} indicators, the plain aggregates, have a SQL form: a second opinion that tests run in DuckDB"
        " against the kernels. `$as_of` is D; `m` has a row per firm and month j (0 the latest closed month, or the latest bucket of 30 days), columns"
        " of months that are not covered are null; `s` adds the derived series an indicator names. For `op_in_amt` and the category `wage`:\n\n"
        + "\n".join(parts)
    )
