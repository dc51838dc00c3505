"""Records of the registry: enterprises and their changes, holders and key persons, lists, related parties.

They read `known` (known_firms).
"""

from __future__ import annotations

from simulator.calendar_sql import date_sql
from simulator.draws import Draws, lookup, select, union
from simulator.layout import Layout
from simulator.params import Params, month_date
from simulator.parties import person_id
from simulator.records import Records, at, records, versions
from simulator.reference_data import INDUSTRIES, TAGS

OPEN = "NULL::DATE"
STATE = ("f", "uscc", "name", "region6", "industry4", "lnsize", "staff", "established", "valid_from", "status", "legal_rep")
"""Columns of a state of an enterprise."""
CORPORATE = 0.12
"""Share of firms whose second holder is a company outside."""
SHARED = 0.06
"""Share of firms whose manager is the owner of another firm."""


def known_firms(p: Params) -> str:
    """Firms with what the registry knows: date of establishment, month of a change of representative, date of the end."""
    d = Draws(p.seed)
    worst = select("defaulted", "f", "min(miss_m) AS fell", where="ends <> 'cured'") + " GROUP BY f"
    rows = f"SELECT * FROM firm JOIN identity USING (f) LEFT JOIN ({worst}) USING (f) WHERE open_m <= {p.end_m}"
    span = p.end_m - p.first_m + 24
    changed = f"IF({d.u('rep changes', 'f')} < 0.12e0, {p.first_m} - 24 + {d.pick('rep change', span, 'f')}, IF(fell IS NOT NULL AND {d.u('rep flees', 'f')} < 0.3e0, fell - 4 + {d.pick('rep flees on', 8, 'f')}, NULL))"
    gone = f"IF(fell IS NOT NULL AND {d.u('gone', 'f')} < 0.4e0, {date_sql('fell + 15', '12')}, NULL)"
    drawn = select(
        rows, "f", "uscc", "name", "region6", "industry4", "lnsize", "staff", "paired", "pair_m", "arch",
        f"{date_sql('open_m', '1')} - 30 - {d.pick('established', 2000, 'f')} AS established", f"{changed} AS rep_m", f"{gone} AS gone_on",
    )  # fmt: skip
    # greatest skips nulls, so a firm without a change of representative is asked for
    rep_on = f"IF(rep_m IS NULL, NULL, greatest({date_sql('rep_m', '8')}, established + 20))"
    return select(drawn, "* EXCLUDE (rep_m)", f"{rep_on} AS rep_on")


def _elsewhere(p: Params) -> str:
    """Companies outside the population that the registry knows, as rows of `enterprises`: who trades with a firm shows with its place."""
    d, lay = Draws(p.seed), Layout(p)
    codes = [code for _a, code, _n in INDUSTRIES]
    gone = f"{date_sql(f'{p.first_m} + ' + d.pick('outside gone month', p.months + 1, 'code'), '9')}"
    known = select(
        "outside", "code AS f", "uscc", "name", "region6", f"{lookup(codes, d.pick('outside industry', len(codes), 'code'))} AS industry4",
        f"11e0 + 3e0 * {d.u('outside size', 'code')} AS lnsize", f"5 + {d.pick('outside staff', 200, 'code')} AS staff",
        f"{date_sql(str(p.first_m - 30), '1')} - {d.pick('outside established', 4000, 'code')} AS established",
        f"IF({d.u('outside ends', 'code')} < 0.02e0, {gone}, NULL) AS gone_on",
        f"{person_id(str(p.firms), f'code - {lay.outside}')} AS legal_rep", where=f"NOT public AND {d.u('outside registered', 'code')} < 0.7e0",
    )  # fmt: skip
    return versions(
        known,
        ("true", {"valid_from": "established", "status": "'ACTIVE'"}),
        (f"gone_on <= DATE '{p.end.isoformat()}'", {"valid_from": "gone_on", "status": "'CANCELLED'"}),
    )


