"""Records of the courts: cases, enforcement, the dishonest list, consumption restrictions, frozen equity."""

from __future__ import annotations

from pyspark.sql import DataFrame

from simulator.calendar_sql import date_sql
from simulator.draws import Draws
from simulator.params import Params
from simulator.parties import person_id
from simulator.records import Records, at, records, versions

COURT = "'南宁市青秀区人民法院'"


def cases(state: DataFrame, identity: DataFrame, p: Params) -> Records:
    """Cases against firms (more with distress) and by firms; published weeks after filing, judged months later."""
    d = Draws(p.seed)
    against, by = f"{d.u('sued', 'f', 'm')} < 0.0025D * exp(-0.3D * q) + 0.05D * pow(d, 1.5D)", f"{d.u('sues', 'f', 'm')} < 0.004D"
    sides = f"inline(filter(array(IF({against}, struct('DEFENDANT' AS role, 1 AS no), NULL), IF({by}, struct('PLAINTIFF' AS role, 2 AS no), NULL)), x -> x IS NOT NULL))"
    rows = (
        state.where(f"m >= {p.first_m}")
        .selectExpr("f", "m", "d", "trend", sides)
        .join(identity.selectExpr("f", "uscc AS party_id"), "f", "inner")
    )
    keys = ("f", "m", "no")
    u = d.u("cause", *keys)
    filed = date_sql("m", f"(1 + {d.pick('filed', 28, *keys)})")
    drawn = rows.selectExpr(
        "*", f"CASE WHEN {u} < 0.35D * d THEN 'loan' WHEN {u} < 0.35D * d + 0.4D THEN 'sales' WHEN {u} < 0.35D * d + 0.58D THEN 'labor' ELSE 'other' END AS cause_group",
        "concat('(', CAST(2000 + m div 12 AS STRING), ')桂民初', CAST(f * 1000 + m * 3 + no AS STRING), '号') AS case_no",
        f"{filed} AS filed_date", f"date_add({filed}, 8 + {d.pick('published', 30, *keys)}) AS publish_date",
        f"CAST(round(trend * exp(0.7D * {d.z('claim', *keys)}) * 0.4D) AS BIGINT) AS claim_fen", f"{d.u('outcome', *keys)} AS outcome",
    ).selectExpr("*", f"date_add(publish_date, 90 + {d.pick('judged', 150, *keys)}) AS judged", f"{d.u('award', *keys)} AS award")  # fmt: skip
    lost = "IF(role = 'DEFENDANT' AND outcome < 0.65D, CAST(round(claim_fen * (0.4D + 0.6D * award)) AS BIGINT), 0L)"
    open_ = f"struct(0 AS row_version, 'OPEN' AS status, CAST(NULL AS DATE) AS judged_date, CAST(NULL AS DATE) AS judgment_publish_date, CAST(NULL AS BIGINT) AS judged_payable_fen, {at(d, 'publish_date', 'case', *keys)} AS updated_at)"
    done = (
        f"struct(1 AS row_version, IF(outcome < 0.8D, 'JUDGED', 'WITHDRAWN') AS status, judged AS judged_date, IF(outcome < 0.8D, date_add(judged, 12), NULL) AS judgment_publish_date, "
        f"IF(outcome < 0.8D, {lost}, NULL) AS judged_payable_fen, {at(d, 'date_add(judged, 12)', 'judged', *keys)} AS updated_at)"
    )
    cause = "CASE cause_group WHEN 'loan' THEN '9088' WHEN 'sales' THEN '9064' WHEN 'labor' THEN '9189' ELSE '9001' END AS cause_code"
    flat = drawn.selectExpr(
        "case_no",
        "party_id",
        "role",
        f"{COURT} AS court",
        cause,
        "cause_group",
        "filed_date",
        "publish_date",
        "claim_fen",
        versions(open_, done),
    )
    return records("court_case", flat, p)


def after_default(default: DataFrame, firm: DataFrame, identity: DataFrame, p: Params) -> list[Records]:
    """What follows a default: enforcement, dishonest list, restrictions of firm and representative, frozen equity."""
    d = Draws(p.seed)
    keys = ("f", "miss_m")
    base = (
        default.join(firm.selectExpr("f", "lnsize"), "f", "inner")
        .join(identity.selectExpr("f", "uscc"), "f", "inner")
        .where(f"miss_m >= {p.first_m - 30}")
    )
    rows = base.selectExpr(
        "*", f"{date_sql('miss_m + 5', '1')} AS start", f"{date_sql('miss_m + 3 + cure_m', '25')} AS over", "ends = 'cured' AS cured", f"{person_id('f', '0')} AS owner",
        f"CAST(round(100D * exp(lnsize) * (0.5D + 3D * {d.u('target', *keys)})) AS BIGINT) AS target",
    )  # fmt: skip
    return [_enforcement(rows, d, p), _dishonest(rows, d, p), _restriction(rows, d, p), _freeze(rows, d, p)]


