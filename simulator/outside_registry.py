"""Records of the registry: enterprises and their changes, holders and key persons, lists, related parties."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from simulator.calendar_sql import date_sql
from simulator.draws import Draws
from simulator.params import Params, month_date
from simulator.parties import person_id
from simulator.records import Records, at, records, versions

OPEN = "CAST(NULL AS DATE)"


def known_firms(firm: DataFrame, default: DataFrame, identity: DataFrame, p: Params) -> DataFrame:
    """Firms with what the registry knows: date of establishment, month of a change of representative, date of the end."""
    d = Draws(p.seed)
    worst = default.where("ends <> 'cured'").groupBy("f").agg(F.min("miss_m").alias("fell"))
    rows = firm.join(identity.selectExpr("f", "uscc", "name", "region6", "industry4"), "f", "inner").join(F.broadcast(worst), "f", "left")
    span = p.end_m - p.first_m + 24
    changed = f"IF({d.u('rep changes', 'f')} < 0.12D, {p.first_m} - 24 + {d.pick('rep change', span, 'f')}, IF(fell IS NOT NULL AND {d.u('rep flees', 'f')} < 0.3D, fell - 4 + {d.pick('rep flees on', 8, 'f')}, NULL))"
    gone = f"IF(fell IS NOT NULL AND {d.u('gone', 'f')} < 0.4D, {date_sql('fell + 15', '12')}, NULL)"
    return rows.where(f"open_m <= {p.end_m}").selectExpr(
        "f", "uscc", "name", "region6", "industry4", "lnsize", "staff", "paired", "pair_m", "arch",
        f"date_add({date_sql('open_m', '1')}, -30 - {d.pick('established', 2000, 'f')}) AS established", f"{changed} AS rep_m_", f"{gone} AS gone_on",
    ).selectExpr("*", f"IF(rep_m_ IS NULL, NULL, greatest({date_sql('rep_m_', '8')}, date_add(established, 20))) AS rep_on").drop("rep_m_")  # fmt: skip


def enterprises(known: DataFrame, p: Params) -> Records:
    """SCD2 rows: from the establishment, from a new representative, from the end; a closed row comes again with its valid_to."""
    d = Draws(p.seed)
    capital = f"CAST(greatest(1, round(exp(lnsize) * (0.5D + 2D * {d.u('capital size', 'f')}) / 10000D)) AS BIGINT) * 1000000L"
    first = f"struct(established AS valid_from, 'ACTIVE' AS status, {person_id('f', '0')} AS legal_rep)"
    second = f"IF(rep_on IS NULL OR rep_on > DATE'{p.end.isoformat()}' OR rep_on >= gone_on, NULL, struct(rep_on AS valid_from, 'ACTIVE' AS status, {person_id('f', '1')} AS legal_rep))"
    third = f"IF(gone_on IS NULL OR gone_on > DATE'{p.end.isoformat()}', NULL, struct(gone_on AS valid_from, IF(f % 3 = 0, 'CANCELLED', 'REVOKED') AS status, {person_id('f', 'IF(rep_on < gone_on, 1, 0)')} AS legal_rep))"
    rows = known.selectExpr("*", f"{capital} AS reg_capital_cny_fen", versions(first, second, third)).where("valid_from IS NOT NULL")
    ended = rows.selectExpr("*", "LEAD(valid_from) OVER (PARTITION BY f ORDER BY valid_from) AS next_from")
    steps = versions(
        f"struct(0 AS row_version, {OPEN} AS valid_to, {at(d, 'valid_from', 'enterprise', 'f')} AS updated_at)",
        f"IF(next_from IS NULL, NULL, struct(1 AS row_version, next_from AS valid_to, {at(d, 'next_from', 'enterprise', 'f')} AS updated_at))",
    )
    flat = ended.selectExpr(
        "uscc AS firm_id", "uscc", "name", "IF(lnsize > 13.5D, '有限责任公司', '小微企业') AS org_form", "industry4", "region6", "reg_capital_cny_fen",
        f"CAST(reg_capital_cny_fen * (0.3D + 0.7D * {d.u('paid in', 'f')}) AS BIGINT) AS paid_in_capital_cny_fen", "established AS established_date", "status",
        "staff AS employees", "legal_rep", f"concat(region6, '-', CAST({d.pick('street', 900, 'f')} AS STRING), '号') AS address", "valid_from", steps,
    )  # fmt: skip
    return records("reg_enterprise", flat, p)


def persons(known: DataFrame, p: Params) -> list[Records]:
    """Representatives, managers, holders, and the related parties that follow from them."""
    d = Draws(p.seed)
    change = f"rep_on IS NOT NULL AND rep_on <= DATE'{p.end.isoformat()}'"

    def term(when: str, version: int, j: str, role: str, start: str, end: str, known_on: str) -> str:
        return f"IF({when}, struct({version} AS row_version, {person_id('f', j)} AS party_id, '{role}' AS role, {start} AS valid_from, {end} AS valid_to, {at(d, known_on, 'person', 'f')} AS updated_at), NULL)"

    roles = versions(
        term("true", 0, "0", "LEGAL_REP", "established", OPEN, "established"),
        term(change, 1, "0", "LEGAL_REP", "established", "rep_on", "rep_on"),
        term(change, 0, "1", "LEGAL_REP", "rep_on", OPEN, "rep_on"),
        term("true", 0, "2", "MANAGER", "established", OPEN, "established"),
    )
    key_person = known.selectExpr("uscc AS firm_id", roles)
    top = f"round(0.51D + 0.48D * {d.u('holding', 'f')}, 2)"
    partner_uscc = known.selectExpr("f AS pf", "uscc AS partner")
    paired = known.where("paired").withColumn("pf", F.expr("f ^ 1")).join(partner_uscc, "pf", "inner")
    sole = known.selectExpr("uscc AS firm_id", f"IF({d.u('sole', 'f')} < 0.3D, 1D, {top}) AS top", "f", "established", "paired")
    holders = sole.selectExpr(
        "firm_id", f"inline(filter(array(struct({person_id('f', '0')} AS party_id, top AS holding), IF(top < 1D, struct({person_id('f', '2')} AS party_id, 1D - top AS holding), NULL)), x -> x IS NOT NULL))",
        "'PERSON' AS party_kind", "established AS valid_from", f"{OPEN} AS valid_to", "0 AS row_version", f"{at(d, 'established', 'holder', 'f')} AS updated_at",
    ).selectExpr("*", "holding AS holding_pct")  # fmt: skip
    since = f"greatest(established, {date_sql('pair_m', '1')}, DATE'{month_date(p.first_m - 12).isoformat()}')"
    related = paired.selectExpr(
        "uscc AS firm_id",
        "partner AS party_id",
        "'COMMON' AS kind",
        f"{since} AS valid_from",
        f"{OPEN} AS valid_to",
        "0 AS row_version",
        f"{at(d, since, 'related', 'f')} AS updated_at",
    )
    own = key_person.selectExpr("firm_id", "party_id", "role AS kind", "valid_from", "valid_to", "row_version", "updated_at").where(
        "kind = 'LEGAL_REP'"
    )
    return [
        records("reg_key_person", key_person, p),
        records("reg_shareholder", holders, p),
        records("ref_related_party", related.unionByName(own), p),
    ]


def events(state: DataFrame, known: DataFrame, p: Params) -> list[Records]:
    """Changes, the abnormal list, penalties and pledges, more of them with distress."""
    d = Draws(p.seed)
    rows = (
        state.where(f"m >= {p.first_m}")
        .selectExpr("f", "m", "d", "q", "trend")
        .join(known.selectExpr("f", "uscc AS firm_id", "rep_on", "established"), "f", "inner")
    )

    def drawn(kind: str, chance: str, fen: str = "CAST(NULL AS BIGINT)", lasts: int = 0) -> DataFrame:
        hit = rows.where(f"{d.u('event ' + kind, 'f', 'm')} < {chance}").selectExpr(
            "*", f"{date_sql('m', '(1 + ' + d.pick('event day ' + kind, 28, 'f', 'm') + ')')} AS event_date"
        )
        end = f"date_add(event_date, 60 + {d.pick('event end ' + kind, lasts, 'f', 'm')})" if lasts else OPEN
        steps = [f"struct(0 AS row_version, {OPEN} AS end_date, {at(d, 'event_date', kind, 'f', 'm')} AS updated_at)"]
        if lasts:
            steps.append(f"struct(1 AS row_version, {end} AS end_date, {at(d, end, kind + ' end', 'f', 'm')} AS updated_at)")
        return hit.selectExpr(
            f"concat('{kind}-', CAST(f AS STRING), '-', CAST(m AS STRING)) AS event_id",
            "firm_id",
            f"'{kind}' AS kind",
            "event_date",
            f"{fen} AS amount_fen",
            versions(*steps),
        )

    reps = rows.where("m = (year(rep_on) - 2000) * 12 + month(rep_on) - 1").selectExpr(
        "concat('legal_rep-', CAST(f AS STRING)) AS event_id", "firm_id", "'legal_rep' AS kind", "rep_on AS event_date", "CAST(NULL AS BIGINT) AS amount_fen",
        "0 AS row_version", f"{OPEN} AS end_date", f"{at(d, 'rep_on', 'legal_rep', 'f')} AS updated_at",
    )  # fmt: skip
    change = reps.unionByName(drawn("shareholder", "0.003D + 0.01D * d")).unionByName(drawn("address", "0.004D + 0.006D * d"))
    change = change.unionByName(drawn("capital_decrease", "0.0006D + 0.004D * d", "CAST(trend * 0.5D AS BIGINT)"))
    return [
        records("reg_change", change, p),
        records("reg_abnormal", drawn("abnormal", "0.001D + 0.012D * d", lasts=240), p),
        records("reg_penalty", drawn("penalty", "0.002D * exp(-0.2D * q) + 0.006D * d", "CAST(300000D + trend * 0.01D AS BIGINT)"), p),
        records("reg_pledge", drawn("equity_pledge", "0.001D + 0.008D * d", "CAST(trend AS BIGINT)", lasts=400), p),
    ]