def enterprises(p: Params) -> Records:
    """SCD2 rows: from the establishment, from a new representative, from the end; a closed row comes again with its valid_to."""
    d, end = Draws(p.seed), f"DATE '{p.end.isoformat()}'"
    states = versions(
        "SELECT * FROM known",
        ("true", {"valid_from": "established", "status": "'ACTIVE'", "legal_rep": person_id("f", "0")}),
        (
            f"rep_on <= {end} AND (gone_on IS NULL OR rep_on < gone_on)",
            {"valid_from": "rep_on", "status": "'ACTIVE'", "legal_rep": person_id("f", "1")},
        ),
        (
            f"gone_on <= {end}",
            {
                "valid_from": "gone_on",
                "status": "IF(f % 3 = 0, 'CANCELLED', 'REVOKED')",
                "legal_rep": person_id("f", "IF(rep_on < gone_on, 1, 0)"),
            },
        ),
    )
    capital = f"greatest(1, round(exp(lnsize) * (0.5e0 + 2e0 * {d.u('capital size', 'f')}) / 10000e0)::BIGINT) * 1000000"
    ended = select(
        union(select(states, *STATE), select(_elsewhere(p), *STATE)),
        "*",
        f"{capital} AS reg_capital_cny_fen",
        "lead(valid_from) OVER (PARTITION BY f ORDER BY valid_from) AS next_from",
    )
    full = select(
        ended, "*", "uscc AS firm_id", "IF(lnsize > 13.5e0, '有限责任公司', '小微企业') AS org_form",
        f"trunc(reg_capital_cny_fen * (0.3e0 + 0.7e0 * {d.u('paid in', 'f')}))::BIGINT AS paid_in_capital_cny_fen", "established AS established_date",
        "staff AS employees", f"concat(region6, '-', {d.pick('street', 900, 'f')}, '号') AS address",
    )  # fmt: skip
    steps = versions(
        full,
        ("true", {"row_version": "0", "valid_to": OPEN, "updated_at": at(d, "valid_from", "enterprise", "f")}),
        ("next_from IS NOT NULL", {"row_version": "1", "valid_to": "next_from", "updated_at": at(d, "next_from", "enterprise", "f")}),
    )
    return records("reg_enterprise", steps, p)


def _terms(p: Params) -> str:
    """Terms of representatives and managers, as versions."""
    d, change = Draws(p.seed), f"rep_on <= DATE '{p.end.isoformat()}'"

    other, shared = d.pick("other firm", p.firms, "f"), f"{d.u('shared manager', 'f')} < {SHARED}e0"
    manager = f"IF({shared}, {person_id(other, '0')}, {person_id('f', '2')})"

    def term(when: str, version: int, who: str, role: str, start: str, end: str, known_on: str) -> tuple[str, dict[str, str]]:
        return when, {
            "row_version": str(version), "party_id": who, "role": f"'{role}'", "valid_from": start, "valid_to": end,
            "updated_at": at(d, known_on, "person", "f"),
        }  # fmt: skip

    return versions(
        "SELECT *, uscc AS firm_id FROM known",
        term("true", 0, person_id("f", "0"), "LEGAL_REP", "established", OPEN, "established"),
        term(change, 1, person_id("f", "0"), "LEGAL_REP", "established", "rep_on", "rep_on"),
        term(change, 0, person_id("f", "1"), "LEGAL_REP", "rep_on", OPEN, "rep_on"),
        term("true", 0, manager, "MANAGER", "established", OPEN, "established"),
    )


def persons(p: Params) -> list[Records]:
    """Representatives, managers, holders, and the related parties that follow from them."""
    d, lay = Draws(p.seed), Layout(p)
    top = f"IF({d.u('sole', 'f')} < 0.3e0, 1e0, round(0.51e0 + 0.48e0 * {d.u('holding', 'f')}, 2))"
    # of a pair the odd firm belongs in part to the even one, of others some in part to a company outside; 2 is the manager
    company = f"SELECT k.*, o.uscc AS company FROM known k JOIN outside o ON o.code = {lay.random_outside(d.u('company', 'f'))}"
    owned = f"SELECT c.*, q.uscc AS partner FROM ({company}) c LEFT JOIN (SELECT f, uscc FROM known) q ON c.paired AND c.f % 2 = 1 AND q.f = xor(c.f, 1)"
    firm = f"CASE WHEN partner IS NOT NULL THEN partner WHEN {d.u('corporate holder', 'f')} < {CORPORATE}e0 THEN company END"
    sole = select(
        select(owned, "*", f"{firm} AS firm"), "f", "uscc AS firm_id", f"{top} AS top", "firm", "established AS valid_from", f"{OPEN} AS valid_to", "0 AS row_version",
        f"{at(d, 'established', 'holder', 'f')} AS updated_at",
    )  # fmt: skip
    holders = union(
        select(sole, "*", "'PERSON' AS party_kind", f"{person_id('f', '0')} AS party_id", "top AS holding_pct"),
        select(
            sole, "*", "IF(firm IS NULL, 'PERSON', 'FIRM') AS party_kind", f"coalesce(firm, {person_id('f', '2')}) AS party_id", "1e0 - top AS holding_pct", where="top < 1e0",
        ),
    )  # fmt: skip
    since = f"greatest(established, {date_sql('pair_m', '1')}, DATE '{month_date(p.first_m - 12).isoformat()}')"
    paired = f"SELECT a.*, {since} AS valid_from, b.uscc AS partner FROM (SELECT * FROM known WHERE paired) a JOIN (SELECT f, uscc FROM known) b ON b.f = xor(a.f, 1)"
    kept = ("firm_id", "party_id", "kind", "valid_from", "valid_to", "row_version", "updated_at")
    related = select(
        paired, "uscc AS firm_id", "partner AS party_id", "'COMMON' AS kind", "valid_from", f"{OPEN} AS valid_to", "0 AS row_version",
        f"{at(d, 'valid_from', 'related', 'f')} AS updated_at",
    )  # fmt: skip
    own = select(select(_terms(p), "*", "role AS kind", where="role = 'LEGAL_REP'"), *kept)
    return [
        records("reg_key_person", _terms(p), p),
        records("reg_shareholder", holders, p),
        records("ref_related_party", union(related, own), p),
    ]