def _no(prefix: str, extra: str = "0") -> str:
    return f"concat('{prefix}', CAST(f * 1000 + miss_m AS STRING), '-', {extra})"


def _enforcement(rows: DataFrame, d: Draws, p: Params) -> Records:
    keys = ("f", "miss_m")
    hit = rows.where(f"{d.u('enforced', *keys)} < 0.6D").selectExpr(
        "*", f"date_add(start, {d.pick('enforced on', 80, *keys)}) AS publish_date"
    )
    first = f"struct(0 AS row_version, 0L AS performed_fen, CAST(NULL AS DATE) AS end_date, CAST(NULL AS STRING) AS end_kind, {at(d, 'publish_date', 'enforcement', *keys)} AS updated_at)"
    end = "IF(cured, greatest(over, date_add(publish_date, 30)), date_add(publish_date, 240))"
    second = (
        f"struct(1 AS row_version, IF(cured, target, target div 5) AS performed_fen, {end} AS end_date, IF(cured, 'PERFORMED', 'TERMINATED_NO_ASSETS') AS end_kind, "
        f"{at(d, end, 'enforcement end', *keys)} AS updated_at)"
    )
    flat = hit.selectExpr(
        f"{_no('桂执')} AS case_no",
        "uscc AS party_id",
        f"{COURT} AS court",
        "date_add(publish_date, -10) AS filed_date",
        "publish_date",
        "target AS target_fen",
        versions(first, second),
    )
    return records("court_enforcement", flat, p)


def _dishonest(rows: DataFrame, d: Draws, p: Params) -> Records:
    keys = ("f", "miss_m")
    hit = rows.where(f"{d.u('dishonest', *keys)} < 0.35D").selectExpr(
        "*", f"date_add(start, 100 + {d.pick('dishonest on', 80, *keys)}) AS publish_date"
    )
    end = "IF(cured, greatest(date_add(over, 15), date_add(publish_date, 30)), date_add(publish_date, 730))"
    first = f"struct(0 AS row_version, 'NONE' AS performance, CAST(NULL AS DATE) AS end_date, {at(d, 'publish_date', 'dishonest', *keys)} AS updated_at)"
    second = f"struct(1 AS row_version, IF(cured, 'ALL', 'NONE') AS performance, {end} AS end_date, {at(d, end, 'dishonest end', *keys)} AS updated_at)"
    flat = hit.selectExpr(
        f"{_no('桂执')} AS case_no",
        "uscc AS party_id",
        f"{_no('桂依据')} AS basis_no",
        f"{COURT} AS court",
        "publish_date",
        "'C1' AS conduct_code",
        versions(first, second),
    )
    return records("court_dishonest", flat, p)


def _restriction(rows: DataFrame, d: Draws, p: Params) -> Records:
    keys = ("f", "miss_m")
    hit = rows.where(f"{d.u('restricted', *keys)} < 0.4D").selectExpr(
        "*", f"date_add(start, 60 + {d.pick('restricted on', 80, *keys)}) AS publish_date"
    )
    both = hit.selectExpr("*", "inline(array(struct(uscc AS party_id, '0' AS part), struct(owner AS party_id, '1' AS part)))")
    end = "IF(cured, greatest(date_add(over, 10), date_add(publish_date, 30)), date_add(publish_date, 700))"
    first = f"struct(0 AS row_version, CAST(NULL AS DATE) AS end_date, {at(d, 'publish_date', 'restriction', *keys)} AS updated_at)"
    second = f"struct(1 AS row_version, {end} AS end_date, {at(d, end, 'restriction end', *keys)} AS updated_at)"
    flat = both.selectExpr(f"{_no('桂限')} AS order_no", "party_id", "owner AS related_person", "publish_date", versions(first, second))
    return records("court_restriction", flat, p)


def _freeze(rows: DataFrame, d: Draws, p: Params) -> Records:
    keys = ("f", "miss_m")
    hit = rows.where(f"{d.u('equity frozen', *keys)} < 0.15D").selectExpr(
        "*", f"date_add(start, 40 + {d.pick('equity frozen on', 60, *keys)}) AS publish_date"
    )
    end = "IF(cured, greatest(over, date_add(publish_date, 30)), date_add(publish_date, 1095))"
    first = f"struct(0 AS row_version, CAST(NULL AS DATE) AS end_date, {at(d, 'publish_date', 'equity', *keys)} AS updated_at)"
    second = f"struct(1 AS row_version, {end} AS end_date, {at(d, end, 'equity end', *keys)} AS updated_at)"
    flat = hit.selectExpr(
        f"{_no('桂冻')} AS notice_no",
        "owner AS party_id",
        "uscc AS target_firm_id",
        "target AS amount_fen",
        "publish_date AS start_date",
        "publish_date",
        versions(first, second),
    )
    return records("court_equity_freeze", flat, p)