def events(p: Params) -> list[Records]:
    """Changes, the abnormal list, penalties and pledges, more of them with distress."""
    d = Draws(p.seed)
    rows = f"SELECT s.f, s.m, s.d, s.q, s.trend, k.uscc AS firm_id, k.rep_on, k.established FROM state s JOIN known k USING (f) WHERE m >= {p.first_m}"

    def drawn(kind: str, chance: str, fen: str = "NULL::BIGINT", lasts: int = 0) -> str:
        day = f"(1 + {d.pick('event day ' + kind, 28, 'f', 'm')})"
        hit = select(
            rows, "*", f"{date_sql('m', day)} AS event_date", f"concat('{kind}-', f, '-', m) AS event_id", f"'{kind}' AS kind", f"{fen} AS amount_fen",
            where=f"{d.u('event ' + kind, 'f', 'm')} < {chance}",
        )  # fmt: skip
        steps = [("true", {"row_version": "0", "end_date": OPEN, "updated_at": at(d, "event_date", kind, "f", "m")})]
        if lasts:
            end = f"event_date + 60 + {d.pick('event end ' + kind, lasts, 'f', 'm')}"
            steps.append(("true", {"row_version": "1", "end_date": end, "updated_at": at(d, end, kind + " end", "f", "m")}))
        return f"({versions(hit, *steps)})"

    reps = select(
        rows, "*", "concat('legal_rep-', f) AS event_id", "'legal_rep' AS kind", "rep_on AS event_date", "NULL::BIGINT AS amount_fen",
        "0 AS row_version", f"{OPEN} AS end_date", f"{at(d, 'rep_on', 'legal_rep', 'f')} AS updated_at",
        where="m = (year(rep_on) - 2000) * 12 + month(rep_on) - 1",
    )  # fmt: skip
    change = union(
        reps,
        drawn("shareholder", "0.003e0 + 0.01e0 * d"),
        drawn("address", "0.004e0 + 0.006e0 * d"),
        drawn("capital_decrease", "0.0006e0 + 0.004e0 * d", "trunc(trend * 0.5e0)::BIGINT"),
    )
    penalty = drawn("penalty", "0.002e0 * exp(-0.2e0 * q) + 0.006e0 * d", "trunc(300000e0 + trend * 0.01e0)::BIGINT")
    return [
        records("reg_change", change, p),
        records("reg_abnormal", drawn("abnormal", "0.001e0 + 0.012e0 * d", lasts=240), p),
        records("reg_penalty", penalty, p),
        records("reg_pledge", drawn("equity_pledge", "0.001e0 + 0.008e0 * d", "trunc(trend)::BIGINT", lasts=400), p),
    ]


def tags(p: Params) -> Records:
    """Key-enterprise tags from published lists: one list a year and tag; a term of some years, often followed by a second one."""
    d, end = Draws(p.seed), f"DATE '{p.end.isoformat()}'"
    fields = ("tag_code", "level", "publisher", "years", "chance")
    lists = ", ".join(f"('{code}', '{level}', '{publisher}', {years}, {chance}e0)" for code, level, publisher, years, chance in TAGS)
    rows = f"SELECT k.*, t.*, t.tag_code::INTEGER AS t FROM known k, (VALUES {lists}) t({', '.join(fields)})"
    keys, span = ("f", "t"), p.months + 36
    likely = "chance * exp(0.35e0 * (lnsize - 12.3e0)) * CASE arch WHEN 0 THEN 1.6e0 WHEN 5 THEN 1.8e0 WHEN 6 THEN 1e0 ELSE 0.5e0 END"
    month = f"{p.first_m} - 36 + {d.pick('tag month', span, *keys)}"
    first = f"greatest(established + 200, {date_sql(month, '20')})"
    hit = select(rows, "*", f"{first} AS first_on", "uscc AS firm_id", where=f"{d.u('tag', *keys)} < {likely}")
    terms = versions(
        hit,
        ("true", {"valid_from": "first_on", "term": "1"}),
        (f"{d.u('tag again', *keys)} < 0.6e0", {"valid_from": "first_on + years * 365", "term": "2"}),
    )
    known = select(terms, "*", where=f"valid_from <= {end} AND (gone_on IS NULL OR valid_from < gone_on)")
    batch = "concat(year(valid_from), '-', tag_code)"
    return records(
        "tag_enterprise",
        select(
            known, "*", "valid_from + years * 365 AS valid_to", f"{batch} AS batch_no", "publisher AS source", f"sha256({batch}) AS source_doc_hash",
            "0 AS row_version", f"{at(d, 'valid_from + 5', 'tag', *keys)} AS updated_at",
        ), p,
    )  # fmt: skip
